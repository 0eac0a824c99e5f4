// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// evictions keeps an eviction in memory.
type evictions struct{ kept []byte }

func (e *evictions) SaveEviction(b []byte) error { e.kept = b; return nil }

// TestEviction removes a member: it is told, the others go on under another key,
// and one who slept meanwhile finds back to them.
func TestEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		p, founder := foundWith(t, &hub{}, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 3600, 6000, 1 })
		p.keeper.Evictions = &evictions{}
		stop := p.start(founder)
		defer stop()
		members := map[string]*Member{}
		halt := map[string]func(){}
		mems := map[string]*memory{}
		for _, name := range []string{"stays", "sleeps"} {
			id, w := p.join(name)
			mems[name] = newMemory()
			members[name] = p.member(id, w.Signed, mems[name], nil)
			halt[name] = p.start(members[name])
		}
		id, w := p.join("goes")
		gone := p.member(id, w.Signed, newMemory(), nil)
		ended := make(chan error, 1)
		go func() { ended <- gone.Run(context.Background()) }()
		time.Sleep(time.Minute)
		if n := len(others(founder)); n != 3 {
			t.Fatalf("the founder sees %d others", n)
		}
		halt["sleeps"]()
		before := founder.key()
		pseudonym := founder.live().roster.self.ID

		if _, err := founder.Evict("nobody"); err == nil {
			t.Error("a member that does not exist is removed")
		}
		if _, err := members["stays"].Evict("goes"); !errors.Is(err, ErrNotIssuer) {
			t.Errorf("no issuer, and evicts: %v", err)
		}
		if _, err := founder.Evict("goes"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		select {
		case err := <-ended:
			if !errors.Is(err, door.ErrEvicted) {
				t.Errorf("the one who is removed ends with %v", err)
			}
		default:
			t.Error("the one who is removed does not end")
		}
		if founder.key() != before {
			t.Error("the key changed before its time")
		}
		time.Sleep(2 * time.Minute)
		if founder.key() == before || founder.key() != members["stays"].key() {
			t.Fatal("those who stay have no new key in common")
		}
		if n := len(others(founder)); n != 1 || len(others(members["stays"])) != 1 {
			t.Errorf("under the new key the founder sees %d others", n)
		}
		if founder.live().roster.self.ID != pseudonym {
			t.Error("the pseudonym changed within the epoch")
		}

		o := members["sleeps"].o
		back, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.start(back)()
		time.Sleep(5 * time.Minute)
		if back.key() != founder.key() {
			t.Error("the one who slept has no new key")
		}
		if n := len(others(founder)); n != 2 {
			t.Errorf("after the sleeper's return the founder sees %d others", n)
		}
		if c := back.Charter(); c.V != 1 || len(c.Members) != 3 {
			t.Errorf("the sleeper's charter has %d evictions and %d members", c.V, len(c.Members))
		}
		halt["stays"]()
	})
}

// TestEvictionAtEdge removes a member a minute before an epoch ends: the next one is
// entered before, and nobody is without keys. A restart of the issuer in between
// changes nothing.
func TestEvictionAtEdge(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(plausible))
			p, founder := foundWith(t, &hub{}, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 600, 600, 20 })
			p.keeper.Evictions = &evictions{}
			stop := p.start(founder)
			id, w := p.join("stays")
			stays := p.member(id, w.Signed, newMemory(), nil)
			defer p.start(stays)()
			id, w = p.join("goes")
			gone := p.member(id, w.Signed, newMemory(), nil)
			ended := make(chan error, 1)
			go func() { ended <- gone.Run(context.Background()) }()
			time.Sleep(9 * time.Minute)
			before := founder.key()
			at, err := founder.Evict("goes")
			if err != nil {
				t.Fatal(err)
			}
			if left := at.Sub(founder.Charter().EpochStart(1)); left < 60*time.Second || left > 5*time.Minute {
				t.Errorf("the key is to count %v after the edge", left)
			}
			if restart {
				stop()
				var err error
				if founder, err = New(founder.o); err != nil {
					t.Fatal(err)
				}
				p.founder = founder
				stop = p.start(founder)
			}
			time.Sleep(2 * time.Minute) // into the next epoch
			if n := len(others(founder)); n != 2 || len(others(stays)) != 2 {
				t.Errorf("restart %v: after the edge the founder sees %d others", restart, n)
			}
			time.Sleep(time.Until(at) + 30*time.Second)
			if founder.key() == before || founder.key() != stays.key() || len(others(stays)) != 1 {
				t.Errorf("restart %v: those who stay have no new key in common", restart)
			}
			if err := <-ended; !errors.Is(err, door.ErrEvicted) {
				t.Errorf("the one who is removed ends with %v", err)
			}
			time.Sleep(10 * time.Minute)
			if len(others(stays)) != 1 {
				t.Errorf("restart %v: no keys in the epoch after", restart)
			}
			stop()
		})
	}
}
