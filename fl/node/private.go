// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// ErrSpent is within an error of a [Spender] that has nothing left for a round.
var ErrSpent = errors.New("the budget is spent")

// Spender counts what training tells of single records.
type Spender interface {
	// Spend counts steps that are about to be taken, so that they count whatever
	// becomes of them. Where they do not fit what is left none is counted, and none may
	// be taken; that ends the task, with [ErrSpent].
	Spend(q, sigma float64, steps int) error
}

// Protect gives a node whose task asks for privacy what it takes: noise from
// randomness that nobody knows, and what counts the steps.
func (n *Node) Protect(noise model.Mechanism, budget Spender) { n.noise, n.budget = noise, budget }

// trainPrivately is train with a noisy step over a sample of the rows for each
// epoch. What else decides the step, the model and the correction, is made of noisy
// steps of all nodes and tells nothing more.
func (n *Node) trainPrivately(sgd model.SGD, ws *model.Workspace) error {
	if n.noise == nil || n.budget == nil {
		return errors.New("train: the task asks for privacy, and there is no source of noise")
	}
	p := n.set.Privacy
	private := model.Private{
		Rate: sgd.Rate, Decay: sgd.Decay, Clip: p.Clip, Sigma: float64(p.Sigma), Q: float64(p.Q), Steps: sgd.Epochs,
	}
	if err := n.budget.Spend(private.Q, private.Sigma, private.Steps); err != nil {
		return err
	}
	var correction []float32
	if n.track != nil {
		if n.scaled == nil {
			n.scaled = make([]float32, len(n.x))
		}
		correction = n.scaled
		tensor.ScaleTo(correction, 1/float32(private.Steps), n.track.c)
	}
	var err error
	n.Steps, n.Loss, err = private.Train(n.set.Model, n.y, n.data, n.rows, correction, n.noise, ws)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
