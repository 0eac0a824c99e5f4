// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/fl/node"
)

// together is a task of sums, with rounds of three minutes.
func together(m node.Mode, rounds int) Plan {
	p := plan()
	p.Mode, p.Rounds, p.RoundLen = m, rounds, 3*time.Minute
	return p
}

func settleAll(settle settler, n int) (all []*resident) {
	for i := range n {
		all = append(all, settle(i, nil))
	}
	return all
}

// wantSummed holds how a task ended: with so many heard in the last round, unless
// negative, and so many rounds skipped at most.
func (r *resident) wantSummed(heard, skipped int) {
	r.t.Helper()
	st := r.Status()
	if st.State != Done || heard >= 0 && st.Heard != heard || st.Skipped > skipped || st.Accuracy == nil || *st.Accuracy < 0.8 {
		r.t.Errorf("device %d: %+v, %d rounds skipped, the last for %q", r.i, st, st.Skipped, st.LastSkip)
	}
}

// TestSums holds that four devices learn by sums alone, in each mode, and see how
// these are protected.
func TestSums(t *testing.T) {
	for _, mode := range []node.Mode{node.Private, node.Mask, node.Hybrid} {
		t.Run(mode.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				all := settleAll(settle, 4)
				sleep(time.Minute)
				task := all[1].start(together(mode, 8))
				sleepUntil(task, 4, 0)
				want := SumStatus{Roster: 4, Tau: 3, Tolerated: 1, Shares: 4}
				for _, r := range all {
					got := *r.Status().Sums
					got.Group = nil
					if got != want {
						t.Errorf("device %d: %+v", r.i, got)
					}
				}
				sleep(time.Until(task.End()) + time.Second)
				for _, r := range all {
					r.wantSummed(3, 0)
					if len(r.member.refused) > 0 {
						t.Errorf("device %d refused %v", r.i, r.member.refused)
					}
					if r.Status().Sums != nil {
						t.Errorf("device %d still adds", r.i)
					}
				}
			})
		})
	}
}

// TestSumsOverEpochs holds that a new epoch has a new roster, and that the rounds
// between are the only ones without a sum.
func TestSumsOverEpochs(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		s.epoch = 30 * time.Minute
		all := settleAll(settle, 5)
		sleep(time.Minute)
		task := all[0].start(together(node.Private, 14))
		sleep(time.Until(task.End()) + time.Second)
		for _, r := range all {
			r.wantSummed(4, 2)
		}
	})
}

// TestSumsLossy holds that lost chunks cost few rounds.
func TestSumsLossy(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(5, 5))
		s.lose = func(typ uint8) bool {
			mu.Lock()
			defer mu.Unlock()
			return typ != typeTask && dice.Float64() < 0.05
		}
		all := settleAll(settle, 6)
		sleep(time.Minute)
		task := all[0].start(together(node.Private, 16))
		sleep(time.Until(task.End()) + time.Second)
		for _, r := range all {
			r.wantSummed(-1, 8) // the last round may be among those that are lost
		}
	})
}

// TestSumsDeath holds that one who dies costs the others nothing while enough are
// left, sits out the round in which it comes back, and adds again.
func TestSumsDeath(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 8)
		sleep(time.Minute)
		task := all[0].start(together(node.Private, 16))
		sleepUntil(task, 4, 20*time.Second)
		all[7].end()
		sleepUntil(task, 8, 0)
		for _, r := range all[:7] {
			if st := r.Status(); st.Heard != 6 || st.Skipped > 1 {
				t.Errorf("device %d hears %d while one is gone; %d skipped, %s", r.i, st.Heard, st.Skipped, st.LastSkip)
			}
		}
		sleepUntil(task, 8, 5*time.Second)
		all[7].again()
		sleepUntil(task, 9, time.Second)
		if st := all[0].Status(); st.Heard != 6 {
			t.Errorf("%d in the sum of the round in which one came back", st.Heard)
		}
		sleep(time.Until(task.End()) + time.Second)
		for _, r := range all {
			r.wantSummed(7, 2)
		}
	})
}

