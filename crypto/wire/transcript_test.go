// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vecino-edge/vecino/crypto/wire"
	"pgregory.net/rapid"
)

// The golden values below were computed with Python's hashlib and hmac.

func TestHash(t *testing.T) {
	tests := []struct {
		label wire.Label
		parts [][]byte
		want  string
	}{
		{wire.LabelPseudonym, [][]byte{[]byte("neighbour")}, "02725984b6d673d3e78c7bd3a23cc3c16cd54a294dc0e4ad5bd2aa0047b71c2a" +
			"ecd705078e5bbb62652162b977b99e1764db5ddad2fab289a734fd79c07755eb"},
		{wire.LabelPseudonym, [][]byte{nil}, "f6cab00fb536e8dbbf36e86e7d260ca3bd13c8815ed8c54adb8e05e194a62224" +
			"1fd4d12aacc8d08482d46d805e4ab5824b78b9fc3dd1171cbd6ff008ad5b6698"},
		{wire.LabelHello, nil, "5d3b1485e826f5acb1b414e6c54eaee6041509c32c58ac2d1884855df4a95c55" +
			"a83275f012e3b29cf50af2d5571a61aa75bd5ce7c71df87839c31d0b694fef42"},
	}
	for _, tt := range tests {
		if got := wire.Hash(tt.label, tt.parts...); hex.EncodeToString(got[:]) != tt.want {
			t.Errorf("Hash(%q, %q) = %x, want %s", tt.label, tt.parts, got, tt.want)
		}
	}
}

func TestDigest(t *testing.T) {
	tests := []struct {
		parts [][]byte
		want  string
	}{
		{nil, "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
			"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
		{[][]byte{[]byte("a"), []byte("bc")}, "c5647a4a6adcb5319c580cfd80a880ebebf555ad38121f36a47cd49cf5498d75" +
			"6aed81b8c6b6ce0d5aa8c9352617c2679a95d80e65c86e26ea56652a1f633975"},
	}
	for _, tt := range tests {
		if got := wire.Digest(tt.parts...); hex.EncodeToString(got[:]) != tt.want {
			t.Errorf("Digest(%q) = %x, want %s", tt.parts, got, tt.want)
		}
	}
}

func TestKey(t *testing.T) {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	tests := []struct {
		secret  []byte
		label   wire.Label
		context [][]byte
		want    string
	}{
		{secret, wire.LabelOuter, [][]byte{wire.U32(7)}, "f9515547c63cbff449a5460fcf23e2043c684c22d0f2e5cdffae716e3d4ec5a9"},
		{secret, wire.LabelDoor, nil, "dff5faa438e8cf17628b6ab10d22c9141ba72f140b40d20e50718d7011f25999"},
		{nil, wire.LabelSlot, [][]byte{[]byte("ab"), []byte("c")}, "78437f99bb2394d3b2c4cf42e7ab4781b4e0dfec48247fb900a97df50e0626e7"},
	}
	for _, tt := range tests {
		if got := wire.Key(tt.secret, tt.label, tt.context...); hex.EncodeToString(got[:]) != tt.want {
			t.Errorf("Key(%x, %q, %q) = %x, want %s", tt.secret, tt.label, tt.context, got, tt.want)
		}
	}
}

func TestLV(t *testing.T) {
	got := wire.LV([]byte("ab"), nil, []byte{0xff})
	if want := unhex(t, "00000002 6162 00000000 00000001 ff"); !bytes.Equal(got, want) {
		t.Errorf("LV = %x, want %x", got, want)
	}
	if got := wire.LV(); len(got) != 0 {
		t.Errorf("LV of nothing = %x", got)
	}
}

// TestLVInjective reads the parts back from the bytes alone, which proves that
// no other list of parts gives the same bytes.
func TestLVInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "parts")
		if diff := cmp.Diff(parts, split(t, wire.LV(parts...)), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("parts read back (-want +got):\n%s", diff)
		}
	})
}

// TestLVBoundary cuts the same bytes at two places: the parts differ, and so
// must their transcripts, hashes and digests.
func TestLVBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "bytes")
		i := rapid.IntRange(0, len(all)-1).Draw(t, "first cut")
		j := rapid.IntRange(i+1, len(all)).Draw(t, "second cut")
		if bytes.Equal(wire.LV(all[:i], all[i:]), wire.LV(all[:j], all[j:])) {
			t.Fatalf("LV is the same for cuts at %d and %d", i, j)
		}
		if wire.Hash(wire.LabelSlot, all[:i], all[i:]) == wire.Hash(wire.LabelSlot, all[:j], all[j:]) {
			t.Fatalf("Hash is the same for cuts at %d and %d", i, j)
		}
	})
}

func split(t *rapid.T, b []byte) [][]byte {
	var parts [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			t.Fatalf("%d bytes left of a length", len(b))
		}
		n := int(binary.BigEndian.Uint32(b))
		parts = append(parts, b[4:4+n])
		b = b[4+n:]
	}
	return parts
}

func TestIntegers(t *testing.T) {
	if got, want := wire.U32(0x01020304), []byte{1, 2, 3, 4}; !bytes.Equal(got, want) {
		t.Errorf("U32 = %x, want %x", got, want)
	}
	if got, want := wire.U8(0xfe), []byte{0xfe}; !bytes.Equal(got, want) {
		t.Errorf("U8 = %x, want %x", got, want)
	}
}
