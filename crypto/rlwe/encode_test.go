// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestEncodeBits holds the packing against one long integer.
func TestEncodeBits(t *testing.T) {
	p := new(poly)
	p.expand([]byte("bits"))
	p[0][0], p[1][N-1] = q0-1, 0
	want := new(big.Int)
	for i := range p {
		for _, c := range p[i] {
			want.Lsh(want, primeBits).Or(want, new(big.Int).SetUint64(c))
		}
	}
	got := p.append([]byte("before"))
	if !bytes.Equal(got, append([]byte("before"), want.FillBytes(make([]byte, PolySize))...)) {
		t.Error("encoding is not the coefficients' bits one after the other")
	}
	back := new(poly)
	if err := back.decode(got[6:]); err != nil || *back != *p {
		t.Errorf("decoded to another polynomial: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	p := new(poly)
	p.expand([]byte("refuse"))
	good := p.append(nil)
	for _, n := range []int{0, 1, ShareSeedSize - 1, ShareSeedSize + 1, PolySize - 1} {
		refuses(t, good[:n], ErrSize)
	}
	refuses(t, append(good, 0), ErrSize)
	for i, q := range primes {
		for k := range N {
			for _, c := range []uint64{q, 1<<primeBits - 1} {
				if k > 8 && k < N-4 && k%97 != 0 {
					continue
				}
				was := p[i][k]
				p[i][k] = c
				refuses(t, p.append(nil), ErrRange)
				p[i][k] = was
			}
		}
	}
}

// refuses makes sure that no type decodes b.
func refuses(t *testing.T, b []byte, want error) {
	t.Helper()
	for _, u := range []interface{ UnmarshalBinary([]byte) error }{new(Ciphertext), new(Partial), new(Share)} {
		if err := u.UnmarshalBinary(b); !errors.Is(err, want) {
			t.Errorf("%T of %d bytes: %v", u, len(b), err)
		}
	}
}

func TestUnpack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Message
		values := rapid.SliceOfN(rapid.Uint8(), 0, 100).Draw(t, "values")
		if err := Pack(&m, values); err != nil {
			t.Fatal(err)
		}
		got := make([]uint32, len(values)+5)
		if err := m.Unpack(got, 1); err != nil {
			t.Fatal(err)
		}
		for i, v := range append(values, 0, 0, 0, 0, 0) {
			if got[i] != uint32(v) {
				t.Fatalf("value %d: %d, want %d", i, got[i], v)
			}
		}
	})
}

func TestMessageRefuses(t *testing.T) {
	var m Message
	if err := m.Unpack(nil, 1); !errors.Is(err, ErrWidth) {
		t.Errorf("unpack an empty message: %v", err)
	}
	if err := new(Secret).Encrypt(new(Ciphertext), new(Public), &m, nil); !errors.Is(err, ErrWidth) {
		t.Errorf("encrypt an empty message: %v", err)
	}
	if err := new(Decryptor).Decrypt(new(Partial), new(Public), 0, nil); !errors.Is(err, ErrWidth) {
		t.Errorf("decrypt for no width: %v", err)
	}
	if err := errors.Join(Pack(&m, make([]uint8, 12288)), Pack(&m, make([]uint16, 8192))); err != nil {
		t.Error(err)
	}
	if err := Pack(&m, make([]uint16, 8193)); !errors.Is(err, ErrSize) {
		t.Errorf("8,193 values of 16 bits: %v", err)
	}
	if err := Pack(&m, make([]uint8, 12289)); !errors.Is(err, ErrSize) || m.Width() != Width16 {
		t.Errorf("12,289 values of 8 bits: %v", err)
	}
	if err := m.Unpack(make([]uint32, 8193), 1); !errors.Is(err, ErrSize) {
		t.Errorf("unpack 8,193 values of 16 bits: %v", err)
	}
	m = Message{width: Width8, coefficients: [N]uint64{0, 511 << 13}}
	if err := m.Unpack(make([]uint32, 6), 1); !errors.Is(err, ErrLane) {
		t.Errorf("511 of one party: %v", err)
	}
	if err := m.Unpack(make([]uint32, 6), 3); err != nil {
		t.Errorf("511 of three parties: %v", err)
	}
}

// TestUniformPassesOver feeds values that are not below the prime.
func TestUniformPassesOver(t *testing.T) {
	var stream []byte
	for _, v := range []uint64{q1, q1 - 1, 1<<54 - 1, 1<<55 + 5, 3<<54 | 7} {
		stream = append(stream, binary.BigEndian.AppendUint64(nil, v)[1:]...)
	}
	got := make([]uint64, 3)
	uniform(got, q1, io.MultiReader(bytes.NewReader(stream), constant(9)))
	if got[0] != q1-1 || got[1] != 5 || got[2] != 7 {
		t.Errorf("uniform: %#x", got)
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	f.Add(make([]byte, ShareSeedSize))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Share
		var c Ciphertext
		if s.UnmarshalBinary(b) == nil && len(b) != ShareSeedSize && len(b) != PolySize {
			t.Errorf("share of %d bytes", len(b))
		}
		// A short input stands for the beginning of a whole polynomial.
		whole := append(b[:min(len(b), PolySize):min(len(b), PolySize)], make([]byte, PolySize-min(len(b), PolySize))...)
		if c.UnmarshalBinary(whole) == nil {
			if again, _ := c.AppendBinary(nil); !bytes.Equal(again, whole) {
				t.Error("decoded bytes encode to others")
			}
		}
	})
}
