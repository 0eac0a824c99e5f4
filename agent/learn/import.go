// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/export"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// A model that is imported is what the next task begins with on this device: one that
// bears the name for which it was imported, or, without a name, the next one that it
// fits. A task that this device starts takes the scale of the model, since numbers that
// were learned at one scale say nothing at another.
//
// A task that has begun takes none. In the middle of one the device would pull all its
// neighbours to where the model was, and with K-GT their corrections with it. And since
// a task says nothing of the model that a device begins with, its neighbours begin with
// theirs and the first rounds mix all of them: who wants a neighbourhood to begin from a
// model imports the same file on each device.

// FileImport is the model that was imported, as package export writes it. Its task is
// the one for which it was imported, and its task id that which has begun from it.
const FileImport = "import.safetensors"

// Import checks a model against the device's data and keeps it for the next task, of
// that name unless it is empty.
func (s *Service) Import(b []byte, name string) (*export.Artifact, error) {
	a, err := decodeModel(b)
	if err != nil {
		return nil, err
	}
	if len(name) > node.MaxTaskName {
		return nil, fmt.Errorf("%w: a name of %d bytes", ErrNoTask, len(name))
	}
	if name != "" {
		if j, err := s.find(name); err == nil && s.isActive(j) {
			return nil, fmt.Errorf("task %q has begun on this device, and takes no other model any more: "+
				"stop it, import the model and start it anew", j.task.Name)
		}
	}
	data, err := s.o.Load()
	if err != nil {
		return nil, err
	}
	if err := fitsData(a, data); err != nil {
		return nil, err
	}
	a.Task, a.TaskID = name, [16]byte{}
	return a, s.keepImport(a)
}

func (s *Service) isActive(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.active()
}

func (s *Service) keepImport(a *export.Artifact) error {
	b, err := encodeModel(a)
	if err != nil {
		return err
	}
	if err := s.o.Files.Write(FileImport, b); err != nil {
		return fmt.Errorf("keep the model: %w", err)
	}
	return nil
}

// fitsData refuses a model that no task on these data can begin with.
func fitsData(a *export.Artifact, data *Data) error {
	t := data.Train
	classes := max(a.Classes, t.Classes) // of neighbours there may be more
	if t.Kind != dataset.Classification {
		classes = 0
	}
	err := a.Fits(export.Want{Spec: a.Spec, Kind: t.Kind, Columns: t.Columns, Target: t.Target, Classes: classes})
	if err != nil {
		return fmt.Errorf("the model does not fit this device's data: %w", err)
	}
	return nil
}

// imported returns the model that waits for a task of that name, or has been begun with
// by the one of that id; nil where there is none.
func (s *Service) imported(name string, id node.ID) (*export.Artifact, error) {
	b, err := s.o.Files.Read(FileImport, maxModelFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := decodeModel(b)
	if err != nil {
		return nil, fmt.Errorf("the model that was imported cannot be used: %w; import it anew", err)
	}
	used := a.TaskID != [16]byte{}
	if used && a.TaskID != id || a.Task != "" && a.Task != name {
		return nil, nil
	}
	return a, nil
}

// takeScale gives a plan's data the scale of the model that was imported for it.
func (s *Service) takeScale(p *Plan, data *Data) error {
	a, err := s.imported(p.Name, node.ID{})
	if a == nil || err != nil {
		return err
	}
	spec, err := model.ParseSpec(p.Model)
	if err != nil {
		return nil // the task's check says more
	}
	t := data.Train
	want := export.Want{Spec: spec, Kind: t.Kind, Columns: t.Columns, Target: t.Target, Classes: t.Classes}
	switch err := a.Fits(want); {
	case err != nil && a.Task != "":
		return fmt.Errorf("the model that was imported for task %q does not fit it: %w", p.Name, err)
	case err != nil: // it waits for another
		return nil
	case p.Mode.Summed():
		return fmt.Errorf("a model was imported for this task, and in mode %v all begin with one model in common; use mode robust", p.Mode)
	}
	data.Scaler = &a.Scaler
	return nil
}

// begins lets a node begin with the model that was imported for its task, where there
// is one that fits and no round of it is in a checkpoint.
func (s *Service) begins(j *job, n *node.Node, spec model.Spec) error {
	a, err := s.imported(j.task.Name, j.id)
	if a == nil {
		if err != nil {
			s.o.Log.Error("no model is begun with", "task", j.task.Name, "err", err)
		}
		return nil
	}
	if _, _, err := checkpointModel(s.o.Files, j.task); !errors.Is(err, ErrNoModel) {
		return nil // the checkpoint is ahead
	}
	err = a.Fits(wantOf(j.task, spec))
	if err == nil && node.Mode(j.task.Mode).Summed() {
		err = fmt.Errorf("in mode %v all begin with one model in common", node.Mode(j.task.Mode))
	}
	if err != nil {
		if a.Task == "" {
			return nil // it waits for another
		}
		return fmt.Errorf("the model that was imported for task %q does not fit it: %w", j.task.Name, err)
	}
	a.TaskID = j.id
	if err := s.keepImport(a); err != nil {
		return err
	}
	n.Begins(a.Theta)
	s.change(j, func(st *Status) { st.Imported = true })
	s.o.Log.Info("the task begins with the model that was imported", "task", j.task.Name)
	return nil
}
