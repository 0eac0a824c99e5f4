// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// sumRound trains, submits and listens to what is told until the round's end by
// the clock, and then goes on by the sums, or says why there are none.
func (r *Runner) sumRound(ctx context.Context, report *Report, all []PeerID, self int) error {
	round := report.Round
	report.Neighbours = max(0, len(all)-1)
	told := r.openTold(round, all, self)
	var values []uint8
	training := r.train(ctx, func(ws *model.Workspace) (err error) {
		values, err = r.beginSum(round, ws)
		return err
	})
	err := r.exchange(ctx, round, training, func() {
		if report.Neighbours > 0 {
			report.Payload = r.submit(round, values)
		}
	})
	if err != nil {
		return err
	}
	r.heed(told)
	report.Heard, err = r.endSum(ctx, report)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report.Skipped = r.skipped(round, err)
	return nil
}

// openTold begins to listen to those who tell the common state in this round,
// and tells it where the device is one of them. It returns what it told, which
// counts as what it hears from the others.
func (r *Runner) openTold(round uint32, all []PeerID, self int) map[PeerID]Vectors {
	ids := Tellers(r.id, round, all)
	own := map[PeerID]Vectors{}
	var from, to []Edge
	for _, id := range ids {
		if id != all[self] {
			from = append(from, Edge{Peer: id})
		}
	}
	r.inbox.open(round, from)
	if len(all) < 2 || !slices.Contains(ids, all[self]) || r.Node.Listens() {
		return own
	}
	for i, id := range all {
		if i != self {
			to = append(to, Edge{Peer: id})
		}
	}
	v := r.Node.Tell()
	if r.sendAs(update.F32, round, to, Update{Vectors: v}) > 0 {
		own[r.self] = v
	}
	return own
}

func (r *Runner) submit(round uint32, values []uint8) (payload int) {
	if err := r.Summer.Submit(round, slices.Clone(values)); err != nil {
		r.Log.Warn("values not submitted", "round", round, "err", err)
		return 0
	}
	return len(values)
}

// heed takes what arrived of the common state.
func (r *Runner) heed(told map[PeerID]Vectors) {
	for from, u := range r.inbox.close() {
		told[from] = u.Vectors
	}
	for _, err := range r.Node.Heed(told, r.fits) {
		r.refuse(err)
	}
}

// endSum goes on by the round's sums and returns how many others are in them.
func (r *Runner) endSum(ctx context.Context, report *Report) (heard int, err error) {
	switch {
	case r.Node.Listens():
		r.Node.listenOn()
		return 0, &SkipError{Reason: ReasonListening}
	case report.Neighbours == 0:
		r.Node.SkipSum(true)
		return 0, &SkipError{Reason: ReasonAlone}
	}
	sums, err := r.Summer.Sums(ctx, report.Round)
	if err == nil && len(sums) == 0 {
		err = &SkipError{Reason: ReasonNoSum}
	}
	if err != nil {
		r.Node.SkipSum(false)
		return 0, err
	}
	for _, s := range sums {
		heard += s.Count
		if s.Own {
			heard--
		}
	}
	err = r.Node.EndSum(report.Round, sums, r.fits)
	if p, ok := r.Summer.(Parter); ok && p.Partial() {
		r.Node.shared.unsure = true
	}
	return heard, err
}

// skipped counts and logs why a round has no sum, and returns the word for it.
func (r *Runner) skipped(round uint32, err error) string {
	var refused *update.Refused
	var skip *SkipError
	reason := ReasonNoSum
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		reason = string(refused.Reason)
	case errors.As(err, &skip):
		reason = skip.Reason
	}
	if reason == ReasonAlone || reason == ReasonListening { // nothing went wrong then
		r.Log.Debug("round without a sum", "round", round, "reason", reason)
		return reason
	}
	r.Refuse(reason)
	r.Log.Info("round without a sum", "round", round, "reason", reason, "err", err)
	return reason
}

// How much larger the loss on the own test rows may be after a round: honest
// rounds make it larger at times, above all on rows unlike the others'.
const (
	lossFactor = 2
	lossSlack  = 0.5
)

// fits reports whether a model does not do far worse on the device's own test
// rows than the common one, whose place it takes then.
func (r *Runner) fits(x []float32) bool {
	before := r.common
	if before == nil {
		before = r.loss(r.Node.shared.model)
	}
	after := r.loss(x)
	if before == nil || after == nil || !(*after <= lossFactor**before+lossSlack) {
		return false
	}
	r.common = after
	return true
}

// loss returns the loss on the own test rows, nil where there is none.
func (r *Runner) loss(x []float32) *float64 {
	score, err := r.Node.set.Model.Evaluate(x, r.Test, r.ws)
	if err != nil {
		r.Log.Error("model not evaluated", "err", err)
		return nil
	}
	return &score.Loss
}
