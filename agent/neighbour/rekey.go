// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// The names under which the neighbourhood's keys are kept, and what is told to
// those who slept.
const (
	ringFile    = "neighbourhood.key"
	archiveFile = "archive"
)

func openArchive(state KeyStore) (*door.Archive, error) {
	b, err := state.Load(archiveFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &door.Archive{}, nil
	}
	if err != nil {
		return nil, err
	}
	return door.DecodeArchive(b)
}

func (m *Member) saveArchive() {
	if err := m.o.State.Save(archiveFile, m.archive.Encode()); err != nil {
		m.o.Log.Error("what those who sleep must hear is not kept", "err", err)
	}
}

// takeRekey takes a rekey from the door, or one that the issuers have just
// signed here. It fails where it brings nothing that this device can use.
func (m *Member) takeRekey(msg []byte) error {
	_, held := m.current()
	k, err := door.OpenRekey(msg, held, m.o.Identity)
	if errors.Is(err, door.ErrEvicted) {
		m.quit(err)
	}
	if err != nil {
		return err
	}
	if m.o.Ring.Add(k) {
		if err := m.o.State.Save(ringFile, m.o.Ring.Encode()); err != nil {
			return fmt.Errorf("keep the next key: %w", err)
		}
		m.o.Log.Info("the neighbourhood's key changes", "at", k.At.Format(time.DateTime), "members", len(k.Charter.Members))
		m.turnChanged()
	}
	if m.archive.KeepRekey(msg) {
		m.saveArchive()
	}
	m.adoptCharter(k.Signed, k.Charter)
	return nil
}

// turn returns the next time at which a device that uses the key k leaves and
// enters again: the end of the epoch, or before it the time at which another key
// counts.
func (m *Member) turn(epoch uint32, k [pseudonym.KeySize]byte) time.Time {
	edge := m.Charter().EpochStart(epoch + 1)
	if now := m.Now(); m.o.Ring.Current(now) != k {
		return now // it has counted for a while, and this device slept
	}
	if at, ok := m.o.Ring.Next(m.Now()); ok && at.Before(edge) {
		return at
	}
	return edge
}

// turnChanged wakes those who wait for a turn.
func (m *Member) turnChanged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.rekeyed)
	m.rekeyed = make(chan struct{})
}

// waitTurn waits until shortly before the next turn, which it returns.
func (m *Member) waitTurn(ctx context.Context, epoch uint32, k [pseudonym.KeySize]byte) (time.Time, error) {
	early := m.spread()
	for {
		m.mu.Lock()
		changed := m.rekeyed
		m.mu.Unlock()
		turn := m.turn(epoch, k)
		t := time.NewTimer(m.until(turn) - early)
		select {
		case <-ctx.Done():
			t.Stop()
			return turn, ctx.Err()
		case <-changed:
			t.Stop()
		case <-t.C:
			return turn, nil
		}
	}
}

// Evict removes a member where this device is an issuer: the others get another
// key at the time returned, once the issuers have signed it.
func (m *Member) Evict(name string) (at time.Time, err error) {
	keeper := m.office().Keeper
	if keeper == nil {
		return at, ErrNotIssuer
	}
	if err := keeper.Evict(name, m.evictionAt()); err != nil {
		return at, err
	}
	m.mu.Lock()
	m.evictee, m.evictions = name, 0
	m.mu.Unlock()
	m.wakeEnact()
	at, _ = keeper.Unfinished() // of one that was under way already, it is another time
	return at, nil
}

// evictionAt returns when the key of an eviction is to count that is proposed now.
// The tokens of before are void with its charter, and those of after begin in the
// epoch behind its key: an edge between the two would leave everybody without keys
// for an epoch. Where one is near, both come after it, when all have entered.
func (m *Member) evictionAt() time.Time {
	c, now := m.Charter(), m.Now()
	notice, margin := m.evictionNotice(), m.edgeMargin()
	epoch, ok := c.Epoch(now)
	if !ok || !m.edgesAvoided() {
		return now.Add(notice)
	}
	if edge := c.EpochStart(epoch + 1); now.Add(notice + margin).After(edge) {
		return edge.Add(margin + notice)
	}
	return now.Add(notice)
}

func (m *Member) evictionNotice() time.Duration {
	return max(door.MinNotice, m.Wait(2*door.MinNotice)) + 5*time.Second
}

// edgeMargin is how long before and after an edge some are on their way.
func (m *Member) edgeMargin() time.Duration {
	c := m.Charter()
	return 2 * min(time.Duration(c.D)*time.Second, time.Duration(c.EpochLen)*time.Second/10)
}

// edgesAvoided reports whether an epoch has room for an eviction between its edges.
func (m *Member) edgesAvoided() bool {
	return m.evictionNotice()+2*m.edgeMargin() < time.Duration(m.Charter().EpochLen)*time.Second
}

// untilEviction returns how long to wait before an eviction is proposed whose key
// counts in another epoch.
func (m *Member) untilEviction(at time.Time) time.Duration {
	c := m.Charter()
	here, ok1 := c.Epoch(m.Now())
	there, ok2 := c.Epoch(at)
	if !ok1 || !ok2 || there <= here || !m.edgesAvoided() {
		return 0
	}
	return m.until(c.EpochStart(there).Add(m.edgeMargin()))
}

// evictTries is how often an eviction is proposed, where other charters take its
// generation.
const evictTries = 5

