// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
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

// TestKeyWycheproof holds Key against HKDF-SHA-512 of any length: output of
// HKDF is a prefix of any longer output for the same input.
func TestKeyWycheproof(t *testing.T) {
	b, err := os.ReadFile(shared(t, "wycheproof/hkdf_sha512_test.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Tests []struct {
				TcID                 int
				IKM, Salt, Info, OKM string
				Result               string
			}
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	checked, tooLong := 0, 0
	for _, group := range file.TestGroups {
		for _, v := range group.Tests {
			if v.Result != "valid" { // asks for more than 255 hashes; Key's length is fixed
				tooLong++
				continue
			}
			got := wire.Key(unhex(t, v.IKM), wire.Label(unhex(t, v.Salt)), unhex(t, v.Info))
			want := unhex(t, v.OKM)
			n := min(len(got), len(want))
			if !bytes.Equal(got[:n], want[:n]) {
				t.Errorf("vector %d: key %x, want %x", v.TcID, got[:n], want[:n])
			}
			checked++
		}
	}
	if checked+tooLong != file.NumberOfTests || checked < 70 {
		t.Errorf("%d vectors checked, %d too long, of %d", checked, tooLong, file.NumberOfTests)
	}
}
