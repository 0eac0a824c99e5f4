// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestCharterBook binds one charter to each generation under each key, also after
// a restart and after the journal was full.
func TestCharterBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileCharters)
	b, err := openCharters(path)
	if err != nil {
		t.Fatal(err)
	}
	bind := func(p byte, gen uint32, charter string, held uint32) string {
		t.Helper()
		got, err := b.bind(issuer.Pub{p}, gen, []byte(charter), held)
		if err != nil {
			return "refused"
		}
		return string(got)
	}
	again := func() {
		t.Helper()
		if err := b.close(); err != nil {
			t.Fatal(err)
		}
		if b, err = openCharters(path); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for _, c := range []struct {
			p             byte
			gen           uint32
			charter, want string
		}{
			{1, 5, "one", "one"}, {1, 5, "two", "one"}, {2, 5, "two", "two"}, {1, 6, "two", "two"}, {1, 4, "old", "refused"},
		} {
			if got := bind(c.p, c.gen, c.charter, 4); got != c.want {
				t.Errorf("generation %d under key %d: %s, want %s", c.gen, c.p, got, c.want)
			}
		}
		again()
	}
	large := string(bytes.Repeat([]byte{7}, issuer.MaxCharter))
	for gen := uint32(7); gen < 200; gen++ {
		if bind(1, gen, large, gen-1) != large {
			t.Fatalf("generation %d is not bound", gen)
		}
	}
	if size := b.journal.Size(); size > maxCharters {
		t.Errorf("the journal has %d bytes", size)
	}
	again()
	if bind(1, 199, "another", 198) != large || bind(1, 199, "another", 199) != "refused" {
		t.Error("the newest generation is forgotten, or an old one signed again")
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
}

// TestCharterRecord holds a record against golden bytes.
func TestCharterRecord(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "charters.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		P, Charter, Encoded string
		Gen                 uint32
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	p, err1 := hex.DecodeString(golden.P)
	charter, err2 := hex.DecodeString(golden.Charter)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	got := hex.EncodeToString(wire.MustMarshal(charterRecord{P: issuer.Pub(p), Gen: golden.Gen, Charter: charter}))
	if got != golden.Encoded {
		t.Errorf("a record is %s, want %s", got, golden.Encoded)
	}
}
