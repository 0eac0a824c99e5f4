// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// TestRunnersSum holds the plain case: all submit in every round, learn more
// than one alone, and hold the same bits.
func TestRunnersSum(t *testing.T) {
	for _, m := range []Mode{Private, Hybrid, Mask} {
		for _, a := range []Algorithm{KGT, DPSGD} {
			synctest.Test(t, func(t *testing.T) {
				task := quietSoon(15, m, a)
				all, add := singers(t, newStreet(), task, 5)
				if m == Hybrid {
					add.groups = 2
				}
				alone, _ := singers(t, newStreet(), task, 1)
				startAll(append(all, alone[0]))
				waitAll(t, append(all, alone[0]))
				for i, d := range all {
					if len(d.refused) > 0 || !sameBits(d.Node.x, all[0].Node.x) || d.Node.shared.unsure {
						t.Errorf("%v, %v: device %d: refused %v, unsure %v", m, a, i, d.refused, d.Node.shared.unsure)
					}
					for j, r := range d.reports {
						if r.Round != uint32(j) || r.Heard != 4 || r.Neighbours != 4 || r.Skipped != "" || r.Payload != SumValues(len(d.Node.x), a) ||
							!d.ended[j].Equal(task.RoundStart(r.Round+1)) {
							t.Errorf("%v, %v: device %d: %+v at %v", m, a, i, r, d.ended[j])
						}
					}
				}
				last, lone := all[0].reports[14], alone[0].reports[14]
				if last.Score.Accuracy < lone.Score.Accuracy+0.1 || lone.Payload != 0 || lone.Skipped != ReasonAlone || len(alone[0].refused) > 0 {
					t.Errorf("%v, %v: together %v, alone %v", m, a, last, lone)
				}
			})
		}
	}
}

// TestSumsLost holds what is reported of rounds without a sum, and that those
// who missed one come back to the common model.
func TestSumsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := quietSoon(11, Private, KGT)
		all, add := singers(t, newStreet(), task, 4)
		all[1].Summer.(*seat).fail = errors.New("no room")
		add.outside = func(round uint32, id PeerID) bool { return round == 2 && id == peer(2) }
		add.deaf = func(round uint32, id PeerID) bool { return round == 3 && id == peer(3) || round == 6 }
		startAll(all)
		waitAll(t, all)
		none := make([]string, 11)
		common, deaf := slices.Clone(none), slices.Clone(none)
		common[2], common[6] = "too-few", "too-few"
		deaf[2], deaf[3], deaf[6] = "too-few", "too-few", "too-few"
		for i, want := range [][]string{common, common, common, deaf} {
			if d := cmp.Diff(want, all[i].skips()); d != "" {
				t.Errorf("device %d: -want +reasons:\n%s", i, d)
			}
			if n := all[i].refused["too-few"]; n != 2+i/3 || all[i].refused[ReasonTold] > 1 || len(all[i].refused) > 2 {
				t.Errorf("device %d: refused %v", i, all[i].refused)
			}
			if !sameBits(all[i].Node.x, all[0].Node.x) || all[i].Node.shared.unsure {
				t.Errorf("device %d ends with another model", i)
			}
			heard := 2
			if i == 1 { // its values are in no sum
				heard = 3
			}
			if r := all[i].reports[5]; r.Heard != heard || (r.Payload == 0) != (i == 1) {
				t.Errorf("device %d: %+v", i, r)
			}
		}
	})
}

// TestSumsSpoiled holds that what one member spoils is counted by its reason,
// and that learning goes on afterwards.
func TestSumsSpoiled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := quietSoon(8, Private, KGT)
		all, add := singers(t, newStreet(), task, 3)
		add.spoil = func(round uint32, s *Sum) {
			switch round {
			case 1:
				s.Values[3] += 1000
			case 2: // ten times the steps that there are: a model that is thrown far
				s.Values[len(s.Values)-1] = 700
				copy(s.Values, slices.Repeat([]uint32{3*levelZero + 90}, 30))
			case 3:
				s.Values = s.Values[1:]
			}
		}
		startAll(all)
		waitAll(t, all)
		for i, d := range all {
			reasons := d.skips()
			if reasons[1] != ReasonSumRange || reasons[2] == "" || reasons[3] != "shape" || strings.Join(reasons[4:], "") != "" {
				t.Errorf("device %d: %q", i, reasons)
			}
			if d.refused[ReasonSumRange] != 1 || d.refused["shape"] != 1 {
				t.Errorf("device %d: refused %v", i, d.refused)
			}
			if last := d.reports[7].Score; last.Accuracy < 0.6 {
				t.Errorf("device %d ends with %v", i, last)
			}
		}
	})
}

