// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSignedPolicy holds which tasks devices of each policy join, that what is
// refused is counted each time and logged once with what to do, and that the
// signature travels on.
func TestSignedPolicy(t *testing.T) {
	owner, other := ownerOf(t, 7), ownerOf(t, 8)
	for name, tt := range map[string]struct {
		msg     func(t *testing.T) []byte
		joined  [3]bool // by one that accepts all, one that wants signatures, one that refuses
		reason  [3]string
		trusted bool // as the owner's
	}{
		"the owner's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			return msg
		},
			[3]bool{true, true, false}, [3]string{}, true},
		"a stranger's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), other)
			return msg
		},
			[3]bool{true, false, false}, [3]string{"", reasonUnsigned, ""}, false},
		"nobody's": {func(t *testing.T) []byte {
			task, _ := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			return task.Encode()
		}, [3]bool{true, false, false}, [3]string{"", reasonUnsigned, ""}, false},
		"a forger's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			msg[len(msg)-1] ^= 1
			return msg
		}, [3]bool{}, [3]string{reasonSignature, reasonSignature, reasonSignature}, false},
		"one of yesterday": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(-24*time.Hour), owner)
			return msg
		},
			[3]bool{}, [3]string{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				with := func(accept, signed bool) func(*resident, *Options) {
					return func(_ *resident, o *Options) {
						o.Accept, o.Signed, o.Keys = accept, signed, []ed25519.PublicKey{owner.Public()}
					}
				}
				all := []*resident{settle(0, with(true, false)), settle(1, with(true, true)), settle(2, with(false, false))}
				msg := tt.msg(t)
				for range 3 {
					for _, r := range all {
						r.member.hear(pid(9), typeTask, 0, msg)
					}
					sleep(time.Second)
				}
				for i, r := range all {
					st := r.Status()
					if (st != nil) != tt.joined[i] {
						t.Errorf("device %d: %+v", i, st)
					}
					if st != nil && (st.SignedBy == owner.String()) != tt.trusted {
						t.Errorf("device %d: signed by %q", i, st.SignedBy)
					}
					if n := r.member.refused[tt.reason[i]]; tt.reason[i] != "" && n != 3 {
						t.Errorf("device %d refused %v", i, r.member.refused)
					}
					if n := strings.Count(r.log.buf.String(), "a neighbour's task is refused"); (n == 1) != (tt.reason[i] != "") || n > 1 {
						t.Errorf("device %d: %d words in the log:\n%s", i, n, r.log.buf.String())
					}
					if tt.reason[i] == reasonUnsigned && !r.log.has("set fl.task_keys to the owner's key") {
						t.Errorf("device %d says nothing of what to do", i)
					}
				}
			})
		})
	}
}

func long() Plan {
	p := plan()
	p.Rounds = 60
	return p
}

// TestSignedTravels starts a signed task on a device whose owner did not sign it:
// those who want signatures join, a newcomer is told by one of them with the
// signature, and a restart keeps it. When it is over nobody can begin it again.
func TestSignedTravels(t *testing.T) {
	owner := ownerOf(t, 7)
	strict := func(_ *resident, o *Options) { o.Signed, o.Keys = true, []ed25519.PublicKey{owner.Public()} }
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, nil), settle(1, strict)
		p := plan()
		p.Rounds = 20
		task, msg := signedPlan(t, p, time.Now().Add(2*time.Minute), owner)
		if st, err := first.StartSigned(msg); err != nil || st.State != Waiting || st.SignedBy != "" {
			t.Fatalf("%+v, %v", st, err)
		}
		if _, err := first.StartSigned(msg); !errors.Is(err, ErrBusy) {
			t.Errorf("twice: %v", err)
		}
		sleepUntil(task, 3, time.Second)
		if st := second.Status(); st == nil || st.SignedBy != owner.String() || st.Heard != 1 {
			t.Fatalf("%+v", st)
		}
		first.end()
		second.end()
		second.member = second.member.square.join(second.i)
		second.begin(strict)
		third := settle(2, strict)
		sleepUntil(task, 10, 0)
		if st := second.Status(); st == nil || st.SignedBy != owner.String() {
			t.Errorf("after a restart: %+v", st)
		}
		if st := third.Status(); st == nil || st.SignedBy != owner.String() || st.Heard != 1 {
			t.Errorf("the newcomer: %+v", st)
		}
		forged := slices.Clone(msg)
		forged[len(forged)-1] ^= 1
		if _, err := third.StartSigned(forged); !errors.Is(err, ErrSignature) {
			t.Errorf("a forged one: %v", err)
		}
		sleep(time.Until(task.End()) + time.Second)
		if _, err := third.StartSigned(msg); err == nil || !strings.Contains(err.Error(), "is over: its last round ended at") {
			t.Errorf("once more: %v", err)
		}
	})
}

// TestSignatureComesLater holds that a device which has a task without a signature
// tells it with the signature once it has heard that.
func TestSignatureComesLater(t *testing.T) {
	owner := ownerOf(t, 7)
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(_ *resident, o *Options) { o.Keys = []ed25519.PublicKey{owner.Public()} })
		task, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
		r.member.hear(pid(9), typeTask, 0, task.Encode())
		sleep(time.Second)
		if st := r.Status(); st == nil || st.SignedBy != "" {
			t.Fatalf("%+v", st)
		}
		r.member.hear(pid(9), typeTask, 0, msg)
		if st := r.Status(); st.SignedBy != owner.String() {
			t.Errorf("%+v", st)
		}
		strict := settle(1, func(_ *resident, o *Options) { o.Signed, o.Keys = true, []ed25519.PublicKey{owner.Public()} })
		sleep(time.Minute)
		strict.wantState(Running)
	})
}

// TestStoppedAndStartedAgain holds that the owner of a device who stopped a signed
// task can start it again while it goes on.
func TestStoppedAndStartedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task, msg := signedPlan(t, long(), time.Now().Add(time.Minute), ownerOf(t, 7))
		for range 2 {
			if _, err := r.StartSigned(msg); err != nil {
				t.Fatal(err)
			}
			sleepUntil(task, 3, time.Second)
			r.wantState(Running)
			if _, err := r.Stop("halves"); err != nil {
				t.Error(err)
			}
			sleep(time.Second)
			r.wantState(Stopped)
		}
		if n := len(r.Statuses()); n != 1 {
			t.Errorf("%d tasks", n)
		}
		jobs, _, _, err := readSaved(r.disk, time.Now(), nil)
		if err != nil || len(jobs) != 1 {
			t.Errorf("%d tasks are saved, %v", len(jobs), err)
		}
	})
}
