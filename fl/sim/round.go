// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// each runs f for every node on all processors. What f does depends on the node
// alone, so the result does not depend on who does it when.
func (m *sim) each(f func(i int, ws *model.Workspace) error) error {
	var next atomic.Int64
	errs := make([]error, len(m.workers))
	var wg sync.WaitGroup
	for w, ws := range m.workers {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < len(m.nodes); i = int(next.Add(1) - 1) {
				if err := f(i, ws); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// round trains every node, carries the updates over the round's graph and lets
// every node mix. It fails with model.ErrDiverged where training diverges.
func (m *sim) round(round uint32) error {
	if m.Mode.Summed() {
		return m.sumRound(round)
	}
	err := m.each(func(i int, ws *model.Workspace) (err error) {
		m.sent[i] = nil
		if m.enter(round, i) && !m.nodes[i].Listens() {
			m.sent[i], err = m.nodes[i].Begin(round, ws)
		}
		return err
	})
	if err != nil || len(m.nodes) == 1 {
		return err
	}
	g, err := m.Topology.Build(len(m.nodes), m.Seed, round)
	if err != nil {
		return err
	}
	return m.each(func(i int, _ *model.Workspace) error {
		if m.weather.away(round, i) {
			return nil
		}
		edges := m.edges(g, i)
		if m.sent[i] != nil {
			m.sends.Add(int64(len(edges)))
		}
		for _, e := range edges {
			j := index(e.Peer)
			if m.sent[j] == nil || !m.weather.arrives(round, j, i) {
				continue
			}
			if err := m.nodes[i].Receive(e.Peer, m.sent[j]); err != nil {
				var refused *update.Refused
				if !errors.As(err, &refused) {
					return err
				}
			}
		}
		m.nodes[i].End(round, edges)
		return nil
	})
}

// enter reports whether a node is there in a round, and tells one that was away
// for a while that it is late.
func (m *sim) enter(round uint32, i int) bool {
	if m.weather.away(round, i) {
		m.missed[i]++
		return false
	}
	if m.missed[i] > node.MaxMissed {
		m.nodes[i].Late()
	}
	m.missed[i] = 0
	return true
}

func index(id node.PeerID) int {
	return int(id[0])<<24 | int(id[1])<<16 | int(id[2])<<8 | int(id[3])
}

func (m *sim) edges(g *topology.Graph, i int) []node.Edge {
	ids := g.Neighbours(nil, i)
	_, weights := g.Weights(nil, i)
	edges := make([]node.Edge, len(ids))
	for k, j := range ids {
		edges[k] = node.Edge{Peer: m.ids[j], Weight: weights[k]}
	}
	return edges
}

// evaluate scores every node and the mean of all models.
func (m *sim) evaluate(round int) (Point, error) {
	scores := make([]model.Score, len(m.nodes))
	err := m.each(func(i int, ws *model.Workspace) (err error) {
		scores[i], err = m.nodes[i].Score(m.Test, ws)
		return err
	})
	if err != nil {
		return Point{}, err
	}
	p := Point{Round: round, Worst: math.Inf(1)}
	for i, s := range scores {
		v := m.measure(s)
		p.Mean += v / float64(len(scores))
		p.Worst = min(p.Worst, v)
		p.TrainLoss += m.nodes[i].Loss / float64(len(scores))
	}
	mean := m.meanModel()
	average, err := m.set.Model.Evaluate(mean, m.Test, m.workers[0])
	if err != nil {
		return Point{}, err
	}
	p.AverageModel = m.measure(average)
	p.Consensus = m.consensus(mean)
	return p, nil
}

func (m *sim) measure(s model.Score) float64 {
	if m.set.Model.Loss() == model.MeanSquare {
		return s.R2
	}
	return s.Accuracy
}

func (m *sim) meanModel() []float32 {
	mean := make([]float32, m.set.Model.Size())
	for _, n := range m.nodes {
		tensor.Axpy(1/float32(len(m.nodes)), n.Model(), mean)
	}
	return mean
}

func (m *sim) consensus(mean []float32) float64 {
	distance := make([]float32, len(mean))
	var sum float64
	for _, n := range m.nodes {
		tensor.Sub(distance, n.Model(), mean)
		d := tensor.Norm(distance)
		sum += float64(d*d) / float64(len(m.nodes))
	}
	norm := tensor.Norm(mean)
	return sum / (float64(norm*norm) + 1e-12)
}
