// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/gtank/ristretto255"
)

func vectors(t *testing.T) (v struct {
	Multiples []string `json:"small_multiples"`
	Bad       []string `json:"bad_encodings"`
	Uniform   []struct {
		Of      string `json:"sha512_of"`
		Element string
	} `json:"from_uniform_bytes"`
}) {
	t.Helper()
	b, err := os.ReadFile("testdata/rfc9496.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Multiples) != 16 || len(v.Bad) != 29 || len(v.Uniform) != 7 {
		t.Fatalf("testdata holds %d, %d and %d vectors", len(v.Multiples), len(v.Bad), len(v.Uniform))
	}
	return v
}

func unhex(t *testing.T, s string) (b [Size]byte) {
	t.Helper()
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != Size {
		t.Fatalf("vector %q is no 32-byte hex string", s)
	}
	return [Size]byte(raw)
}

func TestMultiplesOfGenerator(t *testing.T) { // RFC 9496 A.1
	var n [Size]byte
	for i, want := range vectors(t).Multiples {
		n[0] = byte(i)
		s, err := DecodeScalar(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := EncodePoint(Base(s)); got != unhex(t, want) {
			t.Errorf("%d times the generator is %x, want %s", i, got, want)
		}
		p, err := DecodePoint(unhex(t, want))
		if i == 0 {
			if !errors.Is(err, ErrEncoding) {
				t.Error("the identity is accepted as a point")
			}
			continue
		}
		if err != nil || EncodePoint(p) != unhex(t, want) {
			t.Errorf("multiple %d does not decode: %v", i, err)
		}
	}
}

func TestBadEncodings(t *testing.T) { // RFC 9496 A.2
	for _, v := range vectors(t).Bad {
		if _, err := DecodePoint(unhex(t, v)); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s is accepted", v)
		}
	}
}

func TestFromUniformBytes(t *testing.T) { // RFC 9496 A.3
	for _, v := range vectors(t).Uniform {
		h := sha512.Sum512([]byte(v.Of))
		p, err := ristretto255.NewIdentityElement().SetUniformBytes(h[:])
		if err != nil || EncodePoint(p) != unhex(t, v.Element) {
			t.Errorf("%q gives another element", v.Of)
		}
	}
}

func TestScalars(t *testing.T) {
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	if _, err := DecodeScalar(order); !errors.Is(err, ErrEncoding) {
		t.Error("the order is accepted as a scalar")
	}
	order[0]--
	minusOne, err := DecodeScalar(order)
	if err != nil {
		t.Fatal("the order less one is refused")
	}
	if EncodeScalar(Neg(minusOne)) != [Size]byte{1} {
		t.Error("the negative of order less one is not one")
	}
	if got := EncodeScalar(MulAdd(minusOne, minusOne, minusOne)); got != [Size]byte{} {
		t.Errorf("(-1)(-1) - 1 = %x", got)
	}
}

func TestRandomScalarIsNeverZero(t *testing.T) {
	zeros := make([]byte, 64)
	one := append([]byte{1}, make([]byte, 63)...)
	s, err := RandomScalar(bytes.NewReader(append(zeros, one...)))
	if err != nil || EncodeScalar(s) != [Size]byte{1} {
		t.Fatalf("zero is not drawn again: %v, %v", s, err)
	}
	if _, err := RandomScalar(bytes.NewReader(zeros[:63])); err == nil {
		t.Fatal("a source that ends gives a scalar")
	}
}

func TestVarTimeDouble(t *testing.T) {
	a, b, p := Reduce([64]byte{3}), Reduce([64]byte{5}), Base(Reduce([64]byte{7}))
	want := Add(Mul(a, p), Base(b)) // 3·7 + 5
	if VarTimeDouble(a, p, b).Equal(want) != 1 || want.Equal(Base(Reduce([64]byte{26}))) != 1 {
		t.Fatal("3·7 + 5 is not 26")
	}
}
