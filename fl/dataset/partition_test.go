// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePartition(t *testing.T) {
	tests := map[string]Partition{
		"iid":           {},
		"blocks":        {Way: Blocks},
		"dirichlet:0.1": {Way: Dirichlet, Alpha: 0.1},
		"dirichlet:100": {Way: Dirichlet, Alpha: 100},
		"column:day":    {Way: Column, Column: "day"},
		"column:a:b":    {Way: Column, Column: "a:b"},
		"draw:50:2":     {Way: Draw, Rows: 50, Classes: 2},
	}
	for s, want := range tests {
		got, err := ParsePartition(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParsePartition(%q) = %v, %v", s, got, err)
		}
	}
	bad := map[string]string{
		"":                     "possible: iid, dirichlet:A",
		"iid:":                 "possible: iid",
		"blocks:3":             "possible: iid",
		"random":               "possible: iid",
		"dirichlet":            `"" is not a number`,
		"dirichlet:x":          `"x" is not a number`,
		"dirichlet:0":          "from 0.001 to 10000",
		"dirichlet:-1":         "from 0.001 to 10000",
		"dirichlet:NaN":        "from 0.001 to 10000",
		"dirichlet:Inf":        "from 0.001 to 10000",
		"column:":              "name the column",
		"draw:50":              "draw:50:2",
		"draw:x:2":             "draw:50:2",
		"draw:50:2:1":          "draw:50:2",
		"draw:0:2":             "rows must be",
		"draw:99999999:2":      "rows must be",
		"draw:50:0":            "classes must be",
		"draw:50:1001":         "classes must be",
		"draw:9999999999999:1": "draw:",
	}
	for s, want := range bad {
		if got, err := ParsePartition(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePartition(%q) = %v, %v, want an error with %q", s, got, err, want)
		}
	}
}

// labelled returns a table of n rows in the given number of classes, with an
// owner for each row.
func labelled(n, classes, owners int, r *rand.Rand) *Table {
	t := &Table{Kind: Classification, Columns: []string{"a"}, Classes: classes, GroupBy: "owner"}
	for i := range n {
		label := int32(r.IntN(classes))
		t.X = append(t.X, float32(i))
		t.Y = append(t.Y, float32(label))
		t.Labels = append(t.Labels, label)
		t.Group = append(t.Group, fmt.Sprint(i%owners))
	}
	return t
}

func TestSplitProperties(t *testing.T) {
	ways := []string{"iid", "blocks", "dirichlet:0.05", "dirichlet:0.5", "dirichlet:1000", "column:owner", "draw:20:2"}
	rapid.Check(t, func(t *rapid.T) {
		way := rapid.SampledFrom(ways).Draw(t, "way")
		nodes := rapid.IntRange(1, 12).Draw(t, "nodes")
		seed := rapid.Uint64().Draw(t, "seed")
		table := labelled(rapid.IntRange(100, 300).Draw(t, "rows"), 5, rapid.IntRange(nodes, 40).Draw(t, "owners"), rand.New(rand.NewPCG(seed, 0)))
		p, err := ParsePartition(way)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := p.Split(table, nodes, seed)
		if err != nil {
			t.Fatal(err)
		}
		checkParts(t, p, table, nodes, parts)
		again, err := p.Split(table, nodes, seed)
		if err != nil || !cmp.Equal(parts, again) {
			t.Fatalf("the same seed gives other rows (%v)", err)
		}
	})
}

func checkParts(t *rapid.T, p Partition, table *Table, nodes int, parts [][]int32) {
	if len(parts) != nodes {
		t.Fatalf("%d parts for %d nodes", len(parts), nodes)
	}
	seen := make([]int, table.Rows())
	for i, part := range parts {
		if len(part) == 0 || p.Way == Dirichlet && len(part) < perNode {
			t.Fatalf("node %d has %d rows", i, len(part))
		}
		classes := map[int32]bool{}
		for _, row := range part {
			seen[row]++
			classes[table.Labels[row]] = true
		}
		switch {
		case p.Way == Draw && (len(part) != p.Rows || len(classes) > p.Classes):
			t.Fatalf("node %d drew %d rows of %d classes", i, len(part), len(classes))
		case p.Way == Blocks && int(part[len(part)-1]-part[0]) != len(part)-1:
			t.Fatalf("block %d is no run: %v", i, part)
		case (p.Way == IID || p.Way == Blocks) && len(part)-len(parts[nodes-1]) > 1:
			t.Fatalf("part %d has %d rows, the last one %d", i, len(part), len(parts[nodes-1]))
		}
	}
	if p.Way != Draw && slices.ContainsFunc(seen, func(n int) bool { return n != 1 }) {
		t.Fatalf("a row is missing or given twice: %v", seen)
	}
}

