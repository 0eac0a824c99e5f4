// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/export"
	"github.com/vecino-edge/vecino/fl/node"
)

// FileOwn is the device's own model of the last task that made one, as package export
// writes it.
const FileOwn = "own.safetensors"

// Personal compares three models on the rows that the device does not learn from. Each
// number is an accuracy, R2 or AUC, as the data have it.
type Personal struct {
	Alone  *float64 `json:"alone"`  // of the device's own rows and nobody else's
	Shared *float64 `json:"shared"` // what all learned
	Own    *float64 `json:"own"`    // the shared one, tuned to the device's own rows
}

// maxAlone is the most epochs for which a model is trained alone, to be compared with:
// enough for small tables, and no second task.
const maxAlone = 100

// personalise makes the device's own model of what all have learned, keeps it beside the shared one, and compares. It stays on the device.
func (s *Service) personalise(j *job, set node.Settings, shared []float32, data *Data) error {
	ws := set.NewWorkspace()
	measured := func(x []float32) (*float64, error) {
		if data.Test.Rows() == 0 {
			return nil, nil
		}
		score, err := set.Model.Evaluate(x, data.Test, ws)
		return finite(set.Model.Measure(score)), err
	}
	own := slices.Clone(shared)
	if err := node.Tune(set, own, data.Train, nil, int(j.task.Personal.Tune), s.o.Seed, ws); err != nil {
		return fmt.Errorf("the device's own model: %w", err)
	}
	var p Personal
	models := []struct {
		x  []float32
		to **float64
	}{{alone(set, data.Train, s.o.Seed), &p.Alone}, {shared, &p.Shared}, {own, &p.Own}}
	for _, m := range models {
		if m.x == nil {
			continue
		}
		var err error
		if *m.to, err = measured(m.x); err != nil {
			return fmt.Errorf("compare models: %w", err)
		}
	}
	loaded := func() (*Data, error) { return data, nil }
	a, err := describe(j.task, own, j.task.Rounds, loaded, s.o.Member.Now())
	if err != nil {
		return fmt.Errorf("the device's own model: %w", err)
	}
	b, err := encodeModel(a)
	if err == nil {
		err = s.o.Files.Write(FileOwn, b)
	}
	if err != nil {
		return fmt.Errorf("keep the device's own model: %w", err)
	}
	s.change(j, func(st *Status) { st.Personal = &p })
	return nil
}

// alone returns what the device learns from its own rows in as many epochs as the task
// has, maxAlone at most; nil where training runs off to infinity.
func alone(set node.Settings, train *dataset.Table, seed uint64) []float32 {
	x := make([]float32, set.Model.Size())
	set.Model.Init(x, set.Seed)
	sgd, ws := set.SGD, set.NewWorkspace()
	epochs := min(uint64(set.Rounds)*uint64(sgd.Epochs), maxAlone)
	sgd.Epochs = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	for range epochs {
		if _, _, err := sgd.Train(set.Model, x, train, nil, nil, rng, ws); err != nil {
			return nil
		}
	}
	return x
}

// readOwn returns the device's own model of a task.
func readOwn(files Files, t *node.Task) (*export.Artifact, error) {
	b, err := files.Read(FileOwn, maxModelFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotOwn
	}
	if err != nil {
		return nil, err
	}
	a, err := decodeModel(b)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the device's own model: %w", err)
	case a.TaskID != t.ID():
		return nil, ErrNotOwn
	}
	return a, nil
}
