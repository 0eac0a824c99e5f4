// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var long = flag.Bool("long", false, "let chance work on larger neighbourhoods too")

// TestDropouts kills devices before their upload, after it, or after they said
// what they hold.
func TestDropouts(t *testing.T) {
	tests := []struct {
		name          string
		n             int
		plan          Plan
		before, after int    // dead before and after they upload
		late          int    // dead after their holdings
		active        int    // in the sum, 0 if there is none
		reason        Reason // then
	}{
		{"one of three after its upload", 3, latticePlan, 0, 1, 0, 3, ""},
		{"one of three before", 3, latticePlan, 1, 0, 0, 0, ReasonUploads},
		{"two of eight before", 8, latticePlan, 2, 0, 0, 6, ""},
		{"two of eight after", 8, latticePlan, 0, 2, 0, 8, ""},
		{"one before, one after", 8, latticePlan, 1, 1, 0, 7, ""},
		{"three of eight before", 8, latticePlan, 3, 0, 0, 0, ReasonUploads},
		{"three of eight after", 8, latticePlan, 0, 3, 0, 0, ReasonUploads},
		{"all silent after holdings", 8, latticePlan, 0, 0, 3, 0, ReasonSignatures},
		{"mask, two before", 8, maskPlan, 2, 0, 0, 6, ""},
		{"mask, two after: their uploads are lost", 8, maskPlan, 0, 2, 0, 8, ""},
		{"mask, one before, one after", 8, maskPlan, 1, 1, 0, 6, ""},
		{"mask, ten of 32 before", 32, maskPlan, 10, 0, 0, 22, ""},
		{"mask, eleven of 32", 32, maskPlan, 5, 6, 0, 0, ReasonUploads},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net := newNetwork(t, tt.n, tt.plan)
			kill := func(n int) {
				for _, d := range net.devices {
					if !d.dead && n > 0 {
						d.dead = true
						n--
					}
				}
			}
			net.runUntil(testStart)
			kill(tt.before)
			net.runUntil(testStart.Add(testStep))
			net.encryptAll(0)
			kill(tt.after)
			net.runUntil(middleOf(0).Add(testStep))
			kill(tt.late)
			net.runUntil(endOf(0).Add(testStep))
			opened := net.check(0)
			last := net.devices[tt.n-1]
			if tt.active == 0 {
				if got := reason(last, 0); opened != 0 || got != tt.reason {
					t.Errorf("%d devices opened; reason %q, not %q", opened, got, tt.reason)
				}
				return
			}
			if want := tt.n - tt.before - tt.after - tt.late; opened != want {
				t.Fatalf("%d devices opened, not %d; %v", opened, want, reason(last, 0))
			}
			if r, _ := last.Result(0); len(r.Active) != tt.active {
				t.Errorf("%d active, not %d", len(r.Active), tt.active)
			}
		})
	}
}

// TestChaos delays, doubles, loses and withholds messages as chance will have
// it, for several rounds. Whatever is opened is exact, nobody says two things,
// and once the network is well again, if the roster was agreed on, so are sums.
func TestChaos(t *testing.T) {
	for _, tt := range []struct {
		n    int
		plan Plan
		long bool
	}{{3, latticePlan, false}, {8, maskPlan, false}, {4, latticePlan, true}, {9, maskPlan, true}} {
		tt.plan.Params, tt.plan.Vectors = 3, 1
		t.Run(fmt.Sprint(tt.n), func(t *testing.T) {
			if tt.long && !*long {
				t.Skip("run with -long")
			}
			opened := 0
			rapid.Check(t, func(rt *rapid.T) {
				net := newNetwork(t, tt.n, tt.plan)
				watch(net, rt.Errorf)
				loss := rapid.IntRange(0, 30).Draw(rt, "loss")
				withheld := rapid.SampledFrom([]uint8{0, 0, 0, 1, 5, 6, 7}).Draw(rt, "withheld")
				victim := rapid.IntRange(0, tt.n-1).Draw(rt, "victim")
				dice := rapid.Uint64().Draw(rt, "dice")
				net.fate = func(p packet) (copies []time.Duration) {
					if p.kind == withheld && p.from == net.devices[victim] {
						return nil
					}
					for range 2 {
						dice = dice*6364136223846793005 + 1442695040888963407
						if x := int(dice >> 33); x%100 >= loss && (copies == nil || x%7 == 0) {
							copies = append(copies, time.Duration(x%20000)*time.Millisecond)
						}
					}
					return copies
				}
				net.play(0)
				opened += net.check(0)
				net.fate = nil
				net.play(1)
				net.play(2)
				ready := 0
				for _, d := range net.devices {
					if d.ready() {
						ready++
					}
				}
				opened += net.check(1)
				if n := net.check(2); ready == tt.n && n != tt.n {
					rt.Fatalf("all have a roster, and %d of them the sum; %v", n, reason(net.devices[0], 2))
				}
				single(net, rt.Errorf)
			})
			if opened == 0 {
				t.Error("no round was opened")
			}
		})
	}
}
