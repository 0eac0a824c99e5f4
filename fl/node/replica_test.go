// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/update"
	"pgregory.net/rapid"
)

// squeezed are settings of nodes that keep replicas.
func squeezed(t tb, a Algorithm, compress string) Settings {
	t.Helper()
	set := settings(t, a, update.F32)
	set.Compression = must(update.ParseCompression(compress))(t)
	return set
}

// compressions are those that keep replicas.
var compressions = []string{"q4", "sign", "topk:0.2:1bit", "topk:0.2:4bit"}

// live takes all nodes through a round. Who is away does nothing, and stays a
// neighbour.
func (c *crowd) live(round uint32, lost func(from, to int) bool, away ...int) {
	c.t.Helper()
	c.sent = make([]Update, len(c.nodes))
	for i, n := range c.nodes {
		switch {
		case slices.Contains(away, i):
		case n.Listens():
			c.sent[i], _ = n.Ask(round, c.edges(i))
		default:
			c.sent[i] = must(n.Begin(round, c.edges(i), c.ws))(c.t)
		}
	}
	for i, n := range c.nodes {
		if slices.Contains(away, i) {
			continue
		}
		for _, e := range c.edges(i) {
			if j := int(e.Peer[0]) - 1; c.sent[j].said() && (lost == nil || !lost(j, i)) {
				if err := n.Receive(e.Peer, c.id(i), round, c.sent[j]); err != nil {
					c.t.Fatalf("round %d: node %d refuses %d: %v", round, i, j, err)
				}
			}
		}
	}
	for i, n := range c.nodes {
		if !slices.Contains(away, i) {
			n.End(round, c.edges(i), c.ws)
		}
	}
}

// agree fails where two ends of an edge do not hold the same after a round in which
// nothing is on its way any more. Edges of liars are not looked at.
func (c *crowd) agree(liars ...int) error {
	for i, n := range c.nodes {
		for _, e := range c.edges(i) {
			j := int(e.Peer[0]) - 1
			if slices.Contains(liars, i) || slices.Contains(liars, j) {
				continue
			}
			p, other := n.replicas.peers[e.Peer], c.nodes[j]
			switch {
			case p == nil || p.holds != exact || !p.active:
				return fmt.Errorf("node %d does not mix with %d: %v", i, j, p)
			case !sameBits(p.theirs.x, other.replicas.hat):
				return fmt.Errorf("node %d has another replica of %d than that one itself", i, j)
			case p.wait != nil || !slices.Equal(p.said, other.replicas.peers[c.id(i)].said):
				return fmt.Errorf("node %d has not taken its last step with %d", i, j)
			}
			if n.track == nil {
				continue
			}
			there, back := n.track.flow(e.Peer, 0), other.track.flow(c.id(i), 0)
			for k := range there {
				if there[k] != -back[k] {
					return fmt.Errorf("nodes %d and %d owe each other %v and %v of number %d", i, j, there[k], back[k], k)
				}
			}
		}
	}
	return nil
}