// evictAgain proposes an eviction anew that the issuers have not signed.
func (m *Member) evictAgain(keeper *door.Keeper) bool {
	m.mu.Lock()
	name := m.evictee
	m.evictions++
	again := name != "" && m.evictions < evictTries
	m.mu.Unlock()
	if !again {
		return false
	}
	return keeper.Evict(name, m.evictionAt()) == nil
}

// ErrNotIssuer refuses what only an issuer can do.
var ErrNotIssuer = errors.New("this device is no issuer of its neighbourhood")

func (m *Member) wakeEnact() {
	select {
	case m.enact <- struct{}{}:
	default:
	}
}

// Waits of an eviction.
const (
	enactEvery = time.Second      // until the issuers have signed
	rekeyEvery = 10 * time.Second // until the key counts; later door.RekeyAgain
)

// enactEvictions has the evictions signed that this issuer proposed, tells
// everybody, and tells those who slept from time to time.
func (m *Member) enactEvictions(ctx context.Context) {
	var next time.Duration = enactEvery
	if k := m.office().Keeper; k != nil {
		if _, ok := k.Unfinished(); ok {
			m.wakeEnact() // from before a restart
		}
	}
	for {
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-m.enact:
			t.Stop()
			next = m.enactOnce()
		case <-t.C:
			next = m.announce()
		}
	}
}

// enactOnce tries once, and returns when to try again or to tell again.
func (m *Member) enactOnce() time.Duration {
	keeper := m.office().Keeper
	if keeper == nil {
		return rekeyEvery
	}
	if at, ok := keeper.Unfinished(); ok {
		if wait := m.untilEviction(at); wait > 0 {
			time.AfterFunc(wait, m.wakeEnact)
			return rekeyEvery
		}
	}
	msg, err := keeper.Enact()
	switch {
	case err != nil:
		m.o.Log.Error("the issuers have not removed the member", "err", err)
		if m.evictAgain(keeper) {
			time.AfterFunc(m.Wait(rekeyEvery), m.wakeEnact)
		}
		return rekeyEvery
	case msg == nil:
		time.AfterFunc(enactEvery, m.wakeEnact)
		return rekeyEvery
	}
	m.keeperCharter(keeper)
	if err := m.takeRekey(msg); err != nil {
		m.o.Log.Error("the issuers signed a key that this device cannot use", "err", err)
		return rekeyEvery
	}
	return m.announce()
}

// announce says the newest rekey at the door, where there is one that somebody
// may have missed.
func (m *Member) announce() time.Duration {
	msg := m.archive.Rekey()
	s := m.live()
	if msg == nil || s == nil || m.office().Keeper == nil {
		return rekeyEvery
	}
	keys := m.o.Ring.DoorKeys()
	_, pending := m.o.Ring.Next(m.Now())
	if !pending && len(keys) < 2 {
		return door.RekeyAgain
	}
	// Whoever does not have the newest key listens under the one before.
	old := chunk.Key(keys[min(1, len(keys)-1)])
	if err := s.say(said{&old, chunk.Message{Type: door.TypeAnswer, Data: msg}}); err != nil {
		m.o.Log.Warn("the new key is not told", "err", err)
	}
	if pending {
		return rekeyEvery
	}
	return door.RekeyAgain
}

// hearSync answers one who slept, under the key that it asked under, unless
// another member was quicker.
func (s *session) hearSync(key *chunk.Key, msg []byte) {
	if s.slept != nil {
		return // an answer is on its way
	}
	answers := s.m.archive.Answer(msg, s.m.clock.machine())
	if len(answers) == 0 {
		return
	}
	k := *key
	s.slept = time.AfterFunc(uniform(s.m.o.Rand, s.m.Wait(door.SyncSpread)), func() {
		for _, a := range answers {
			if err := s.say(said{&k, chunk.Message{Type: door.TypeAnswer, Data: a}}); err != nil {
				s.m.o.Log.Warn("one who slept is not answered", "err", err)
			}
		}
		s.mu.Lock()
		s.slept = nil
		s.mu.Unlock()
	})
}

// askWhatWasMissed asks at the door while nobody says hello, or nobody any more:
// the others may have another key by now.
func (s *session) askWhatWasMissed(ctx context.Context) error {
	wait := s.m.Wait(door.SyncAfter)
	for {
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		s.mu.Lock()
		heard := s.roster.anybody(time.Now(), s.m.Wait(helloEvery))
		s.mu.Unlock()
		c := s.m.Charter()
		if heard || len(c.Members) < 2 {
			wait = s.m.Wait(door.SyncAfter)
			continue
		}
		s.m.o.Log.Info("nobody says hello; this device asks at the door what it has missed")
		if err := s.say(said{&s.inner, chunk.Message{Type: door.TypeRequest, Data: door.EncodeSync(c, s.m.o.Ring)}}); err != nil {
			return err
		}
		wait = min(2*wait, s.m.Wait(syncMost))
	}
}

// syncMost is how seldom a device asks in the end that hears nobody, for a
// spread D of 30 s.
const syncMost = 10 * time.Minute

// adoptHere takes a charter at the keeper of this device's issuer.
func (m *Member) adoptHere(s *issuer.SignedCharter, c *issuer.Charter) error {
	if k := m.office().Keeper; k != nil {
		return k.Adopt(s, c)
	}
	return m.o.SaveCharter(s)
}