// TestSumsLate lets a device come late and another be switched off for a while.
// Both wait until the common model is told, and have it then; neither submits in
// the round in which it starts.
func TestSumsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), quietSoon(20, Private, KGT)
		all, add := singers(t, s, task, 5)
		s.gone[peer(4)] = true
		startAll(all[:4])
		sleepUntil(task, 5, time.Second)
		if err := all[3].stop(); err != nil {
			t.Error(err)
		}
		s.change(func() { delete(s.gone, peer(4)) })
		all[4].start()
		sleepUntil(task, 11, time.Second)
		back := all[3].again(t, s, 3)
		back.Summer = &seat{adder: add, id: peer(3)}
		back.start()
		waitAll(t, []*device{all[0], all[1], all[2], back, all[4]})
		if len(back.resumed) != 1 || back.resumed[0] != 4 || back.reports[0].Round != 12 || all[4].reports[0].Round != 6 {
			t.Errorf("resumed %v, first rounds %d and %d", back.resumed, back.reports[0].Round, all[4].reports[0].Round)
		}
		for _, d := range []*device{back, all[4]} {
			submits := 0
			for _, r := range d.reports {
				if r.Skipped == ReasonListening && r.Payload > 0 {
					t.Errorf("%+v", r)
				}
				if r.Payload > 0 {
					submits++
				}
			}
			delete(d.refused, ReasonLate) // letters that lay there
			if submits < len(d.reports)-3 || submits == len(d.reports) || !sameBits(d.Node.x, all[0].Node.x) || len(d.refused) > 0 {
				t.Errorf("it submits in %d of %d rounds, refused %v", submits, len(d.reports), d.refused)
			}
		}
	})
}

// TestSumsQuickRestart holds that a device that is back within a round goes on
// with what it knew, and sits the round out in which it restarts.
func TestSumsQuickRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), quietSoon(10, Private, KGT)
		all, add := singers(t, s, task, 4)
		startAll(all)
		sleepUntil(task, 4, 10*time.Second)
		if err := all[3].stop(); err != nil {
			t.Error(err)
		}
		back := all[3].again(t, s, 3)
		back.Summer = &seat{adder: add, id: peer(3)} // which panics where a round is submitted for twice
		back.start()
		waitAll(t, []*device{all[0], all[1], all[2], back})
		if r := back.reports[0]; r.Round != 5 || r.Payload == 0 || r.Skipped != "" || back.resumed[0] != 3 {
			t.Errorf("resumed %v, then %+v", back.resumed, r)
		}
		if !sameBits(back.Node.x, all[0].Node.x) {
			t.Error("it ends with another model")
		}
	})
}

// TestSumsSlow holds that a device that trains for too long does not submit, and
// has the others' model.
func TestSumsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := quietSoon(9, Private, KGT)
		all, _ := singers(t, newStreet(), task, 4)
		slow := all[3]
		train := slow.beginSum
		slow.beginSum = func(round uint32, ws *model.Workspace) ([]uint8, error) {
			if task.RoundAt(time.Now()) == 3 {
				time.Sleep(roundLen * 3 / 2)
			}
			return train(round, ws)
		}
		startAll(all)
		waitAll(t, all)
		if len(slow.reports) != 9 || slow.reports[3].Payload != 0 || slow.reports[3].Skipped != "" {
			t.Errorf("%+v", slow.reports)
		}
		if !sameBits(slow.Node.x, all[0].Node.x) || len(slow.refused) > 0 {
			t.Errorf("it ends with another model; refused %v", slow.refused)
		}
	})
}

// TestFits holds that a model is measured by the common one, whose place it
// takes where it is not far worse.
func TestFits(t *testing.T) {
	d := newDevice(t, newStreet(), quiet(Private, KGT), 0)
	good := slices.Clone(newChoir(t, d.Node.set, 3).sing(30).nodes[0].x)
	bad := slices.Clone(good)
	tensor.Scale(-10, bad)
	if d.fits(bad) || !d.fits(good) || d.fits(bad) {
		t.Error("the worse one is taken, or the better one is not")
	}
	if d.common == nil || *d.common != *d.loss(good) {
		t.Errorf("the loss of the common model is %v, want %v", *d.common, *d.loss(good))
	}
}

// TestWhoTells holds that one who listens tells nothing, and that its own word
// counts where it tells.
func TestWhoTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet()
		all, _ := singers(t, s, quietSoon(9, Private, KGT), 2)
		d := all[0]
		ids, self := d.Transport.Present()
		d.self, d.inbox = ids[self], newInbox(update.Want{}, 0, d.refuse)
		for _, listens := range []bool{true, false} {
			if listens {
				d.Node.Late()
			} else {
				d.Node.late = 0
			}
			own := d.openTold(tellEvery, ids, self)
			time.Sleep(time.Second)
			if told := len(s.doors[peer(1)]) > 0; told == listens || len(own) == 0 != listens {
				t.Errorf("listens %v: tells %v, to itself %d", listens, told, len(own))
			}
		}
	})
}

// TestNoSummer holds that a summed task is not learned in the open instead.
func TestNoSummer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, newStreet(), quietSoon(3, Private, KGT), 0)
		d.start()
		if err := d.wait(); err == nil || !strings.Contains(err.Error(), `task "quiet thirds" is private`) || len(d.reports) > 0 {
			t.Errorf("%v", err)
		}
	})
}

// TestSkipError holds what a log says.
func TestSkipError(t *testing.T) {
	if got := (&SkipError{Reason: "few"}).Error(); got != "round skipped: few" {
		t.Error(got)
	}
	if got := (&SkipError{Reason: "few", Detail: "two"}).Error(); got != "round skipped: few: two" {
		t.Error(got)
	}
}
