// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// goldenCheckpoint is an entry of testdata/checkpoints.json: what is in a
// checkpoint, and its bytes.
type goldenCheckpoint struct {
	Name       string    `json:"name"`
	Algorithm  string    `json:"algorithm"`
	FixedGraph bool      `json:"fixed_graph"`
	Task       string    `json:"task"`
	Round      uint32    `json:"round"`
	Rand       string    `json:"rand"`
	Model      []float32 `json:"model"`
	Correction []float32 `json:"correction"`
	Direction  []float32 `json:"direction"`
	// Of K-GT on a fixed graph after the end of an epoch.
	Settled []float32 `json:"settled,omitempty"`
	Epoch   *uint32   `json:"epoch,omitempty"`
	// Of summed tasks.
	Shared *goldenShared `json:"shared,omitempty"`
	Bytes  string        `json:"bytes"`
}

type goldenShared struct {
	Model   []float32 `json:"model"`
	Mean    []float32 `json:"mean"`
	Own     []float32 `json:"own"`
	Residue []float32 `json:"residue"`
	Scale   int       `json:"scale"`
	Sums    uint32    `json:"sums"`
	Steps   float32   `json:"steps"`
	Skipped int       `json:"skipped"`
}

var checkpointTask = ID{'t', 'a', 's', 'k'}

// checkpointed are nodes with a checkpoint of a round, one of each form.
func checkpointed(t tb) (nodes []*Node, entries []goldenCheckpoint) {
	for _, form := range []struct {
		name   string
		a      Algorithm
		fixed  bool
		epochs bool
	}{
		{"kgt on a fixed graph", KGT, true, false}, {"kgt on a graph that changes", KGT, false, false}, {"dpsgd", DPSGD, true, false},
		{"kgt over the end of an epoch", KGT, true, true},
	} {
		set := settings(t, form.a, update.F32)
		set.FixedGraph = form.fixed
		c := newCrowd(t, set, 3, "ring")
		for round := range uint32(3) {
			if form.epochs {
				c.enter(8+round/2, round)
			}
			c.round(round, nil)
		}
		n := c.nodes[0]
		e := goldenCheckpoint{
			Name: form.name, Algorithm: form.a.String(), FixedGraph: form.fixed, Task: hex.EncodeToString(checkpointTask[:]), Round: 2,
			Rand: hex.EncodeToString(must(n.pcg.MarshalBinary())(t)), Model: n.x, Correction: []float32{}, Direction: []float32{},
			Bytes: hex.EncodeToString(n.Checkpoint(checkpointTask, 2)),
		}
		if n.track != nil {
			e.Correction, e.Direction = n.track.c, append(e.Direction, n.track.z...)
			e.Settled, e.Epoch = n.track.settled.total, n.track.epoch
		}
		nodes, entries = append(nodes, n), append(entries, e)
	}
	for _, a := range []Algorithm{KGT, DPSGD} {
		n := newChoir(t, summed(t, a), 3).sing(3).nodes[0]
		nodes, entries = append(nodes, n), append(entries, goldenSummed(t, n))
	}
	return nodes, entries
}

func goldenSummed(t tb, n *Node) goldenCheckpoint {
	s, none := n.shared, []float32{}
	return goldenCheckpoint{
		Name: n.set.Algorithm.String() + " by sums", Algorithm: n.set.Algorithm.String(), Task: hex.EncodeToString(checkpointTask[:]), Round: 2,
		Rand: hex.EncodeToString(must(n.pcg.MarshalBinary())(t)), Model: n.x, Correction: none, Direction: none,
		Shared: &goldenShared{s.model, append(none, s.mean...), append(none, s.own...), s.residue, s.scale, s.sums, s.steps, s.skipped},
		Bytes:  hex.EncodeToString(n.Checkpoint(checkpointTask, 2)),
	}
}

// TestCheckpointGolden holds the format, and with it that three rounds of
// learning give the same bits on every architecture.
func TestCheckpointGolden(t *testing.T) {
	_, made := checkpointed(t)
	var want []goldenCheckpoint
	golden(t, "checkpoints.json", made, &want)
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("-golden +made:\n%s", d)
	}
}

// TestRestore holds that a node that goes on from a checkpoint does as one that
// was not interrupted, bit for bit.
func TestRestore(t *testing.T) {
	for _, k := range kinds {
		for _, fixed := range []bool{true, false} {
			set := settings(t, k.algorithm, k.quant)
			set.FixedGraph = fixed
			a, b := newCrowd(t, set, 4, "full"), newCrowd(t, set, 4, "full")
			for round := range uint32(8) {
				a.round(round, nil)
				b.round(round, nil)
				if round%3 != 1 {
					continue
				}
				for i, n := range b.nodes {
					fresh := New(set, uneven(i), nil, 1234)
					last, err := fresh.Restore(checkpointTask, n.Checkpoint(checkpointTask, round))
					if err != nil || last != round {
						t.Fatalf("%s: restored round %d of %d: %v", k.name, last, round, err)
					}
					b.nodes[i] = fresh
				}
			}
			for i := range a.nodes {
				if !sameBits(a.nodes[i].x, b.nodes[i].x) {
					t.Errorf("%s, fixed %v: node %d differs by %.2g", k.name, fixed, i, distance(a.nodes[i].x, b.nodes[i].x))
				}
			}
		}
	}
}

// seal sets the right checksum of a checkpoint whose fields were changed.
func seal(c checkpoint) []byte {
	b := wire.MustMarshal(c)
	sum := sha256.Sum256(b[:len(b)-sha256.Size])
	return append(b[:len(b)-sha256.Size], sum[:]...)
}

