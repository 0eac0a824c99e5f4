// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// Reasons for which messages are refused here.
const (
	reasonBusy  = "inbox-full" // more parts than a round of a full neighbourhood
	reasonShard = "shard"      // a shard that is none
	reasonTask  = "task"       // a task that does not hold
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
	s.put(node.Inbound{From: node.PeerID(from), Round: round, Header: msg})
}

func (s *Service) onShard(_ signcrypt.PID, _ uint32, msg []byte) {
	m, err := shard.DecodeMessage(msg)
	if err != nil {
		s.o.Member.Refuse(reasonShard)
		return
	}
	s.put(node.Inbound{Shard: &m})
}

// put passes a part of an update on. While no task runs there is nobody to take
// it.
func (s *Service) put(in node.Inbound) {
	s.mu.Lock()
	running := s.status != nil && s.status.State == Running
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
	s.mu.Lock()
	same := s.task != nil && s.task.ID() == t.ID()
	if same {
		s.told = time.Now()
	}
	s.mu.Unlock()
	if same || !s.o.Accept {
		return
	}
	select {
	case s.tasks <- t:
	default:
	}
}

// scores returns what of a score has a meaning, nil for the rest.
func scores(s model.Score, regression bool) (accuracy, r2 *float64) {
	if regression {
		return nil, finite(s.R2)
	}
	return finite(s.Accuracy), nil
}
