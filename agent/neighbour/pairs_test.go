// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// others returns the pseudonyms that a member sees besides its own.
func others(m *Member) []signcrypt.PID {
	all, self := m.Present()
	return slices.Delete(slices.Clone(all), self, self+1)
}

// handles returns the lasting names of those whom a member recognises.
func handles(m *Member) map[[16]byte]bool {
	out := map[[16]byte]bool{}
	for _, id := range others(m) {
		if h, ok := m.Recognised(id); ok {
			out[h] = true
		}
	}
	return out
}

// TestRecognition has three exchange, sleep over an edge, and know one another
// again, but for the one that wants to be new to everybody.
func TestRecognition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		p, founder := foundWith(t, &hub{}, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 600, 6000, 1 })
		all := []*Member{founder}
		stop := []func(){p.start(founder)}
		for i, name := range []string{"second", "third"} {
			id, w := p.join(name)
			m := p.member(id, w.Signed, newMemory(), func(o *Options) { o.Unlinkable = i == 1 })
			all, stop = append(all, m), append(stop, p.start(m))
		}
		epochEnds := func() {
			time.Sleep(601*time.Second - time.Duration(time.Now().Unix()%600)*time.Second + 30*time.Second)
		}
		time.Sleep(30 * time.Second)
		for i, m := range all {
			if len(others(m)) != 2 {
				t.Fatalf("member %d sees %d others", i, len(others(m)))
			}
			if err := m.SendUpdate(others(m), 0, []byte("header"), 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		known := []map[[16]byte]bool{handles(all[0]), handles(all[1]), handles(all[2])}
		if len(known[0]) != 1 || len(known[1]) != 1 || len(known[2]) != 0 {
			t.Fatalf("pairs after an exchange: %d, %d, %d; want 1, 1, 0", len(known[0]), len(known[1]), len(known[2]))
		}
		before := others(all[0])
		first, ok := all[0].Epoch()
		epochEnds()
		if next, still := all[0].Epoch(); !ok || !still || next != first+1 {
			t.Errorf("after epoch %d comes %d", first, next)
		}
		for i, m := range all {
			if len(others(m)) != 2 {
				t.Fatalf("member %d sees %d others after the edge", i, len(others(m)))
			}
			if got := handles(m); !maps.Equal(got, known[i]) {
				t.Errorf("member %d recognises %d as before, want %d", i, len(got), len(known[i]))
			}
		}
		for _, id := range others(all[0]) {
			if slices.Contains(before, id) {
				t.Error("a pseudonym stayed over the edge")
			}
		}
		for _, s := range stop {
			s()
		}
		if _, ok := all[0].Epoch(); ok {
			t.Error("one who has left is in an epoch")
		}
	})
}

// TestSteady has an epoch of ten minutes and a spread of ten seconds: it is steady
// from 20 s after its beginning until 10 s before its end.
func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		_, m := foundWith(t, &hub{}, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 600, 6000, 10 })
		start := m.Charter().EpochStart(3)
		for _, tt := range []struct {
			from, to time.Duration
			want     bool
		}{
			{20 * time.Second, 80 * time.Second, true},
			{19 * time.Second, 79 * time.Second, false},
			{530 * time.Second, 590 * time.Second, true},
			{531 * time.Second, 591 * time.Second, false},
			{-10 * time.Second, 50 * time.Second, false}, // over an edge
			{620 * time.Second, 630 * time.Second, true}, // in the next epoch
			{-285 * time.Second, 0, false},
			{-286 * time.Second, 0, true},      // a round takes half of what is steady
			{-time.Hour, 4 * time.Hour, false}, // before the first epoch
			{0, 4 * time.Hour, true},
		} {
			if got := m.Steady(start.Add(tt.from), start.Add(tt.to)); got != tt.want {
				t.Errorf("%v to %v: %v", tt.from, tt.to, got)
			}
		}
	})
}