// TestReplicasAgree holds that, whatever is lost and whoever is away, both ends of
// each edge have the same replicas to the bit once nothing is lost for a while, and
// that what one has taken the other has given.
func TestReplicasAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := squeezed(t, Algorithm(rapid.IntRange(0, 1).Draw(t, "algorithm")), rapid.SampledFrom(compressions).Draw(t, "compression"))
		topo := rapid.SampledFrom([]string{"ring", "star", "full", "regular:4"}).Draw(t, "topology")
		loss := rapid.Float64Range(0, 0.6).Draw(t, "loss")
		churn := rapid.Float64Range(0, 0.3).Draw(t, "churn")
		rounds := rapid.Uint32Range(1, 60).Draw(t, "rounds")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		c := newCrowd(t, set, 8, topo)
		for round := range rounds {
			var away []int
			for i := range c.nodes {
				if r.Float64() < churn {
					away = append(away, i)
				}
			}
			c.live(round, func(int, int) bool { return r.Float64() < loss }, away...)
		}
		for round := range uint32(3 * window) {
			c.live(rounds+round, nil)
		}
		if err := c.agree(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestReplicasAfterLongSilence holds that halves that did not hear each other for longer
// than frames are kept come together again, by slices.
func TestReplicasAfterLongSilence(t *testing.T) {
	for _, compress := range compressions {
		c := newCrowd(t, squeezed(t, KGT, compress), 8, "ring")
		for round := range uint32(20) {
			c.live(round, nil)
		}
		apart := func(from, to int) bool { return (from < 4) != (to < 4) }
		for round := range uint32(3 * window) {
			c.live(20+round, apart)
		}
		if err := c.agree(); err == nil {
			t.Errorf("%s: nothing is missing after a silence", compress)
		}
		for round := range uint32(2 * window) {
			c.live(20+3*window+round, nil)
		}
		if err := c.agree(); err != nil {
			t.Errorf("%s: %v", compress, err)
		}
	}
}

// TestReplicaTooLong holds that a frame, or a replica, that is longer than any model is
// not believed, and that what an edge to it came to goes.
func TestReplicaTooLong(t *testing.T) {
	c := newCrowd(t, squeezed(t, KGT, "q4"), 4, "full")
	n, liar := c.nodes[1], c.id(0)
	lie := func(round uint32, share float64) (refused error) {
		c.live(round, func(from, to int) bool {
			if from != 0 || to != 1 {
				return false
			}
			y := make([]float32, len(n.x))
			for i := range y {
				y[i] = float32(share * n.normLimit() / math.Sqrt(float64(len(y))))
			}
			ex := *c.sent[0].Exchange
			ex.Frames = slices.Clone(ex.Frames)
			last := &ex.Frames[len(ex.Frames)-1]
			last.Delta = n.set.Compression.AppendDelta(nil, y, &update.Delta{})
			refused = n.Receive(liar, c.id(1), round, Update{Exchange: &ex})
			return true
		})
		return refused
	}
	for round := range uint32(4) {
		c.live(round, nil)
	}
	var r *update.Refused
	if err := lie(4, 1.2); !errors.As(err, &r) || r.Reason != update.ReasonNorm {
		t.Fatalf("a frame beyond the limit: %v", err)
	}
	p := n.replicas.peers[liar]
	for round := uint32(5); round < 8; round++ { // the frame of round 4 comes again
		c.live(round, nil)
	}
	if p.holds != exact || !p.active || n.track.flows[liar] == nil {
		t.Fatalf("after a refused frame: %+v", p)
	}
	for round := uint32(8); round < 10; round++ {
		if err := lie(round, 0.95); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if p.holds == exact || p.active || n.track.flows[liar] != nil {
		t.Errorf("a replica beyond the limit is believed: %+v", p)
	}
}

// forge returns an exchange of the form that a liar may send, with its real one as a model.
func forge(t *rapid.T, c *crowd, round uint32, honest *update.Exchange) *update.Exchange {
	set := &c.nodes[0].set
	params := len(c.nodes[0].x)
	near := rapid.Custom(func(t *rapid.T) uint32 {
		return uint32(max(0, int64(round)+rapid.Int64Range(-2*window, 1).Draw(t, "ago")))
	})
	ex := &update.Exchange{Gen: honest.Gen, Receipts: honest.Receipts, Frames: slices.Clone(honest.Frames)}
	if rapid.Bool().Draw(t, "other gen") {
		ex.Gen = near.Draw(t, "gen")
	}
	if rapid.Bool().Draw(t, "other receipts") {
		ex.Receipts = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "receipts")
	}
	for i := range ex.Frames {
		f := &ex.Frames[i]
		switch rapid.IntRange(0, 6).Draw(t, "change") {
		case 0:
			f.Round = near.Draw(t, "round")
		case 1:
			prev := near.Draw(t, "prev")
			f.Prev = &prev
		case 2:
			f.Prev = nil
		case 3:
			f.Degree, f.Gain = rapid.Uint8().Draw(t, "degree"), rapid.Uint8().Draw(t, "gain")
		case 4:
			f.Behind = rapid.SampledFrom([][]byte{{}, {2, 0, 0, 0}, {2, 0, 0, 0, 3, 0, 0, 0}}).Draw(t, "behind")
		case 5:
			n := rapid.IntRange(1, params).Draw(t, "numbers")
			f.From = uint32(rapid.IntRange(0, params-n).Draw(t, "from"))
			f.Slice = update.EncodeVector(update.Q8, make([]float32, n))
		case 6:
			y := make([]float32, params)
			y[rapid.IntRange(0, params-1).Draw(t, "number")] = float32(rapid.IntRange(-9, 9).Draw(t, "value"))
			f.Delta = set.Compression.AppendDelta(nil, y, &update.Delta{})
		}
	}
	return ex
}

// TestReplicasOfLiars holds that nothing that a neighbour can say brings a node down, or
// what honest ones have of each other.
func TestReplicasOfLiars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := squeezed(t, KGT, rapid.SampledFrom(compressions).Draw(t, "compression"))
		c := newCrowd(t, set, 5, "full")
		rounds := 4 + rapid.Uint32Range(1, 30).Draw(t, "rounds")
		for round := range rounds {
			c.live(round, func(from, to int) bool {
				if from != 0 || round < 4 || !c.sent[0].said() {
					return false
				}
				c.nodes[to].Receive(c.id(0), c.id(to), round, Update{Exchange: forge(t, c, round, c.sent[0].Exchange)}) // may be refused
				return true
			})
		}
		if err := c.agree(0); err != nil {
			t.Fatal(err)
		}
	})
}
