// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const goldenFile = "testdata/sums.json"

// golden is testdata/sums.json: one round of each mode.
type golden struct {
	Comment string        `json:"comment"`
	Nbhd    string        `json:"nbhd"`
	Epoch   uint32        `json:"epoch"`
	Task    string        `json:"task"`
	Rounds  []goldenRound `json:"rounds"`
}

type goldenRound struct {
	Name     string          `json:"name"`
	Mode     Mode            `json:"mode"`
	Members  []string        `json:"members"`
	Points   []uint64        `json:"points"`
	Leaders  []int           `json:"leaders"` // of round 0, by index
	Roster   string          `json:"roster_hash"`
	Public   []string        `json:"seeds_of_public_polynomials"` // of round 0, by piece
	Seeds    []string        `json:"seeds_of_secrets"`
	Values   [][][]uint16    `json:"values"` // (members, vectors, params)
	Sums     [][]uint32      `json:"sums"`   // (vectors, params)
	Messages []goldenMessage `json:"messages"`
}

// goldenMessage is the first message of its kind. Type 1 is an upload.
type goldenMessage struct {
	Name   string `json:"name"`
	Type   uint8  `json:"type"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	Length int    `json:"length"`
	Bytes  string `json:"bytes,omitempty"`  // if it is short
	SHA512 string `json:"sha512,omitempty"` // if it is long
}

var controlNames = []string{"roster", "ack", "holdings", "active set", "signature"}

// nameOf returns what a packet is.
func nameOf(p packet) string {
	switch p.kind {
	case 1:
		return "upload"
	case TypeControl:
		return controlNames[subtype(p.data)]
	case TypeAnswer:
		return "answer"
	}
	return fmt.Sprintf("share of %d bytes", len(p.data))
}

// record plays one round and returns what is to be seen of it.
func record(t *testing.T, name string, n int, plan Plan) goldenRound {
	t.Helper()
	net := newNetwork(t, n, plan)
	g := goldenRound{Name: name, Mode: plan.Mode}
	seen := make(map[string]bool)
	net.tamper = func(p packet) []byte {
		m := goldenMessage{Name: nameOf(p), Type: p.kind, From: slices.Index(net.devices, p.from), To: slices.Index(net.devices, p.to), Length: len(p.data)}
		if m.Length <= 1024 {
			m.Bytes = hex.EncodeToString(p.data)
		} else {
			m.SHA512 = fmt.Sprintf("%x", sha512.Sum512(p.data))
		}
		if !seen[m.Name] {
			g.Messages = append(g.Messages, m)
		}
		seen[m.Name] = true
		return p.data
	}
	net.play(0)
	if opened := net.check(0); opened != n {
		t.Fatalf("%d of %d opened", opened, n)
	}
	r, err := net.devices[0].Result(0)
	if err != nil {
		t.Fatal(err)
	}
	roster := net.devices[0].roster
	g.Roster, g.Sums = hex.EncodeToString(roster.hash[:]), r.Sums
	for piece := range net.devices[0].config.Pieces() {
		g.Public = append(g.Public, hex.EncodeToString(seedOf(&net.devices[0].config, roster, 0, piece, 0)[:]))
	}
	for i, d := range net.devices {
		g.Members = append(g.Members, hex.EncodeToString(d.config.Self[:]))
		g.Points = append(g.Points, uint64(roster.points[i]))
		g.Leaders = append(g.Leaders, net.rankOf(0, i).index)
		g.Seeds = append(g.Seeds, hex.EncodeToString(d.guard.marks.Seed[:]))
		g.Values = append(g.Values, net.vectors[0][d.id])
	}
	return g
}

func TestGolden(t *testing.T) {
	wide := widePlan
	wide.Params = 5
	mask := maskPlan
	mask.Params = 5
	got := golden{
		Comment: "One round of each mode. Members are in the order of their indices; long messages are given by their SHA-512. Randomness of device i: SHAKE256 of \"device i\".",
		Nbhd:    hex.EncodeToString(append([]byte{1}, make([]byte, 15)...)), Epoch: 7,
		Task:   hex.EncodeToString(append([]byte{2}, make([]byte, 15)...)),
		Rounds: []goldenRound{record(t, "lattice", 4, wide), record(t, "mask", 4, mask)},
	}
	encoded, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	encoded = append(encoded, '\n')
	if *update {
		if err := os.WriteFile(goldenFile, encoded, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, encoded) {
		t.Errorf("-want +got:\n%s", cmp.Diff(string(want), string(encoded)))
	}
}
