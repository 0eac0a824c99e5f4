// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/export"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// Errors of models that are not there.
var (
	ErrNoModel  = errors.New("no round of the task has ended on this device yet, so there is no model to export")
	ErrNotOwn   = errors.New("this device has no model of its own of this task; a task with personal.tune makes one after its last round")
	errNoNormal = errors.New("what is anomalous is told by the device's own normal rows, and they cannot be read")
)

// maxModelFile bounds a model in the state folder, in bytes.
const maxModelFile = export.MaxFile

// keepModel notes the model after a round, for those who ask for it meanwhile.
func (s *Service) keepModel(j *job, x []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.latest = append(j.latest[:0], x...)
}

// Export returns the model of the task with that name or beginning of an id, of the
// present task where name is empty: the shared one as it was after the last round, or
// the device's own.
func (s *Service) Export(name string, own bool) (*export.Artifact, error) {
	j, err := s.meant(name)
	if err != nil {
		return nil, err
	}
	if own {
		return readOwn(s.o.Files, j.task)
	}
	s.mu.Lock()
	x, status := slices.Clone(j.latest), j.status
	s.mu.Unlock()
	if x == nil {
		if x, status.Round, err = checkpointModel(s.o.Files, j.task); err != nil {
			return nil, err
		}
	}
	return describe(j.task, x, status.Round, func() (*Data, error) { return s.loadFor(j.task) }, s.o.Member.Now())
}

// meant returns the task of that name or beginning of an id, the present one where it is
// empty.
func (s *Service) meant(name string) (*job, error) {
	if name != "" {
		return s.find(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.sorted() {
		return j, nil
	}
	return nil, ErrNoTask
}

// SavedModel is Export of the task that a device's files hold while no service runs.
// Load reads the device's data anew.
func SavedModel(files Files, name string, own bool, load func() (*Data, error)) (*export.Artifact, error) {
	jobs, _, _, err := readSaved(files, time.Now(), nil)
	if err != nil {
		return nil, err
	}
	j, err := (&Service{jobs: jobs}).meant(name)
	if err != nil {
		return nil, err
	}
	t := j.task
	if own {
		return readOwn(files, t)
	}
	x, rounds, err := checkpointModel(files, t)
	if err != nil {
		return nil, err
	}
	return describe(t, x, rounds, func() (*Data, error) {
		data, err := load()
		if err != nil {
			return nil, err
		}
		return data, data.prepare(t)
	}, time.Now())
}

// checkpointModel returns the model that the checkpoint of a task holds, and how many
// rounds are in it.
func checkpointModel(files Files, t *node.Task) (x []float32, rounds uint32, err error) {
	b, err := checkpoints{files, t.ID()}.Load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrNoModel
	}
	if err != nil {
		return nil, 0, err
	}
	set, err := t.Settings()
	if err != nil {
		return nil, 0, err
	}
	n := node.New(set, nil, nil, 0)
	last, err := n.Restore(t.ID(), b)
	if errors.Is(err, node.ErrOtherTask) {
		return nil, 0, ErrNoModel
	}
	return n.Model(), last + 1, err
}

// describe returns a model with all that its numbers mean. What the device's own data
// tell of it is left out where they cannot be read, unless it says nothing without.
func describe(t *node.Task, x []float32, rounds uint32, load func() (*Data, error), now time.Time) (*export.Artifact, error) {
	set, err := t.Settings()
	if err != nil {
		return nil, err
	}
	a := &export.Artifact{
		Spec: set.Model.Spec(), Kind: dataset.Kind(t.Kind), Columns: t.Columns, Target: t.Target, Classes: int(t.Classes),
		Scaler: *t.Scaler(), Theta: x, Task: t.Name, TaskID: t.ID(), Rounds: rounds, Created: now.UTC().Truncate(time.Second),
	}
	data, err := load()
	switch {
	case err == nil:
		err = measure(a, set, data)
	case a.Kind == dataset.Anomaly:
		err = fmt.Errorf("%w: %w", errNoNormal, err)
	default:
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return a, a.Validate()
}

// measure fills in what the device's own rows, which are scaled, say of a model.
func measure(a *export.Artifact, set node.Settings, data *Data) error {
	ws := set.NewWorkspace()
	a.Rows = uint64(data.Train.Rows())
	if a.Scaler.Scale.Method != dataset.ZScore {
		a.Fill = data.Train.Fill
	}
	if a.Kind == dataset.Anomaly {
		var err error
		if a.Threshold, err = set.Model.Threshold(a.Theta, data.Train, nil, ws); err != nil {
			return err
		}
	}
	if data.Test.Rows() == 0 {
		return nil
	}
	score, err := set.Model.Evaluate(a.Theta, data.Test, ws)
	if err != nil {
		return err
	}
	a.Measure = finite(set.Model.Measure(score))
	return nil
}

// encodeModel returns an artifact as a file.
func encodeModel(a *export.Artifact) ([]byte, error) {
	var b bytes.Buffer
	err := export.WriteSafetensors(&b, a)
	return b.Bytes(), err
}

func decodeModel(b []byte) (*export.Artifact, error) {
	return export.ReadSafetensors(bytes.NewReader(b), export.Limits{})
}

// wantOf returns what a task takes to begin with.
func wantOf(t *node.Task, spec model.Spec) export.Want {
	return export.Want{Spec: spec, Kind: dataset.Kind(t.Kind), Columns: t.Columns, Target: t.Target, Classes: int(t.Classes), Scaler: t.Scaler()}
}
