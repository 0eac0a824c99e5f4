// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestMessageGolden(t *testing.T) {
	var file struct {
		Cases []struct {
			ID, Data, Encoded string // hex
			Index             uint8
		}
	}
	readJSON(t, "testdata/messages.json", &file)
	if len(file.Cases) < 5 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		want := shard.Message{ID: [16]byte(unhex(t, c.ID)), Index: c.Index, Data: unhex(t, c.Data)}
		if got := hex.EncodeToString(want.Encode()); got != c.Encoded {
			t.Errorf("index %d encodes to %s, want %s", c.Index, got, c.Encoded)
		}
		got, err := shard.DecodeMessage(unhex(t, c.Encoded))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("index %d: error %v (-want +got):\n%s", c.Index, err, diff)
		}
	}
}

func TestDecodeMessageRefuses(t *testing.T) {
	id := "50" + strings.Repeat("11", 16)
	tests := []struct {
		name, hex string
		want      error
	}{
		{"index with a reserved head", "83" + id + "1f" + "41ff", wire.ErrMalformed},
		{"index at the limit", "83" + id + "183f" + "41ff", nil},
		{"index over the limit", "83" + id + "1840" + "41ff", shard.ErrIndex},
		{"index over a byte", "83" + id + "190100" + "41ff", wire.ErrMalformed},
		{"index in a long form", "83" + id + "1801" + "41ff", wire.ErrNotCanonical},
		{"negative index", "83" + id + "20" + "41ff", wire.ErrMalformed},
		{"no data", "83" + id + "01" + "40", shard.ErrSize},
		{"null for data", "83" + id + "01" + "f6", wire.ErrNotCanonical},
		{"list for data", "83" + id + "01" + "8101", wire.ErrNotCanonical},
		{"text for data", "83" + id + "01" + "6161", wire.ErrMalformed},
		{"data in a long form", "83" + id + "01" + "5801ff", wire.ErrNotCanonical},
		{"data cut off", "83" + id + "01" + "42ff", wire.ErrMalformed},
		{"bytes behind", "83" + id + "01" + "41ff00", wire.ErrMalformed},
		{"short identifier", "834f" + strings.Repeat("11", 15) + "0141ff", wire.ErrNotCanonical},
		{"long identifier", "8351" + strings.Repeat("11", 17) + "0141ff", wire.ErrNotCanonical},
		{"two fields", "82" + id + "01", wire.ErrMalformed},
		{"four fields", "84" + id + "01" + "41ff" + "00", wire.ErrMalformed},
		{"indefinite length", "9f" + id + "01" + "41ff" + "ff", wire.ErrNotCanonical},
		{"tag", "c083" + id + "01" + "41ff", wire.ErrNotCanonical},
		{"nothing", "", wire.ErrMalformed},
		{"data at the limit", "83" + id + "00" + "5a00010000" + strings.Repeat("ee", 1<<16), nil},
		{"data over the limit", "83" + id + "00" + "5a00010001" + strings.Repeat("ee", 1<<16+1), shard.ErrSize},
		{"message over the limit", "83" + id + "1818" + "5a00010001" + strings.Repeat("ee", 1<<16+1), wire.ErrLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := shard.DecodeMessage(unhex(t, tt.hex))
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if tt.want != nil && (m.Data != nil || m.Index != 0) {
				t.Errorf("refused, but returns %+v", m)
			}
		})
	}
}

func TestEncodePanics(t *testing.T) {
	for _, m := range []shard.Message{
		{},
		{Data: make([]byte, shard.MaxShardSize+1)},
		{Data: []byte{1}, Index: shard.MaxShards},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("index %d with %d bytes does not panic", m.Index, len(m.Data))
				}
			}()
			m.Encode()
		}()
	}
}

// TestMessageOverhead is what shard.Room reckons with.
func TestMessageOverhead(t *testing.T) {
	for _, n := range []int{1, 200, 2896, shard.MaxShardSize} {
		m := shard.Message{Index: 63, Data: make([]byte, n)}
		if over := len(m.Encode()) - n; over > 26 {
			t.Errorf("%d bytes around a shard of %d", over, n)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(shard.Message{Index: 3, Data: []byte("shard")}.Encode())
	f.Add(shard.Message{Index: 63, Data: make([]byte, 300)}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := shard.DecodeMessage(b)
		if err == nil && !bytes.Equal(m.Encode(), b) {
			t.Fatalf("%x is accepted and encodes to %x", b, m.Encode())
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
