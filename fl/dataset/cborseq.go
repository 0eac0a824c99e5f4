// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// maxNesting is of arrays and maps in one another, one of which a row may have.
// The library takes no less.
const maxNesting = 4

// readCBOR reads a CBOR sequence (RFC 8742), each item of which is a flat map
// of definite length without tags.
func readCBOR(r io.Reader, name string, o options) (*Table, error) {
	in, err := newInput(r, name, o.limits.Bytes, MaxLine)
	if err != nil {
		return nil, err
	}
	mode, err := cbor.DecOptions{
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: 16,
		MaxMapPairs:      MaxColumns,
	}.DecMode()
	if err != nil {
		panic("dataset: " + err.Error()) // the options above are possible ones
	}
	s := sequence{input: in, mode: mode}
	k := keyed{place: &in.place, options: o}
	p := cborPairs{place: &in.place}
	again := func() pairs {
		p.rest, p.left = s.raw, -1
		return &p
	}
	for {
		err := s.next()
		if err == io.EOF {
			return k.finish()
		}
		if err == nil {
			err = k.row(again)
		}
		if err != nil {
			return nil, err
		}
	}
}

// sequence reads items one by one.
type sequence struct {
	*input
	mode cbor.DecMode
	raw  cbor.RawMessage // the item read last, well-formed
}

// next reads the next item into raw. It looks at twice as many bytes after each
// try that found the item incomplete, so that a file that comes in small parts
// costs no more than another.
func (s *sequence) next() error {
	s.item++
	if _, err := s.in.Peek(1); err == io.EOF {
		return io.EOF
	}
	for have := s.in.Buffered(); ; have *= 2 {
		have = min(max(have, 1), MaxLine)
		data, err := s.in.Peek(have)
		if err != nil && err != io.EOF {
			return s.failure(err)
		}
		rest, bad := s.mode.UnmarshalFirst(data, &s.raw)
		switch {
		case bad == nil:
			n := len(data) - len(rest)
			if _, err := s.in.Discard(n); err != nil {
				return s.failure(err)
			}
			return s.spend(n)
		case !errors.Is(bad, io.ErrUnexpectedEOF):
			return s.refuse(bad)
		case err == io.EOF:
			return s.wrong("the file ends within the item", "copy it again")
		case have == MaxLine:
			return s.wrong(fmt.Sprintf("the item is longer than %d bytes", MaxLine), "is this a CBOR sequence?")
		}
	}
}

// refuse says why bytes cannot be an item.
func (s *sequence) refuse(err error) error {
	var indef *cbor.IndefiniteLengthError
	var tags *cbor.TagsMdError
	var pairs *cbor.MaxMapPairsError
	switch {
	case errors.As(err, &indef):
		return s.wrong("the item has no definite length", "write maps with their number of pairs")
	case errors.As(err, &tags):
		return s.wrong("the item has a tag", "write plain numbers")
	case errors.As(err, &pairs):
		return s.wrong(fmt.Sprintf("there are more than %d keys", MaxColumns), "leave some out")
	}
	return s.wrong("the item is not well-formed CBOR", "is this a CBOR sequence of maps?")
}

// The major types of CBOR that a row may have, and some of its simple values.
const (
	majorUint   = 0
	majorNegint = 1
	majorText   = 3
	majorMap    = 5
	majorSimple = 7

	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23
	half            = 25 // these three say how many bytes the float has
	single          = 26
	double          = 27
)

// cborPairs walks through one well-formed map without taking memory.
type cborPairs struct {
	*place
	rest    []byte
	left    int      // pairs; -1 before the map
	decimal [20]byte // the whole number read last as text, for the group
}

// head cuts off the first bytes of an item: its type, the low bits of its first
// byte and its argument. The item is well-formed.
func (p *cborPairs) head() (major, low byte, arg uint64) {
	major, low = p.rest[0]>>5, p.rest[0]&31
	p.rest = p.rest[1:]
	if low < 24 {
		return major, low, uint64(low)
	}
	n := 1 << (low - 24)
	var b [8]byte
	copy(b[8-n:], p.rest[:n])
	p.rest = p.rest[n:]
	return major, low, binary.BigEndian.Uint64(b[:])
}

func (p *cborPairs) more() (bool, error) {
	if p.left < 0 {
		major, _, arg := p.head()
		if major != majorMap {
			return false, p.wrong("the item is not a map", "write a map for each row, such as {\"temperature\": 21.5, \"label\": 0}")
		}
		p.left = int(arg)
	}
	p.left--
	return p.left >= 0, nil
}

func (p *cborPairs) key() ([]byte, error) {
	major, _, arg := p.head()
	if major != majorText {
		return nil, p.wrong("a key is not text", "write the names of the columns as text strings")
	}
	return p.text(arg)
}

func (p *cborPairs) text(n uint64) ([]byte, error) {
	text := p.rest[:n:n]
	p.rest = p.rest[n:]
	if !utf8.Valid(text) {
		return nil, p.wrong("a text is not in UTF-8", "mend or remove the item")
	}
	return text, nil
}

func (p *cborPairs) value() (value, error) {
	major, low, arg := p.head()
	switch major {
	case majorUint, majorNegint:
		return p.whole(arg, major == majorNegint), nil
	case majorText:
		text, err := p.text(arg)
		return value{kind: valueText, text: text}, err
	case majorSimple:
		return simple(low, arg)
	}
	return value{}, p.wrong("an array, map or byte string is the value of a key", "write each of its numbers under a key of its own")
}

// whole returns n, or -1 - n.
func (p *cborPairs) whole(n uint64, negative bool) value {
	v := value{kind: valueNumber, number: float32(float64(n)), text: p.decimal[:0]}
	switch {
	case !negative:
		v.text = strconv.AppendUint(v.text, n, 10)
	case n <= math.MaxInt64:
		v.number = float32(-1 - float64(n))
		v.text = strconv.AppendInt(v.text, -1-int64(n), 10)
	default:
		v.number = float32(-1 - float64(n))
		v.text = nil
	}
	return v
}

// simple returns the value of a float or simple value.
func simple(low byte, arg uint64) (value, error) {
	const advice = "write a number, or null where it is missing"
	v := value{kind: valueNumber}
	switch low {
	case simpleFalse:
	case simpleTrue:
		v.number = 1
	case simpleNull, simpleUndefined:
		return value{}, nil
	case half:
		v.number = float16(uint16(arg))
	case single:
		v.number = math.Float32frombits(uint32(arg))
	case double:
		d := math.Float64frombits(arg)
		v.number = float32(d)
		if float64(v.number)-float64(v.number) != 0 && d-d == 0 {
			return value{}, &valueError{fmt.Sprintf("%g %v", d, errTooLarge), advice}
		}
	default:
		return value{}, &valueError{fmt.Sprintf("simple value %d is not a number", arg), advice}
	}
	switch n := v.number; {
	case n != n:
		return value{}, nil
	case n-n != 0:
		return value{}, &valueError{fmt.Sprintf("%g %v", n, errNotFinite), advice}
	}
	return v, nil
}

// float16 returns the number that 16 bits stand for (RFC 8949, appendix D).
func float16(b uint16) float32 {
	sign, exponent, fraction := uint32(b>>15)<<31, uint32(b>>10)&31, uint32(b&1023)
	switch {
	case exponent == 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	case exponent > 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
	v := float32(fraction) / (1 << 24)
	return math.Float32frombits(sign | math.Float32bits(v))
}
