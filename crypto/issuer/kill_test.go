// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"testing"
)

// change is a change of issuers that is tried until it succeeds, as an agent
// would try it.
type change struct {
	threshold uint8
	dealers   []uint8 // nil for a new key
	receivers []uint8
}

var changes = map[string]change{
	"new key":  {2, nil, []uint8{1, 2, 4}},
	"refresh":  {2, []uint8{1, 3}, []uint8{1, 2, 3}},
	"replaced": {2, []uint8{1, 2}, []uint8{1, 2, 4}},
}

// carryOut tries a change several times. Each attempt is for a later generation
// than the one before.
func (h *house) carryOut(t testing.TB, i int, ch change) error {
	t.Helper()
	var err error
	for try := range uint32(5) {
		c := h.seats[i].council
		p := NewPlan(c.charter, c.charter.Gen+1+try, ch.threshold, ch.dealers, h.receivers(t, ch.receivers...))
		h.send(c.Deal(p))(t)
		dealt := h.settle(t, i)
		if err = dealt.Err; err != nil {
			continue
		}
		c = h.seats[i].council
		next := must(dealt.Dealt.Charter(c.charter))(t)
		h.send(c.ProposeCharter(next, dealt.Dealt))(t)
		signed := h.settle(t, i)
		if err = signed.Err; err != nil {
			continue
		}
		h.adopt(t, signed.Charter)
		return nil
	}
	return fmt.Errorf("the change does not succeed: %w", err)
}

// signsAtLast lets the group sign, and again where a restart came between.
func (h *house) signsAtLast(t testing.TB, i int) {
	t.Helper()
	if r := h.deny(t, i); r.Err != nil {
		if !errors.Is(r.Err, errKilled) {
			t.Fatal(r.Err)
		}
		h.signs(t, i)
	}
}

// TestKillAfterEveryStep restarts each participant after each message, and
// between the disk and the council at each adoption, of a change of issuers and
// of a signature before and behind it. The group can sign in the end, the shares
// are those of the charter, and no nonces were used twice. The long form takes
// every step for every participant.
func TestKillAfterEveryStep(t *testing.T) {
	stride := 13
	if testing.Short() {
		stride = 97
	}
	if *thorough {
		stride = 1
	}
	for name, ch := range changes {
		t.Run(name, func(t *testing.T) {
			script := func(kill func(int) (int, bool)) int {
				h := newHouse(t, "kill "+name, 2, 3, 1)
				h.kill = kill
				h.signsAtLast(t, 0)
				if err := h.carryOut(t, 0, ch); err != nil {
					t.Fatal(err)
				}
				h.signsAtLast(t, 0)
				h.kill = nil
				h.key(t, h.charter)
				h.signs(t, 1)
				return h.steps
			}
			steps := script(nil)
			for at := 1; at <= steps; at++ {
				for who := range 4 {
					if (at*4+who)%stride == 0 {
						script(func(step int) (int, bool) { return who, step == at })
					}
				}
			}
			t.Logf("%d steps", steps)
		})
	}
}

// TestKillAll restarts everybody at once after every step of a dealing.
func TestKillAll(t *testing.T) {
	stride := 7
	if testing.Short() {
		stride = 29
	}
	for at := 1; at < 60; at += stride {
		h := newHouse(t, "kill all", 2, 3, 1)
		h.kill = func(step int) (int, bool) {
			if step == at {
				for who := range h.seats {
					h.restart(t, who)
				}
			}
			return 0, false
		}
		if err := h.carryOut(t, 0, changes["replaced"]); err != nil {
			t.Fatal(err)
		}
		h.signsAtLast(t, 0)
		h.key(t, h.charter)
	}
}
