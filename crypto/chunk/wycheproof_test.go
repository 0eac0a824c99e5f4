// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/chunk"
)

// shared returns the path of a file in the folder of vectors beside the module,
// and skips the test where the folder is absent.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("find module root: no go.mod in this folder or above it")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "vectors", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the vectors are not here: %v", err)
	}
	return path
}

type aeadVector struct {
	TcID                       int
	Key, IV, AAD, Msg, CT, Tag string // hex
	Result                     string
}

// TestWycheproof runs the vectors through the cipher of a sealer, whose nonce
// has 24 bytes whatever happens: those with another one are counted apart.
func TestWycheproof(t *testing.T) {
	b, err := os.ReadFile(shared(t, "wycheproof/xchacha20_poly1305_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			IVSize, KeySize, TagSize int // bits
			Tests                    []aeadVector
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	checked, otherNonce := 0, 0
	for _, group := range file.TestGroups {
		for _, v := range group.Tests {
			if group.IVSize != 192 {
				otherNonce++
				if v.Result != "invalid" {
					t.Errorf("vector %d: nonce of %d bits, result %s", v.TcID, group.IVSize, v.Result)
				}
				continue
			}
			testAEAD(t, v)
			checked++
		}
	}
	if checked+otherNonce != file.NumberOfTests || checked < 280 {
		t.Errorf("%d vectors checked, %d with another nonce, of %d", checked, otherNonce, file.NumberOfTests)
	}
}

func testAEAD(t *testing.T, v aeadVector) {
	t.Helper()
	key := chunk.Key(unhex(t, v.Key))
	aead := chunk.NewSealer(&key, "").AEAD()
	nonce, aad, msg := unhex(t, v.IV), unhex(t, v.AAD), unhex(t, v.Msg)
	ct := append(unhex(t, v.CT), unhex(t, v.Tag)...)
	got, err := aead.Open(nil, nonce, ct, aad)
	if v.Result != "valid" {
		if err == nil {
			t.Errorf("vector %d (%s) opens", v.TcID, v.Result)
		}
		return
	}
	if err != nil || !bytes.Equal(got, msg) {
		t.Errorf("vector %d opens to %x, error %v, want %x", v.TcID, got, err, msg)
	}
	if sealed := aead.Seal(nil, nonce, msg, aad); !bytes.Equal(sealed, ct) {
		t.Errorf("vector %d seals to %x, want %x", v.TcID, sealed, ct)
	}
}
