// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBrokerChaos lets a random network and random restarts at a change of
// issuers for a while, with a kind of message withheld. Every session ends, an
// end that is not good names who was silent, and after it the group signs.
func TestBrokerChaos(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHouse(t, "chaos", 2, 3, 1)
		ch := changes[rapid.SampledFrom([]string{"new key", "refresh", "replaced"}).Draw(r, "change")]
		c := h.seats[0].council
		p := NewPlan(c.charter, c.charter.Gen+1, ch.threshold, ch.dealers, h.receivers(t, ch.receivers...))
		h.send(c.Deal(p))(t)
		withheld := rapid.SampledFrom([]uint8{0, 0, 1, 2, 3, 4}).Draw(r, "withheld") // messages to or from an issuer
		begun := h.now
		for n := 0; h.seats[0].council.Result() == nil && h.seats[0].council.own != nil; n++ {
			if h.now.Sub(begun) > 2*CouncilLifetime {
				r.Fatal("a session does not end")
			}
			if len(h.flying) == 0 || n > 60 {
				h.flying = nil
				h.tick(t)
				if n > 60 {
					h.now = h.now.Add(time.Minute)
				}
				continue
			}
			i := rapid.IntRange(0, len(h.flying)-1).Draw(r, "message")
			msg := h.flying[i]
			l := must(decodeLetter(msg))(t)
			event := rapid.SampledFrom([]string{"deliver", "deliver", "deliver", "deliver", "repeat", "lose", "wait", "restart"}).Draw(r, "event")
			if event != "repeat" {
				h.flying = slices.Delete(h.flying, i, i+1)
			}
			switch {
			case withheld != 0 && (l.From == withheld || l.To == withheld), event == "lose":
			case event == "wait":
				h.tick(t)
			case event == "restart" && rapid.IntRange(0, 5).Draw(r, "really") == 0:
				h.restart(t, rapid.IntRange(0, 3).Draw(r, "who"))
			default:
				h.deliver(t, msg)
			}
		}
		if res := h.seats[0].council.Result(); res != nil && res.Err != nil {
			var silent *SilentError
			var refused *RefusalError
			if !errors.As(res.Err, &silent) && !errors.As(res.Err, &refused) {
				r.Fatalf("honest issuers and a bad network end with: %v", res.Err)
			}
			if silent != nil && len(silent.Silent) == 0 {
				r.Fatal("nobody is named")
			}
		}
		h.flying = nil
		h.signs(t, 1)
		if rapid.IntRange(0, 3).Draw(r, "change again") != 0 {
			return
		}
		if err := h.carryOut(t, 2, changes["refresh"]); err != nil {
			r.Fatal(err)
		}
		h.key(t, h.charter)
		h.signs(t, 2)
	})
}
