// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/privacy"
)

// spentPurse is a file of two data folders.
func spentPurse(t testing.TB) *disk {
	t.Helper()
	d := &disk{files: map[string][]byte{}}
	for i, folder := range []string{"/srv/house", "/srv/garden"} {
		l, err := newPurse(d, folder).open(9, 1e-5, true)
		if err != nil {
			t.Fatal(err)
		}
		for range i + 1 {
			if _, err := l.Reserve(0.125, float64(i+1), 10); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// goldenPurse is testdata/privacy.json.
type goldenPurse struct {
	Folders []string `json:"folders"`
	Steps   []int    `json:"steps"`
	Present uint8    `json:"present"`
	Bytes   string   `json:"bytes"`
}

func TestPurseGolden(t *testing.T) {
	path := filepath.Join("testdata", "privacy.json")
	if *updateGolden {
		g := goldenPurse{[]string{"/srv/house", "/srv/garden"}, []int{10, 20}, 1, hex.EncodeToString(spentPurse(t).files[filePrivacy])}
		b, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g goldenPurse
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	file, err := hex.DecodeString(g.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodePurse(file)
	if err != nil {
		t.Fatal(err)
	}
	got := goldenPurse{Folders: g.Folders, Present: f.Present, Bytes: hex.EncodeToString(f.encode())}
	for _, folder := range g.Folders {
		budget, err := privacy.DecodeBudget(f.Data[f.find(newPurse(nil, folder).key)].Budget)
		if err != nil {
			t.Fatal(err)
		}
		got.Steps = append(got.Steps, budget.Spent()[0].Steps)
	}
	if d := cmp.Diff(g, got); d != "" {
		t.Errorf("-golden +read:\n%s", d)
	}
	if d := cmp.Diff(g.Bytes, hex.EncodeToString(spentPurse(t).files[filePrivacy])); d != "" {
		t.Errorf("it is not what is written: -golden +written:\n%s", d)
	}
}

// TestPurseDamaged holds that no changed byte goes by unnoticed.
func TestPurseDamaged(t *testing.T) {
	good := spentPurse(t).files[filePrivacy]
	for n := range good {
		if _, err := decodePurse(good[:n]); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(good))
		}
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		if _, err := decodePurse(flipped); err == nil {
			t.Errorf("byte %d flipped: it is read", n)
		}
	}
	f, err := decodePurse(good)
	if err != nil {
		t.Fatal(err)
	}
	f.Present = 2
	if _, err := decodePurse(f.encode()); err == nil || !strings.Contains(err.Error(), "data number 2 of 2") {
		t.Errorf("data that are not there: %v", err)
	}
	if _, err := decodePurse(append(slices.Clone(good), 0)); err == nil {
		t.Error("a byte more is read")
	}
}

// TestPurseBound holds how many data folders a device keeps count of.
func TestPurseBound(t *testing.T) {
	d := &disk{files: map[string][]byte{}}
	for i := range maxDataSets + 1 {
		l, err := newPurse(d, fmt.Sprint("/srv/", i)).open(3, 1e-5, true)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.Reserve(0.5, 9, 1)
		if i < maxDataSets && err != nil || i == maxDataSets && (err == nil || !strings.Contains(err.Error(), "16 data folders")) {
			t.Errorf("folder %d: %v", i, err)
		}
	}
	if n := len(d.files[filePrivacy]); n > maxPurse {
		t.Errorf("%d bytes", n)
	}
	l, err := newPurse(d, "/srv/3").open(3, 1e-5, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(0.5, 9, 1); err != nil {
		t.Errorf("a folder that is known: %v", err)
	}
}

// FuzzPurse holds that what is read is written as the same bytes.
func FuzzPurse(f *testing.F) {
	f.Add(spentPurse(f).files[filePrivacy])
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := decodePurse(b); err == nil && !bytes.Equal(file.encode(), b) {
			t.Errorf("%x becomes %x", b, file.encode())
		}
	})
}
