// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/update"
)

// Point is a simulation after a round.
type Point struct {
	Round        int
	Mean         float64 // of the nodes' accuracies, or of R2 in a regression
	Worst        float64
	AverageModel float64 // accuracy, or R2, of the mean of all models
	Consensus    float64 // mean squared distance to the mean model over its squared norm
	TrainLoss    float64 // mean over the nodes
}

// Result is what a simulation came to. What is counted of nodes is of honest ones.
type Result struct {
	Point
	Measure        Measure
	Params         int
	Algorithm      string         // that was used
	Aggregate      aggregate.Rule // that was used last
	Compress       string         // what updates say, and how
	BytesLinkRound float64        // encoded payload of an update, mean over all that were sent; in a summed mode, what is submitted, encrypted
	BytesNode      float64        // encoded payload that a node sent over all its links, mean over the nodes
	Messages       int64          // directed ones
	Wire           Wire           // of an update of the last round
	Skipped        int            // rounds of nodes without a sum
	Epsilon        float64        // of each record, at the privacy's delta; 0 without privacy
	Personal       *Personal      // nil unless it was asked for
	Diverged       bool           // numbers after that have no meaning
}

// Measure is what tells a good model from a bad one.
type Measure uint8

// The measures.
const (
	Accuracy Measure = iota
	R2
	AUC
)

var measures = map[model.Loss]Measure{model.CrossEntropy: Accuracy, model.MeanSquare: R2, model.Reconstruction: AUC}

// algorithm names what the nodes do.
func (m *sim) algorithm() string {
	switch {
	case m.robust():
		return "dpsgd with momentum"
	case m.set.Replicas():
		return m.Algorithm.String() + " with replicas"
	}
	return m.Algorithm.String()
}

// compress names what updates say.
func (m *sim) compress() string {
	if m.set.Replicas() || m.Mode.Summed() {
		return m.Compression.String()
	}
	return m.set.Quant().String()
}

// Wire is what an update is made of on its way.
type Wire struct {
	Header int // bytes of the message of its header, with the numbers themselves where they are few
	Copies int // of that message
	Data   int // bytes of the shards that hold the numbers
	Parity int // bytes of those that make up for lost ones
	K, M   int // shards of both kinds
}

// wire packs an update of the last round as a device does.
func (m *sim) wire() (w Wire) {
	i := slices.IndexFunc(m.sent, func(u node.Update) bool { return u.Vectors != nil || u.Exchange != nil })
	if i < 0 {
		return w
	}
	packed, err := node.Pack(rand.NewChaCha8([32]byte{}), update.Spec{Quant: m.set.Quant()}, m.set.Model.Size(), m.sent[i])
	if err != nil {
		return w // too large for a device
	}
	w.Header, w.Copies, w.M = len(packed.Message), packed.Copies(), packed.Copies()-1
	w.K = len(packed.Shards) - w.M
	for k, s := range packed.Shards {
		if n := len(s.Encode()); k < w.K {
			w.Data += n
		} else {
			w.Parity += n
		}
	}
	return w
}

// count fills in what was sent and told.
func (m *sim) count(r *Result) {
	r.Messages = m.messages.Load()
	if m.Mode.Summed() {
		r.BytesLinkRound = float64(m.payload())
		if m.Nodes == 1 {
			r.BytesLinkRound = 0
		}
		told := node.ToldSize(m.set.Model.Size(), m.Algorithm)
		r.BytesNode = (float64(r.Messages)*r.BytesLinkRound + float64(m.tells)*float64(told)) / float64(m.Nodes)
		r.Skipped = int(m.skipped.Load())
		return
	}
	if r.Messages > 0 {
		r.BytesLinkRound = float64(m.bytes.Load()) / float64(r.Messages)
	}
	r.BytesNode = float64(m.bytes.Load()) / float64(m.Nodes)
	r.Wire = m.wire()
	for i, n := range m.nodes {
		if m.honest(i) {
			r.Aggregate = n.Rule
		}
	}
	if p := m.Privacy; p != nil {
		r.Epsilon = privacy.Epsilon(float64(p.Q), float64(p.Sigma), m.Rounds*m.SGD.Epochs, float64(p.Delta))
	}
}
