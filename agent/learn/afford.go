// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

// maxShare is the part of a round's chunks that updates may take. The rest is
// for hellos, copies of the header and the tail of the Poisson times.
const maxShare = 0.5

// leastPace is the chunks a minute below which there are none.
const leastPace = 0.01

// affordable holds an update against the chunks that a round has, of which the tasks
// that run take theirs.
func (s *Service) affordable(t *node.Task) error {
	if err := s.spendable(t); err != nil {
		return err
	}
	m, err := t.NewModel()
	if err != nil {
		return err
	}
	perMinute := float64(s.o.Member.ChunksPerMinute())
	left, others := perMinute, s.others(t.ID())
	for _, j := range others {
		taken, err := s.pace(j.task)
		if err != nil {
			return err
		}
		left -= taken
	}
	if node.Mode(t.Mode).Summed() {
		err = s.addable(t, m, left)
	} else {
		err = s.sendable(t, left)
	}
	short, ok := err.(*shortError)
	if !ok {
		return err
	}
	return short.sentence(left, perMinute, others)
}

// others returns the jobs that are to run, but for that of a task.
func (s *Service) others(but node.ID) []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.sorted(), func(j *job) bool { return !j.active() || j.id == but })
}

// sendable holds the update of a robust task against so many chunks a minute. The
// error is a [*shortError].
func (s *Service) sendable(t *node.Task, perMinute float64) error {
	bytes, err := t.UpdateSize()
	if err != nil {
		return err
	}
	chunks := update.Chunks(bytes, chunk.Payload)
	need, have := timeFor(chunks, perMinute), roundLen(t)
	if perMinute >= leastPace && have >= need {
		return nil
	}
	return &shortError{
		what: fmt.Sprintf("rounds of %v are too short: an update is %d chunks", have, chunks), need: need, instead: "or a smaller model",
	}
}

// shortError says that rounds are too short.
type shortError struct {
	what    string        // is too short, and why
	need    time.Duration // that is long enough
	instead string        // what else can be done
}

func (e *shortError) Error() string { return e.what }

// sentence adds what is there, and what to do.
func (e *shortError) sentence(left, perMinute float64, others []*job) error {
	const step = time.Second / 10
	remedy := fmt.Sprintf("use rounds of %v or more, %s", (e.need + step - 1).Truncate(step), e.instead)
	if len(others) == 0 {
		return fmt.Errorf("%s and the neighbourhood allows %.0f a minute; %s", e.what, perMinute, remedy)
	}
	take := "takes"
	if len(others) > 1 {
		take = "take"
	}
	rest := fmt.Sprintf("%s, and of the %.0f a minute that the neighbourhood allows %s %s %.0f", e.what, perMinute, named(others), take, min(perMinute-left, perMinute))
	if left < leastPace {
		return busy("%s; wait for the end of one, or stop one: vecino learn stop", rest)
	}
	return busy("%s; %s, or stop one: vecino learn stop", rest, remedy)
}

// pace returns how many chunks a minute a task keeps from others, with the part of
// maxShare that belongs to them.
func (s *Service) pace(t *node.Task) (perMinute float64, err error) {
	if node.Mode(t.Mode).Summed() {
		m, err := t.NewModel()
		if err != nil {
			return 0, err
		}
		c, _, _ := s.o.Member.Sums()
		first, second := roundChunks(t, m, sumPlan(t, m))
		half := roundLen(t) / 2
		return max(paceOf(first, half), paceOf(second, half-3*c.Wait)), nil
	}
	bytes, err := t.UpdateSize()
	if err != nil {
		return 0, err
	}
	return paceOf(update.Chunks(bytes, chunk.Payload), roundLen(t)), nil
}

// paceOf returns the chunks a minute at which so many take so long.
func paceOf(chunks int, d time.Duration) float64 {
	return float64(chunks) / maxShare / max(d, time.Millisecond).Minutes()
}

// timeFor returns how long so many chunks take.
func timeFor(chunks int, perMinute float64) time.Duration {
	return time.Duration(float64(chunks) / max(perMinute, leastPace) / maxShare * float64(time.Minute))
}

func roundLen(t *node.Task) time.Duration { return time.Duration(t.RoundLen) * time.Millisecond }
