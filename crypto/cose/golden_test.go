// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenFile = "testdata/cose.json"

// golden is testdata/cose.json: everything that another implementation needs to
// make the same bytes.
type golden struct {
	About    string          `json:"about"`
	Keys     []goldenKey     `json:"keys"`
	Messages []goldenMessage `json:"messages"`
}

type goldenKey struct {
	Seed       string `json:"seed"`
	Public     string `json:"public"`
	ID         string `json:"id"`
	SecretText string `json:"secret_text"`
	PublicText string `json:"public_text"`
}

type goldenMessage struct {
	Key        int        `json:"key"`
	Label      wire.Label `json:"label"`
	AAD        []string   `json:"aad"`
	Payload    string     `json:"payload"`
	ToBeSigned string     `json:"to_be_signed"`
	Message    string     `json:"message"`
}

func newGolden(t *testing.T) golden {
	g := golden{About: "COSE_Sign1 as in cose.cddl, everything in hex. The labels are of crypto/wire, the keys of no owner."}
	signers := []*Signer{owner, stranger}
	for _, s := range signers {
		g.Keys = append(g.Keys, goldenKey{
			hex.EncodeToString(s.key().Seed()), hex.EncodeToString(s.Public()), IDOf(s.Public()).String(),
			string(bytes.TrimSpace(s.Encode())), EncodePublic(s.Public()),
		})
	}
	for _, c := range []struct {
		key     int
		label   wire.Label
		aad     [][]byte
		payload []byte
	}{
		{0, wire.LabelTask, nil, nil},
		{0, wire.LabelTask, nil, []byte("a learning task")},
		{1, wire.LabelTask, nil, []byte("a learning task")},
		{0, wire.LabelCharter, nil, []byte("a learning task")},
		{0, wire.LabelTask, [][]byte{[]byte("site"), nil, []byte("device")}, bytes.Repeat([]byte{0xa5}, 23)},
		{1, wire.LabelTask, [][]byte{{}}, bytes.Repeat([]byte{0xa5}, 24)},
		{1, wire.LabelSlot, [][]byte{bytes.Repeat([]byte{7}, 32)}, bytes.Repeat([]byte{0xff}, 256)},
	} {
		s := signers[c.key]
		m := goldenMessage{Key: c.key, Label: c.label, AAD: []string{}, Payload: hex.EncodeToString(c.payload)}
		for _, a := range c.aad {
			m.AAD = append(m.AAD, hex.EncodeToString(a))
		}
		msg := must(s.Sign1(c.label, c.payload, c.aad...))(t)
		m.Message = hex.EncodeToString(msg)
		m.ToBeSigned = hex.EncodeToString(sigStructure(must(Parse(msg, MaxPayload))(t).protected, external(c.label, c.aad), c.payload))
		g.Messages = append(g.Messages, m)
	}
	return g
}

func TestGolden(t *testing.T) {
	got := newGolden(t)
	if *update {
		b := must(json.MarshalIndent(got, "", " "))(t)
		if err := os.WriteFile(goldenFile, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want golden
	if err := json.Unmarshal(must(os.ReadFile(goldenFile))(t), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for i, m := range want.Messages {
		var aad [][]byte
		for _, a := range m.AAD {
			aad = append(aad, unhex(t, a))
		}
		payload, key, err := verify(unhex(t, m.Message), both, m.Label, aad...)
		if err != nil || hex.EncodeToString(payload) != m.Payload || hex.EncodeToString(key) != want.Keys[m.Key].Public {
			t.Errorf("message %d: %x by %x, error %v", i, payload, key, err)
		}
	}
}
