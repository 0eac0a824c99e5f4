// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// clockPlace is a neighbourhood whose founder tells the time.
func clockPlace(t *testing.T, h *hub) (*place, *Member) {
	t.Helper()
	p, founder := foundWith(t, h, CoverBudget, func(c *issuer.Charter) {
		c.EpochLen, c.D, c.ChunksPerMinute = 60, 6, 240
	})
	founder.o.Timekeeper = &door.Timekeeper{Keys: p.keeper.Keys, Nbhd: founder.Charter().Nbhd, Time: founder.Time}
	return p, founder
}

// pair reports whether a member sees itself and another.
func pair(m *Member) bool {
	all, _ := m.Present()
	return len(all) == 2
}

// TestWrongClocks lets devices in whose clocks name another epoch, or are slightly
// wrong, or have not been set since they were made: all of them come together.
func TestWrongClocks(t *testing.T) {
	for name, skew := range map[string]time.Duration{
		"two minutes ahead": 2 * time.Minute, "two minutes behind": -2 * time.Minute, "a second": time.Second,
		"before epoch 0": -time.Hour, "a day ahead": 24 * time.Hour, "never set": -25 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(plausible.Add(48 * time.Hour)))
				p, founder := clockPlace(t, &hub{})
				p.start(founder)
				eventually(t, "the founder has keys", func() bool { return founder.live() != nil })
				id, w := p.join("guest")
				guest := p.member(id, w.Signed, newMemory(), func(o *Options) {
					o.Now = func() time.Time { return time.Now().Add(skew) }
				})
				p.start(guest)
				end := time.Now().Add(2 * time.Minute) // two epochs
				for !pair(founder) || !pair(guest) {
					if time.Now().After(end) {
						t.Fatal("they do not see each other")
					}
					time.Sleep(time.Second)
				}
				if d := time.Until(guest.Now()); d.Abs() > 5*time.Second {
					t.Errorf("the guest's time is %v off", d)
				}
			})
		})
	}
}

// TestAloneWithDoubt holds that a device whose issuers are away stays in the epoch
// that its clock names, and that it asks at the door once for each epoch only.
func TestAloneWithDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		h := &hub{}
		p, founder := clockPlace(t, h)
		stop := p.start(founder)
		eventually(t, "the founder has keys", func() bool { return founder.live() != nil })
		id, w := p.join("guest")
		stop()
		atDoor, topic := 0, door.Topic(founder.Charter().Nbhd)
		h.mu.Lock()
		h.tap = func(_, at string, _ []byte) {
			if at == topic {
				atDoor++
			}
		}
		h.mu.Unlock()
		p.start(p.member(id, w.Signed, newMemory(), nil))
		time.Sleep(5 * time.Minute)
		h.mu.Lock()
		defer h.mu.Unlock()
		// Once for the time in each, and for what it may have missed.
		if atDoor < 4 || atDoor > 20 {
			t.Errorf("%d requests at the door in five epochs", atDoor)
		}
	})
}

// TestTurnWhileConnecting holds that an epoch which ends while the broker does not
// answer is followed by the next one.
func TestTurnWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		p, founder := clockPlace(t, &hub{})
		dial, dead := founder.o.Dial, time.Now().Add(3*time.Minute)
		founder.o.Dial = func(ctx context.Context, id string) (Link, error) {
			if time.Now().Before(dead) {
				<-ctx.Done()
				return nil, &brokenError{}
			}
			return dial(ctx, id)
		}
		p.start(founder)
		time.Sleep(5*time.Minute + 30*time.Second)
		if founder.live() == nil {
			t.Error("no keys after the broker came back")
		}
	})
}

// brokenError is what a client library makes of a dial that was given up.
type brokenError struct{}

func (*brokenError) Error() string { return "network error: operation was canceled" }

// between reports whether the last hello that a member heard is some seconds old,
// and the next one some seconds away.
func between(m *Member) bool {
	for _, n := range m.Neighbours() {
		if age := time.Since(n.Heard); age < 3*time.Second || age > 10*time.Second { // of 15
			return false
		}
	}
	return true
}

// TestOffsetKept holds that a device knows after a restart by how much its clock is
// wrong, and does not ask at the door.
func TestOffsetKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible.Add(48 * time.Hour)))
		h := &hub{}
		begin := time.Now()
		p, founder := clockPlace(t, h)
		p.start(founder)
		eventually(t, "the founder has keys", func() bool { return founder.live() != nil })
		id, w := p.join("guest")
		mem := newMemory()
		late := func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) } }
		guest := p.member(id, w.Signed, mem, late)
		stop := p.start(guest)
		time.Sleep(time.Until(begin.Add(67 * time.Second))) // both are in the second epoch
		// A device that hears nobody for as long as hellos are apart asks what it has
		// missed. So it is stopped well between two of the founder's.
		eventually(t, "they see each other", func() bool { return pair(founder) && pair(guest) && between(guest) })
		stop()
		topic := door.Topic(founder.Charter().Nbhd)
		h.mu.Lock()
		h.tap = func(_, at string, _ []byte) {
			if at == topic {
				t.Error("a request at the door")
			}
		}
		h.mu.Unlock()
		again := p.member(id, w.Signed, mem, late)
		p.start(again)
		time.Sleep(time.Until(begin.Add(110 * time.Second))) // before the third epoch
		if !pair(again) {
			t.Error("the guest is not back")
		}
		h.mu.Lock()
		h.tap = nil
		h.mu.Unlock()
	})
	for text, want := range map[string]time.Duration{"": 0, "1h": time.Hour, "-2.5s": -2500 * time.Millisecond, "1": 0, "x": 0, "2000000h": 0} {
		mem := newMemory()
		mem.keys[offsetFile] = []byte(text)
		if got := loadOffset(mem); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
