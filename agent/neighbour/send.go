// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// ErrNotIn says that the device has no keys at the moment: between epochs, or
// while the issuers are silent.
var ErrNotIn = errors.New("not in the neighbourhood at the moment")

// Cover says when a device sends chunks that say nothing.
type Cover uint8

// The kinds of cover.
const (
	CoverBudget Cover = iota // every chunk that the charter allows goes out, with something to say or without
	CoverOff                 // only what there is to say, so that the silent are told from those who learn
)

// send publishes what is queued, one chunk at each event of a Poisson process
// whose rate the charter sets, and cover where nothing waits.
func (s *session) send(ctx context.Context) error {
	mean := time.Minute / time.Duration(s.m.Charter().ChunksPerMinute)
	for {
		if err := sleep(ctx, exponential(s.m.o.Rand, mean)); err != nil {
			return err
		}
		for {
			sent, err := s.sendOne()
			if err != nil {
				return err
			}
			if sent {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.wake:
			}
		}
	}
}

// cover is what a chunk holds that says nothing.
var cover [chunk.Payload]byte

// sendOne publishes the next chunk on a random topic, or cover, if it may.
func (s *session) sendOne() (bool, error) {
	s.mu.Lock()
	payload, ok := s.packer.Next()
	s.mu.Unlock()
	if !ok {
		if s.m.o.Cover == CoverOff {
			return false, nil
		}
		payload = &cover
	}
	slot := int(fraction(s.m.o.Rand) * pseudonym.Slots)
	return true, s.publish(&s.outer, s.topics[slot], payload)
}

// publish encrypts a payload and hands it to the link. What the link cannot
// take is lost and counted there, as anything on the way may be.
func (s *session) publish(key *chunk.Key, topic string, payload *[chunk.Payload]byte) error {
	c, err := chunk.Seal(s.m.o.Rand, key, topic, payload)
	if err != nil {
		return fmt.Errorf("seal chunk: %w", err)
	}
	s.mu.Lock()
	s.ours.add(c)
	s.mu.Unlock()
	if err := s.link.Publish(topic, c); err != nil {
		s.m.o.Log.Debug("chunk not sent", "err", err)
	}
	return nil
}

// queue adds a message under s.mu. Where the queue is full the message is lost:
// the protocol's waits send again what matters.
func (s *session) queue(m chunk.Message) {
	if err := s.packer.Add(m); err != nil {
		s.m.o.Log.Warn("message not queued", "type", m.Type, "err", err)
		return
	}
	s.awake()
}

func (s *session) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sealTo makes the envelope for the peers with the given pseudonyms; those that
// are gone are left out. It runs under s.mu.
func (s *session) sealTo(to []signcrypt.PID, round uint32, typ uint8, msg []byte) ([]byte, error) {
	if s.sealer == nil {
		return nil, ErrNotIn
	}
	var peers []*signcrypt.Peer
	for _, id := range to {
		if p := s.peer(id); p != nil {
			peers = append(peers, p)
		}
	}
	if len(peers) == 0 {
		return nil, nil
	}
	return s.sealer.Seal(peers, round, typ, msg)
}

// SendUpdate sends a header, signcrypted to the given peers, and the shards of
// an update: each shard in a chunk of its own, the first ones with a copy of the
// header.
func (m *Member) SendUpdate(to []signcrypt.PID, round uint32, header []byte, copies int, shards [][]byte) error {
	s := m.live()
	if s == nil {
		return ErrNotIn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	env, err := s.sealTo(to, round, typeUpdate, header)
	if err != nil || env == nil {
		return err
	}
	groups := make([][]chunk.Message, max(copies, len(shards)))
	for i := range groups {
		if i < copies {
			groups[i] = append(groups[i], chunk.Message{Type: typeUpdate, Data: env})
		}
		if i < len(shards) {
			groups[i] = append(groups[i], chunk.Message{Type: typeShard, Data: shards[i]})
		}
	}
	if err := s.packer.Spread(groups); err != nil {
		return fmt.Errorf("queue update: %w", err)
	}
	s.awake()
	return nil
}

// Broadcast signcrypts a message of another type to all that are present.
func (m *Member) Broadcast(typ uint8, msg []byte) error {
	s := m.live()
	if s == nil {
		return ErrNotIn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	env, err := s.sealTo(s.presentIDs(), s.minute(), typ, msg)
	if err != nil || env == nil {
		return err
	}
	if err := s.packer.Add(chunk.Message{Type: typ, Data: env}); err != nil {
		return fmt.Errorf("queue message: %w", err)
	}
	s.awake()
	return nil
}

// Queued returns how many chunks wait to be sent.
func (m *Member) Queued() int {
	s := m.live()
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packer.Queued()
}
