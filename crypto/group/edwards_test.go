// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
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
