// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// pairsFile is the name under which the secrets of pairs are kept.
const pairsFile = "pairs"

// acquaintances are those whom the device recognises in later epochs, and where
// they are kept. A session's lock comes before theirs.
type acquaintances struct {
	saving sync.Mutex // is held while they are written; before mu

	mu    sync.Mutex
	state KeyStore
	none  bool // this device is new to everybody in every epoch
	pairs *pseudonym.Pairs
}

func openPairs(o *Options) (*acquaintances, error) {
	a := &acquaintances{state: o.State, none: o.Unlinkable}
	b, err := o.State.Load(pairsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.pairs, err = pseudonym.NewPairs(o.Rand)
	case err == nil:
		a.pairs, err = pseudonym.DecodePairs(b)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// keep writes the pairs while others go on with them.
func (a *acquaintances) keep() error {
	a.saving.Lock()
	defer a.saving.Unlock()
	a.mu.Lock()
	b := a.pairs.Encode()
	a.mu.Unlock()
	if err := a.state.Save(pairsFile, b); err != nil {
		return fmt.Errorf("keep pairs: %w", err)
	}
	return nil
}

// tags returns the tags of the hello of an epoch.
func (s *session) tags() ([pseudonym.Tags]pseudonym.Tag, error) {
	a := s.m.friends
	a.mu.Lock()
	if !a.none {
		a.pairs.Prune(s.epoch)
	}
	tags, err := a.pairs.Tags(s.m.o.Rand, s.epoch, s.keys.Sig.PublicKey.U)
	a.mu.Unlock()
	if err != nil {
		return tags, err
	}
	return tags, a.keep()
}

// recognise looks whether the sender of a hello is one of those whom the device
// knows, under the session's mu.
func (s *session) recognise(p *signcrypt.Peer, h *pseudonym.Hello) {
	a := s.m.friends
	if a.none {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.pairs.Recognise(&h.Tags, h.Sig.U, s.epoch)
	if !r.Known && len(r.Dropped) == 0 {
		return
	}
	s.owePair(p.ID, nil)
	for _, e := range s.roster.peers {
		for _, gone := range r.Dropped {
			if e.handle == gone {
				e.handle = pseudonym.Handle{}
			}
		}
	}
	if r.Known {
		s.roster.peers[p.ID].handle = r.Handle
	}
}

// befriend offers a pair to a peer with whom the device exchanges, unless they
// have one or it was offered in this epoch, under the session's mu.
func (s *session) befriend(id signcrypt.PID) {
	e := s.roster.peers[id]
	if s.m.friends.none || e == nil || e.offered || e.handle != (pseudonym.Handle{}) {
		return
	}
	e.offered = true
	a := s.m.friends
	a.mu.Lock()
	offer := a.pairs.Offer(s.epoch, s.keys.Sig.PublicKey.U, e.hello.Sig.U, pseudonym.MaxPairs-a.pairs.Len())
	a.mu.Unlock()
	s.owePair(id, offer)
}

// owedPair is a pair message that goes out once the pairs are kept.
type owedPair struct {
	to  signcrypt.PID
	msg []byte
}

// owePair has the pairs kept, and then a message sent, under mu.
func (s *session) owePair(to signcrypt.PID, msg []byte) {
	if msg != nil {
		s.pairing = append(s.pairing, owedPair{to, msg})
	}
	select {
	case s.paired <- struct{}{}:
	default:
	}
}

// pairsGather is how long pairs gather until they are kept, for a spread D of 30 s:
// a device exchanges with all its neighbours at once.
const pairsGather = 2 * time.Second

// keepPairs keeps the pairs that were offered or made and tells the others, until
// ctx ends. The session goes on while the disk works.
func (s *session) keepPairs(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.paired:
		}
		ended := sleep(ctx, s.m.Wait(pairsGather))
		s.mu.Lock()
		owed := s.pairing
		s.pairing = nil
		s.mu.Unlock()
		if err := s.m.friends.keep(); err != nil {
			s.m.o.Log.Error("no pair made, and a recognised neighbour may be new after a restart", "err", err)
			continue
		}
		s.mu.Lock()
		for _, p := range owed {
			s.tell(p.to, pseudonym.TypePair, p.msg)
		}
		s.mu.Unlock()
		if ended != nil {
			return ended
		}
	}
}

// tell signcrypts a message to one peer, under mu.
func (s *session) tell(id signcrypt.PID, typ uint8, msg []byte) {
	env, err := s.sealTo([]signcrypt.PID{id}, s.minute(), typ, msg)
	if err != nil || env == nil {
		s.m.o.Log.Debug("message not sealed", "type", typ, "err", err)
		return
	}
	s.queue(chunk.Message{Type: typ, Data: env})
}

// hearPair takes a pair message, under mu.
func (s *session) hearPair(from signcrypt.PID, msg []byte) {
	e := s.roster.peers[from]
	a := s.m.friends
	if e == nil || a.none {
		return
	}
	a.mu.Lock()
	x, err := a.pairs.Handle(s.m.o.Rand, s.epoch, s.keys.Sig.PublicKey.U, e.hello.Sig.U, msg, pseudonym.MaxPairs-a.pairs.Len())
	a.mu.Unlock()
	if errors.Is(err, pseudonym.ErrPair) {
		s.m.refused.add(reasonPair)
		return
	}
	if err != nil {
		s.m.o.Log.Error("no pair made", "err", err)
		return
	}
	if x.Paired {
		e.handle = x.Handle
	}
	s.owePair(from, x.Answer)
}

// Recognised returns the lasting name of one who is there, under which replicas
// and reputation are kept, and false where the device does not recognise it. The
// name is this device's own: nobody else has it.
func (m *Member) Recognised(id signcrypt.PID) (handle [16]byte, ok bool) {
	s := m.live()
	if s == nil {
		return handle, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.roster.peers[id]
	if e == nil || e.handle == (pseudonym.Handle{}) {
		return handle, false
	}
	return e.handle, true
}

// Epoch returns the number of the epoch to which the pseudonyms that the device
// sees belong; ok is false while it is in none.
func (m *Member) Epoch() (epoch uint32, ok bool) {
	s := m.live()
	if s == nil {
		return 0, false
	}
	return s.epoch, true
}

// steadyAfter is how many spreads after an epoch's beginning all are there: they
// come within one, and then get keys and say hello.
const steadyAfter = 2

// Steady reports whether nobody leaves or enters for the sake of an epoch's edge
// between two times of the neighbourhood. It depends on these and the charter
// alone, so that all find the same. Where so much time passes between the two
// that there is hardly a steady one, all are.
func (m *Member) Steady(from, to time.Time) bool {
	c := m.Charter()
	epoch, ok := c.Epoch(from)
	if !ok {
		return false
	}
	spread := min(time.Duration(c.D)*time.Second, time.Duration(c.EpochLen)*time.Second/10)
	begin, end := c.EpochStart(epoch).Add(steadyAfter*spread), c.EpochStart(epoch+1).Add(-spread)
	if to.Sub(from) > end.Sub(begin)/2 {
		return true
	}
	return !from.Before(begin) && !to.After(end)
}
