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
		epochEnds()
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
	})
}
