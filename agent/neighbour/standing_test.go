// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenStanding is one entry of testdata/standing.json.
type goldenStanding struct {
	Offers  bool        `json:"offers"`
	Stopped bool        `json:"stopped"`
	Known   [][2]string `json:"known"`
	Encoded string      `json:"encoded"`
}

// TestStandingGolden holds the form on the disk against bytes that were checked by
// hand.
func TestStandingGolden(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "standing.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenStanding
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		want := standing{Version: standingVersion, Offers: c.Offers, Stopped: c.Stopped}
		for _, k := range c.Known {
			a, err1 := hex.DecodeString(k[0])
			m, err2 := hex.DecodeString(k[1])
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			want.Known = append(want.Known, knownIssuer{Issuer: issuer.Pub(a), Member: issuer.Pub(m)})
		}
		if got := hex.EncodeToString(wire.MustMarshal(want)); got != c.Encoded {
			t.Errorf("encoded %s, want %s", got, c.Encoded)
		}
		encoded, err := hex.DecodeString(c.Encoded)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeStanding(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(standing{}, knownIssuer{}), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("decoded (-want +got):\n%s", d)
		}
		for i := range encoded {
			bad := bytes.Clone(encoded)
			if bad[i] ^= 0x80; i < 2 {
				if _, err := decodeStanding(bad); err == nil {
					t.Errorf("byte %d changed and accepted", i)
				}
			}
			if _, err := decodeStanding(encoded[:i]); err == nil {
				t.Errorf("the first %d bytes are accepted", i)
			}
		}
	}
}

// FuzzStanding decodes foreign bytes; what is accepted encodes to the same.
func FuzzStanding(f *testing.F) {
	f.Add(wire.MustMarshal(standing{Version: standingVersion, Offers: true}))
	f.Add(wire.MustMarshal(standing{Version: standingVersion, Known: []knownIssuer{{Issuer: issuer.Pub{1}, Member: issuer.Pub{2}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeStanding(b); err == nil && !bytes.Equal(wire.MustMarshal(s), b) {
			t.Errorf("%x is read as %+v", b, s)
		}
	})
}
