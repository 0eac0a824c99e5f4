// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package wire is the one encoding in which Vecino devices speak: CBOR in the
// core deterministic form of RFC 8949, section 4.2.1, so that what is signed is
// what is sent. A [Decoder] checks its limits before it allocates and refuses
// whatever does not encode back to the very same bytes; tags and indefinite
// lengths are refused too. The package also holds the list of labels that
// separate one hash, key or signature from another, and the length-prefixed
// transcript that feeds them.
//
// The zero Decoder is not usable; take one from [New] or use the functions of
// the package. Everything here is safe for concurrent use.
package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The default limits, those of [Unmarshal]. A message of the neighbours' plane
// is at most 255 parts of a chunk long, which is just below a mebibyte.
const (
	MaxBytes = 1 << 20 // bytes of one encoded item
	MaxItems = 4096    // elements of one array, pairs of one map
	MaxDepth = 8       // arrays and maps within one another
)

// Reasons for which a decoder refuses bytes. Each refusal wraps one of them. What
// is refused is the same on every machine; the reason for a claimed length that
// does not fit an int is not.
var (
	ErrLimit        = errors.New("wire: over the limit")
	ErrMalformed    = errors.New("wire: malformed")
	ErrNotCanonical = errors.New("wire: not in deterministic form")
)

// Limits bound one decode. A zero field stands for the package's default.
type Limits struct {
	Bytes int // length of the encoded item
	Items int // elements of one array or pairs of one map, 16 or more
	Depth int // nesting of arrays and maps, 4 or more
}

// Decoder decodes deterministic CBOR within its limits.
type Decoder struct {
	limits Limits
	mode   cbor.DecMode
}

var (
	encoder = newEncoder()
	decoder = New(Limits{})
)

func newEncoder() cbor.EncMode {
	o := cbor.CoreDetEncOptions()
	o.TagsMd = cbor.TagsForbidden
	o.NilContainers = cbor.NilContainerAsEmpty // a nil slice is an empty one: null has a type of its own
	o.ByteArray = cbor.ByteArrayToByteSlice    // [32]byte is a byte string
	mode, err := o.EncMode()
	if err != nil {
		panic("wire: " + err.Error())
	}
	return mode
}

// New returns a decoder with the given limits. It panics on limits that the
// CBOR library cannot hold, which is a mistake in the program.
func New(l Limits) Decoder {
	l.Bytes = or(l.Bytes, MaxBytes)
	l.Items = or(l.Items, MaxItems)
	l.Depth = or(l.Depth, MaxDepth)
	o := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   l.Depth,
		MaxArrayElements:  l.Items,
		MaxMapPairs:       l.Items,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}
	mode, err := o.DecMode()
	if err != nil {
		panic("wire: " + err.Error())
	}
	return Decoder{limits: l, mode: mode}
}

func or(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}

// Marshal returns v in core deterministic CBOR. A struct whose field _ has the
// tag cbor:",toarray" becomes an array; [n]byte and []byte become byte strings.
func Marshal(v any) ([]byte, error) {
	b, err := encoder.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("wire: encode %T: %w", v, err)
	}
	return b, nil
}

// MustMarshal is Marshal for values of types that always encode, such as a
// transcript of byte strings and integers. It panics on any other.
func MustMarshal(v any) []byte {
	b, err := Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Unmarshal decodes data into v within the default limits.
func Unmarshal(data []byte, v any) error { return decoder.Unmarshal(data, v) }

// Unmarshal decodes data, the whole of it, into v, which points to a zero
// value. Unless the error is nil, v must not be used.
func (d Decoder) Unmarshal(data []byte, v any) error {
	rest, err := d.UnmarshalFirst(data, v)
	if err == nil && len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes after the item", ErrMalformed, len(rest))
	}
	return err
}

// UnmarshalFirst decodes the item at the beginning of data into v, which points
// to a zero value, and returns the bytes behind it, which it has not looked at.
// The limit of bytes counts the whole of data.
func (d Decoder) UnmarshalFirst(data []byte, v any) (rest []byte, err error) {
	if len(data) > d.limits.Bytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrLimit, len(data), d.limits.Bytes)
	}
	rest, err = d.mode.UnmarshalFirst(data, v)
	if err != nil {
		return nil, classify(err)
	}
	item := data[:len(data)-len(rest)]
	again, err := encoder.Marshal(v)
	if err != nil || !bytes.Equal(again, item) {
		return nil, fmt.Errorf("%w: %T encodes to other bytes", ErrNotCanonical, v)
	}
	if bytes.Contains(item, nan) && !ascending(item) {
		return nil, fmt.Errorf("%w: map key NaN twice", ErrNotCanonical)
	}
	return rest, nil
}

// classify maps the library's error to ours. What is over a limit is told from
// what is broken, since the first is a setting and the second never is.
func classify(err error) error {
	var array *cbor.MaxArrayElementsError
	var pairs *cbor.MaxMapPairsError
	var depth *cbor.MaxNestedLevelError
	if errors.As(err, &array) || errors.As(err, &pairs) || errors.As(err, &depth) {
		return fmt.Errorf("%w: %v", ErrLimit, err)
	}
	var indef *cbor.IndefiniteLengthError
	var tags *cbor.TagsMdError
	var dup *cbor.DupMapKeyError
	if errors.As(err, &indef) || errors.As(err, &tags) || errors.As(err, &dup) {
		return fmt.Errorf("%w: %v", ErrNotCanonical, err)
	}
	return fmt.Errorf("%w: %v", ErrMalformed, err)
}