// TestSumsFit holds what is refused, and that the words say what to do.
func TestSumsFit(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 4)
		refused := func(p Plan, words ...string) {
			t.Helper()
			_, err := all[0].Start(p)
			for _, w := range words {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%v, want %q", err, w)
				}
			}
		}
		p := together(node.Private, 4)
		p.RoundLen = time.Minute
		refused(p, "too short", "use rounds of")
		all[0].member.budget = 1_000_000
		refused(together(node.Private, 4), "set-up", `"hybrid"`, `"mask"`)
		if _, err := all[0].Start(together(node.Mask, 4)); err != nil {
			t.Error(err)
		}
	})
}

// TestSumsTooFew holds that two devices do not add, and learn all the same.
func TestSumsTooFew(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 2)
		task := all[0].start(together(node.Mask, 8))
		sleepUntil(task, 3, 0)
		if st := all[1].Status(); st.Skipped != 3 || st.LastSkip != skipEpoch || !strings.Contains(st.Sums.Waits, "three members") {
			t.Errorf("%+v, %+v", st, st.Sums)
		}
		sleep(time.Until(task.End()) + time.Second)
		if st := all[1].Status(); st.Skipped != 8 || *st.Accuracy < 0.7 {
			t.Errorf("%+v", st)
		}
	})
}

// TestSumParts gives the service messages of sums while nobody adds, and more
// than it takes while somebody does.
func TestSumParts(t *testing.T) {
	s := newSquare()
	m := s.join(0)
	service := New(Options{Member: m, Files: &disk{files: map[string][]byte{}}})
	p := together(node.Private, 4)
	task, err := p.task(dataOf(0))
	if err != nil {
		t.Fatal(err)
	}
	m.hear(pid(1), homomorphic.TypeControl, 0, nil)
	j := newJob(task, Running)
	service.jobs = []*job{j}
	m.hear(pid(1), homomorphic.TypeControl, 0, nil)
	if len(j.parts) > 0 {
		t.Error("parts wait for nobody")
	}
	j.sums = &sums{}
	for range maxInbox + 3 {
		m.hear(pid(1), homomorphic.TypeControl, 0, nil)
	}
	if len(j.parts) != maxInbox || m.refused[reasonBusy] != 3 {
		t.Errorf("%d wait, refused %v", len(j.parts), m.refused)
	}
}

// TestSumsInGroups holds that all devices of two groups go on by the sums of both,
// and so have the same model, also when one group has no sum.
func TestSumsInGroups(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 10)
		sleep(time.Minute)
		task := all[0].start(together(node.Hybrid, 10))
		sleepUntil(task, 4, 20*time.Second)
		size := map[int]int{}
		for _, r := range all {
			size[*r.Status().Sums.Group]++
			if st := r.Status(); st.Heard != 9 || st.Sums.Roster != 5 {
				t.Errorf("device %d: heard %d, %+v", r.i, st.Heard, st.Sums)
			}
		}
		if size[0] != 5 || size[1] != 5 {
			t.Errorf("groups of %v", size)
		}
		gone := *all[9].Status().Sums.Group
		all[9].end()
		sleepUntil(task, 6, time.Second)
		for _, r := range all[:9] {
			st := r.Status()
			want := 4 // of the other group, or of its own without itself
			if *st.Sums.Group == gone {
				want = 5
			}
			if st.Heard != want {
				t.Errorf("device %d hears %d while its neighbour is gone, want %d; %s", r.i, st.Heard, want, st.LastSkip)
			}
		}
		all[9].again()
		sleep(time.Until(task.End()) + time.Second)
		for _, r := range all {
			r.wantSummed(9, 2)
			if *r.Status().Accuracy != *all[0].Status().Accuracy || *r.Status().Loss == 0 {
				t.Errorf("device %d has another model", r.i)
			}
		}
	})
}