func TestSplitByColumn(t *testing.T) {
	table := &Table{Kind: Regression, Columns: []string{"a"}, GroupBy: "day", Y: make([]float32, 6)}
	table.Group = []string{"10", "9", "x", "10", "b", "9"}
	p := Partition{Way: Column, Column: "day"}
	got, err := p.Split(table, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	// Numbers by value, then names.
	if diff := cmp.Diff([][]int32{{1, 5}, {0, 3}, {4}, {2}}, got); diff != "" {
		t.Errorf("four nodes (-want +got):\n%s", diff)
	}
	got, err = p.Split(table, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int32{{0, 1, 3, 5}, {2, 4}}, got); diff != "" {
		t.Errorf("two nodes (-want +got):\n%s", diff)
	}
}

func TestSplitRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	table := labelled(40, 2, 4, r)
	numbers := &Table{Kind: Regression, Columns: []string{"a"}, X: make([]float32, 40), Y: make([]float32, 40)}
	tests := []struct {
		partition string
		table     *Table
		nodes     int
		want      string
	}{
		{"iid", table, 0, "0 nodes; it takes 1 to 131072"},
		{"iid", table, MaxNodes + 1, "it takes 1 to 131072"},
		{"iid", table, 41, "40 rows are too few for 41 nodes"},
		{"dirichlet:1", table, 6, "40 rows are too few for 6 nodes with at least 8 each"},
		{"dirichlet:1", numbers, 2, "it needs classes"},
		{"draw:5:1", numbers, 2, "it needs classes"},
		{"draw:5:3", table, 2, "the rows are of 2 classes only"},
		{"draw:60000000:1", table, 2, "draw more than"},
		{"column:owner", table, 5, "names 4 owners, too few for 5 nodes"},
		{"column:day", table, 2, `group = "day"`},
		{"column:owner", numbers, 2, `group = "owner"`},
	}
	for _, tt := range tests {
		p, err := ParsePartition(tt.partition)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Split(tt.table, tt.nodes, 1)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.partition) {
			t.Errorf("%s among %d: %v, want an error with %q", tt.partition, tt.nodes, err, tt.want)
		}
	}
	for _, p := range []Partition{{Way: 9}, {Way: Dirichlet}, {Way: Column}, {Way: Draw, Rows: 1}} {
		if _, err := p.Split(table, 2, 1); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

// TestDrawIgnoresEmptyClasses has a class number that no row has.
func TestDrawIgnoresEmptyClasses(t *testing.T) {
	table := labelled(40, 2, 4, rand.New(rand.NewPCG(1, 1)))
	table.Classes = 9
	parts, err := Partition{Way: Draw, Rows: 30, Classes: 2}.Split(table, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		if len(part) != 30 {
			t.Errorf("node %d drew %d rows", i, len(part))
		}
	}
}

// TestSplitGolden holds the rows that a seed gives, so that results can be
// compared between versions and architectures.
func TestSplitGolden(t *testing.T) {
	table := labelled(1000, 10, 16, rand.New(rand.NewPCG(2, 2)))
	tests := map[string]string{
		"iid":            "c2ec36eea4cc0ecf",
		"blocks":         "f97a2e26f5020b4e",
		"column:owner":   "7138890279cc3426",
		"dirichlet:0.1":  "477b01e9f7e2b932",
		"dirichlet:0.01": "4aa0c04613e7b44f",
		"dirichlet:50":   "599a882133c91051",
		"draw:100:3":     "1690e6682d2b9fa1",
	}
	for s, want := range tests {
		p, err := ParsePartition(s)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := p.Split(table, 8, 42)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, part := range parts {
			if err := binary.Write(h, binary.LittleEndian, append(part, -1)); err != nil {
				t.Fatal(err)
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
			t.Errorf("%q: %q,", s, got)
		}
	}
}
