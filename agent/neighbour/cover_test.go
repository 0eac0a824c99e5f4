// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// sends counts the chunks of each client outside the door in half an hour of a
// quiet neighbourhood of two at 60 chunks a minute, from its tenth minute on; the
// founder talks meanwhile if it is to.
func sends(t *testing.T, cover Cover, talk bool) (counts []int) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		h := &hub{}
		p, founder := foundWith(t, h, cover, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 3600, 60, 30 })
		stop := []func(){p.start(founder)}
		id, w := p.join("second")
		stop = append(stop, p.start(p.member(id, w.Signed, newMemory(), nil)))
		time.Sleep(10 * time.Minute)
		byClient := map[string]int{}
		h.mu.Lock()
		h.tap = func(client, topic string, payload []byte) {
			if len(payload) != chunk.Size {
				t.Errorf("a chunk of %d bytes", len(payload))
			}
			byClient[client]++
		}
		h.mu.Unlock()
		for range 30 {
			if talk {
				if err := founder.Broadcast(14, make([]byte, 20_000)); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(time.Minute)
		}
		for _, s := range stop {
			s()
		}
		for _, n := range byClient {
			counts = append(counts, n)
		}
	})
	return counts
}

// TestCover holds that who talks, who is silent and who issues keys send alike,
// and that without cover they do not.
func TestCover(t *testing.T) {
	const want = 30 * 60
	for _, talk := range []bool{false, true} {
		counts := sends(t, CoverBudget, talk)
		if len(counts) != 2 {
			t.Fatalf("%d clients", len(counts))
		}
		for _, n := range counts {
			if math.Abs(float64(n-want)) > 5*math.Sqrt(want) {
				t.Errorf("talk %v: %d chunks, want %d of a Poisson process", talk, n, want)
			}
		}
	}
	total := 0
	for _, n := range sends(t, CoverOff, false) {
		total += n
	}
	if total > want/10 {
		t.Errorf("without cover the silent send %d chunks", total)
	}
}
