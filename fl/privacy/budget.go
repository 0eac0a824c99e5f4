// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"cmp"
	"fmt"
	"slices"
)

// Limits on a budget and on what is spent of it.
const (
	MaxEpsilon = 1000    // of a target
	MinSigma   = 0.2     // noise multiplier
	MaxSigma   = 1e4     // noise multiplier
	MaxSteps   = 1 << 30 // of one mechanism
	MaxSpent   = 64      // mechanisms that differ
)

// Budget is how much training may tell about one record, and how much it has.
type Budget struct {
	epsilon, delta float64
	spent          []entry // ascending by rate, then by sigma; no two alike
}

// Spent is steps of one mechanism.
type Spent struct {
	_     struct{} `cbor:",toarray"`
	Q     float64  // sampling rate, MinRate..1
	Sigma float64  // noise multiplier, MinSigma..MaxSigma
	Steps int      // 1..MaxSteps
}

func (s Spent) compare(q, sigma float64) int {
	return cmp.Or(cmp.Compare(s.Q, q), cmp.Compare(s.Sigma, sigma))
}

type entry struct {
	Spent
	curve *Curve // of one step
}

// ExceededError tells that steps would exceed a budget; none of them was spent.
type ExceededError struct {
	Asked          Spent
	Epsilon, Delta float64 // the target
	Would          float64 // epsilon after the steps
	Left           int     // steps that the budget has left for this mechanism
}

func (e *ExceededError) Error() string {
	return fmt.Sprintf("privacy budget: %d steps at a sampling rate of %v and a noise multiplier of %v would tell epsilon %.4g, beyond %.4g at delta %v; "+
		"%d steps are left; take fewer, more noise or a lower rate, or let the owner raise the target",
		e.Asked.Steps, e.Asked.Q, e.Asked.Sigma, e.Would, e.Epsilon, e.Delta, e.Left)
}

// NewBudget returns a budget of which nothing is spent: epsilon is above 0 and
// at most MaxEpsilon, delta between 0 and 1.
func NewBudget(epsilon, delta float64) (*Budget, error) {
	b := new(Budget)
	return b, b.SetTarget(epsilon, delta)
}

// SetTarget changes what may be spent. What was spent stays.
func (b *Budget) SetTarget(epsilon, delta float64) error {
	if err := checkTarget(epsilon, delta); err != nil {
		return err
	}
	b.epsilon, b.delta = epsilon, delta
	return nil
}

func checkTarget(epsilon, delta float64) error {
	switch {
	case !(epsilon > 0 && epsilon <= MaxEpsilon):
		return fmt.Errorf("privacy budget: epsilon %v: it must be above 0 and at most %d", epsilon, MaxEpsilon)
	case !(delta > 0 && delta < 1):
		return fmt.Errorf("privacy budget: delta %v: it must be above 0 and below 1", delta)
	}
	return nil
}

// Target returns the epsilon and the delta that may be spent.
func (b *Budget) Target() (epsilon, delta float64) { return b.epsilon, b.delta }

// Epsilon returns what is spent, at the target's delta.
func (b *Budget) Epsilon() float64 {
	epsilon, _ := b.curve().Epsilon(b.delta)
	return epsilon
}

// Spent returns the steps of each mechanism.
func (b *Budget) Spent() []Spent {
	s := make([]Spent, len(b.spent))
	for i, e := range b.spent {
		s[i] = e.Spent
	}
	return s
}

// Spend counts steps that are about to be taken. Where they do not fit the
// budget it counts none, and the error is an [*ExceededError].
func (b *Budget) Spend(q, sigma float64, steps int) error {
	asked := Spent{Q: q, Sigma: sigma, Steps: steps}
	if err := asked.validate(); err != nil {
		return fmt.Errorf("privacy budget: %w", err)
	}
	at, found := b.find(q, sigma)
	if !found && len(b.spent) == MaxSpent {
		return fmt.Errorf("privacy budget: it holds %d mechanisms that differ, and no more; take the rate and the noise of an earlier task", MaxSpent)
	}
	if found && steps > MaxSteps-b.spent[at].Steps {
		return fmt.Errorf("privacy budget: more than %d steps of one mechanism", MaxSteps)
	}
	step := b.step(q, sigma)
	total := b.curve()
	total.Add(step, steps)
	if would, _ := total.Epsilon(b.delta); !(would <= b.epsilon) {
		return &ExceededError{Asked: asked, Epsilon: b.epsilon, Delta: b.delta, Would: would, Left: b.left(step)}
	}
	if !found {
		b.spent = slices.Insert(b.spent, at, entry{Spent: Spent{Q: q, Sigma: sigma}, curve: step})
	}
	b.spent[at].Steps += steps
	return nil
}

// Left returns how many steps of a mechanism the budget has left, MaxSteps at
// most.
func (b *Budget) Left(q, sigma float64) (int, error) {
	if err := (Spent{Q: q, Sigma: sigma, Steps: 1}).validate(); err != nil {
		return 0, fmt.Errorf("privacy budget: %w", err)
	}
	at, found := b.find(q, sigma)
	switch {
	case found:
		return min(b.left(b.spent[at].curve), MaxSteps-b.spent[at].Steps), nil
	case len(b.spent) == MaxSpent:
		return 0, nil
	}
	return b.left(b.step(q, sigma)), nil
}

// left returns how many steps fit.
func (b *Budget) left(step *Curve) int {
	total := b.curve()
	fits := func(steps int) bool {
		c := *total
		c.Add(step, steps)
		epsilon, _ := c.Epsilon(b.delta)
		return epsilon <= b.epsilon
	}
	most := 0.0 // one order decides, that which allows most
	for i, r := range step {
		most = max(most, (b.epsilon-conversion(order(i), b.delta)-total[i])/r)
	}
	steps := int(min(most, MaxSteps))
	for steps > 0 && !fits(steps) { // by rounding
		steps--
	}
	return steps
}

// refund takes back steps that were not taken.
func (b *Budget) refund(q, sigma float64, steps int) {
	at, found := b.find(q, sigma)
	if !found || steps > b.spent[at].Steps {
		panic("privacy: refund of steps that were not spent")
	}
	if b.spent[at].Steps -= steps; b.spent[at].Steps == 0 {
		b.spent = slices.Delete(b.spent, at, at+1)
	}
}

func (b *Budget) find(q, sigma float64) (int, bool) {
	return slices.BinarySearchFunc(b.spent, sigma, func(e entry, sigma float64) int { return e.compare(q, sigma) })
}

// step returns the curve of one step of a mechanism.
func (b *Budget) step(q, sigma float64) *Curve {
	if at, found := b.find(q, sigma); found {
		return b.spent[at].curve
	}
	return NewCurve(q, sigma)
}

// curve returns that of all steps, added up anew so that no error of rounding
// lasts.
func (b *Budget) curve() *Curve {
	var c Curve
	for _, e := range b.spent {
		c.Add(e.curve, e.Steps)
	}
	return &c
}

func (s Spent) validate() error {
	switch {
	case !(s.Q >= MinRate && s.Q <= 1):
		return fmt.Errorf("sampling rate %v: it takes %v to 1", s.Q, MinRate)
	case !(s.Sigma >= MinSigma && s.Sigma <= MaxSigma):
		return fmt.Errorf("noise multiplier %v: it takes %v to %v", s.Sigma, MinSigma, MaxSigma)
	case s.Steps < 1 || s.Steps > MaxSteps:
		return fmt.Errorf("%d steps: it takes 1 to %d", s.Steps, MaxSteps)
	}
	return nil
}
