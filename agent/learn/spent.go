// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"math"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// spent is what a task has cost the device, in the units of the file of tasks.
type spent struct {
	_      struct{} `cbor:",toarray"`
	Bytes  uint64   // of updates, before shards and envelope
	Millis uint64   // of processor time
	Millij uint64   // millijoules, where they are measured
}

// add counts a round. Joules is NaN where nobody can measure them.
func (s *spent) add(bytes int, busy time.Duration, joules float64) {
	s.Bytes += uint64(bytes)
	s.Millis += uint64((max(busy, 0) + time.Millisecond - 1) / time.Millisecond)
	if joules > 0 && joules < math.MaxInt32 {
		s.Millij += uint64(math.Ceil(1000 * joules))
	}
}

// over says what of a budget is spent, and nothing while there is some left of all.
func (s *spent) over(b node.Budget) string {
	switch {
	case b.Bytes > 0 && s.Bytes >= b.Bytes:
		return fmt.Sprintf("its budget of %d bytes is spent", b.Bytes)
	case b.Seconds > 0 && s.Millis >= 1000*uint64(b.Seconds):
		return fmt.Sprintf("its budget of %d seconds of processor time is spent", b.Seconds)
	case b.Joules > 0 && s.Millij >= 1000*uint64(b.Joules):
		return fmt.Sprintf("its budget of %d joules is spent", b.Joules)
	}
	return ""
}

// reserveParts is into how many parts a budget is cut. What is on the disk counts a
// part as spent when it is begun, so that a power cut loses nothing that was spent,
// the flash is not written in every round, and a restart costs a part at most.
const reserveParts = 64

// reserved returns s with the part of each budget that is begun.
func (s spent) reserved(b node.Budget) spent {
	up := func(v, budget uint64) uint64 {
		part := max(budget/reserveParts, 1)
		if budget == 0 {
			return v
		}
		return (v + part - 1) / part * part
	}
	return spent{Bytes: up(s.Bytes, b.Bytes), Millis: up(s.Millis, 1000*uint64(b.Seconds)), Millij: up(s.Millij, 1000*uint64(b.Joules))}
}

// exceeds reports whether more is spent than o says, of what b limits.
func (s spent) exceeds(o spent, b node.Budget) bool {
	return b.Bytes > 0 && s.Bytes > o.Bytes || b.Seconds > 0 && s.Millis > o.Millis || b.Joules > 0 && s.Millij > o.Millij
}

// keeps returns what the file of tasks says that the job has spent, under mu.
func (j *job) keeps() spent {
	if j.active() {
		return j.spent.reserved(j.task.Budget)
	}
	return j.spent
}

// spend counts a round of a job, and ends it where its budget is spent.
func (s *Service) spend(j *job, r node.Report) {
	s.mu.Lock()
	j.spent.add(r.Payload, r.Cost.CPU, r.Cost.Joules)
	j.status.Spent = j.spent.info()
	why := j.spent.over(j.task.Budget)
	if why != "" && j.active() {
		j.status.State, j.status.Ended = Spent, why
		j.stop()
	}
	write := j.spent.exceeds(j.kept, j.task.Budget)
	s.mu.Unlock()
	if !write {
		return
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := s.write(nil); err != nil {
		s.o.Log.Error("what the task has cost is not saved", "task", j.task.Name, "err", err)
	}
}

// SpentInfo is what a task has cost the device, as people see it.
type SpentInfo struct {
	Bytes   uint64  `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Joules  float64 `json:"joules"` // 0 where nobody can measure them
}

func (s *spent) info() SpentInfo {
	return SpentInfo{Bytes: s.Bytes, Seconds: float64(s.Millis) / 1000, Joules: float64(s.Millij) / 1000}
}
