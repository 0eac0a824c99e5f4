// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// robust is the exchange of a node that bears with liars: D-PSGD whose updates carry
// a moving average of how far training went, mixed by a rule of package aggregate.
// The average is what rules need: honest neighbours differ less in it, so that a lie
// has less room to hide in (Karimireddy, He and Jaggi, Learning from history for
// Byzantine robust optimization, 2021).
type robust struct {
	momentum []float32 // the moving average, over the rate, (params)
	begun    bool
	base     []float32 // what the node shares of its model before training, (params)
	mixed    []float32 // scratch, (params)
	got      map[PeerID]Vectors
	mixer    aggregate.Aggregator
	input    aggregate.Input
}

// momentumShare of the moving average is kept in each round.
const momentumShare = 0.9

func newRobust(params int) *robust {
	return &robust{momentum: make([]float32, params), base: make([]float32, params), mixed: make([]float32, params), got: map[PeerID]Vectors{}}
}

// begin makes the update of what training gave: the model, moved by the average. The
// model itself stays, since directions are judged from it.
func (r *robust) begin(n *Node, rate float32) Update {
	tensor.Sub(n.y, n.y, n.x)
	tensor.Scale(1/rate, n.y)
	if r.begun {
		tensor.Scale(momentumShare, r.momentum)
		tensor.Axpy(1-momentumShare, n.y, r.momentum)
	} else {
		copy(r.momentum, n.y)
		r.begun = true
	}
	copy(n.y, n.x)
	tensor.Axpy(rate, r.momentum, n.y)
	copy(r.base, n.x)
	n.moveHead()
	n.hide(r.base, n.y)
	update.Quantize(n.set.Quant(), n.y)
	return Update{Vectors: Vectors{n.y}}
}

func (r *robust) take(n *Node, from PeerID, v Vectors) error {
	if err := n.checkVectors(v, 1); err != nil {
		return err
	}
	if _, again := r.got[from]; again {
		return &update.Refused{Reason: update.ReasonDuplicate}
	}
	r.got[from] = v
	return nil
}

func (r *robust) end(n *Node, edges []Edge) (heard int) {
	in := &r.input
	in.Base, in.Own = r.base, n.y
	in.Others, in.Weights, in.Trust = in.Others[:0], in.Weights[:0], in.Trust[:0]
	for _, e := range edges {
		if v, ok := r.got[e.Peer]; ok {
			in.Others, in.Weights, in.Trust = append(in.Others, v[0]), append(in.Weights, e.Weight), append(in.Trust, n.trust(e.Peer))
			heard++
		}
	}
	switch {
	case !n.Listens():
		n.Rule = r.mixer.Combine(r.mixed, n.set.Aggregate, in).Rule
		n.share(r.mixed)
	case heard == 0:
		n.late--
	default:
		n.adopt(edges, r.got)
		n.late = 0
	}
	clear(r.got)
	return heard
}
