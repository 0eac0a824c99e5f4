// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"

	"github.com/vecino-edge/vecino/fl/model"
)

// rests asks, before a round, whether the device may train now, and sits the round
// out where it may not, or lets it go on without training where the task is one of
// sums.
//
// Whoever sits a round out neither trains nor sends nor listens, and the others go
// on without it as they do where one is off: mixing and tracking know that case, and
// after a longer pause the device takes the others' model before it says anything
// ([Node.Missed]). To go on sending the model as it is would look kinder and is not.
// With K-GT the neighbours would track a node that goes nowhere, and follow it: six
// nodes on a full graph of which one sends so for 60 rounds stand at a loss of 0.16
// all that time, and with one that sits out they come down to 0.08, as they do with
// all six.
//
// In a task of sums the device submits nothing and takes the sum of the others, which
// is the model of all.
func (r *Runner) rests(round uint32) bool {
	r.resting = false
	if r.Gate == nil {
		return false
	}
	allowed, why := r.Gate()
	if allowed {
		r.paused = ""
		return false
	}
	if r.paused == "" {
		r.Log.Info("training pauses", "task", r.Task.Name, "round", round, "why", why)
	}
	r.resting, r.paused = true, why
	if r.Node.shared != nil {
		return false
	}
	r.missed++
	report := Report{Round: round, Paused: why, Loss: r.Node.Loss, Score: r.score}
	if r.Node.Steps == 0 {
		report.Loss = math.NaN()
	}
	r.OnRound(report)
	return true
}

// back tells the node how many rounds it has missed before the one that it takes
// part in.
func (r *Runner) back() {
	r.Node.Missed(r.missed)
	r.missed = 0
}

// unscored is the score of a model that was not looked at yet.
var unscored = model.Score{Loss: math.NaN(), Accuracy: math.NaN(), R2: math.NaN(), AUC: math.NaN()}
