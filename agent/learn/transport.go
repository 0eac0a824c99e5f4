// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

// Message types of the neighbours' plane that are used here.
const (
	typeUpdate = 1
	typeShard  = 2
	typeTask   = 14
)

// Reasons for which messages are refused here.
const (
	reasonBusy  = "inbox-full" // more parts than a round of a full neighbourhood
	reasonShard = "shard"      // a shard that is none
	reasonTask  = "task"       // a task that does not hold
	reasonSum   = "sum"        // a message of secure sums that does not hold
)

// transport is the service as the runner sees it.
type transport Service

func (t *transport) Present() ([]node.PeerID, int) {
	all, self := t.o.Member.Present()
	ids := make([]node.PeerID, len(all))
	for i, id := range all {
		ids[i] = node.PeerID(id)
	}
	return ids, self
}

func (t *transport) Send(to []node.PeerID, round uint32, header []byte, copies int, shards [][]byte) error {
	ids := make([]signcrypt.PID, len(to))
	for i, id := range to {
		ids[i] = signcrypt.PID(id)
	}
	return t.o.Member.SendUpdate(ids, round, header, copies, shards)
}

func (t *transport) Inbox() <-chan node.Inbound { return t.inbox }

func (s *Service) onUpdate(from signcrypt.PID, round uint32, msg []byte) {
	if s.adds() && update.HoldsBytes(msg) {
		s.onSum(typeUpdate, from, round, msg)
		return
	}
	s.put(node.Inbound{From: node.PeerID(from), Round: round, Header: msg})
}

// onSum passes a message of secure sums on, or a header of one.
func (s *Service) onSum(typ uint8, from signcrypt.PID, round uint32, msg []byte) {
	if s.adds() {
		s.putPart(sumPart{typ: typ, from: from, round: round, msg: msg})
	}
}

// adds reports whether a task runs that learns by sums.
func (s *Service) adds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job != nil && s.job.sums != nil
}

func (s *Service) putPart(p sumPart) {
	select {
	case s.parts <- p:
	default:
		s.o.Member.Refuse(reasonBusy)
	}
}

func (s *Service) onShard(_ signcrypt.PID, _ uint32, msg []byte) {
	m, err := shard.DecodeMessage(msg)
	if err != nil {
		s.o.Member.Refuse(reasonShard)
		return
	}
	if s.adds() {
		s.putPart(sumPart{shard: &m}) // which passes on what it does not know
		return
	}
	s.put(node.Inbound{Shard: &m})
}

// put passes a part of an update on. While no task runs there is nobody to take
// it.
func (s *Service) put(in node.Inbound) {
	s.mu.Lock()
	running := s.job != nil && s.job.status.State == Running
	s.mu.Unlock()
	if !running {
		return
	}
	select {
	case s.inbox <- in:
	default:
		s.o.Member.Refuse(reasonBusy)
	}
}

func (s *Service) onTask(_ signcrypt.PID, _ uint32, msg []byte) {
	t, err := node.DecodeTask(msg)
	if err != nil {
		s.o.Member.Refuse(reasonTask)
		return
	}
	id := t.ID()
	s.mu.Lock()
	same := s.job != nil && s.job.id == id
	if same {
		s.job.told = time.Now()
	}
	s.mu.Unlock()
	if same || !s.o.Accept {
		return
	}
	select {
	case s.tasks <- t:
	default: // it is told again
	}
}
