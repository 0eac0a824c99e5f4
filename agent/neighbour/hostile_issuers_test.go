// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// censor is a broker that has K and so sees the letters between issuers, by the
// first chunk of each: it drops some and brings others twice or late.
type censor struct {
	hub *hub
	k   [pseudonym.KeySize]byte
	c   func() *issuer.Charter

	mu      sync.Mutex
	letters int
	misdeed func(n int) (drop bool, twice bool)
}

func (x *censor) dial(ctx context.Context, client string) (Link, error) {
	l, err := x.hub.dial(ctx, client)
	return &censored{Link: l, x: x}, err
}

type censored struct {
	Link
	x *censor
}

func (l *censored) Publish(topic string, payload []byte) error {
	if !l.x.holds(topic, payload) {
		return l.Link.Publish(topic, payload)
	}
	l.x.mu.Lock()
	n := l.x.letters
	l.x.letters++
	drop, twice := l.x.misdeed(n)
	l.x.mu.Unlock()
	if drop {
		return nil
	}
	if twice {
		if err := l.Link.Publish(topic, payload); err != nil {
			return err
		}
	}
	return l.Link.Publish(topic, payload)
}

// holds reports whether a chunk holds a part of a letter between issuers.
func (x *censor) holds(topic string, payload []byte) bool {
	c := x.c()
	epoch, ok := c.Epoch(time.Now())
	if !ok {
		return false
	}
	outer := pseudonym.OuterKey(x.k, epoch)
	key := chunk.Key(outer)
	plain, ok := chunk.Open(&key, topic, payload)
	if !ok {
		return false
	}
	return len(plain) > 2 && plain[2] == issuer.TypeIssuers // behind the first frame's length
}

// TestLettersLost drops, doubles and withholds letters between issuers while three
// become issuers, let somebody in and refresh their shares.
func TestLettersLost(t *testing.T) {
	misdeeds := map[string]func(n int) (drop, twice bool){
		"each twice":       func(int) (bool, bool) { return false, true },
		"every third lost": func(n int) (bool, bool) { return n%3 == 2, false },
		"half lost":        func(n int) (bool, bool) { return coin(2*n) == 0, coin(2*n+1) == 0 },
	}
	for first := 0; first < 12; first += 4 {
		misdeeds[fmt.Sprintf("number %d lost", first)] = func(n int) (bool, bool) { return n%12 == first, false }
	}
	for name, misdeed := range misdeeds {
		if testing.Short() && name != "every third lost" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHall(t, 600, "a", "b", "c", "d")
				defer h.end()
				x := &censor{hub: h.hub, k: [32]byte{9}, misdeed: misdeed, c: func() *issuer.Charter { return h.seats[0].m.Charter() }}
				h.dial = x.dial
				for _, s := range h.seats {
					s.stop()
					s.start()
				}
				time.Sleep(10 * time.Second)
				h.electTwoOfThree()
				late := h.seat("late")
				if err := h.join(late, h.seats[1]); err != nil {
					t.Fatal(err)
				}
				late.start()
				if err := h.seats[2].change(Change{}); err != nil {
					t.Fatal(err)
				}
				h.nextEpoch()
				h.within(time.Minute, "all have keys", h.together)
				if x.letters < 30 {
					t.Errorf("the censor has seen %d letters", x.letters)
				}
			})
		})
	}
}

// coin is a fair coin, the same each time.
func coin(n int) byte { return sha512.Sum512([]byte(strconv.Itoa(n)))[0] & 1 }

// TestLettersWithheld keeps all letters from an issuer's session: it ends with the
// names of those who seem silent, and the next is not hindered.
func TestLettersWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, 600, "a", "b", "c")
		defer h.end()
		withheld := true
		x := &censor{hub: h.hub, k: [32]byte{9}, c: func() *issuer.Charter { return h.seats[0].m.Charter() }, misdeed: func(int) (bool, bool) { return false, false }}
		h.dial = x.dial
		for _, s := range h.seats {
			s.stop()
			s.start()
		}
		time.Sleep(10 * time.Second)
		h.electTwoOfThree()
		x.mu.Lock()
		x.misdeed = func(int) (bool, bool) { return withheld, false }
		x.mu.Unlock()
		before := h.seats[0].m.Charter()
		err := h.seats[0].change(Change{})
		var silent *issuer.SilentError
		if !errors.As(err, &silent) || !slices.Equal(silent.Silent, []uint8{2, 3}) {
			t.Errorf("the change ends with %v", err)
		}
		if h.seats[0].m.Charter() != before {
			t.Error("the charter changed")
		}
		x.mu.Lock()
		withheld = false
		x.mu.Unlock()
		if err := h.seats[0].change(Change{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		h.nextEpoch()
		h.within(time.Minute, "all have keys", h.together)
	})
}

// TestKilledInRefresh ends one who takes part in a refresh right after it has
// written something down. Whatever that is, keys are issued afterwards, and shares
// can be refreshed.
func TestKilledInRefresh(t *testing.T) {
	for who := range 3 {
		for write := 1; write <= 3; write++ {
			if testing.Short() && (who != 1 || write != 2) {
				continue
			}
			t.Run(fmt.Sprintf("%d after write %d", who, write), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { killInRefresh(t, who, write) })
			})
		}
	}
}

func killInRefresh(t *testing.T, who, write int) {
	h := newHall(t, 600, "a", "b", "c", "d")
	defer h.end()
	h.electTwoOfThree()
	victim := h.seats[who]
	writes, kill := 0, make(chan struct{}, 1)
	h.disk = func(s *seat) {
		if s != victim {
			return
		}
		if writes++; writes == write {
			kill <- struct{}{}
		}
	}
	done := make(chan error, 1)
	go func() { done <- h.seats[0].change(Change{}) }()
	killed := false
	select {
	case <-kill:
		victim.stop()
		killed = true
	case err := <-done: // there were not so many writes
		done <- err
	}
	h.disk = nil
	if killed {
		victim.start()
	}
	<-done
	h.nextEpoch()
	h.within(2*time.Minute, "all have keys", h.together)
	h.within(3*time.Minute, "shares are refreshed", func() bool { return h.seats[1].change(Change{}) == nil })
	h.nextEpoch()
	h.within(2*time.Minute, "all have keys of the new shares", h.together)
}
