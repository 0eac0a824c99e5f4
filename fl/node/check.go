// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
	"golang.org/x/crypto/chacha20poly1305"
)

// Bounds of a task's numbers.
const (
	MaxTask     = 256 << 10 // bytes of an encoded task
	MaxTaskName = 64        // bytes
	MinRate     = 1e-6      // below it a direction, which is divided by the rate, is all rounding
	MaxRate     = 100
	MaxEpochs   = 1000 // local epochs of a round
	MaxRounds   = 1 << 20
	MinRoundLen = 100 * time.Millisecond
	MaxRoundLen = 7 * 24 * time.Hour
	MaxLength   = 10 * 365 * 24 * time.Hour // of all rounds

	maxStart       = 1 << 44 // milliseconds since 1970, in the year 2527
	maxSpec        = 128     // bytes of a model's or a topology's name
	maxActivations = 1 << 23 // numbers that a batch takes in all layers of the model and their gradients
)

// Check returns an error that names the field that does not do.
func (t *Task) Check() error {
	wrong := func(field, format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrTask, field, fmt.Sprintf(format, args...))
	}
	switch {
	case t.Label != wire.LabelTask:
		return wrong("label", "%.40q", t.Label)
	case t.Name == "" || len(t.Name) > MaxTaskName || !printable(t.Name):
		return wrong("name", "%.80q; it has 1 to %d bytes, all of them printable", t.Name, MaxTaskName)
	case int(t.Algorithm) >= len(algorithms):
		return wrong("algorithm", "number %d is unknown", t.Algorithm)
	case !(t.Rate >= MinRate && t.Rate <= MaxRate):
		return wrong("rate", "%v; it is %v to %v", t.Rate, MinRate, MaxRate)
	case !(t.Decay >= 0 && t.Decay < 1):
		return wrong("weight decay", "%v; it is 0 or more and below 1", t.Decay)
	case t.Batch == 0 || t.Batch > model.MaxBatch:
		return wrong("batch", "%d; it is 1 to %d", t.Batch, model.MaxBatch)
	case t.Epochs == 0 || t.Epochs > MaxEpochs:
		return wrong("epochs", "%d; it is 1 to %d", t.Epochs, MaxEpochs)
	case t.Rounds == 0 || t.Rounds > MaxRounds:
		return wrong("rounds", "%d; it is 1 to %d", t.Rounds, MaxRounds)
	case t.roundLen() < MinRoundLen || t.roundLen() > MaxRoundLen:
		return wrong("round length", "%v; it is %v to %v", t.roundLen(), MinRoundLen, MaxRoundLen)
	case time.Duration(t.Rounds) > MaxLength/t.roundLen():
		return wrong("rounds", "%d of %v take more than ten years", t.Rounds, t.roundLen())
	case t.Start > maxStart:
		return wrong("start", "%d; it is a time in milliseconds since 1970", t.Start)
	case int(t.Schedule) >= len(schedules):
		return wrong("schedule", "number %d is unknown", t.Schedule)
	case int(t.Mode) >= len(modes):
		return wrong("mode", "number %d is unknown", t.Mode)
	}
	if err := t.checkData(wrong); err != nil {
		return err
	}
	if err := t.checkExchange(wrong); err != nil {
		return err
	}
	if err := t.checkModel(wrong); err != nil {
		return err
	}
	return t.checkExtras(wrong)
}

// wrongField makes the error about a field.
type wrongField func(field, format string, args ...any) error

func (t *Task) checkData(wrong wrongField) error {
	kind := dataset.Kind(t.Kind)
	switch {
	case kind == dataset.Automatic || kind > dataset.Anomaly:
		return wrong("kind", "number %d is unknown", t.Kind)
	case (kind == dataset.Classification) != (t.Classes > 0) || int(t.Classes) > dataset.MaxClasses:
		return wrong("classes", "%d", t.Classes)
	case len(t.Columns) == 0 || len(t.Columns) > dataset.MaxColumns:
		return wrong("columns", "there are %d; 1 to %d are possible", len(t.Columns), dataset.MaxColumns)
	case !isColumn(t.Target):
		return wrong("target", "the name %.40q does not do", t.Target)
	}
	for _, c := range t.Columns {
		if !isColumn(c) || c == t.Target {
			return wrong("columns", "the name %.40q does not do", c)
		}
	}
	if n := len(t.Encode()); n > MaxTask {
		return wrong("columns", "the task takes %d bytes, at most %d are possible; shorten the names", n, MaxTask)
	}
	if t.Divisor != 0 && dataset.Method(t.Scale) != dataset.Divide {
		return wrong("divisor", "%v, where nothing is divided", t.Divisor)
	}
	if err := t.Scaler().Validate(len(t.Columns)); err != nil {
		return wrong("scale", "%v", err)
	}
	return nil
}

