// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
)

// A task that hides records spends from the budget of the device's data, whose unit is
// the record: two tables that differ in one row are hard to tell apart by all that the
// device ever says in such tasks. Who has many rows in a table is hidden less, and the
// starter's means and deviations, which are in the task, and the accuracy that a device
// shows its owner are not hidden at all. Neighbours are not judged by test rows in such a
// task, since whom a device trusts is in what it sends.

// PrivacyStatus is what the device's records have told, as people see it.
type PrivacyStatus struct {
	Epsilon float64 `json:"epsilon"` // spent, or reserved for the next rounds, by all tasks on these data together
	Target  float64 `json:"target"`  // that may be spent: the least of the task's and the device's own
	Delta   float64 `json:"delta"`
	Unit    string  `json:"unit"` // what it is about: record
}

// privacyUnit is what the budget is about.
const privacyUnit = "record"

// PrivacyError says that a round of a task does not fit what is left of the budget of
// the device's data.
type PrivacyError struct{ PrivacyStatus }

func (e *PrivacyError) Error() string {
	return fmt.Sprintf("the privacy budget of epsilon %v at delta %.3g is spent (record level): the device's rows have told %.4g of it in all private tasks together, and a round of this one takes more than is left",
		e.Target, e.Delta, e.Epsilon)
}

// Is reports that the error is a [node.ErrSpent].
func (e *PrivacyError) Is(target error) bool { return target == node.ErrSpent }

// PrivacyAdvice is what an owner can do about a [PrivacyError].
const PrivacyAdvice = "a task with more noise or a smaller share of the rows in a step takes less; what may be spent is the task's epsilon, and fl.epsilon where that is less"

// wallet spends for one task from the purse.
type wallet struct {
	purse          *purse
	ledger         *privacy.Ledger
	epsilon, delta float64
	total          int // steps that the task takes, if it comes to its end
	told           func(PrivacyStatus)

	mu      sync.Mutex
	ahead   int                  // steps that are written down at a time, so that flash lasts; 0 before the first
	reserve *privacy.Reservation // nil before the first step
}

// walletParts is into how many parts the steps are cut that the task takes, or that the
// budget has left for it. A power cut costs what is left of a part, and nothing that
// was spent is ever forgotten.
const walletParts = 64

// wallet opens the purse for a task that hides records; nil for another.
func (s *Service) wallet(t *node.Task, isNew bool) (*wallet, error) {
	p := t.Privacy
	if p == nil {
		return nil, nil
	}
	w := &wallet{purse: s.purse, epsilon: decimal(p.Epsilon), delta: decimal(p.Delta)}
	if own := s.o.Epsilon; own > 0 {
		w.epsilon = min(w.epsilon, own)
	}
	w.total = int(min(uint64(t.Rounds)*uint64(t.Epochs), privacy.MaxSteps))
	var err error
	if w.ledger, err = s.purse.open(w.epsilon, w.delta, isNew); err != nil {
		return nil, err
	}
	return w, nil
}

// spendable holds a task against what is left of the budget, and has the purse on the
// disk where it does: from now on it has to be there.
func (s *Service) spendable(t *node.Task) error {
	w, err := s.wallet(t, true)
	if w == nil || err != nil {
		return err
	}
	s.purse.mu.Lock()
	defer s.purse.mu.Unlock()
	if err := w.aim(true); err != nil {
		return err
	}
	left, err := w.ledger.Left(float64(t.Privacy.Q), float64(t.Privacy.Sigma))
	if err == nil && left < int(t.Epochs) {
		err = &PrivacyError{w.status()}
	}
	return err
}

// protect gives a node that is to hide records noise and the budget, until end is
// called.
func (s *Service) protect(j *job, n *node.Node) (end func(), err error) {
	w, err := s.wallet(j.task, false)
	if w == nil || err != nil {
		return func() {}, err
	}
	var seed [32]byte // fresh for every run: who knows it subtracts the noise
	if _, err := io.ReadFull(s.o.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("no randomness to hide records by: %w", err)
	}
	w.told = func(p PrivacyStatus) { s.change(j, func(st *Status) { st.Privacy = &p }) }
	w.told(w.status())
	n.Protect(privacy.NewSource(seed), w)
	return func() {
		if err := w.close(); err != nil {
			s.o.Log.Warn("steps that were not taken count as taken", "task", j.task.Name, "err", err)
		}
	}, nil
}

