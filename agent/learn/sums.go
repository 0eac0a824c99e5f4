// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

// sums is the device's part in the sums of a task: a session in each epoch, and
// what its messages travel in. It is the [node.Summer] of the task's runner.
type sums struct {
	member Member
	log    *slog.Logger
	task   *node.Task
	id     [16]byte
	plan   homomorphic.Plan
	post   post
	box    <-chan sumPart
	others chan<- node.Inbound // parts of what is no business of sums

	mu      sync.Mutex
	session *homomorphic.Session // nil before the epoch's roster is sought
	config  homomorphic.Config   // of the session
	why     error                // why there is no session, or nil
	pending *submission
	early   early
	groups  groups              // in mode hybrid
	partial bool                // groups were missing in the last round
	kept    map[uint32]node.Sum // of sessions that are over
}

// submission is what the device submits in a round, until it is encrypted.
type submission struct {
	round  uint32
	values []uint16
}

// sumPart is a message of secure sums, a header of one, or a shard.
type sumPart struct {
	typ   uint8
	from  signcrypt.PID
	round uint32
	msg   []byte
	shard *shard.Message // nil but for a shard
}

// sumWait is the protocol's wait for a silent leader, for a spread D of 30 s.
const sumWait = 10 * time.Second

// run lets the sessions do what is due until ctx ends.
func (s *sums) run(ctx context.Context) {
	every := s.member.Wait(sumWait) / 8
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			s.end()
			return
		case p := <-s.box:
			s.take(p)
		case <-t.C:
			s.mu.Lock()
			s.tick()
			s.mu.Unlock()
			t.Reset(every)
		}
	}
}

// end closes the session for good.
func (s *sums) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
}

// leave closes the session, after noting what came of its last rounds, under mu.
func (s *sums) leave() {
	if s.session == nil {
		return
	}
	now := s.task.RoundAt(s.member.Now())
	for round := range s.kept {
		if int64(round) < now-homomorphic.MaxOutcomes {
			delete(s.kept, round)
		}
	}
	for round := max(0, now-1); round <= now; round++ {
		if r, err := s.session.Result(uint32(round)); err == nil {
			s.kept[uint32(round)] = s.sumOf(r)
		}
	}
	s.session.Close()
	s.session, s.early = nil, early{}
}

// tick enters and leaves epochs and does what is due in the session, under mu.
func (s *sums) tick() {
	c, from, ok := s.member.Sums()
	now := s.member.Now()
	if ok && s.session != nil && (c.Epoch != s.config.Epoch || c.Self != s.config.Self) {
		s.leave()
	}
	if ok && s.session == nil && !now.Before(from) && !now.Before(s.opens()) {
		if s.why = s.open(c, now); s.why != nil {
			s.log.Debug("no sums", "epoch", c.Epoch, "err", s.why)
		}
	}
	if s.session == nil {
		return
	}
	for _, u := range c.Members {
		s.meet(u)
	}
	before := s.session.Status().Roster != nil
	s.send(s.session.Tick(now))
	if roster := s.session.Status().Roster; roster != nil {
		if !before {
			s.log.Debug("roster agreed on", "epoch", s.config.Epoch, "members", len(roster))
		}
		for _, m := range s.early.take() {
			s.handle(m.typ, m.from, m.msg)
		}
	}
	if err := s.submitPending(now); err != nil {
		s.log.Warn("values not submitted", "err", err)
	}
	s.tellGroups(s.task.RoundAt(now))
}

// tellGroups begins a round and tells the sum of this device's group, as soon as
// there is one, to the others, under mu.
func (s *sums) tellGroups(round int64) {
	s.post.turn(round)
	s.groups.turn(round)
	if round < 0 || !s.groups.several() {
		return
	}
	r, err := s.session.Result(uint32(round))
	if err != nil {
		return
	}
	to := s.groups.tells(s.id, uint32(round), signcrypt.PseudonymID(s.config.Self))
	sum := groupSum{Task: s.id, Group: uint8(s.groups.own), Round: uint32(round), Count: uint8(len(r.Active)), Values: pack(r.Sums[0])}
	if err := s.post.parcel(homomorphic.TypeAnswer, to, 0, wire.MustMarshal(sum)); err != nil {
		s.log.Debug("sum of the group not told", "err", err)
	}
}

// opens returns when members of the task begin to seek a roster, before its
// first round: all have heard of the task then, and know one another's hellos.
func (s *sums) opens() time.Time { return s.task.RoundStart(0).Add(-s.member.Wait(startsIn) / 2) }

