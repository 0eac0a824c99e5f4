// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// TestTellers holds who tells and when, and that everybody has to at some time.
func TestTellers(t *testing.T) {
	var all []PeerID
	for i := range 8 {
		all = append(all, peer(i))
	}
	told := map[PeerID]int{}
	for round := range uint32(200) {
		ids := Tellers(checkpointTask, round, all)
		if want := round > 0 && round%tellEvery == 0; (len(ids) == tellers) != want || !want && ids != nil {
			t.Fatalf("round %d: %d tell", round, len(ids))
		}
		for _, id := range ids {
			told[id]++
		}
		// One who does not see a teller finds the others all the same.
		if len(ids) > 0 {
			fewer := slices.DeleteFunc(slices.Clone(all), func(id PeerID) bool { return id == ids[0] })
			others := Tellers(checkpointTask, round, fewer)
			if !slices.Contains(others, ids[1]) || !slices.Contains(others, ids[2]) {
				t.Errorf("round %d: %v, and %v without the first", round, ids, others)
			}
		}
	}
	for _, id := range all {
		if told[id] < 15 {
			t.Errorf("%v tells %d times in 200 rounds", id, told[id])
		}
	}
	if ids := Tellers(checkpointTask, tellEvery, all[:2]); len(ids) != 2 {
		t.Errorf("of two: %v", ids)
	}
}

// TestHeed holds who believes whom.
func TestHeed(t *testing.T) {
	c := newChoir(t, summed(t, KGT), 3)
	start := c.nodes[0].Tell()
	now := c.sing(3).nodes[0].Tell()
	other := c.sing(1).nodes[0].Tell()
	other[0][len(other[0])-1] = 3 // as many sums as now
	for _, tt := range []struct {
		name    string
		own     Vectors
		unsure  bool
		listens bool
		told    []Vectors
		takes   Vectors
		sure    bool // afterwards
	}{
		{"sure of it", start, false, false, []Vectors{now, now, now}, start, true},
		{"unsure, nobody tells", start, true, false, nil, start, false},
		{"unsure, told the same", now, true, false, []Vectors{now}, now, true},
		{"unsure, two tell another", now, true, false, []Vectors{other, other, now}, other, true},
		{"unsure, one tells another", now, true, false, []Vectors{other}, now, false},
		{"unsure, one tells an older", now, true, false, []Vectors{start}, now, false},
		{"unsure, one tells a newer", start, true, false, []Vectors{now}, now, true},
		{"unsure, a newer beats an older", start, true, false, []Vectors{now, start}, now, true},
		{"unsure, many beat a newer", now, true, false, []Vectors{start, start, other}, start, true},
		{"listens, one tells", now, true, true, []Vectors{start}, start, true},
		{"listens, nobody tells", now, true, true, nil, now, false},
	} {
		n := New(summed(t, KGT), uneven(0), nil, 1)
		n.adoptTold(tt.own)
		n.shared.unsure = tt.unsure
		n.shared.residue[0] = 1
		if tt.listens {
			n.Late()
		}
		told := map[PeerID]Vectors{}
		differ := 0
		for i, v := range tt.told {
			told[peer(i)] = v
			if h := hashTold(v); h != hashTold(tt.takes) && h != hashTold(tt.own) {
				differ++
			}
		}
		errs := n.Heed(told, nil)
		if hashTold(n.Tell()) != hashTold(tt.takes) || n.shared.unsure == tt.sure || n.Listens() != (tt.listens && !tt.sure) {
			t.Errorf("%s: unsure %v, listens %v, or another model", tt.name, n.shared.unsure, n.Listens())
		}
		if adopted := hashTold(tt.own) != hashTold(tt.takes); adopted != (n.shared.residue[0] == 0) {
			t.Errorf("%s: what it has not said yet: %v", tt.name, n.shared.residue[0])
		}
		if len(errs) != differ {
			t.Errorf("%s: %v, want %d", tt.name, errs, differ)
		}
	}
}