// checkExchange holds who hears what in which form.
func (t *Task) checkExchange(wrong wrongField) error {
	for _, f := range []struct{ field, value string }{{"topology", t.Topology}, {"compression", t.Compress}, {"aggregation", t.Aggregate}} {
		if len(f.value) > maxSpec {
			return wrong(f.field, "%.40q…", f.value)
		}
	}
	top, err := topology.Parse(t.Topology)
	if err != nil {
		return wrong("topology", "%v", err)
	}
	c, err := update.ParseCompression(t.Compress)
	if err != nil {
		return wrong("compression", "%v", err)
	}
	rule, err := aggregate.Parse(t.Aggregate)
	if err != nil {
		return wrong("aggregation", "%v", err)
	}
	if !Mode(t.Mode).Summed() {
		return nil
	}
	q, ok := c.Quant()
	switch {
	case top.Kind != topology.Full: // sums over the neighbourhoods of a graph overlap, and subtract
		return wrong("topology", "%s, where mode %v adds over all members; it is full", t.Topology, Mode(t.Mode))
	case !ok || q != update.Q8:
		return wrong("compression", "%v, where mode %v adds in 8 bits; it is q8", c, Mode(t.Mode))
	case rule != aggregate.Mean:
		return wrong("aggregation", "%v, where mode %v shows nothing but sums; it is mean", rule, Mode(t.Mode))
	case t.Personal.Head:
		return wrong("personal", "the last layer cannot be kept where mode %v adds whole models", Mode(t.Mode))
	}
	return nil
}

// Bounds of what a task asks beside learning.
const (
	maxTune   = 1000 // epochs of tuning
	minPeriod = 1    // milliseconds between samples
)

// checkExtras holds class weights, privacy, what is kept, and windows.
func (t *Task) checkExtras(wrong wrongField) error {
	if n := len(t.Weights); n > 0 && (dataset.Kind(t.Kind) != dataset.Classification || n != int(t.Classes)) {
		return wrong("class weights", "there are %d for %d classes", n, t.Classes)
	}
	for class, w := range t.Weights {
		if !(w >= 0 && w <= maxWeight) {
			return wrong("class weights", "%v for class %d; it is 0 to %v", w, class, maxWeight)
		}
	}
	if p := t.Privacy; p != nil {
		if err := t.checkPrivacy(p, wrong); err != nil {
			return err
		}
	}
	if t.Personal.Tune > maxTune {
		return wrong("personal", "%d epochs of tuning, at most %d", t.Personal.Tune, maxTune)
	}
	if t.Features == nil {
		return nil
	}
	s, _ := t.FeatureSettings()
	if err := s.Validate(); err != nil {
		return wrong("features", "%v", err)
	}
	if t.Features.Period < minPeriod || !slices.Equal(s.Names(), t.Columns) {
		return wrong("features", "the columns are not those of the windows")
	}
	return nil
}

// maxWeight bounds the weight of a class.
const maxWeight = 1e6

func (t *Task) checkPrivacy(p *Privacy, wrong wrongField) error {
	private := model.Private{Rate: t.Rate, Decay: t.Decay, Clip: p.Clip, Sigma: float64(p.Sigma), Q: float64(p.Q), Steps: int(t.Epochs)}
	if err := private.Validate(); err != nil {
		return wrong("privacy", "%v", err)
	}
	switch {
	case Mode(t.Mode).Summed():
		return wrong("privacy", "noise is added to updates; mode %v has none: use mode robust", Mode(t.Mode))
	case len(t.Weights) > 0:
		return wrong("privacy", "class weights and noise do not go together")
	case float64(p.Q) < privacy.MinRate:
		return wrong("privacy", "a sampling rate of %v; it is %v or more", p.Q, privacy.MinRate)
	case float64(p.Sigma) < privacy.MinSigma || float64(p.Sigma) > privacy.MaxSigma:
		return wrong("privacy", "a noise multiplier of %v; it is %v to %v", p.Sigma, privacy.MinSigma, privacy.MaxSigma)
	}
	if _, err := privacy.NewBudget(float64(p.Epsilon), float64(p.Delta)); err != nil {
		return wrong("privacy", "%v", err)
	}
	return nil
}

// checkModel holds the model against what an update can carry and a small
// device can hold, since a task may come from anybody in the neighbourhood.
func (t *Task) checkModel(wrong wrongField) error {
	if len(t.Model) > maxSpec {
		return wrong("model", "%.40q…", t.Model)
	}
	m, err := t.NewModel()
	if err != nil {
		return wrong("model", "%v", err)
	}
	size, err := t.UpdateSize()
	if err != nil {
		return wrong("model", "%v", err)
	}
	if size += chacha20poly1305.Overhead; size > update.MaxSize {
		return wrong("model", "an update of %s takes %d bytes, at most %d are possible; use a smaller one or compress it", t.Model, size, update.MaxSize)
	}
	if told := ToldSize(m.Size(), Algorithm(t.Algorithm)) + chacha20poly1305.Overhead; Mode(t.Mode).Summed() && told > update.MaxSize {
		return wrong("model", "to tell newcomers of %s takes %d bytes in mode %v, at most %d are possible; use a smaller one", t.Model, told, Mode(t.Mode), update.MaxSize)
	}
	rows := max(int(t.Batch), evaluateRows)
	switch {
	case m.Activations(rows) > maxActivations:
		return wrong("batch", "%d rows of %s take too much memory; use fewer", rows, t.Model)
	case t.Personal.Head && m.Head().From == 0:
		return wrong("personal", "%s has one layer; nothing would be shared", t.Model)
	}
	return nil
}

// UpdateSize returns the bytes of an update of the task in a round, before it is
// sealed: of one that says all numbers as many as it has, and of one that says what
// has changed at most, where nothing is sent again.
func (t *Task) UpdateSize() (int, error) {
	set, err := t.Settings()
	if err != nil {
		return 0, err
	}
	params := set.Model.Size()
	if set.Replicas() {
		return exchangeSize(set.Compression, params), nil
	}
	return update.PayloadSize(set.Quant(), params, set.Vectors()), nil
}

// printable reports whether a name can stand in a terminal and in a log.
func printable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func isColumn(name string) bool {
	return name != "" && len(name) <= dataset.MaxField && utf8.ValidString(name)
}
