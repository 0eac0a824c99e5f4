// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// someLabel is one of the list, which none of the tests' keys signs otherwise.
const someLabel = wire.LabelTask

// seeded returns the key whose seed is the SHA-256 of a name.
func seeded(name string) *Signer { return signerOf(sha256.Sum256([]byte(name))) }

var (
	owner    = seeded("vecino cose owner")
	stranger = seeded("vecino cose stranger")
)

// both are the keys that a device trusts in most tests.
var both = []ed25519.PublicKey{stranger.Public(), owner.Public()}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// verify parses and verifies.
func verify(b []byte, keys []ed25519.PublicKey, label wire.Label, aad ...[]byte) ([]byte, ed25519.PublicKey, error) {
	m, err := Parse(b, 1<<10)
	if err != nil {
		return nil, nil, err
	}
	return m.Verify(keys, label, aad...)
}
