// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func newBudget(t interface{ Fatal(...any) }, epsilon, delta float64) *Budget {
	b, err := NewBudget(epsilon, delta)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBudgetSpends(t *testing.T) {
	b := newBudget(t, 2.6, 1e-5)
	if got := b.Epsilon(); got != 0 {
		t.Errorf("before the first step: %v", got)
	}
	for range 10 {
		if err := b.Spend(0.1, 2, 10); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Epsilon(); math.Abs(got-2.580569) > 1e-4 {
		t.Errorf("epsilon %v after 100 steps", got)
	}
	if left, err := b.Left(0.1, 2); left != 1 || err != nil {
		t.Errorf("%d steps left, %v", left, err)
	}
	var exceeded *ExceededError
	if err := b.Spend(0.1, 2, 2); !errors.As(err, &exceeded) {
		t.Fatalf("two more steps: %v", err)
	}
	want := ExceededError{Asked: Spent{Q: 0.1, Sigma: 2, Steps: 2}, Epsilon: 2.6, Delta: 1e-5, Would: exceeded.Would, Left: 1}
	if d := cmp.Diff(want, *exceeded); d != "" || exceeded.Would < 2.6 || exceeded.Would > 2.7 {
		t.Errorf("%v (-want +got):\n%s", exceeded, d)
	}
	if d := cmp.Diff([]Spent{{Q: 0.1, Sigma: 2, Steps: 100}}, b.Spent()); d != "" {
		t.Errorf("spent (-want +got):\n%s", d)
	}
	if err := b.Spend(0.1, 2, 1); err != nil {
		t.Errorf("one more step: %v", err)
	}
	if err := b.SetTarget(4, 1e-6); err != nil {
		t.Fatal(err)
	}
	if err := b.Spend(0.1, 2, 2); err != nil {
		t.Errorf("with a higher target: %v", err)
	}
	if e, d := b.Target(); e != 4 || d != 1e-6 {
		t.Errorf("target %v, %v", e, d)
	}
}

// TestBudgetComposes holds that mechanisms add up at each order.
func TestBudgetComposes(t *testing.T) {
	b := newBudget(t, 10, 1e-5)
	var sum Curve
	for _, s := range []Spent{{Q: 0.1, Sigma: 2, Steps: 50}, {Q: 0.01, Sigma: 1, Steps: 300}, {Q: 0.1, Sigma: 1.5, Steps: 20}, {Q: 0.1, Sigma: 2, Steps: 7}} {
		if err := b.Spend(s.Q, s.Sigma, s.Steps); err != nil {
			t.Fatal(err)
		}
		sum.Add(NewCurve(s.Q, s.Sigma), s.Steps)
	}
	want, _ := sum.Epsilon(1e-5)
	if got := b.Epsilon(); math.Abs(got-want) > 1e-12 {
		t.Errorf("epsilon %v, want %v", got, want)
	}
	if d := cmp.Diff([]Spent{{Q: 0.01, Sigma: 1, Steps: 300}, {Q: 0.1, Sigma: 1.5, Steps: 20}, {Q: 0.1, Sigma: 2, Steps: 57}}, b.Spent()); d != "" {
		t.Errorf("spent (-want +got):\n%s", d)
	}
}

func TestBudgetRefuses(t *testing.T) {
	nan := math.NaN()
	for _, v := range [][2]float64{{0, 1e-5}, {-1, 1e-5}, {nan, 1e-5}, {MaxEpsilon + 1, 1e-5}, {1, 0}, {1, 1}, {1, -1}, {1, nan}} {
		if _, err := NewBudget(v[0], v[1]); err == nil {
			t.Errorf("a target of epsilon %v, delta %v is taken", v[0], v[1])
		}
	}
	b := newBudget(t, 1, 1e-5)
	for _, s := range []Spent{
		{Q: 0, Sigma: 1, Steps: 1}, {Q: MinRate / 2, Sigma: 1, Steps: 1}, {Q: 1.5, Sigma: 1, Steps: 1}, {Q: nan, Sigma: 1, Steps: 1},
		{Q: 0.1, Sigma: 0, Steps: 1}, {Q: 0.1, Sigma: 0.19, Steps: 1}, {Q: 0.1, Sigma: 2e4, Steps: 1}, {Q: 0.1, Sigma: nan, Steps: 1},
		{Q: 0.1, Sigma: 1, Steps: 0}, {Q: 0.1, Sigma: 1, Steps: -1}, {Q: 0.1, Sigma: 1, Steps: MaxSteps + 1},
	} {
		if err := b.Spend(s.Q, s.Sigma, s.Steps); err == nil {
			t.Errorf("%+v is spent", s)
		}
		if s.Steps == 1 {
			if _, err := b.Left(s.Q, s.Sigma); err == nil {
				t.Errorf("%+v: steps are left", s)
			}
		}
	}
	if b.Epsilon() != 0 || len(b.Spent()) != 0 {
		t.Error("a refusal is counted")
	}
	if err := new(Budget).Spend(0.1, 1, 1); err == nil {
		t.Error("the zero budget is spent")
	}
	if left, err := newBudget(t, 0.01, 1e-5).Left(0.1, 1); left != 0 || err != nil {
		t.Errorf("of an epsilon that cannot be told: %d steps, %v", left, err)
	}
}

func TestBudgetLimits(t *testing.T) {
	b := newBudget(t, MaxEpsilon, 0.5)
	if err := b.Spend(MinRate, MaxSigma, MaxSteps); err != nil {
		t.Fatal(err)
	}
	if left, err := b.Left(MinRate, MaxSigma); left != 0 || err != nil {
		t.Errorf("%d steps left, %v", left, err)
	}
	if err := b.Spend(MinRate, MaxSigma, 1); err == nil {
		t.Error("more steps of one mechanism than the limit")
	}
	for i := 1; i < MaxSpent; i++ {
		if err := b.Spend(0.001, 10+float64(i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := b.Left(0.001, 9); left != 0 || err != nil {
		t.Errorf("%d steps left of a new mechanism, %v", left, err)
	}
	if err := b.Spend(0.001, 9, 1); err == nil {
		t.Error("more mechanisms than the limit")
	}
	if err := b.Spend(0.001, 11, 1); err != nil {
		t.Errorf("a mechanism that is there: %v", err)
	}
	if n := len(b.Encode()); n > MaxBudget {
		t.Errorf("%d bytes", n)
	}
}

// TestLeft holds that what is left is what can be spent, to the step, and that
// no order of spending exceeds the target.
func TestLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBudget(t, rapid.Float64Range(0.2, 20).Draw(t, "epsilon"), rapid.Float64Range(1e-8, 1e-3).Draw(t, "delta"))
		target, _ := b.Target()
		for i := range rapid.IntRange(1, 4).Draw(t, "mechanisms") {
			label := fmt.Sprint(i)
			q := rapid.Float64Range(1e-4, 1).Draw(t, "q"+label)
			sigma := rapid.Float64Range(0.5, 20).Draw(t, "sigma"+label)
			left, err := b.Left(q, sigma)
			if err != nil {
				t.Fatal(err)
			}
			if left < MaxSteps {
				if err := b.Spend(q, sigma, left+1); err == nil {
					t.Fatalf("more than the %d steps that are left", left)
				}
			}
			if steps := rapid.IntRange(0, left).Draw(t, "steps"+label); steps > 0 {
				if err := b.Spend(q, sigma, steps); err != nil {
					t.Fatalf("%d of %d steps: %v", steps, left, err)
				}
			}
			if got := b.Epsilon(); got > target {
				t.Fatalf("epsilon %v of %v", got, target)
			}
		}
	})
}

func BenchmarkSpend(b *testing.B) {
	budget := newBudget(b, MaxEpsilon, 1e-5)
	for b.Loop() {
		if err := budget.Spend(0.001, 5, 1); err != nil {
			b.Fatal(err)
		}
	}
}
