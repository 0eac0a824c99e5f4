// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// Waits of secure sums, for a spread D of 30 s and epochs of 10 minutes or more.
const (
	sumWait      = 10 * time.Second // for a silent leader; see [Member.Wait]
	sumEpoch     = 600              // seconds of an epoch, below which it is less
	sumSettleIns = 2                // spreads D after an epoch's beginning, in which the members come
)

// Sums returns what a session of sums needs of the neighbourhood: epoch, keys,
// waits and randomness, and those who are there. The rest is left out: task,
// group, plan, rounds and stores. From is when the members of the epoch are to
// agree on a roster. ok is false while the device has no keys.
func (m *Member) Sums() (c homomorphic.Config, from time.Time, ok bool) {
	s := m.live()
	if s == nil {
		return c, from, false
	}
	charter := m.Charter()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.roster.self == nil {
		return c, from, false
	}
	c = homomorphic.Config{Nbhd: charter.Nbhd, Epoch: s.epoch, Self: s.roster.self.Sig.U, Wait: m.sumWait(), Rand: m.o.Rand}
	for _, id := range s.presentIDs() {
		if p := s.peer(id); p != nil {
			c.Members = append(c.Members, p.Sig.U)
		}
	}
	return c, s.start.Add(sumSettleIns * time.Duration(charter.D) * time.Second), true
}

// sumWait returns the wait for a silent leader, the same on all members.
func (m *Member) sumWait() time.Duration {
	short := sumWait * time.Duration(m.Charter().EpochLen) / sumEpoch
	return max(min(m.Wait(sumWait), short), minWait)
}

// SumBudget returns the bytes that the charter lets a device send in an epoch.
func (m *Member) SumBudget() int64 {
	c := m.Charter()
	return homomorphic.EpochBudget(int(c.ChunksPerMinute), chunk.Size, time.Duration(c.EpochLen)*time.Second)
}

// SendParts sends a message of a type of secure sums that is too long for a
// chunk: a header, signcrypted to the given peers, and its shards.
func (m *Member) SendParts(typ uint8, to []signcrypt.PID, header []byte, copies int, shards [][]byte) error {
	s := m.live()
	if s == nil {
		return ErrNotIn
	}
	return s.sendParts(typ, to, s.minute(), header, copies, shards)
}

// Tell signcrypts a message to some of those who are there. It goes out in two
// chunks, since a round waits for many of them, and one that is lost costs it.
func (m *Member) Tell(typ uint8, to []signcrypt.PID, msg []byte) error {
	s := m.live()
	if s == nil {
		return ErrNotIn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	env, err := s.sealTo(to, s.minute(), typ, msg)
	if err != nil || env == nil {
		return err
	}
	copied := []chunk.Message{{Type: typ, Data: env}}
	if err := s.packer.Spread([][]chunk.Message{copied, copied}); err != nil {
		return fmt.Errorf("queue message: %w", err)
	}
	s.awake()
	return nil
}

// sumTypes are the messages of secure sums that are accepted again after a
// restart. Each belongs to one round of one roster and counts once there, so that
// one that is repeated does nothing; a device that is deaf to them until the next
// minute would be counted on in vain.
func sumTypes(typ uint8) bool {
	return typ == homomorphic.TypeShare || typ == homomorphic.TypeControl || typ == homomorphic.TypeAnswer
}
