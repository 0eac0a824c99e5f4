// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Framed is the encoding of what is no vector either, but an [Exchange]: frames
// for a neighbour that keeps a replica of the sender's numbers. Params counts the
// numbers of the model.
const Framed Quant = 4

// Limits of an exchange.
const (
	MaxFrames   = 16                 // frames of an exchange
	MaxReceipts = 3072               // bytes of receipts
	MaxBehind   = 255                // neighbours that a frame names
	MaxExchange = MaxSize - overhead // bytes of the payload of an exchange

	leastSlice = 2048
	sliceShare = 16
)

// MaxSlice returns how many absolute numbers a frame about so many params holds at
// most: 2,048 or a sixteenth, whichever is more, but no more than there are.
func MaxSlice(params int) int { return min(params, max(leastSlice, params/sliceShare)) }

// Exchange is the payload of an update of a node that keeps replicas. Its fields
// are those of update.cddl, in order. What Gen, Receipts and a frame's Degree, Gain
// and Behind mean is up to the node.
type Exchange struct {
	_        struct{} `cbor:",toarray"`
	Gen      uint32   // generation of the replica
	Receipts []byte   // 0..MaxReceipts
	Frames   []Frame  // 0..MaxFrames, ascending by round
}

// Frame is what changed in a round.
type Frame struct {
	_      struct{} `cbor:",toarray"`
	Round  uint32
	Prev   *uint32 // the round whose replica the delta is added to, before Round; nil for none
	Degree uint8
	Gain   uint8
	Behind []byte // four bytes for each of 0..MaxBehind neighbours
	From   uint32 // index of the first number of Slice; 0 where there is none
	Slice  []byte // Q8 of up to MaxSlice(params) numbers themselves, may be empty
	Delta  []byte // as the task's compression encodes it, may be empty
}

var exchangeDecoder = wire.New(wire.Limits{Bytes: MaxExchange, Items: MaxFrames, Depth: 4})

// PackExchange packs an exchange about so many params like an update of one
// vector: sealed under a key from rand, and in shards where it is long. The
// encoding that spec names is not looked at.
func PackExchange(rand io.Reader, spec Spec, params int, x *Exchange) (*Packed, error) {
	if params < 1 || params > MaxSize {
		return nil, fmt.Errorf("pack exchange: of %d numbers; it takes 1 to %d", params, MaxSize)
	}
	if err := x.check(params); err != nil {
		return nil, fmt.Errorf("pack exchange: %w", err)
	}
	if n := ExchangeSize(x); n > MaxExchange {
		return nil, fmt.Errorf("pack exchange: %d bytes are too many, at most %d: send fewer frames or use stronger compression", n, MaxExchange)
	}
	return packPayload(rand, spec, Header{Quant: Framed, Vectors: 1, Params: uint32(params)}, wire.MustMarshal(x))
}

// ExchangeSize returns the bytes of the payload of an exchange, before it is
// sealed and cut.
func ExchangeSize(x *Exchange) int {
	n := 1 + uintSize(x.Gen) + stringSize(len(x.Receipts)) + headSize(len(x.Frames))
	for i := range x.Frames {
		n += x.Frames[i].Size()
	}
	return n
}

// Size returns the bytes of the frame in an exchange.
func (f *Frame) Size() int {
	prev := 1 // for nil
	if f.Prev != nil {
		prev = uintSize(*f.Prev)
	}
	return 1 + uintSize(f.Round) + prev + uintSize(uint32(f.Degree)) + uintSize(uint32(f.Gain)) +
		stringSize(len(f.Behind)) + uintSize(f.From) + stringSize(len(f.Slice)) + stringSize(len(f.Delta))
}

// stringSize returns the bytes of a string of n bytes with its head.
func stringSize(n int) int { return headSize(n) + n }

// Bytes of an exchange and of a frame at most, but for receipts, slices and
// deltas with their heads, and the bytes of an exchange that says nothing.
const (
	exchangeMost  = 1 + 5 + 1
	behindTag     = 4
	frameMost     = 1 + 5 + 5 + 2 + 2 + 3 + behindTag*MaxBehind + 5
	exchangeLeast = 4
)

