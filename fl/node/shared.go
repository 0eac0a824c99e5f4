// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// shared is what a node of a summed task has besides its model: the state that
// all members have in common, and what is its own.
//
// A device submits the direction g_i that its local steps took on average
// without their correction, and all go on from X - rate K mean(g), where K is
// the mean number of steps. With K-GT the next correction is mean(g) - g_i. On a
// full graph without losses this is what the paper says: there the sum of all
// c_i is 0, so that mean(z) = mean(g + c) = mean(g), and c_i + mean(z) - z_i =
// mean(g) - g_i. It needs one vector instead of two, and keeps nothing that a
// member which is missing could leave off zero for ever: the corrections of a
// round's members add up to 0 by construction. A device whose steps are fewer
// weighs as much as others here, while the paper's mean of models weighs it by
// its steps; where the gradients' mean is 0 both stand still.
type shared struct {
	model   []float32 // X, (params)
	mean    []float32 // of the last sum, (params); empty with D-PSGD
	own     []float32 // what the device's own direction was, (params); likewise
	residue []float32 // what rounding has left unsaid, (params)
	scale   int       // submitted numbers are in steps of two to this power
	sums    uint32    // that are in the model
	steps   float32   // K of the last sum, 0 before the first
	skipped int       // rounds since the last sum, up to MaxStale + 1
	placed  bool      // own is known
	unsure  bool      // the others may have another common model

	// Of the round under way. The vectors are as long as those above.
	fresh      bool // the device has trained
	trained    []float32
	direction  []float32
	correction []float32
	rest       []float32 // the residue, once the values are in a sum
	values     []uint8
	aggregated []float32
	candidate  []float32
}

func newShared(x []float32, a Algorithm) *shared {
	n := len(x)
	vectors := make([][]float32, 7)
	for i := range vectors {
		vectors[i] = make([]float32, n)
	}
	s := &shared{
		model: slices.Clone(x), residue: vectors[0], scale: startScale, values: make([]uint8, SumValues(n, a)),
		trained: vectors[1], direction: vectors[2], rest: vectors[3], aggregated: vectors[4], candidate: vectors[5],
	}
	if a == KGT {
		s.correction, s.mean, s.own = vectors[6], make([]float32, n), make([]float32, n)
	}
	return s
}

// BeginSum trains for a round and returns what to submit, (SumValues). The
// values belong to the node and stay as they are until the next BeginSum. The
// model changes with the round's end only. It fails as Begin does.
func (n *Node) BeginSum(round uint32, ws *model.Workspace) ([]uint8, error) {
	s, sgd := n.shared, n.sgd(round)
	copy(s.trained, n.x)
	var err error
	n.Steps, n.Loss, err = sgd.Train(n.set.Model, s.trained, n.data, n.rows, &model.Step{Correction: s.correct()}, n.rng, ws)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	tensor.Sub(s.direction, n.x, s.trained)
	steps := float32(1)
	if n.set.Algorithm == KGT {
		steps = float32(n.Steps)
	}
	tensor.Scale(1/float32(sgd.Rate*steps), s.direction)
	if c := s.correct(); c != nil {
		tensor.Sub(s.direction, s.direction, c)
	}
	if !tensor.Finite(s.direction) {
		return nil, fmt.Errorf("train: %w", model.ErrDiverged)
	}
	quantize(s.values[:len(n.x)], s.rest, s.direction, s.residue, s.scale)
	tail := append(s.values[:len(n.x)], uint8(scaleZero+wish(s.direction)))
	if n.set.Algorithm == KGT {
		appendSteps(tail, n.Steps)
	}
	s.fresh = true
	return s.values, nil
}

// correct returns the correction of the round's steps, nil where there is none
// or the last sum is so long ago that it would push the model away; see
// MaxStale.
func (s *shared) correct() []float32 {
	if s.mean == nil || !s.placed || s.skipped > MaxStale {
		return nil
	}
	tensor.Sub(s.correction, s.mean, s.own)
	return s.correction
}

// maxStepsGrowth is by how much the mean number of steps may grow from a round
// to the next: members come and go, but each goes through its rows as always.
const maxStepsGrowth = 4

// EndSum ends a round with the sums of what the members submitted. Fits, which
// may be nil, says whether a model does as it should on the device's own test
// rows. With an [*update.Refused] the model is as it was.
func (n *Node) EndSum(round uint32, sums []Sum, fits func(model []float32) bool) error {
	s := n.shared
	defer func() { s.fresh = false }()
	agg, err := combine(s.aggregated, sums, s.scale, n.set.Algorithm)
	if err != nil {
		s.miss()
		return err
	}
	step := n.sgd(round).Rate
	if n.set.Algorithm == KGT {
		if s.steps > 0 && agg.steps > maxStepsGrowth*s.steps {
			s.miss()
			return &update.Refused{Reason: ReasonSumSteps, Detail: fmt.Sprintf("%.4g after %.4g", agg.steps, s.steps)}
		}
		step = float32(step * agg.steps)
	}
	copy(s.candidate, s.model)
	tensor.Axpy(-step, agg.mean, s.candidate)
	if !tensor.Finite(s.candidate) || fits != nil && !fits(s.candidate) {
		s.unsure = true // the others may have taken it
		s.miss()
		return &update.Refused{Reason: ReasonSumLoss}
	}
	n.advance(agg)
	return nil
}

// advance takes means that has passed all checks.
func (n *Node) advance(agg *groupMeans) {
	s := n.shared
	copy(s.model, s.candidate)
	copy(n.x, s.model)
	copy(s.mean, agg.mean) // nothing with D-PSGD
	s.scale, s.steps, s.skipped = nextScale(s.scale, agg.wish), agg.steps, 0
	s.sums++
	if s.fresh {
		copy(s.own, s.direction)
		s.placed = true
	}
	if agg.own {
		copy(s.residue, s.rest)
	}
}

// SkipSum ends a round that has no sum. The first such rounds leave the model as
// it is, since the next sum would replace what the device learns by itself; where
// nobody else is there, and after MaxStale rounds, it learns on alone.
func (n *Node) SkipSum(alone bool) {
	s := n.shared
	s.unsure = true
	s.miss()
	if s.fresh && (alone || s.skipped > MaxStale) {
		copy(n.x, s.trained)
	}
	s.fresh = false
}

func (s *shared) miss() { s.skipped = min(s.skipped+1, MaxStale+1) }

// listenOn counts a round in which the node listened and was told nothing.
func (n *Node) listenOn() {
	if n.late > 0 {
		n.late--
	}
}
