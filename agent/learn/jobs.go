// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vecino-edge/vecino/fl/node"
)

// admit returns an error that says why a task cannot run beside those that do, and
// what to do.
func (s *Service) admit(t *node.Task) error {
	if err := s.room(t); err != nil {
		return err
	}
	return s.affordable(t)
}

// room holds a task against the number of those that run.
func (s *Service) room(t *node.Task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active() >= maxJobs {
		return busy("%d tasks are running, and a device takes no more at a time; stop one first: vecino learn stop", maxJobs)
	}
	if !node.Mode(t.Mode).Summed() {
		return nil
	}
	for _, j := range s.jobs {
		if j.active() && j.summed() {
			return busy("task %q adds under encryption already, and what that takes in memory and in bytes of an epoch a device has once; "+
				"stop it first: vecino learn stop, or use mode robust", j.task.Name)
		}
	}
	return nil
}

// nameFree holds that no task runs that has the name, so that people can tell them
// apart.
func (s *Service) nameFree(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.active() && j.task.Name == name {
			return busy("another task that is called %q is running; stop it first: vecino learn stop, or give this one another name", name)
		}
	}
	return nil
}

// active returns how many jobs are to run, under mu.
func (s *Service) active() (n int) {
	for _, j := range s.jobs {
		if j.active() {
			n++
		}
	}
	return n
}

// sorted returns the jobs as people look for them, under mu: those that are to run
// in the order in which they came, and then the others, the last one first.
func (s *Service) sorted() (out []*job) {
	for _, j := range s.jobs {
		if j.active() {
			out = append(out, j)
		}
	}
	for _, j := range slices.Backward(s.jobs) {
		if !j.active() {
			out = append(out, j)
		}
	}
	return out
}

// have returns the job of a task, under mu, nil where there is none.
func (s *Service) have(id node.ID) *job {
	for _, j := range s.jobs {
		if j.id == id {
			return j
		}
	}
	return nil
}

// knows reports whether the device has or had the task, or is not to have it.
func (s *Service) knows(id node.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have(id) != nil || slices.Contains(s.stopped, id)
}

// runs reports whether the task is to run here already.
func (s *Service) runs(id node.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.have(id)
	return j != nil && j.active()
}

// adopt makes j one of the device's jobs, once it is kept. Also, unless it is nil,
// holds its name.
func (s *Service) adopt(j *job, also func(name string) error) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := s.admit(j.task); err != nil {
		return err
	}
	if also != nil {
		if err := also(j.task.Name); err != nil {
			return err
		}
	}
	if err := s.write(j); err != nil {
		return err
	}
	s.mu.Lock()
	s.jobs = append(slices.DeleteFunc(s.jobs, func(other *job) bool { return other.id == j.id }), j) // which rests, where its owner starts it again
	s.stopped = slices.DeleteFunc(s.stopped, func(id node.ID) bool { return id == j.id })
	s.mu.Unlock()
	s.prune()
	return nil
}

// rest puts a job that has ended behind the others, and keeps what came of it.
func (s *Service) rest(j *job) {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	if !j.active() {
		s.jobs = append(slices.DeleteFunc(s.jobs, func(other *job) bool { return other == j }), j)
		j.inbox, j.parts = nil, nil
		s.routes.forget(j, s.active() == 0)
	}
	s.mu.Unlock()
	s.prune()
	if err := s.write(nil); err != nil {
		s.o.Log.Error("task not saved", "err", err)
	}
}

// prune forgets the oldest of the jobs that rest, where they are too many, and their
// checkpoints, under saving.
func (s *Service) prune() {
	var gone []*job
	now := s.o.Member.Now()
	s.mu.Lock()
	rest := len(s.jobs) - s.active()
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool {
		if j.active() || rest <= maxRest {
			return false
		}
		rest--
		if now.Before(j.task.End()) && !slices.Contains(s.stopped, j.id) {
			s.forbid(j.id) // else it is joined again
		}
		gone = append(gone, j)
		return true
	})
	s.mu.Unlock()
	for _, j := range gone {
		if err := s.o.Files.Remove(CheckpointFile(j.id)); err != nil {
			s.o.Log.Warn("the checkpoint of a task that is forgotten is not removed", "task", j.task.Name, "err", err)
		}
	}
}

// Statuses returns the tasks of the device: first those that are to run, in the order
// in which they came, then the last of the others, the latest first.
func (s *Service) Statuses() []Status {
	s.mu.Lock()
	sorted := s.sorted()
	s.mu.Unlock()
	out := make([]Status, len(sorted))
	for i, j := range sorted {
		out[i] = *s.statusOf(j)
	}
	return out
}

// named lists the names of tasks in a sentence.
func named(jobs []*job) string {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = fmt.Sprintf("%q", j.task.Name)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}
