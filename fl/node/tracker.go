// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "github.com/vecino-edge/vecino/fl/tensor"

// MaxStale is how many rounds what a silent neighbour contributed is kept.
// After that its data no longer take part.
const MaxStale = 10

// tracker holds K-GT's correction c, which is added to every gradient so that
// the node's steps follow the average gradient of all.
//
// The paper's update is c_i += sum_j w_ij (z_j - z_i), where z is the direction
// that a node's local steps took in a round. A node that misses one message of
// an exchange that its neighbour did apply would leave the sum of all c off
// zero for ever, and the models would drift from the optimum. On a graph that
// stays the same the tracker therefore sends Z, the sum of z over all rounds,
// and sets the flow of an edge to w_ij (Z_j - Z_i): the same number while
// nothing is lost, and after a loss right again with the next message. Flows of
// the two ends are each other's negative whenever both saw the same round. This
// is flow updating (Jesus, Baquero and Almeida, 2009) applied to tracking.
//
// Where the graph changes every round there is no edge to keep a flow for, and
// the tracker adds up what the rounds give, as the paper does.
type tracker struct {
	cumulative bool
	c          []float32 // correction, (params)
	z          []float32 // what is sent: Z, or the round's z; (params)
	flows      map[PeerID]*flow
	carried    *flow // c of a checkpoint, until the neighbours are heard again
	adrift     bool  // z has no known relation to the neighbours' Z yet
}

// flow is what an edge contributes to c.
type flow struct {
	value []float32
	round uint32 // in which it was last set
}

func newTracker(params int, cumulative bool) *tracker {
	t := &tracker{cumulative: cumulative, c: make([]float32, params), z: make([]float32, params)}
	if cumulative {
		t.flows = map[PeerID]*flow{}
	}
	return t
}

// restore sets what a checkpoint held. The flows of single edges are not kept:
// they come back with the neighbours' next messages.
func (t *tracker) restore(c, z []float32, round uint32) {
	copy(t.c, c)
	copy(t.z, z)
	if t.cumulative {
		t.carried = &flow{value: c, round: round}
	}
}

// direction takes the direction of the round's local steps.
func (t *tracker) direction(z []float32) {
	if t.cumulative {
		tensor.Axpy(1, z, t.z)
	} else {
		copy(t.z, z)
	}
}

// mix updates the correction from what arrived in a round. Sent is the own
// vector as the neighbours see it, which may be rounded.
func (t *tracker) mix(round uint32, sent []float32, edges []Edge, arrived map[PeerID]Vectors) {
	if !t.cumulative {
		for _, e := range edges {
			if got, ok := arrived[e.Peer]; ok {
				addDifference(t.c, e.Weight, got[1], sent)
			}
		}
		return
	}
	if t.adrift {
		t.anchor(edges, arrived)
		sent = t.z
	}
	for _, e := range edges {
		if got, ok := arrived[e.Peer]; ok {
			t.set(round, e, got[1], sent)
		}
	}
	t.expire(round, edges)
	t.sum(edges)
}

// anchor chooses Z of a node that was away, or never there, such that its
// correction goes on as it was: sum_j w_ij (Z_j - Z_i) = c_i.
func (t *tracker) anchor(edges []Edge, arrived map[PeerID]Vectors) {
	var total float32
	next := make([]float32, len(t.z))
	for _, e := range edges {
		if got, ok := arrived[e.Peer]; ok {
			tensor.Axpy(e.Weight, got[1], next)
			total += e.Weight
		}
	}
	if total == 0 {
		return
	}
	tensor.Axpy(-1, t.c, next)
	tensor.Scale(1/total, next)
	t.z, t.carried, t.adrift = next, nil, false
}

func (t *tracker) set(round uint32, e Edge, theirs, own []float32) {
	f := t.flows[e.Peer]
	if f == nil {
		f = &flow{value: make([]float32, len(t.c))}
		t.flows[e.Peer] = f
	}
	f.round = round
	clear(f.value)
	addDifference(f.value, e.Weight, theirs, own)
	t.carried = nil
}

// expire drops the flows of edges that are gone or silent for too long.
func (t *tracker) expire(round uint32, edges []Edge) {
	present := make(map[PeerID]bool, len(edges))
	for _, e := range edges {
		present[e.Peer] = true
	}
	for id, f := range t.flows {
		if !present[id] || round-f.round > MaxStale {
			delete(t.flows, id)
		}
	}
	if t.carried != nil && round-t.carried.round > MaxStale {
		t.carried = nil
	}
}

// sum sets c to the sum of all flows, in the order of the edges, so that it is
// the same on every machine.
func (t *tracker) sum(edges []Edge) {
	clear(t.c)
	if t.carried != nil {
		copy(t.c, t.carried.value)
	}
	for _, e := range edges {
		if f := t.flows[e.Peer]; f != nil {
			tensor.Axpy(1, f.value, t.c)
		}
	}
}

// addDifference adds w(a - b) to dst.
func addDifference(dst []float32, w float32, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += float32(w * float32(a[i]-b[i]))
	}
}
