// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
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

// transport is the service as the runner of a job sees it.
type transport struct {
	*Service
	job *job
}

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

func (t *transport) Inbox() <-chan node.Inbound { return t.job.inbox }

// onUpdate passes a header to the job of whose task it is. Devices send to all whom
// they see, so that a header of a task that does not run here is honest mail.
func (s *Service) onUpdate(from signcrypt.PID, round uint32, msg []byte) {
	a, err := update.AddressOf(from, msg)
	if err != nil {
		var refused *update.Refused
		errors.As(err, &refused)
		s.o.Member.Refuse(string(refused.Reason))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.running(func(j *job) bool { return j.id == a.Task })
	switch {
	case j == nil:
	case a.Bytes && j.sums != nil:
		s.putPart(j, sumPart{typ: typeUpdate, from: from, round: round, msg: msg})
		s.follow(a.ID, route{j, true, from})
	default:
		s.put(j, node.Inbound{From: node.PeerID(from), Round: round, Header: msg})
		s.follow(a.ID, route{j, false, from})
	}
}

// onSum passes a message of secure sums, or a header of one, to the job that
// adds.
func (s *Service) onSum(typ uint8, from signcrypt.PID, round uint32, msg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.running(func(j *job) bool { return j.sums != nil })
	if j == nil {
		return
	}
	s.putPart(j, sumPart{typ: typ, from: from, round: round, msg: msg})
	if a, err := update.AddressOf(from, msg); err == nil && a.Task == j.id {
		s.follow(a.ID, route{j, true, from})
	}
}

func (s *Service) onShard(_ signcrypt.PID, _ uint32, msg []byte) {
	m, err := shard.DecodeMessage(msg)
	if err != nil {
		s.o.Member.Refuse(reasonShard)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running(func(*job) bool { return true }) == nil {
		return // there is nobody to take it
	}
	if r, ok := s.routes.of[m.ID]; ok {
		s.deliver(r, m)
	} else {
		s.routes.keep(m)
	}
}

// running returns a job that runs and of which want holds, under mu, nil where
// there is none.
func (s *Service) running(want func(*job) bool) *job {
	for _, j := range s.jobs {
		if j.status.State == Running && want(j) {
			return j
		}
	}
	return nil
}

// follow notes where the shards of an update go, under mu, and passes on those that
// came before.
func (s *Service) follow(id [16]byte, r route) {
	for _, m := range s.routes.learn(id, r) {
		s.deliver(r, m)
	}
}

func (s *Service) deliver(r route, m shard.Message) {
	if r.sum {
		s.putPart(r.job, sumPart{shard: &m})
	} else {
		s.put(r.job, node.Inbound{Shard: &m})
	}
}

// put passes a part of an update on, under mu.
func (s *Service) put(j *job, in node.Inbound) {
	if !push(j.inbox, in, s.share()) {
		s.o.Member.Refuse(reasonBusy)
	}
}

// putPart is put for secure sums.
func (s *Service) putPart(j *job, p sumPart) {
	if !push(j.parts, p, s.share()) {
		s.o.Member.Refuse(reasonBusy)
	}
}

// push sends v unless so many wait already, and reports whether it did.
func push[T any](c chan<- T, v T, most int) bool {
	if len(c) >= most {
		return false
	}
	select {
	case c <- v:
		return true
	default:
		return false
	}
}

// share returns how many parts may wait for a job, under mu, so that those of one
// task leave room for those of the others.
func (s *Service) share() int { return maxInbox / max(1, s.active()) }

func (s *Service) onTask(_ signcrypt.PID, _ uint32, msg []byte) {
	o, err := openTask(msg, s.o.Keys)
	switch {
	case errors.Is(err, ErrSignature):
		s.refuseTask(reasonSignature, nil, err)
		return
	case err != nil:
		s.o.Member.Refuse(reasonTask)
		return
	}
	if s.heardOf(o) || !s.o.Accept {
		return
	}
	if s.o.Signed && o.by == nil {
		s.refuseTask(reasonUnsigned, o, errUnsigned)
		return
	}
	select {
	case s.tasks <- o:
	default: // it is told again
	}
}

// heardOf notes that a neighbour speaks of a task, and reports whether the device has
// it. One that it has without a signature it tells with the signature from then on.
func (s *Service) heardOf(o *offer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.have(o.task.ID())
	if j == nil {
		return false
	}
	j.told = time.Now()
	if o.by != nil && !IsSigned(j.msg) {
		j.msg = o.msg
		j.signedBy(o.by)
	}
	return true
}
