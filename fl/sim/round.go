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
	if err := m.meet(round); err != nil {
		return err
	}
	err := m.each(func(i int, ws *model.Workspace) error { return m.begin(round, i, ws) })
	if err != nil || len(m.nodes) == 1 {
		return err
	}
	err = m.each(func(i int, ws *model.Workspace) error {
		if m.weather.away(round, i) || !m.honest(i) {
			return nil
		}
		if err := m.deliver(round, i); err != nil {
			return err
		}
		m.nodes[i].End(round, m.edges[i], ws)
		return nil
	})
	if err == nil && m.villains != nil {
		m.villains.follow()
	}
	return err
}

// meet sets the edges of the round.
func (m *sim) meet(round uint32) error {
	if len(m.nodes) == 1 || m.Topology.Fixed() && round > 0 {
		return nil
	}
	g, err := m.Topology.Build(len(m.nodes), m.Seed, round)
	if err != nil {
		return err
	}
	for i := range m.edges {
		m.ends = g.Neighbours(m.ends[:0], i)
		_, m.weights = g.Weights(m.weights[:0], i)
		m.edges[i] = m.edges[i][:0]
		for k, j := range m.ends {
			m.edges[i] = append(m.edges[i], node.Edge{Peer: m.ids[j], Weight: m.weights[k]})
		}
	}
	return nil
}

// begin lets node i train, and counts what it sends.
func (m *sim) begin(round uint32, i int, ws *model.Workspace) (err error) {
	m.sent[i] = node.Update{}
	n := m.nodes[i]
	switch {
	case !m.enter(round, i):
		return nil
	case n.Listens():
		m.sent[i], _ = n.Ask(round, m.edges[i])
	default:
		if m.sent[i], err = n.Begin(round, m.edges[i], ws); err != nil {
			return err
		}
	}
	if size := m.size(&m.sent[i]); size > 0 && m.honest(i) {
		m.messages.Add(int64(len(m.edges[i])))
		m.bytes.Add(int64(size * len(m.edges[i])))
	}
	return nil
}

// size returns the bytes of an update as it is encoded.
func (m *sim) size(u *node.Update) int {
	switch {
	case u.Exchange != nil:
		return update.ExchangeSize(u.Exchange)
	case u.Vectors != nil:
		return update.PayloadSize(m.set.Quant(), m.set.Model.Size(), len(u.Vectors))
	}
	return 0
}

// deliver hands node i what its neighbours sent and what is not lost.
func (m *sim) deliver(round uint32, i int) error {
	lies := lies{villains: m.villains, round: round, receiver: i}
	for _, e := range m.edges[i] {
		j := index(e.Peer)
		u := m.sent[j]
		if u.Vectors == nil && u.Exchange == nil || !m.weather.arrives(round, j, i) {
			continue
		}
		if !m.honest(j) {
			u = lies.from(j)
		}
		if err := m.nodes[i].Receive(e.Peer, m.ids[i], round, u); err != nil {
			var refused *update.Refused
			if !errors.As(err, &refused) {
				return err
			}
		}
	}
	return nil
}

// enter reports whether a node is there in a round, and tells one that was away
// for a while that it is late.
func (m *sim) enter(round uint32, i int) bool {
	if m.weather.away(round, i) {
		m.missed[i]++
		return false
	}
	m.nodes[i].Missed(m.missed[i])
	m.missed[i] = 0
	return true
}

func index(id node.PeerID) int {
	return int(id[0])<<24 | int(id[1])<<16 | int(id[2])<<8 | int(id[3])
}

// evaluate scores every honest node and the mean of their models.
func (m *sim) evaluate(round int) (Point, error) {
	scores := make([]model.Score, len(m.nodes))
	err := m.each(func(i int, ws *model.Workspace) (err error) {
		scores[i], err = m.nodes[i].Score(m.Test, ws)
		return err
	})
	if err != nil {
		return Point{}, err
	}
	p, honest := Point{Round: round, Worst: math.Inf(1)}, float64(len(m.nodes)-m.Malicious)
	for i, s := range scores {
		if !m.honest(i) {
			continue
		}
		v := m.set.Model.Measure(s)
		p.Mean += v / honest
		p.Worst = min(p.Worst, v)
		p.TrainLoss += m.nodes[i].Loss / honest
	}
	mean := m.meanModel()
	average, err := m.set.Model.Evaluate(mean, m.Test, m.workers[0])
	if err != nil {
		return Point{}, err
	}
	p.AverageModel = m.set.Model.Measure(average)
	p.Consensus = m.consensus(mean)
	return p, nil
}

func (m *sim) meanModel() []float32 {
	mean := make([]float32, m.set.Model.Size())
	for i, n := range m.nodes {
		if m.honest(i) {
			tensor.Axpy(1/float32(len(m.nodes)-m.Malicious), n.Model(), mean)
		}
	}
	return mean
}

func (m *sim) consensus(mean []float32) float64 {
	distance := make([]float32, len(mean))
	var sum float64
	for i, n := range m.nodes {
		if !m.honest(i) {
			continue
		}
		tensor.Sub(distance, n.Model(), mean)
		d := tensor.Norm(distance)
		sum += float64(d*d) / float64(len(m.nodes)-m.Malicious)
	}
	norm := tensor.Norm(mean)
	return sum / (float64(norm*norm) + 1e-12)
}
