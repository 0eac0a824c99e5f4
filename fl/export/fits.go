// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

// Want is what a device is about to learn.
type Want struct {
	Spec    model.Spec
	Kind    dataset.Kind
	Columns []string
	Target  string
	Classes int             // 0 but for a classification
	Scaler  *dataset.Scaler // nil where the task takes the artifact's, as one that begins from it should
}

// Fits returns nil if what w wants can begin from the parameters of a, which is
// valid, and else an error that says why not. Models that are spelt in two ways
// fit if their tensors are the same.
func (a *Artifact) Fits(w Want) error {
	switch {
	case a.Kind != w.Kind:
		return fmt.Errorf("the file holds a model for %v, and the task is a %v", a.Kind, w.Kind)
	case a.Classes != w.Classes:
		return fmt.Errorf("the file holds a model of %d classes, and the task has %d", a.Classes, w.Classes)
	case a.Target != w.Target:
		return fmt.Errorf("the file predicts %.40q, and the task %.40q", a.Target, w.Target)
	}
	if err := a.fitsColumns(w.Columns); err != nil {
		return err
	}
	if err := a.fitsModel(w); err != nil {
		return err
	}
	if w.Scaler != nil {
		return a.fitsScaler(w.Scaler)
	}
	return nil
}

func (a *Artifact) fitsColumns(want []string) error {
	if len(a.Columns) != len(want) {
		return fmt.Errorf("the file has %d columns, and the task %d", len(a.Columns), len(want))
	}
	for i, name := range a.Columns {
		if name != want[i] {
			return fmt.Errorf("column %d of the file is %.40q, and that of the task %.40q; names and order have to be the same", i+1, name, want[i])
		}
	}
	return nil
}

func (a *Artifact) fitsModel(w Want) error {
	have, err := a.Model()
	if err != nil {
		return err
	}
	want, err := model.ForKind(w.Spec, w.Kind, len(w.Columns), w.Classes)
	if err != nil {
		return err
	}
	same := func(t, u model.Tensor) bool { return t.Name == u.Name && slices.Equal(t.Shape, u.Shape) }
	if !slices.EqualFunc(have.Layers(), want.Layers(), same) {
		return fmt.Errorf("the file holds model %v, and the task learns %v", a.Spec, w.Spec)
	}
	return nil
}

// adviceScale is what to do where the scales differ: parameters that were
// learned at one are no beginning at another.
const adviceScale = "let the task take the scale of the file"

func (a *Artifact) fitsScaler(want *dataset.Scaler) error {
	have := &a.Scaler
	switch {
	case have.Scale != want.Scale:
		return fmt.Errorf("the file scales by %v, and the task by %v; %s", have.Scale, want.Scale, adviceScale)
	case have.TargetMean != want.TargetMean || have.TargetDeviation != want.TargetDeviation:
		return errors.New("the file scales the target in another way than the task; " + adviceScale)
	case len(have.Mean) != len(want.Mean) || len(have.Deviation) != len(want.Deviation):
		return fmt.Errorf("the task scales %d columns; %s", len(want.Mean), adviceScale)
	}
	for i := range have.Mean {
		if have.Mean[i] != want.Mean[i] || have.Deviation[i] != want.Deviation[i] {
			return fmt.Errorf("the file scales column %.40q in another way than the task; %s", a.Columns[i], adviceScale)
		}
	}
	return nil
}
