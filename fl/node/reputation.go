// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

// judge watches how neighbours' models do on rows of the device that none of them
// was made of. One that does far worse than most, again and again, loses its say.
// It is a last resort against the coarse: rules of package aggregate are for
// the sly, and a neighbour whose data are merely others' has nothing to fear.
type judge struct {
	rows       *dataset.Table
	reputation map[PeerID]float32 // by handle, or by pseudonym of who is not recognised
	names      map[PeerID]PeerID  // handles of those who are recognised, by pseudonym
	losses     []float64
}

const (
	maxJudged     = 64   // rows
	maxReputation = 64   // neighbours that are remembered
	judgeRate     = 0.1  // share of a round in a reputation
	stranger      = 0.5  // reputation of who is new
	fullTrust     = 0.5  // from there on a neighbour has its whole weight
	noTrust       = 0.25 // and none up to there
	badFactor     = 2    // a loss is bad above the median of all times that,
	badSlack      = 0.5  // and that
)

// Judge lets the node judge its neighbours' models by rows that it does not learn
// from, or a part of them where there are many.
func (n *Node) Judge(held *dataset.Table) {
	if held.Rows() > maxJudged {
		rows := make([]int32, maxJudged)
		for i := range rows {
			rows[i] = int32(i * held.Rows() / maxJudged)
		}
		held = held.Subset(rows)
	}
	if n.set.KeepHead { // what others show is no whole model
		return
	}
	n.judge = &judge{rows: held, reputation: map[PeerID]float32{}, names: map[PeerID]PeerID{}}
}

// Reputation returns how a neighbour has done, 0 to 1: a moving average of the
// rounds in which its model did no worse than it should. Ok is false where nobody
// judges it.
func (n *Node) Reputation(id PeerID) (r float32, ok bool) {
	if n.judge == nil {
		return 0, false
	}
	r, ok = n.judge.reputation[n.judge.name(id)]
	return r, ok
}

// trust returns the share of its weight that a neighbour has.
func (n *Node) trust(id PeerID) float32 {
	r, ok := n.Reputation(id)
	if !ok {
		return 1
	}
	return min(max((r-noTrust)/(fullTrust-noTrust), 0), 1)
}

// trusted returns the edges with the weights that they have.
func (n *Node) trusted(edges []Edge) []Edge {
	if n.judge == nil || !slices.ContainsFunc(edges, func(e Edge) bool { return n.trust(e.Peer) < 1 }) {
		return edges
	}
	out := slices.Clone(edges)
	for i := range out {
		out[i].Weight *= n.trust(out[i].Peer)
	}
	return out
}

func (j *judge) name(id PeerID) PeerID {
	if handle, ok := j.names[id]; ok {
		return handle
	}
	return id
}

// hear judges the models that came in a round.
func (j *judge) hear(n *Node, edges []Edge, ws *model.Workspace) {
	if n.Listens() {
		return
	}
	loss := func(x []float32) float64 {
		score, err := n.set.Model.Evaluate(x, j.rows, ws)
		if err != nil || math.IsNaN(score.Loss) {
			return math.Inf(1)
		}
		return score.Loss
	}
	var heard []PeerID
	j.losses = append(j.losses[:0], loss(n.x))
	for _, e := range edges {
		if x := n.modelOf(e.Peer); x != nil {
			heard = append(heard, e.Peer)
			j.losses = append(j.losses, loss(x))
		}
	}
	sorted := slices.Sorted(slices.Values(j.losses))
	limit := badFactor*sorted[len(sorted)/2] + badSlack
	if len(sorted)%2 == 0 { // of the middle two the lower one, so that one of two counts as bad
		limit = badFactor*sorted[len(sorted)/2-1] + badSlack
	}
	for i, id := range heard {
		j.note(id, j.losses[1+i] <= limit)
	}
}

// note counts a round of a neighbour.
func (j *judge) note(id PeerID, good bool) {
	name := j.name(id)
	r, known := j.reputation[name]
	if !known {
		if len(j.reputation) >= maxReputation {
			return
		}
		r = stranger
	}
	if good {
		r += float32(judgeRate * (1 - r))
	} else {
		r -= float32(judgeRate * r)
	}
	j.reputation[name] = r
}

// modelOf returns the model of a neighbour as it is known in this round, but for
// what nodes keep to themselves, nil where it is not.
func (n *Node) modelOf(id PeerID) []float32 {
	switch {
	case n.dense != nil:
		if v := n.dense.got[id]; v != nil {
			return v[0]
		}
	case n.robust != nil:
		if v := n.robust.got[id]; v != nil {
			return v[0]
		}
	case n.replicas != nil:
		if p := n.replicas.peers[id]; p != nil && p.holds == exact && p.theirs.covered == len(n.x) {
			return p.theirs.x
		}
	}
	return nil
}

// enter forgets with an epoch those who were not recognised in it.
func (j *judge) enter() {
	lasting := map[PeerID]float32{}
	for _, handle := range j.names {
		if r, ok := j.reputation[handle]; ok {
			lasting[handle] = r
		}
	}
	j.reputation = lasting
	clear(j.names)
}

// meet notes who is recognised.
func (j *judge) meet(all []PeerID, recognised func(PeerID) (PeerID, bool)) {
	for _, id := range all {
		handle, ok := recognised(id)
		if !ok || j.names[id] == handle {
			continue
		}
		j.names[id] = handle
		if r, ok := j.reputation[id]; ok { // as a stranger, in this epoch
			delete(j.reputation, id)
			if _, known := j.reputation[handle]; !known {
				j.reputation[handle] = r
			}
		}
	}
}
