// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"testing"
)

// TestWeakEd25519 holds the eight points of small order, in all encodings that
// Go's Ed25519 takes, and encodings that are no point, apart from real keys.
func TestWeakEd25519(t *testing.T) {
	for _, s := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", // 1
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 2
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1, not canonical
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0000000000000000000000000000000000000000000000000000000000000000", // 4
		"0000000000000000000000000000000000000000000000000000000000000080",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"0200000000000000000000000000000000000000000000000000000000000000", // no point
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if !WeakEd25519([32]byte(b)) {
			t.Errorf("%s is taken for a key", s)
		}
	}
	for i := range 20 {
		key := ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i))).Public().(ed25519.PublicKey)
		if WeakEd25519([32]byte(key)) {
			t.Errorf("%x is a key", key)
		}
	}
}

// TestWeakX25519 holds the points of small order on the curve and its twist, also
// not canonical and with the bit set that is to be ignored, apart from real keys.
func TestWeakX25519(t *testing.T) {
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"0100000000000000000000000000000000000000000000000000000000000080",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if !WeakX25519([32]byte(b)) {
			t.Errorf("%s is taken for a key", s)
		}
	}
	for i := range 20 {
		k, err := ecdh.X25519().NewPrivateKey(append(make([]byte, 31), byte(i)))
		if err != nil {
			t.Fatal(err)
		}
		if key := k.PublicKey().Bytes(); WeakX25519([32]byte(key)) {
			t.Errorf("%x is a key", key)
		}
	}
}
