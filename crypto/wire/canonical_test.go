// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// pair is a small message with a fixed and a free byte string.
type pair struct {
	_ struct{} `cbor:",toarray"`
	A [4]byte
	B []byte
	N uint32
}

// nest is a message within which others lie, as in an envelope with its slots.
type nest struct {
	_    struct{} `cbor:",toarray"`
	Name string
	One  pair
	Some []pair
	Opt  *pair
}

func TestRefused(t *testing.T) {
	none := func() any { return new(any) }
	bytes := func() any { return new([]byte) }
	four := func() any { return new([4]byte) }
	tests := []struct {
		name, hex string
		into      func() any
		want      error
	}{
		{"integer 23 in two bytes", "18 17", none, wire.ErrNotCanonical},
		{"integer 255 in three bytes", "19 00ff", none, wire.ErrNotCanonical},
		{"integer 65535 in five bytes", "1a 0000ffff", none, wire.ErrNotCanonical},
		{"integer 2^32-1 in nine bytes", "1b 00000000ffffffff", none, wire.ErrNotCanonical},
		{"integer -1 in two bytes", "38 00", none, wire.ErrNotCanonical},
		{"byte string with a long length", "58 01 00", none, wire.ErrNotCanonical},
		{"text string with a long length", "78 01 61", none, wire.ErrNotCanonical},
		{"array with a long length", "98 01 00", none, wire.ErrNotCanonical},
		{"array with a nine-byte length", "9b 0000000000000001 00", none, wire.ErrNotCanonical},
		{"map with a long length", "b8 01 00 00", none, wire.ErrNotCanonical},
		{"map keys out of order", "a2 02 00 01 00", none, wire.ErrNotCanonical},
		{"map keys by length first", "a2 61 7a 00 20 00", none, wire.ErrNotCanonical},
		{"map key twice", "a2 01 00 01 00", none, wire.ErrNotCanonical},
		{"map keys 0 and -0", "a2 f90000 00 f98000 00", none, wire.ErrNotCanonical},
		{"map key NaN twice", "a2 f97e00 01 f97e00 02", none, wire.ErrNotCanonical},
		{"map key NaN twice, deep", "82 00 a1 00 a2 f97e00 01 f97e00 02", none, wire.ErrNotCanonical},
		{"byte string of indefinite length", "5f 41 00 ff", none, wire.ErrNotCanonical},
		{"text string of indefinite length", "7f 61 61 ff", none, wire.ErrNotCanonical},
		{"array of indefinite length", "9f 00 ff", none, wire.ErrNotCanonical},
		{"map of indefinite length", "bf 00 00 ff", none, wire.ErrNotCanonical},
		{"tag", "c0 60", none, wire.ErrNotCanonical},
		{"tag of self-described CBOR", "d9d9f7 00", none, wire.ErrNotCanonical},
		{"tag within an array", "81 c1 00", none, wire.ErrNotCanonical},
		{"float 1.5 in single precision", "fa 3fc00000", none, wire.ErrNotCanonical},
		{"float 1.5 in double precision", "fb 3ff8000000000000", none, wire.ErrNotCanonical},
		{"float 100000 in double precision", "fb 40f86a0000000000", none, wire.ErrNotCanonical},
		{"NaN with a payload", "f9 7e01", none, wire.ErrNotCanonical},
		{"NaN that signals", "f9 7c01", none, wire.ErrNotCanonical},
		{"NaN with the sign", "f9 fe00", none, wire.ErrNotCanonical},
		{"NaN in single precision", "fa 7fc00000", none, wire.ErrNotCanonical},
		{"undefined", "f7", none, wire.ErrNotCanonical},
		{"bytes after the item", "00 00", none, wire.ErrMalformed},
		{"break alone", "ff", none, wire.ErrMalformed},
		{"nothing", "", none, wire.ErrMalformed},
		{"head cut off", "19 01", none, wire.ErrMalformed},
		{"byte string cut off", "44 000000", none, wire.ErrMalformed},
		{"array cut off", "82 00", none, wire.ErrMalformed},
		{"map without a value", "a1 00", none, wire.ErrMalformed},
		{"reserved additional information", "1c", none, wire.ErrMalformed},
		{"simple value in the reserved form", "f8 00", none, wire.ErrMalformed},
		{"text that is not UTF-8", "61 ff", none, wire.ErrMalformed},

		{"null for a byte string", "f6", bytes, wire.ErrNotCanonical},
		{"array of integers for a byte string", "82 01 02", bytes, wire.ErrNotCanonical},
		{"text for a byte string", "61 61", bytes, wire.ErrMalformed},
		{"null for a fixed byte string", "f6", four, wire.ErrNotCanonical},
		{"short byte string", "43 010203", four, wire.ErrNotCanonical},
		{"empty byte string", "40", four, wire.ErrNotCanonical},
		{"long byte string", "45 0102030405", four, wire.ErrNotCanonical},
		{"array of integers for a fixed byte string", "84 01020304", four, wire.ErrNotCanonical},
		{"integer over its width", "19 0100", func() any { return new(uint8) }, wire.ErrMalformed},
		{"null for an integer", "f6", func() any { return new(uint32) }, wire.ErrNotCanonical},
		{"negative for an unsigned integer", "20", func() any { return new(uint32) }, wire.ErrMalformed},
		{"float for an integer", "f9 3c00", func() any { return new(uint32) }, wire.ErrMalformed},

		{"array of two for a pair", "82 44 01020304 40", newPair, wire.ErrMalformed},
		{"array of four for a pair", "84 44 01020304 40 00 00", newPair, wire.ErrMalformed},
		{"empty array for a pair", "80", newPair, wire.ErrMalformed},
		{"null for a pair", "f6", newPair, wire.ErrNotCanonical},
		{"map for a pair", "a1 61 4e 00", newPair, wire.ErrMalformed},
		{"null within a pair", "83 44 01020304 f6 00", newPair, wire.ErrNotCanonical},
		{"short byte string within a pair", "83 43 010203 40 00", newPair, wire.ErrNotCanonical},
		{"null for a nested pair", "84 60 f6 80 f6", newNest, wire.ErrNotCanonical},
		{"null for a list", "84 60 83 44 01020304 40 00 f6 f6", newNest, wire.ErrNotCanonical},
		{"undefined for an optional", "84 60 83 44 01020304 40 00 80 f7", newNest, wire.ErrNotCanonical},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := wire.Unmarshal(unhex(t, tt.hex), tt.into()); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestNaNKeysBehind puts a map with two NaN keys behind items of every kind and
// width, each of which has to be stepped over. It tries often, since such a map
// encodes back to itself half of the time.
func TestNaNKeysBehind(t *testing.T) {
	const bad = "a2 f97e00 01 f97e00 02"
	for _, before := range []string{
		"00", "17", "18 18", "19 0100", "1a 00010000", "1b 0000000100000000", "20", "38 18",
		"40", "42 0000", "62 6161", "58 18" + strings.Repeat("00", 24), "59 0100" + strings.Repeat("00", 256),
		"80", "82 00 00", "98 18" + strings.Repeat("00", 24), "a0", "a1 00 00", "a2 00 41 00 01 41 00",
		"f4", "f6", "f8 ff", "f9 3e00", "fa 47c35000", "fb 3ff199999999999a",
	} {
		for _, form := range []string{"82" + before + bad, "a1" + before + bad, "82 81" + before + bad} {
			for range 16 {
				var v any
				if wire.Unmarshal(unhex(t, form), &v) == nil {
					t.Errorf("%s is accepted", form)
					break
				}
			}
		}
	}
}

func newPair() any { return new(pair) }

func newNest() any { return new(nest) }

func TestAccepted(t *testing.T) {
	tests := []struct {
		name, hex string
		into      func() any
	}{
		{"NaN", "f97e00", func() any { return new(any) }},
		{"map with one key NaN", "a2 f97e00 82 f97e00 f97e00 fa 47c35000 00", func() any { return new(any) }},
		{"bytes that look like NaN keys", "a2 01 46 f97e00f97e00 02 43 f97e00", func() any { return new(any) }},
		{"every width behind a NaN", "88 f97e00 17 18ff 19ffff 1affffffff 1bffffffffffffffff 5818" +
			strings.Repeat("00", 24) + "a1 6161 20", func() any { return new(any) }},
		{"pair", "83 44 01020304 43 f97e00 1a ffffffff", newPair},
		{"nest without its optional", "84 63 e6b0b4 83 44 00000000 40 00 80 f6", newNest},
		{"nest with all", "84 60 83 44 00000000 40 00 81 83 44 01020304 41 ff 01 83 44 00000000 40 18 18", newNest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, v := unhex(t, tt.hex), tt.into()
			if err := wire.Unmarshal(data, v); err != nil {
				t.Fatal(err)
			}
			if again := wire.MustMarshal(v); string(again) != string(data) {
				t.Errorf("encodes back to %x, want %x", again, data)
			}
		})
	}
}

func TestMarshalNilIsEmpty(t *testing.T) {
	if got, want := wire.MustMarshal(pair{}), unhex(t, "83 44 00000000 40 00"); string(got) != string(want) {
		t.Errorf("nil byte string encodes to %x, want %x", got, want)
	}
	if got := wire.MustMarshal(nest{})[10]; got != 0x80 {
		t.Errorf("nil list encodes to %#x, want 0x80", got)
	}
}

func TestMarshalRefuses(t *testing.T) {
	if b, err := wire.Marshal(make(chan int)); err == nil {
		t.Errorf("a channel encodes to %x", b)
	}
	defer func() {
		if recover() == nil {
			t.Error("MustMarshal of a channel does not panic")
		}
	}()
	wire.MustMarshal(make(chan int))
}