// exchangeSizes returns the least and the most bytes of the ciphertext of an
// exchange. They mean nothing where there cannot be one.
func (w *Want) exchangeSizes() (least, most int, ok bool) {
	if w.Params < 1 || w.Params > MaxSize {
		return 0, 0, false
	}
	slice := VectorSize(Q8, MaxSlice(w.Params))
	frame := frameMost + stringSize(slice) + stringSize(w.Compression.DeltaBound(w.Params))
	most = exchangeMost + stringSize(MaxReceipts) + MaxFrames*frame
	return exchangeLeast + overhead, min(most, MaxExchange) + overhead, true
}

// check returns an error that says why it is no exchange about so many params.
// Deltas are not looked at.
func (x *Exchange) check(params int) error {
	if n := len(x.Receipts); n > MaxReceipts {
		return fmt.Errorf("%d bytes of receipts, at most %d", n, MaxReceipts)
	}
	if n := len(x.Frames); n > MaxFrames {
		return fmt.Errorf("%d frames, at most %d", n, MaxFrames)
	}
	for i := range x.Frames {
		f := &x.Frames[i]
		if err := f.check(params); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		if i > 0 && x.Frames[i-1].Round >= f.Round {
			return fmt.Errorf("frame %d: round %d after round %d", i, f.Round, x.Frames[i-1].Round)
		}
	}
	return nil
}

func (f *Frame) check(params int) error {
	if f.Prev != nil && *f.Prev >= f.Round {
		return fmt.Errorf("round %d goes on from round %d", f.Round, *f.Prev)
	}
	n, ok := f.numbers()
	switch {
	case len(f.Behind)%behindTag != 0 || len(f.Behind) > behindTag*MaxBehind:
		return fmt.Errorf("%d bytes name neighbours", len(f.Behind))
	case !ok:
		return fmt.Errorf("a slice of %d bytes", len(f.Slice))
	case n == 0 && f.From != 0:
		return fmt.Errorf("a slice from %d without numbers", f.From)
	case int64(f.From)+int64(n) > int64(params) || n > MaxSlice(params):
		return fmt.Errorf("a slice of %d numbers from %d of %d", n, f.From, params)
	}
	return nil
}

// numbers returns how many numbers the slice holds, and whether it is as long as
// some number of them takes.
func (f *Frame) numbers() (n int, ok bool) {
	const full = block + scaleSizeQ8
	n = len(f.Slice) - scaleSizeQ8*((len(f.Slice)+full-1)/full)
	return n, VectorSize(Q8, max(n, 0)) == len(f.Slice)
}

// decodeExchange returns the exchange of a payload. The error is a [*Refused].
func decodeExchange(payload []byte, params int) (*Exchange, error) {
	x := new(Exchange)
	if err := exchangeDecoder.Unmarshal(payload, x); err != nil {
		return nil, refuse(ReasonMalformed, "exchange: %v", err)
	}
	if err := x.check(params); err != nil {
		return nil, refuse(ReasonMalformed, "exchange: %v", err)
	}
	return x, nil
}

// Decode sets d to the delta of a frame, which is of no numbers where the frame
// has none, and returns the numbers of its slice, those from index From on, in
// the memory of slice as far as that reaches. The error is a [*Refused]; d means
// nothing then.
func (f *Frame) Decode(c Compression, params int, d *Delta, slice []float32) ([]float32, error) {
	if err := f.check(params); err != nil {
		return nil, refuse(ReasonMalformed, "%v", err)
	}
	n, _ := f.numbers()
	slice = slices.Grow(slice[:0], n)[:n]
	if err := decodeStrict(slice, Q8, f.Slice); err != nil {
		return nil, frameRefusal("slice", err)
	}
	if len(f.Delta) == 0 {
		d.clear(0)
		return slice, nil
	}
	if err := c.DecodeDelta(f.Delta, params, d); err != nil {
		return nil, frameRefusal("delta", err)
	}
	return slice, nil
}

func frameRefusal(part string, err error) error {
	if errors.Is(err, ErrNotFinite) {
		return refuse(ReasonFinite, "%s", part)
	}
	return refuse(ReasonMalformed, "%s: %v", part, err)
}
