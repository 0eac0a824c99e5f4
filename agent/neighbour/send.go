// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/chunk"
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
	return s.sendParts(typeUpdate, to, round, header, copies, shards)
}

func (s *session) sendParts(typ uint8, to []signcrypt.PID, round uint32, header []byte, copies int, shards [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	env, err := s.sealTo(to, round, typ, header)
	if err != nil || env == nil {
		return err
	}
	groups := make([][]chunk.Message, max(copies, len(shards)))
	for i := range groups {
		if i < copies {
			groups[i] = append(groups[i], chunk.Message{Type: typ, Data: env})
		}
		if i < len(shards) {
			groups[i] = append(groups[i], chunk.Message{Type: typeShard, Data: shards[i]})
		}
	}
	for _, id := range to {
		s.befriend(id)
	}
	if err := s.packer.Spread(groups); err != nil {
		return fmt.Errorf("queue message of type %d: %w", typ, err)
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
