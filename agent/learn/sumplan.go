// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

// groupSize is the least size of a group in mode hybrid, and what frame adds to
// the data of a message of sums, in bytes, at most.
const (
	groupSize = 5
	frame     = 256
)

// sumPlan returns what a task asks of secure sums.
func sumPlan(t *node.Task, m *model.Model) homomorphic.Plan {
	p := homomorphic.Plan{Mode: homomorphic.Lattice, Vectors: 1, Params: node.SumValues(m.Size(), node.Algorithm(t.Algorithm))}
	if node.Mode(t.Mode) == node.Mask {
		p.Mode = homomorphic.Mask
	}
	return p
}

// newSums returns the sums of a job, and makes them its own.
func (s *Service) newSums(j *job, m *model.Model) *sums {
	plan := sumPlan(j.task, m)
	out := &sums{
		member: s.o.Member, log: s.o.Log, task: j.task, id: j.id, plan: plan, box: j.parts, others: j.inbox,
		post: newPost(s.o.Member, s.o.Rand, j.id, j.task.Base(m), plan), kept: map[uint32]node.Sum{},
	}
	s.mu.Lock()
	j.sums = out
	s.mu.Unlock()
	return out
}

// addable holds what a round of sums sends against so many chunks a minute, and
// what an epoch begins with against those of an epoch. The error is a [*shortError]
// where rounds are too short.
func (s *Service) addable(t *node.Task, m *model.Model, perMinute float64) error {
	plan := sumPlan(t, m)
	if n := plan.UploadBytes() + frame; n > update.MaxSize-frame {
		return fmt.Errorf("an upload of %d bytes is too long in mode %v, at most %d: use a smaller model", n, node.Mode(t.Mode), update.MaxSize-2*frame)
	}
	c, _, _ := s.o.Member.Sums()
	n := max(len(c.Members)+1, homomorphic.MinRoster)
	if node.Mode(t.Mode) == node.Hybrid {
		n = min(n, 2*groupSize-1)
	}
	if err := fits(plan, n, s.o.Member.SumBudget()); err != nil {
		return fmt.Errorf("mode %v with %d members: %w", node.Mode(t.Mode), n, err)
	}
	need, have := roundNeeds(t, m, plan, perMinute, c.Wait), roundLen(t)
	if perMinute >= leastPace && have >= need {
		return nil
	}
	first, second := roundChunks(t, m, plan)
	return &shortError{
		what: fmt.Sprintf("rounds of %v are too short for mode %v: their halves are %d and %d chunks", have, node.Mode(t.Mode), first, second),
		need: need, instead: "a smaller model, or mode robust",
	}
}

// roundNeeds returns the length of a round in which the uploads, and what is told
// of the common state, come in the first half, and the answers in the second,
// after holdings, proposal and signatures.
func roundNeeds(t *node.Task, m *model.Model, plan homomorphic.Plan, perMinute float64, wait time.Duration) time.Duration {
	first, second := roundChunks(t, m, plan)
	return 2 * max(timeFor(first, perMinute), timeFor(second, perMinute)+3*wait)
}

// roundChunks returns the chunks that a device sends in the halves of a round.
func roundChunks(t *node.Task, m *model.Model, plan homomorphic.Plan) (first, second int) {
	told := node.Algorithm(t.Algorithm).Vectors() * update.VectorSize(update.F32, m.Size())
	first = update.Chunks(plan.UploadBytes()+frame, chunk.Payload) + update.Chunks(told, chunk.Payload)
	answer := plan.UploadBytes() / plan.Pieces()
	if plan.Mode == homomorphic.Mask {
		answer = 1024 // 32 keys
	}
	second = plan.Pieces() * update.Chunks(answer+frame, chunk.Payload)
	if node.Mode(t.Mode) == node.Hybrid {
		second += update.Chunks(2*plan.Params+frame, chunk.Payload) // the group's sum
	}
	return first, second
}

// fits holds the sums of n members against an epoch's bytes and a device's
// memory, and says what else is possible.
func fits(plan homomorphic.Plan, n int, budget int64) error {
	if n < homomorphic.MinRoster {
		return fmt.Errorf("sums need three members or more, and %d are here", n)
	}
	plan.Roster = n
	err := plan.Fit(budget)
	var unfit *homomorphic.UnfitError
	if plan.Mode == homomorphic.Mask || !errors.As(err, &unfit) {
		return err
	}
	plan.Mode = homomorphic.Mask
	if plan.Fit(budget) == nil {
		return fmt.Errorf(`%w, or mode "mask"`, err)
	}
	return err
}
