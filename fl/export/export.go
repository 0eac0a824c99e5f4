// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package export is how a trained model leaves a device and comes back: as a
// safetensors file (huggingface.co/docs/safetensors; safetensors.cddl tells
// what Vecino adds), which the libraries of that format read, and as a C99
// header for microcontrollers, which is written only. An [Artifact] is such a
// model with all that its numbers need to mean something: the columns, their
// scale, and where it comes from.
//
// A file may come from anybody. Limits hold before memory is taken, and what
// does not fit together is refused with a sentence. The zero Artifact is not
// valid, the zero [Limits] are the package's own. The functions are safe for
// concurrent use, as long as nobody writes to their arguments.
package export

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// Artifact is a model outside of the device that trained it.
type Artifact struct {
	Spec    model.Spec
	Kind    dataset.Kind // Classification, Regression or Anomaly; the loss follows from it
	Columns []string     // (features), 1..dataset.MaxColumns different names, in the order of a row
	Target  string       // name of the target, or empty
	Classes int          // 1..dataset.MaxClasses in a classification, else 0

	// Scaler brings a row as it was measured to what the model takes, and the
	// output of a regression back.
	Scaler dataset.Scaler
	// Fill stands for features that are missing, (features), not scaled. It is
	// nil for 0, and with ZScore, which has the means.
	Fill []float32

	Theta     []float32 // (Model().Size()), all finite, as model.Layers lays them out
	Threshold float32   // score above which a row counts as anomalous, 0 or above; 0 but for Anomaly

	// What the device told of where it comes from. Nothing can check it.
	Task    string    // name; empty for unknown
	TaskID  [16]byte  // zero for unknown
	Rounds  uint32    // learned together; 0 for unknown
	Rows    uint64    // that it learned from, below 2**63; 0 for unknown
	Measure *float64  // accuracy, R2 or AUC, as the kind has it: see model.Measure; nil for unknown
	Created time.Time // to the second; zero for unknown
}

// Model returns the model that Theta is for.
func (a *Artifact) Model() (*model.Model, error) {
	if err := a.checkKind(); err != nil {
		return nil, err
	}
	return model.ForKind(a.Spec, a.Kind, len(a.Columns), a.Classes)
}

// Validate returns an error that says what does not fit together.
func (a *Artifact) Validate() error {
	if err := a.checkMeaning(); err != nil {
		return err
	}
	m, err := a.Model()
	if err != nil {
		return err
	}
	if len(a.Theta) != m.Size() {
		return fmt.Errorf("%d parameters, and model %v of %d features has %d", len(a.Theta), a.Spec, m.Features(), m.Size())
	}
	return a.checkFinite(m)
}

// checkFinite names the tensor in which a number is not finite.
func (a *Artifact) checkFinite(m *model.Model) error {
	for _, t := range m.Layers() {
		if !tensor.Finite(a.Theta[t.From:t.To]) {
			return fmt.Errorf("tensor %s: a number is not finite; the model has diverged", t.Name)
		}
	}
	return nil
}

// checkMeaning is Validate for all but model and parameters.
func (a *Artifact) checkMeaning() error {
	for _, check := range []func() error{a.checkKind, a.checkNames, a.checkScaler, a.checkNumbers} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Artifact) checkKind() error {
	switch {
	case a.Kind == dataset.Automatic || a.Kind > dataset.Anomaly:
		return fmt.Errorf("kind %v; it is classification, regression or anomaly", a.Kind)
	case a.Kind != dataset.Classification && a.Classes != 0:
		return fmt.Errorf("%d classes, of which a model for %v has none; set 0", a.Classes, a.Kind)
	case a.Kind == dataset.Classification && (a.Classes < 1 || a.Classes > dataset.MaxClasses):
		return fmt.Errorf("%d classes; there can be 1 to %d", a.Classes, dataset.MaxClasses)
	case len(a.Columns) < 1 || len(a.Columns) > dataset.MaxColumns:
		return fmt.Errorf("%d columns; there can be 1 to %d", len(a.Columns), dataset.MaxColumns)
	}
	return nil
}

func (a *Artifact) checkNames() error {
	seen := map[string]bool{}
	for _, name := range a.Columns {
		switch {
		case name == "" || !isText(name):
			return fmt.Errorf("column %.40q: a name is UTF-8 text of 1 to %d bytes", name, dataset.MaxField)
		case seen[name]:
			return fmt.Errorf("two columns are named %.40q; rename one", name)
		case name == a.Target:
			return fmt.Errorf("column %.40q cannot be a feature and the target; rename one", name)
		}
		seen[name] = true
	}
	switch {
	case !isText(a.Target):
		return fmt.Errorf("target %.40q: a name is UTF-8 text of up to %d bytes", a.Target, dataset.MaxField)
	case !isText(a.Task):
		return fmt.Errorf("task %.40q: a name is UTF-8 text of up to %d bytes", a.Task, dataset.MaxField)
	}
	return nil
}

func isText(s string) bool { return len(s) <= dataset.MaxField && utf8.ValidString(s) }

func (a *Artifact) checkScaler() error {
	if err := a.Scaler.Validate(len(a.Columns)); err != nil {
		return err
	}
	s := &a.Scaler
	switch {
	case s.Scale.Divisor != 0 && s.Scale.Method != dataset.Divide:
		return fmt.Errorf("divisor %v, where nothing is divided; set 0", s.Scale.Divisor)
	case a.Kind != dataset.Regression && (s.TargetMean != 0 || s.TargetDeviation != 1):
		return fmt.Errorf("a target of mean %v and deviation %v; they are 0 and 1 but for a regression", s.TargetMean, s.TargetDeviation)
	case a.Fill != nil && s.Scale.Method == dataset.ZScore:
		return errors.New("numbers to fill in, and scale zscore, which fills in the means; leave them out")
	case a.Fill != nil && len(a.Fill) != len(a.Columns):
		return fmt.Errorf("%d numbers to fill in for %d columns", len(a.Fill), len(a.Columns))
	case !tensor.Finite(a.Fill):
		return errors.New("a number to fill in is not finite")
	}
	return nil
}

// Years that Created can lie in, those that RFC 3339 can tell.
const firstYear, lastYear = 1970, 9999

func (a *Artifact) checkNumbers() error {
	anomaly := a.Kind == dataset.Anomaly
	year := a.Created.UTC().Year()
	switch {
	case !anomaly && a.Threshold != 0:
		return fmt.Errorf("threshold %v of a model for %v, which has none; set 0", a.Threshold, a.Kind)
	case !(a.Threshold >= 0 && a.Threshold <= math.MaxFloat32):
		return fmt.Errorf("threshold %v; it is a number of 0 or above", a.Threshold)
	case a.Measure != nil && !a.possible(*a.Measure):
		return fmt.Errorf("%s %v is not possible", a.measureName(), *a.Measure)
	case a.Rows > math.MaxInt64:
		return fmt.Errorf("%d rows are not possible", a.Rows)
	case !a.Created.IsZero() && (year < firstYear || year > lastYear):
		return fmt.Errorf("created in the year %d; it is %d to %d", year, firstYear, lastYear)
	}
	return nil
}

// possible reports whether a measure has such a value. R2 has no lower bound.
func (a *Artifact) possible(v float64) bool {
	if a.Kind == dataset.Regression {
		return v <= 1 && v >= -math.MaxFloat64
	}
	return v >= 0 && v <= 1
}

// measureName returns what Measure is.
func (a *Artifact) measureName() string {
	switch a.Kind {
	case dataset.Regression:
		return "r2"
	case dataset.Anomaly:
		return "auc"
	}
	return "accuracy"
}
