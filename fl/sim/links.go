// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Links say what goes wrong between nodes. The zero Links lose nothing.
type Links struct {
	Loss   float64 // share of exchanges that are lost in both directions; in a summed mode, of nodes that miss a round
	OneWay float64 // share of messages that are lost, whatever becomes of those in the other direction
	Churn  float64 // share of nodes that are away in a round: they neither train nor send nor hear
	Delay  float64 // mean time that a message takes, in rounds, exponentially distributed: what comes after the round's end comes too late
	Split  Split   // rounds in which the nodes fall in two halves that do not hear each other
}

// Split is rounds From to before To; the zero Split is none.
type Split struct{ From, To int }

func (l *Links) check() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"loss", l.Loss}, {"one-way loss", l.OneWay}, {"churn", l.Churn}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("a %s of %v; it is a share from 0 to 1", share.name, share.value)
		}
	}
	if !(l.Delay >= 0 && l.Delay <= MaxDelay) {
		return fmt.Errorf("a delay of %v rounds; it is a number from 0 to %d", l.Delay, MaxDelay)
	}
	if l.Split.From < 0 || l.Split.To < l.Split.From {
		return errors.New("a split begins at a round, 0 or later, and does not end before")
	}
	return nil
}

// MaxDelay is the longest mean delay, in rounds.
const MaxDelay = 1000

// weather draws what goes wrong. Each draw is a hash of the seed and of what is
// drawn for, so that any processor can draw it at any time.
type weather struct {
	links Links
	late  float64 // share of messages that come too late
	seed  uint64
	nodes int
}

func newWeather(l Links, seed uint64, nodes int) weather {
	w := weather{links: l, seed: seed, nodes: nodes}
	if l.Delay > 0 {
		w.late = float64(tensor.Exp32(float32(-1 / l.Delay)))
	}
	return w
}

// What is drawn for.
const (
	drawLoss = iota + 1
	drawOneWay
	drawDelay
	drawChurn
)

// away reports whether a node is away in a round. A single node is always there.
func (w *weather) away(round uint32, i int) bool {
	return w.links.Churn > 0 && w.nodes > 1 && w.draw(drawChurn, round, i, 0) < w.links.Churn
}

// arrives reports whether what node i sends to node j in a round comes in time,
// both being there.
func (w *weather) arrives(round uint32, i, j int) bool {
	l := &w.links
	switch {
	case l.Loss > 0 && w.draw(drawLoss, round, min(i, j), max(i, j)) < l.Loss,
		l.OneWay > 0 && w.draw(drawOneWay, round, i, j) < l.OneWay,
		w.late > 0 && w.draw(drawDelay, round, i, j) < w.late:
		return false
	}
	split := l.Split.From <= int(round) && int(round) < l.Split.To
	return !split || (2*i < w.nodes) == (2*j < w.nodes)
}

// joins reports whether a node takes part in the sum of a round.
func (w *weather) joins(round uint32, i int) bool {
	return w.links.Loss == 0 || w.draw(drawLoss, round, i, i) >= w.links.Loss
}

// draw returns a number from 0 to below 1.
func (w *weather) draw(what int, round uint32, i, j int) float64 {
	h := scramble(w.seed ^ uint64(what)<<32 ^ uint64(round))
	h = scramble(h ^ uint64(i)<<32 ^ uint64(j))
	return float64(h>>11) / (1 << 53)
}

// scramble is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
