// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/cose"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// The files of the service. Each task has a checkpoint of its own.
const (
	fileTasks         = "task"
	fileOldCheckpoint = "checkpoint" // of the one task that there used to be
)

// CheckpointFile returns the name of a task's checkpoint among the files of a
// device.
func CheckpointFile(id node.ID) string { return fileOldCheckpoint + "-" + hex.EncodeToString(id[:]) }

// savedTasks is the file of tasks, saved.cddl.
type savedTasks struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Tasks   []savedTask // in the order of Service.jobs
	Stopped []node.ID   // tasks that are not to run here, oldest first
}

// savedTask is one of them.
type savedTask struct {
	_     struct{} `cbor:",toarray"`
	State State
	Task  []byte // as neighbours are told it
	Spent spent
}

// oldSaved is the file of the time when a device had one task.
type oldSaved struct {
	_       struct{} `cbor:",toarray"`
	State   State
	Task    []byte
	Stopped []node.ID
}

const savedVersion = 2

// maxSaved bounds the file of tasks, in bytes.
const maxSaved = (maxJobs+maxRest)*(node.MaxTask+cose.Overhead+64) + 1024

var savedDecoder = wire.New(wire.Limits{Bytes: maxSaved, Items: maxStopped, Depth: 6})

// write writes the file of tasks, with one more unless it is nil, under s.saving.
func (s *Service) write(more *job) error {
	s.mu.Lock()
	saved := savedTasks{Version: savedVersion, Tasks: []savedTask{}, Stopped: s.stopped}
	if saved.Stopped == nil {
		saved.Stopped = []node.ID{}
	}
	jobs := s.jobs
	if more != nil {
		jobs = append(slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.id == more.id }), more)
	}
	kept := make([]spent, len(jobs))
	for i, j := range jobs {
		kept[i] = j.keeps()
		saved.Tasks = append(saved.Tasks, savedTask{State: j.status.State, Task: j.msg, Spent: kept[i]})
	}
	b := wire.MustMarshal(saved)
	s.mu.Unlock()
	if err := s.o.Files.Write(fileTasks, b); err != nil {
		return fmt.Errorf("save task: %w", err)
	}
	s.mu.Lock()
	for i, j := range jobs {
		j.kept = kept[i]
	}
	s.mu.Unlock()
	return nil
}

// load takes up the tasks of the last run, before anybody else uses s. One that
// failed is tried again, where there is room: the folder that was missing may be
// there now.
func (s *Service) load() error {
	jobs, stopped, old, err := readSaved(s.o.Files, s.o.Member.Now(), s.o.Keys)
	if err != nil {
		return err
	}
	s.jobs, s.stopped = jobs, stopped
	for _, j := range jobs {
		j.recall(s.o.Files)
		if j.status.State == Failed && s.room(j.task) == nil {
			j.status.State = Waiting
		}
	}
	if !old || len(jobs) == 0 {
		return nil
	}
	if err := s.moveCheckpoint(jobs[0].id); err != nil {
		s.o.Log.Error("the checkpoint is not moved to its new name", "err", err)
	}
	return nil
}

// moveCheckpoint gives the checkpoint of the one task of an older version its name.
func (s *Service) moveCheckpoint(id node.ID) error {
	b, err := s.o.Files.Read(fileOldCheckpoint, node.MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.o.Files.Write(CheckpointFile(id), b)
	}
	if err == nil {
		err = s.write(nil)
	}
	if err != nil {
		return err
	}
	return s.o.Files.Remove(fileOldCheckpoint)
}

// ended returns the state in which a device finds the task.
func (s State) ended(t *node.Task, now time.Time) State {
	if active := s == Waiting || s == Running; active && !now.Before(t.End()) {
		return Done
	}
	return s
}

// Saved returns the tasks that a device's files hold while no service runs, as
// [Service.Statuses] does. Those that are waiting or running go on with the next
// start. The counts of their rounds are not among the files that are read.
func Saved(files Files) ([]Status, error) {
	jobs, _, _, err := readSaved(files, time.Now(), nil)
	if err != nil {
		return nil, err
	}
	out := []Status{}
	for _, j := range (&Service{jobs: jobs}).sorted() {
		j.recall(files)
		out = append(out, j.status)
	}
	return out, nil
}

// readSaved reads the file of tasks, also one of an older version; there are no jobs
// where there is none.
func readSaved(files Files, now time.Time, keys []ed25519.PublicKey) (jobs []*job, stopped []node.ID, old bool, err error) {
	b, err := files.Read(fileTasks, maxSaved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	saved, old, err := decodeSaved(b)
	if err != nil {
		return nil, nil, false, fmt.Errorf("saved tasks: %w", err)
	}
	for _, t := range saved.Tasks {
		j, err := t.job(now, keys)
		if err != nil {
			return nil, nil, false, fmt.Errorf("saved tasks: %w", err)
		}
		jobs = append(jobs, j)
	}
	return jobs, saved.Stopped, old, nil
}

func decodeSaved(b []byte) (saved savedTasks, old bool, err error) {
	if len(b) > 1 && b[1]>>5 == 3 { // a text, where there is a version now
		var one oldSaved
		if err := savedDecoder.Unmarshal(b, &one); err != nil {
			return saved, true, err
		}
		return savedTasks{Version: savedVersion, Tasks: []savedTask{{State: one.State, Task: one.Task}}, Stopped: one.Stopped}, true, nil
	}
	if err := savedDecoder.Unmarshal(b, &saved); err != nil {
		return saved, false, err
	}
	if saved.Version != savedVersion {
		return saved, false, fmt.Errorf("version %d, not %d", saved.Version, savedVersion)
	}
	if n := len(saved.Tasks); n > maxJobs+maxRest {
		return saved, false, fmt.Errorf("%d tasks, at most %d", n, maxJobs+maxRest)
	}
	return saved, false, nil
}

// job returns the job of a saved task.
func (s *savedTask) job(now time.Time, keys []ed25519.PublicKey) (*job, error) {
	if !s.State.valid() {
		return nil, fmt.Errorf("state %.40q is unknown", s.State)
	}
	o, err := openTask(s.Task, keys)
	if errors.Is(err, ErrSignature) { // which nobody could check when the task began
		o, err = openTask(s.Task, nil)
	}
	if err != nil {
		return nil, err
	}
	j := jobOf(o, s.State.ended(o.task, now))
	j.spent, j.kept = s.Spent, s.Spent
	j.status.Spent = j.spent.info()
	return j, nil
}

// checkpoints keeps the file of a task.
type checkpoints struct {
	files Files
	id    node.ID
}

func (c checkpoints) Save(b []byte) error { return c.files.Write(CheckpointFile(c.id), b) }

func (c checkpoints) Load() ([]byte, error) {
	return c.files.Read(CheckpointFile(c.id), node.MaxCheckpoint)
}
