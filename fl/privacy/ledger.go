// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"fmt"
	"slices"
	"sync"
)

// Store keeps the bytes of a budget.
type Store interface {
	// Save replaces what is kept and returns when the new bytes are durable. A
	// power cut, or an error, leaves the old bytes or the new ones.
	Save(b []byte) error
}

// Ledger is a budget that outlives the process: steps are written down before
// they are taken, so that a power cut can make them count too often and never
// too seldom.
type Ledger struct {
	mu     sync.Mutex
	budget *Budget
	store  Store
}

// NewLedger returns the ledger of a budget, new or decoded from what the store
// kept, which the ledger owns from then on.
func NewLedger(b *Budget, s Store) *Ledger { return &Ledger{budget: b, store: s} }

// Reservation is steps that are written down and may be taken. It belongs to one
// goroutine.
type Reservation struct {
	ledger   *Ledger
	q, sigma float64
	left     int
}

// Reserve writes down so many steps of a mechanism. It fails with
// [*ExceededError] where they do not fit the budget, and when they cannot be
// saved; none may be taken then.
func (l *Ledger) Reserve(q, sigma float64, steps int) (*Reservation, error) {
	if err := l.change(func() error { return l.budget.Spend(q, sigma, steps) }); err != nil {
		return nil, err
	}
	return &Reservation{ledger: l, q: q, sigma: sigma, left: steps}, nil
}

// change changes the budget and saves it, or leaves it as it was.
func (l *Ledger) change(how func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := *l.budget
	before.spent = slices.Clone(before.spent)
	err := how()
	if err == nil {
		if err = l.store.Save(l.budget.Encode()); err != nil {
			err = fmt.Errorf("save privacy budget: %w", err)
		}
	}
	if err != nil {
		*l.budget = before
	}
	return err
}

// Take takes up to so many steps and returns how many may be done.
func (r *Reservation) Take(steps int) int {
	steps = max(0, min(steps, r.left))
	r.left -= steps
	return steps
}

// Left returns how many steps may still be taken.
func (r *Reservation) Left() int { return r.left }

// Release gives back the steps that were not taken. Where that cannot be saved,
// they count as taken, and the error says why.
func (r *Reservation) Release() error {
	steps := r.left
	if steps == 0 {
		return nil
	}
	r.left = 0
	return r.ledger.change(func() error {
		r.ledger.budget.refund(r.q, r.sigma, steps)
		return nil
	})
}

// SetTarget changes what may be spent, which is the owner's to decide.
func (l *Ledger) SetTarget(epsilon, delta float64) error {
	return l.change(func() error { return l.budget.SetTarget(epsilon, delta) })
}

// Target returns the epsilon and the delta that may be spent.
func (l *Ledger) Target() (epsilon, delta float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget.Target()
}

// Epsilon returns what is spent or reserved, at the target's delta.
func (l *Ledger) Epsilon() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget.Epsilon()
}

// Left returns how many steps of a mechanism may still be reserved.
func (l *Ledger) Left(q, sigma float64) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget.Left(q, sigma)
}
