// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestLimits(t *testing.T) {
	small := wire.New(wire.Limits{Bytes: 40, Items: 16, Depth: 4})
	usual := wire.New(wire.Limits{})
	nested := func(depth int) []byte {
		return append(bytes.Repeat([]byte{0x81}, depth), 0)
	}
	tests := []struct {
		name string
		with wire.Decoder
		data []byte
		want error
	}{
		{"bytes at the limit", small, wire.MustMarshal(make([]byte, 38)), nil},
		{"bytes over the limit", small, wire.MustMarshal(make([]byte, 39)), wire.ErrLimit},
		{"items at the limit", small, array(16), nil},
		{"items over the limit", small, array(17), wire.ErrLimit},
		{"pairs at the limit", small, pairs(16), nil},
		{"pairs over the limit", small, pairs(17), wire.ErrLimit},
		{"depth at the limit", small, nested(4), nil},
		{"depth over the limit", small, nested(5), wire.ErrLimit},
		{"default bytes at the limit", usual, wire.MustMarshal(make([]byte, wire.MaxBytes-5)), nil},
		{"default bytes over the limit", usual, wire.MustMarshal(make([]byte, wire.MaxBytes-4)), wire.ErrLimit},
		{"default items at the limit", usual, array(wire.MaxItems), nil},
		{"default items over the limit", usual, array(wire.MaxItems + 1), wire.ErrLimit},
		{"default depth at the limit", usual, nested(wire.MaxDepth), nil},
		{"default depth over the limit", usual, nested(wire.MaxDepth + 1), wire.ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			if err := tt.with.Unmarshal(tt.data, &v); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// array returns the encoding of an array of n zeros.
func array(n int) []byte {
	return wire.MustMarshal(make([]uint16, n))
}

// pairs returns the encoding of a map from 0 to n-1.
func pairs(n int) []byte {
	m := make(map[int]bool, n)
	for i := range n {
		m[i] = true
	}
	return wire.MustMarshal(m)
}

// TestClaimedLength feeds heads that claim far more than is there. The refusal
// must cost a bounded amount of memory, whatever the claim. The reason for it
// depends on the width of an int where the claim does not fit one: the library
// then sees a negative length, or its low 32 bits.
func TestClaimedLength(t *testing.T) {
	const most = 16 << 10 // bytes allocated for one refusal
	heads := []struct {
		name, hex string
		want      error // nil: any refusal
	}{
		{"byte string of 2^40", "5b 0000010000000000", nil},
		{"byte string of 2^40+1 that holds one", "5b 0000010000000001 00", nil},
		{"byte string of 2^64-1", "5b ffffffffffffffff", nil},
		{"byte string of 2^31", "5a 80000000", wire.ErrMalformed},
		{"byte string of a mebibyte", "5a 00100000", wire.ErrMalformed},
		{"text string of 2^40", "7b 0000010000000000", nil},
		{"array of 2^40", "9b 0000010000000000", nil},
		{"array of 2^40+1 that holds one", "9b 0000010000000001 00", nil},
		{"array of 2^64-1", "9b ffffffffffffffff", nil},
		{"array of 2^31", "9a 80000000", nil},
		{"array of 2^31-1", "9a 7fffffff", wire.ErrLimit},
		{"array of 4097", "99 1001", wire.ErrLimit},
		{"array of 4096", "99 1000", wire.ErrMalformed},
		{"map of 2^40", "bb 0000010000000000", nil},
		{"map of 2^64-1", "bb ffffffffffffffff", nil},
		{"map of 4096", "b9 1000", wire.ErrMalformed},
		{"array of 2^40 within arrays", "81 81 9b 0000010000000000", nil},
		{"byte string of 2^40 within a pair", "83 44 01020304 5b 0000010000000000", nil},
	}
	targets := []func() any{
		func() any { return new(any) }, func() any { return new([]byte) }, func() any { return new([32]byte) },
		func() any { return new([]uint64) }, func() any { return new(map[string]string) },
		func() any { return new([]pair) }, newPair, newNest,
	}
	for _, head := range heads {
		t.Run(head.name, func(t *testing.T) {
			data := unhex(t, head.hex)
			for _, target := range targets {
				v := target()
				var err error
				got := allocated(func() { err = wire.Unmarshal(data, v) })
				if err == nil || head.want != nil && !errors.Is(err, head.want) {
					t.Errorf("into %T: error %v, want %v", v, err, head.want)
				}
				if got > most {
					t.Errorf("into %T: %d bytes allocated, at most %d", v, got, most)
				}
			}
		})
	}
}

// TestOverlong refuses input over the limit of bytes without looking at it.
func TestOverlong(t *testing.T) {
	data := wire.MustMarshal(make([]byte, 8<<20))
	var v []byte
	if got := allocated(func() { _ = wire.Unmarshal(data, &v) }); got > 4<<10 {
		t.Errorf("%d bytes allocated for input over the limit", got)
	}
}

// allocated returns the mean number of bytes that one call of f allocates.
func allocated(f func()) uint64 {
	const runs = 8
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func TestUnmarshalFirst(t *testing.T) {
	d := wire.New(wire.Limits{Bytes: 8})
	var v pair
	rest, err := wire.New(wire.Limits{}).UnmarshalFirst(unhex(t, "83 44 01020304 40 00 ff 1c"), &v)
	if err != nil || !bytes.Equal(rest, []byte{0xff, 0x1c}) {
		t.Errorf("rest %x, error %v, want ff1c", rest, err)
	}
	var n uint8
	if _, err := d.UnmarshalFirst(make([]byte, 9), &n); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("error %v for 9 bytes of at most 8, want %v", err, wire.ErrLimit)
	}
	if rest, err := d.UnmarshalFirst(make([]byte, 8), &n); err != nil || len(rest) != 7 {
		t.Errorf("rest %x, error %v, want 7 bytes", rest, err)
	}
}

func TestNewPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a depth of 1 is below what the decoder can hold, and New accepts it")
		}
	}()
	wire.New(wire.Limits{Depth: 1})
}