func TestRestoreRefuses(t *testing.T) {
	nodes, _ := checkpointed(t)
	set := settings(t, KGT, update.F32)
	good := nodes[0].Checkpoint(checkpointTask, 2)
	var plain checkpoint
	if err := checkpointDecoder.Unmarshal(good, &plain); err != nil {
		t.Fatal(err)
	}
	victim := New(set, uneven(0), nil, 7)
	before := victim.Checkpoint(checkpointTask, 0)
	refuses := func(name string, b []byte, want error) {
		t.Helper()
		if _, err := victim.Restore(checkpointTask, b); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if !bytes.Equal(victim.Checkpoint(checkpointTask, 0), before) {
			t.Fatalf("%s: the node is changed", name)
		}
	}
	for n := range good {
		refuses("truncated", good[:n], ErrCheckpoint)
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		refuses("flipped", flipped, ErrCheckpoint)
	}
	refuses("longer", append(slices.Clone(good), 0), ErrCheckpoint)
	refuses("too long", make([]byte, MaxCheckpoint+1), ErrCheckpoint)

	nan := slices.Clone(plain.Model)
	copy(nan, []byte{0, 0, 0xc0, 0x7f})
	for _, tt := range []struct {
		name   string
		change func(c *checkpoint)
		want   error
	}{
		{"other version", func(c *checkpoint) { c.Version++ }, ErrCheckpoint},
		{"other task", func(c *checkpoint) { c.Task[3]++ }, ErrOtherTask},
		{"smaller model", func(c *checkpoint) { c.Model = c.Model[4:] }, ErrCheckpoint},
		{"part of a number", func(c *checkpoint) { c.Model = c.Model[1:] }, ErrCheckpoint},
		{"no correction", func(c *checkpoint) { c.Correction = nil }, ErrCheckpoint},
		{"larger direction", func(c *checkpoint) { c.Direction = append(c.Direction, 0, 0, 0, 0) }, ErrCheckpoint},
		{"NaN in the model", func(c *checkpoint) { c.Model = nan }, ErrCheckpoint},
		{"NaN in the correction", func(c *checkpoint) { c.Correction = nan }, ErrCheckpoint},
		{"NaN in the direction", func(c *checkpoint) { c.Direction = nan }, ErrCheckpoint},
		{"part of what is settled", func(c *checkpoint) { c.Settled = c.Direction[4:] }, ErrCheckpoint},
		{"NaN in what is settled", func(c *checkpoint) { c.Settled = nan }, ErrCheckpoint},
		{"no generator", func(c *checkpoint) { c.Rand = nil }, ErrCheckpoint},
		{"other generator", func(c *checkpoint) { c.Rand = append([]byte("abc:"), c.Rand[4:]...) }, ErrCheckpoint},
	} {
		c := plain
		tt.change(&c)
		refuses(tt.name, seal(c), tt.want)
	}
	first := slices.Clone(good)
	first[1] = 1
	if _, err := victim.Restore(checkpointTask, first); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), "version 1, not 3") {
		t.Errorf("a checkpoint of version 1: %v", err)
	}
	set.FixedGraph = false
	changing := New(set, uneven(0), nil, 7)
	epoch := seal(func(c checkpoint) checkpoint { c.Direction, c.Epoch = []byte{}, new(uint32); return c }(plain))
	if _, err := changing.Restore(checkpointTask, epoch); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("an epoch on a graph that changes: %v", err)
	}
	dpsgd := New(settings(t, DPSGD, update.F32), uneven(0), nil, 7)
	if _, err := dpsgd.Restore(checkpointTask, good); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("a checkpoint of K-GT in a node of D-PSGD: %v", err)
	}
	if _, err := victim.Restore(checkpointTask, seal(plain)); err != nil {
		t.Errorf("the unchanged one: %v", err)
	}
}

// FuzzRestore holds that a node that takes a checkpoint makes the same one
// again, and that its numbers are finite.
func FuzzRestore(f *testing.F) {
	nodes, _ := checkpointed(f)
	for i, n := range nodes {
		f.Add(n.Checkpoint(checkpointTask, 2), i%2 == 0, n.shared != nil)
	}
	f.Fuzz(func(t *testing.T, b []byte, sum, bySums bool) {
		set := settings(t, KGT, update.F32)
		if bySums {
			set = summed(t, KGT)
		}
		if sum && len(b) >= sha256.Size { // past the checksum
			digest := sha256.Sum256(b[:len(b)-sha256.Size])
			copy(b[len(b)-sha256.Size:], digest[:])
		}
		n := New(set, uneven(0), nil, 7)
		round, err := n.Restore(checkpointTask, b)
		if err != nil {
			return
		}
		if again := n.Checkpoint(checkpointTask, round); !bytes.Equal(again, b) {
			t.Error("the checkpoint of what is restored differs")
		}
		vectors := [][]float32{n.x}
		if bySums {
			vectors = append(vectors, n.shared.model, n.shared.mean, n.shared.own, n.shared.residue)
		} else {
			vectors = append(vectors, n.track.c, n.track.z, n.track.settled.total)
		}
		if !tensor.Finite(slices.Concat(vectors...)) {
			t.Error("a number is not finite")
		}
	})
}

func BenchmarkCheckpoint(b *testing.B) {
	n := New(wide(b), uneven(0), nil, 7)
	b.ReportAllocs()
	for b.Loop() {
		n.Checkpoint(checkpointTask, 2)
	}
}

func BenchmarkRestore(b *testing.B) {
	n := New(wide(b), uneven(0), nil, 7)
	saved := n.Checkpoint(checkpointTask, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Restore(checkpointTask, saved); err != nil {
			b.Fatal(err)
		}
	}
}
