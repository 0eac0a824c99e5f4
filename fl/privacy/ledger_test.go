// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var errPowerCut = errors.New("the power was cut")

// flash is a store in which a save may fail, and then has happened or not.
type flash struct {
	kept  []byte
	saves int
	fail  func() (fails, kept bool) // nil: never
}

func (f *flash) Save(b []byte) error {
	f.saves++
	fails, kept := false, true
	if f.fail != nil {
		fails, kept = f.fail()
	}
	if !fails || kept {
		f.kept = bytes.Clone(b)
	}
	if fails {
		return errPowerCut
	}
	return nil
}

func TestLedger(t *testing.T) {
	store := new(flash)
	l := NewLedger(newBudget(t, 2.6, 1e-5), store)
	r, err := l.Reserve(0.1, 2, 60)
	if err != nil || store.saves != 1 {
		t.Fatal(store.saves, err)
	}
	if epsilon := l.Epsilon(); epsilon < 1 || epsilon != Epsilon(0.1, 2, 60, 1e-5) {
		t.Errorf("epsilon %v", epsilon)
	}
	if left, err := l.Left(0.1, 2); left != 41 || err != nil {
		t.Errorf("%d steps left, %v", left, err)
	}
	var exceeded *ExceededError
	if _, err := l.Reserve(0.1, 2, 42); !errors.As(err, &exceeded) || exceeded.Left != 41 || store.saves != 1 {
		t.Errorf("42 more: %v", err)
	}
	if got := []int{r.Take(25), r.Take(-3), r.Take(25), r.Left(), r.Take(25), r.Take(1)}; !cmp.Equal(got, []int{25, 0, 25, 10, 10, 0}) {
		t.Errorf("taken: %v", got)
	}
	if err := r.Release(); err != nil || store.saves != 1 {
		t.Errorf("release of nothing: %d saves, %v", store.saves, err)
	}
	if r, err = l.Reserve(0.1, 2, 41); err != nil || r.Take(1) != 1 {
		t.Fatal(err)
	}
	if err := r.Release(); err != nil || r.Take(1) != 0 {
		t.Errorf("release: %v", err)
	}
	b, err := DecodeBudget(store.kept)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Spent{{Q: 0.1, Sigma: 2, Steps: 61}}, b.Spent()); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
	if _, err := l.Reserve(0.5, 1, 1); err == nil {
		t.Error("a step beyond the target is reserved")
	}
	if err := l.SetTarget(9, 1e-6); err != nil {
		t.Fatal(err)
	}
	if r, err = l.Reserve(0.5, 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.Release(); err != nil {
		t.Fatal(err)
	}
	if b, err = DecodeBudget(store.kept); err != nil || len(b.Spent()) != 1 {
		t.Errorf("a mechanism that was released is kept: %v", err)
	}
	if e, d := l.Target(); e != 9 || d != 1e-6 {
		t.Errorf("target %v, %v", e, d)
	}
}

// TestLedgerUnsaved holds that nothing changes that cannot be saved.
func TestLedgerUnsaved(t *testing.T) {
	store := new(flash)
	budget := newBudget(t, 5, 1e-5)
	l := NewLedger(budget, store)
	r, err := l.Reserve(0.1, 2, 10)
	if err != nil {
		t.Fatal(err)
	}
	before := budget.Encode()
	store.fail = func() (bool, bool) { return true, false }
	if _, err := l.Reserve(0.2, 1, 5); !errors.Is(err, errPowerCut) {
		t.Errorf("reserve: %v", err)
	}
	if err := r.Release(); !errors.Is(err, errPowerCut) {
		t.Errorf("release: %v", err)
	}
	if n := r.Take(1); n != 0 {
		t.Errorf("%d steps of a reservation that was released", n)
	}
	if err := l.SetTarget(6, 1e-5); !errors.Is(err, errPowerCut) {
		t.Errorf("target: %v", err)
	}
	if err := l.SetTarget(-6, 1e-5); err == nil || errors.Is(err, errPowerCut) {
		t.Errorf("a target that cannot be: %v", err)
	}
	if !bytes.Equal(budget.Encode(), before) {
		t.Errorf("the budget is %x, want %x", budget.Encode(), before)
	}
}

// owner is a device that learns by several tasks and loses power at times, and
// what it really did.
type owner struct {
	store  *flash
	ledger *Ledger
	open   []*Reservation
	done   map[[2]float64]int // steps by rate and noise
}

// boot starts with what is kept; reservations are gone.
func (o *owner) boot(t *rapid.T) {
	b, err := DecodeBudget(o.store.kept)
	if err != nil {
		t.Fatal(err)
	}
	o.ledger, o.open = NewLedger(b, o.store), nil
}

// check holds that what was done is within what is kept, whatever happens next,
// and that neither tells more than the target.
func (o *owner) check(t *rapid.T) {
	var kept saved
	if err := budgetDecoder.Unmarshal(o.store.kept, &kept); err != nil {
		t.Fatal(err)
	}
	var written, done Curve
	allowed := map[[2]float64]int{}
	for _, s := range kept.Spent {
		m := [2]float64{s.Q, s.Sigma}
		allowed[m] = s.Steps
		written.Add(NewCurve(m[0], m[1]), s.Steps)
	}
	for _, r := range o.open { // what may be done without another save
		allowed[[2]float64{r.q, r.sigma}] -= r.left
	}
	for m, steps := range o.done {
		if steps > allowed[m] {
			t.Fatalf("%d steps of %v were done, and %d are written down", steps, m, allowed[m])
		}
		done.Add(NewCurve(m[0], m[1]), steps)
	}
	d, _ := done.Epsilon(kept.Delta)
	w, _ := written.Epsilon(kept.Delta)
	if inMemory := o.ledger.Epsilon(); max(d, w, inMemory) > kept.Epsilon {
		t.Fatalf("done %v, written %v, in memory %v of %v", d, w, inMemory, kept.Epsilon)
	}
}

// TestPowerCuts holds that the budget is never exceeded, whenever power is cut.
func TestPowerCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := new(flash)
		store.kept = newBudget(t, 3, 1e-5).Encode()
		o := &owner{store: store, done: map[[2]float64]int{}}
		o.boot(t)
		store.fail = func() (bool, bool) {
			return rapid.IntRange(0, 3).Draw(t, "save fails") == 0, rapid.Bool().Draw(t, "but is kept")
		}
		pick := func() *Reservation {
			if len(o.open) == 0 {
				t.Skip("no reservation")
			}
			return rapid.SampledFrom(o.open).Draw(t, "reservation")
		}
		t.Repeat(map[string]func(*rapid.T){
			"": o.check,
			"reserve": func(t *rapid.T) {
				const everyRecord = 1 // whose curves are quick to compute
				sigma := rapid.SampledFrom([]float64{10, 14, 20}).Draw(t, "sigma")
				r, err := o.ledger.Reserve(everyRecord, sigma, rapid.IntRange(1, 40).Draw(t, "steps"))
				if err == nil {
					o.open = append(o.open, r)
				}
			},
			"take": func(t *rapid.T) {
				r := pick()
				o.done[[2]float64{r.q, r.sigma}] += r.Take(rapid.IntRange(1, 50).Draw(t, "steps"))
			},
			"release":   func(t *rapid.T) { _ = pick().Release() },
			"power cut": o.boot,
		})
	})
}