// meet tells the session of somebody who came, if it may be of the group.
func (s *sums) meet(u homomorphic.Key) {
	if s.plan.Mode == homomorphic.Lattice && node.Mode(s.task.Mode) == node.Hybrid {
		return // groups are of those who were there when they were made
	}
	s.session.Meet(u)
}

// open begins the session of an epoch, under mu.
func (s *sums) open(c homomorphic.Config, now time.Time) error {
	c.Task, c.Plan = s.id, s.plan
	if node.Mode(s.task.Mode) == node.Hybrid {
		all := append([]homomorphic.Key{c.Self}, c.Members...)
		keys := homomorphic.Groups(c.Epoch, c.Task, all, groupSize)
		s.groups = newGroups(keys, homomorphic.GroupOf(keys, c.Self))
		c.Group, c.Members = uint8(s.groups.own), keys[s.groups.own]
	}
	c.Start, c.RoundLen = s.task.RoundStart(0), time.Duration(s.task.RoundLen)*time.Millisecond
	if err := fits(s.plan, others(c)+1, s.member.SumBudget()); err != nil {
		return err
	}
	if err := s.member.OpenSums(&c); err != nil {
		return err
	}
	s.groups.stay(int(c.Group))
	session, err := homomorphic.NewSession(c, now)
	if err != nil {
		return fmt.Errorf("epoch %d: %w", c.Epoch, err)
	}
	s.session, s.config = session, c
	s.log.Debug("sums of an epoch begin", "epoch", c.Epoch, "group", c.Group, "seen", others(c)+1)
	s.post.begin(signcrypt.PseudonymID(c.Self))
	if err := session.Status().SitsOut; err != nil {
		s.log.Warn("this device takes no part in sums until the next epoch", "err", err)
	}
	return nil
}

// others returns how many members there are besides the device.
func others(c homomorphic.Config) int {
	n := len(c.Members)
	if slices.Contains(c.Members, c.Self) {
		n--
	}
	return n
}

// take takes a part that arrived.
func (s *sums) take(p sumPart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p.shard != nil:
		typ, done, err, ours := s.post.shard(*p.shard)
		if !ours {
			select {
			case s.others <- node.Inbound{Shard: p.shard}:
			default:
				s.member.Refuse(reasonBusy)
			}
			return
		}
		s.arrived(typ, done, err)
	case p.typ == homomorphic.TypeControl:
		s.handle(p.typ, p.from, p.msg)
	default:
		done, err := s.post.header(p.typ, p.from, p.round, p.msg)
		s.arrived(p.typ, done, err)
	}
}

// arrived takes what a part completed, under mu.
func (s *sums) arrived(typ uint8, done *update.Complete, err error) {
	var refused *update.Refused
	switch {
	case errors.As(err, &refused):
		s.member.Refuse(string(refused.Reason))
		s.log.Debug("message of sums refused", "type", typ, "err", err)
	case done != nil:
		s.handle(typ, done.From, done.Bytes)
	}
}

// handle gives a message to the session, under mu.
func (s *sums) handle(typ uint8, from signcrypt.PID, msg []byte) {
	if s.session == nil {
		return // between epochs, or it is early: what matters is sent again
	}
	if typ == homomorphic.TypeAnswer && len(msg) > 0 && msg[0] == firstOfGroupSum {
		if err := s.groups.hear(from, msg, s.id, s.plan.Params, s.task.RoundAt(s.member.Now())); err != nil {
			s.member.Refuse(reasonSum)
			s.log.Debug("message of sums refused", "type", typ, "err", err)
		}
		return
	}
	var out []homomorphic.Message
	var err error
	if now := s.member.Now(); typ == typeUpdate {
		out, err = s.session.Uploaded(from, msg, now)
	} else {
		out, err = s.session.Handle(from, typ, msg, now)
	}
	s.send(out)
	unready := err != nil && s.session.Status().Roster == nil
	switch {
	case err == nil:
	case unready && s.early.keep(earlyMessage{typ, from, msg}, err):
	case errors.Is(err, homomorphic.ErrRound):
		s.member.Refuse(node.ReasonLate)
	default:
		s.member.Refuse(reasonSum)
		s.log.Debug("message of sums refused", "type", typ, "err", err)
	}
}

// send sends what the session has to say, under mu.
func (s *sums) send(messages []homomorphic.Message) {
	for _, m := range messages {
		var err error
		if m.Type == homomorphic.TypeControl {
			err = s.member.Tell(m.Type, m.To, m.Data)
		} else {
			err = s.post.parcel(m.Type, m.To, 0, m.Data)
		}
		if err != nil {
			s.log.Debug("message of sums not sent", "type", m.Type, "err", err)
		}
	}
}
