// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goldenDelta is an entry of testdata/deltas.json. Number i of u is the cube of
// x/2^31, rounded to float32 after each product, where x is the state, taken as
// int32, of s -> 1664525 s + 1013904223 modulo 2^32 after i+1 steps, and 0 where x
// is a multiple of zeros.
type goldenDelta struct {
	Name        string `json:"name"`
	Compression string `json:"compression"`
	Params      int    `json:"params"`
	Start       uint32 `json:"start"` // the state before the first number
	Zeros       int32  `json:"zeros"` // 0 for none
	Bound       int    `json:"bound"` // most bytes of such a delta
	Bytes       int    `json:"bytes"`
	Delta       string `json:"delta"`
	Index       string `json:"index"` // SHA-256 of the indices, uint32, little-endian; empty where all are sent
	Value       string `json:"value"` // SHA-256 of what is decoded, float32, little-endian
}

func (g *goldenDelta) numbers() []float32 {
	u := make([]float32, g.Params)
	s := g.Start
	for i := range u {
		s = 1664525*s + 1013904223
		if g.Zeros != 0 && int32(s)%g.Zeros == 0 {
			continue
		}
		x := float32(int32(s)) * 0x1p-31
		square := float32(x * x)
		u[i] = float32(square * x)
	}
	return u
}

func (g *goldenDelta) fill(t *testing.T) {
	c := mustParse(t, g.Compression)
	var d, got Delta
	data := c.AppendDelta(nil, g.numbers(), &d)
	if err := c.DecodeDelta(data, g.Params, &got); err != nil || !sameDelta(&d, &got) {
		t.Errorf("%s: %v, or another one", g.Name, err)
	}
	var index, value []byte
	for _, j := range d.Index {
		index = binary.LittleEndian.AppendUint32(index, uint32(j))
	}
	g.Bound, g.Bytes, g.Delta = c.DeltaBound(g.Params), len(data), hex.EncodeToString(data)
	if d.Index != nil {
		g.Index = sum256(index)
	}
	g.Value = sum256(appendVector(value, F32, d.Value))
}

func sum256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestDeltaGolden holds the bytes of deltas on every architecture.
func TestDeltaGolden(t *testing.T) {
	got := []goldenDelta{
		{Name: "all, three numbers", Compression: "none", Params: 3, Start: 1},
		{Name: "all, in 8 bits", Compression: "q8", Params: 300, Start: 2},
		{Name: "all, in 4 bits", Compression: "q4", Params: 300, Start: 3},
		{Name: "an odd number of 4 bits", Compression: "q4", Params: 257, Start: 4, Zeros: 3},
		{Name: "signs", Compression: "sign", Params: 300, Start: 5},
		{Name: "signs, some of zeros", Compression: "sign", Params: 521, Start: 6, Zeros: 2},
		{Name: "one of three", Compression: "topk:0.3:1bit", Params: 3, Start: 7},
		{Name: "a tenth, a sign each", Compression: "topk:0.1:1bit", Params: 4810, Start: 8},
		{Name: "a twentieth, a sign each", Compression: "topk:0.05:1bit", Params: 4810, Start: 9},
		{Name: "a tenth, four bits each", Compression: "topk:0.1:4bit", Params: 4810, Start: 10},
		{Name: "a thousandth", Compression: "topk:0.001:4bit", Params: 70_000, Start: 11},
		{Name: "most", Compression: "topk:0.9:1bit", Params: 1000, Start: 12},
		{Name: "all", Compression: "topk:1:4bit", Params: 1000, Start: 13},
		{Name: "all that are not zero", Compression: "topk:1:4bit", Params: 1000, Start: 14, Zeros: 2},
		{Name: "none, since all are zero", Compression: "topk:0.1:1bit", Params: 1000, Start: 0, Zeros: 1},
	}
	for i := range got {
		got[i].fill(t)
	}
	var want []goldenDelta
	golden(t, "testdata/deltas.json", got, &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// golden reads a file of golden bytes into want, after it wrote got there where
// the flag says so.
func golden(t *testing.T, file string, got, want any) {
	t.Helper()
	if *updateGolden {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, want); err != nil {
		t.Fatal(err)
	}
}
