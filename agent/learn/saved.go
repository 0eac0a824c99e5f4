// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// The files of the service.
const (
	fileTask       = "task"
	fileCheckpoint = "checkpoint"
)

// savedTask is the task file, saved.cddl.
type savedTask struct {
	_       struct{} `cbor:",toarray"`
	State   State
	Task    []byte
	Stopped []node.ID // tasks that the owner stopped, oldest first
}

// maxSaved bounds the task file, in bytes.
const maxSaved = node.MaxTask + 1024

var savedDecoder = wire.New(wire.Limits{Bytes: maxSaved, Items: maxStopped, Depth: 4})

// save writes the present job.
func (s *Service) save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	j := s.job
	s.mu.Unlock()
	return s.write(j)
}

// write writes the task file, under s.saving.
func (s *Service) write(j *job) error {
	s.mu.Lock()
	saved := savedTask{State: j.status.State, Task: j.task.Encode(), Stopped: s.stopped}
	b := wire.MustMarshal(saved)
	s.mu.Unlock()
	if err := s.o.Files.Write(fileTask, b); err != nil {
		return fmt.Errorf("save task: %w", err)
	}
	return nil
}

// load takes up the task of the last run, before anybody else uses s. One that failed is tried again: the
// folder that was missing may be there now.
func (s *Service) load() error {
	t, saved, err := readSaved(s.o.Files)
	if t == nil || err != nil {
		return err
	}
	if saved.State == Failed {
		saved.State = Waiting
	}
	s.job, s.stopped = newJob(t, saved.ended(t, s.o.Member.Now())), saved.Stopped
	return nil
}

// ended returns the state in which a device finds the task.
func (s *savedTask) ended(t *node.Task, now time.Time) State {
	if active := s.State == Waiting || s.State == Running; active && !now.Before(t.End()) {
		return Done
	}
	return s.State
}

// Saved returns the task that a device's files hold while no service runs, nil
// where there is none. One that is waiting or running goes on with the next
// start. The counts of its rounds are not among the files that are read.
func Saved(files Files) (*Status, error) {
	t, saved, err := readSaved(files)
	if t == nil || err != nil {
		return nil, err
	}
	status := newStatus(t, t.ID(), saved.ended(t, time.Now()))
	return &status, nil
}

// readSaved reads the task file; the task is nil where there is none.
func readSaved(files Files) (*node.Task, *savedTask, error) {
	b, err := files.Read(fileTask, maxSaved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var saved savedTask
	if err := savedDecoder.Unmarshal(b, &saved); err != nil {
		return nil, nil, fmt.Errorf("saved task: %w", err)
	}
	if !saved.State.valid() {
		return nil, nil, fmt.Errorf("saved task: state %.40q is unknown", saved.State)
	}
	t, err := node.DecodeTask(saved.Task)
	if err != nil {
		return nil, nil, fmt.Errorf("saved task: %w", err)
	}
	return t, &saved, nil
}

// checkpoints keeps one file: that of the present task.
type checkpoints struct{ files Files }

func (c checkpoints) Save(b []byte) error { return c.files.Write(fileCheckpoint, b) }

func (c checkpoints) Load() ([]byte, error) { return c.files.Read(fileCheckpoint, node.MaxCheckpoint) }