// TestHeedLoss holds that what would do far worse is not adopted.
func TestHeedLoss(t *testing.T) {
	c := newChoir(t, summed(t, KGT), 3).sing(2)
	n := New(summed(t, KGT), uneven(0), nil, 1)
	n.Late()
	before := slices.Clone(n.x)
	errs := n.Heed(map[PeerID]Vectors{peer(1): c.nodes[0].Tell()}, never)
	if len(errs) != 2 || reason(errs[0]) != ReasonToldLoss || !sameBits(n.x, before) || !n.Listens() {
		t.Errorf("%v", errs)
	}
}

// TestHeedMalformed holds what is no common state.
func TestHeedMalformed(t *testing.T) {
	good := newChoir(t, summed(t, KGT), 3).sing(2).nodes[0].Tell()
	last := len(good[0]) - 1
	nan := float32(math.NaN())
	for name, change := range map[string]func(v Vectors) Vectors{
		"nothing":      func(Vectors) Vectors { return nil },
		"one vector":   func(v Vectors) Vectors { return v[:1] },
		"short":        func(v Vectors) Vectors { return Vectors{v[0][1:], v[1]} },
		"short mean":   func(v Vectors) Vectors { return Vectors{v[0], v[1][1:]} },
		"half a scale": func(v Vectors) Vectors { v[0][last-1] = 0.5; return v },
		"low scale":    func(v Vectors) Vectors { v[0][last-1] = minScale - 1; return v },
		"high scale":   func(v Vectors) Vectors { v[0][last-1] = maxScale + 1; return v },
		"scale NaN":    func(v Vectors) Vectors { v[0][last-1] = nan; return v },
		"huge scale":   func(v Vectors) Vectors { v[0][last-1] = math.MaxFloat32; return v },
		"many sums":    func(v Vectors) Vectors { v[0][last] = 2 * MaxRounds; return v },
		"half a sum":   func(v Vectors) Vectors { v[0][last] = 1.5; return v },
		"steps NaN":    func(v Vectors) Vectors { v[1][last-1] = nan; return v },
		"many steps":   func(v Vectors) Vectors { v[1][last-1] = maxSteps + 1; return v },
		"something":    func(v Vectors) Vectors { v[1][last] = 1; return v },
		"huge model":   func(v Vectors) Vectors { v[0][0] = 1e6; return v },
		"model NaN":    func(v Vectors) Vectors { v[0][0] = nan; return v },
		"huge mean":    func(v Vectors) Vectors { v[1][0] = 1e9; return v },
	} {
		n := New(summed(t, KGT), uneven(0), nil, 1)
		n.Late()
		before := n.Checkpoint(checkpointTask, 0)
		v := change(Vectors{slices.Clone(good[0]), slices.Clone(good[1])})
		if errs := n.Heed(map[PeerID]Vectors{peer(1): v}, nil); len(errs) != 1 || reason(errs[0]) == "" || reason(errs[0]) == ReasonTold {
			t.Errorf("%s: %v", name, errs)
		}
		if string(n.Checkpoint(checkpointTask, 0)) != string(before) || !n.Listens() {
			t.Errorf("%s: it is adopted", name)
		}
	}
}

// TestMissedRounds holds that one who misses sums has the common model again
// soon after, and one who is late has it before it takes part.
func TestMissedRounds(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		c := newChoir(t, summed(t, a), 5)
		c.sing(7).sing(1, 4).sing(2, 1, 2)
		c.sing(2*tellEvery, 3)
		c.nodes[3].Late()
		size := tensor.Norm(c.nodes[0].x)
		if d := distance(c.nodes[3].x, c.nodes[0].x); d < 0.001*size {
			t.Fatalf("one who misses rounds is only %v away: this shows nothing", d)
		}
		c.sing(2 * tellEvery)
		for i, n := range c.nodes {
			if !sameBits(n.x, c.nodes[0].x) || n.shared.unsure || n.Listens() {
				t.Errorf("%v: node %d: unsure %v, listens %v, %v away", a, i, n.shared.unsure, n.Listens(), distance(n.x, c.nodes[0].x))
			}
		}
	}
}

// TestToldSize holds that what is told is what is counted.
func TestToldSize(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		n := New(summed(t, a), uneven(0), nil, 1)
		packed := must(update.Pack(zeros{}, update.Spec{}, n.Tell()))(t)
		if got := ToldSize(len(n.x), a); got != packed.Payload {
			t.Errorf("%v: %d bytes, want %d", a, got, packed.Payload)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