// decimal returns the number that people mean by a float32.
func decimal(v float32) float64 {
	d, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		panic("learn: " + err.Error()) // a number that was written is read
	}
	return d
}

// aim gives the ledger the task's target, where another task's is in it, or always.
func (w *wallet) aim(always bool) error {
	epsilon, delta := w.ledger.Target()
	if !always && epsilon == w.epsilon && delta == w.delta {
		return nil
	}
	return w.ledger.SetTarget(w.epsilon, w.delta)
}

// Spend counts steps that are about to be taken: they are on the disk when it returns.
// It fails with a [*PrivacyError] where they do not fit, and where they cannot be
// written down.
func (w *wallet) Spend(q, sigma float64, steps int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reserve != nil && w.reserve.Left() >= steps {
		w.reserve.Take(steps)
		return nil
	}
	if err := w.reserveMore(q, sigma, steps); err != nil {
		return err
	}
	w.reserve.Take(steps)
	w.told(w.status())
	return nil
}

// reserveMore writes down the steps of the next rounds, or of as many as fit.
func (w *wallet) reserveMore(q, sigma float64, steps int) error {
	if err := w.release(); err != nil {
		return err
	}
	w.purse.mu.Lock()
	defer w.purse.mu.Unlock()
	if err := w.aim(false); err != nil {
		return err
	}
	if w.ahead == 0 {
		left, err := w.ledger.Left(q, sigma)
		if err != nil {
			return err
		}
		w.ahead = max(min(w.total, left)/walletParts/steps, 1) * steps
	}
	var exceeded *privacy.ExceededError
	r, err := w.ledger.Reserve(q, sigma, w.ahead)
	if errors.As(err, &exceeded) && exceeded.Left >= steps {
		r, err = w.ledger.Reserve(q, sigma, exceeded.Left/steps*steps)
	}
	if errors.As(err, &exceeded) {
		return &PrivacyError{w.status()}
	}
	w.reserve = r
	return err
}

// close gives back what was reserved and not taken.
func (w *wallet) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.release()
	w.told(w.status())
	return err
}

func (w *wallet) release() error {
	if w.reserve == nil {
		return nil
	}
	r := w.reserve
	w.reserve = nil
	w.purse.mu.Lock()
	defer w.purse.mu.Unlock()
	return r.Release()
}

// status returns what was told so far.
func (w *wallet) status() PrivacyStatus {
	_, delta := w.ledger.Target()
	return PrivacyStatus{Epsilon: w.ledger.Epsilon(), Target: w.epsilon, Delta: delta, Unit: privacyUnit}
}

// recall fills in what the files say of a task's privacy budget, and the sentence with
// which the task ended where it has spent that or another.
func (j *job) recall(files Files) {
	st := &j.status
	if j.task.Privacy != nil {
		st.Privacy = savedPrivacy(files)
	}
	if st.State != Spent {
		return
	}
	if st.Ended = j.spent.over(j.task.Budget); st.Ended == "" && st.Privacy != nil {
		st.Ended = (&PrivacyError{*st.Privacy}).Error()
	}
}

// savedPrivacy returns what the files say of the data that a private task learned from
// last; nil where they say nothing.
func savedPrivacy(files Files) *PrivacyStatus {
	b, err := files.Read(filePrivacy, maxPurse)
	if err != nil {
		return nil
	}
	f, err := decodePurse(b)
	if err != nil {
		return nil
	}
	budget, err := privacy.DecodeBudget(f.Data[f.Present].Budget)
	if err != nil {
		return nil
	}
	epsilon, delta := budget.Target()
	return &PrivacyStatus{Epsilon: budget.Epsilon(), Target: epsilon, Delta: delta, Unit: privacyUnit}
}
