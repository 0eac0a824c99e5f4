// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
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
	maxActivations = 1 << 22 // numbers that a batch takes in all layers of the model
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
	case t.Quant > uint8(update.Q8):
		return wrong("quantization", "number %d is unknown", t.Quant)
	case int(t.Mode) >= len(modes):
		return wrong("mode", "number %d is unknown", t.Mode)
	}
	return t.checkData(wrong)
}

// wrongField makes the error about a field.
type wrongField func(field, format string, args ...any) error

func (t *Task) checkData(wrong wrongField) error {
	kind := dataset.Kind(t.Kind)
	switch {
	case kind != dataset.Classification && kind != dataset.Regression:
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
	if len(t.Topology) > maxSpec {
		return wrong("topology", "%.40q…", t.Topology)
	}
	top, err := topology.Parse(t.Topology)
	if err != nil {
		return wrong("topology", "%v", err)
	}
	if Mode(t.Mode).Summed() {
		switch {
		case top.Kind != topology.Full: // sums over the neighbourhoods of a graph overlap, and subtract
			return wrong("topology", "%s, where mode %v adds over all members; it is full", t.Topology, Mode(t.Mode))
		case t.Quant != uint8(update.Q8):
			return wrong("quantization", "%v, where mode %v adds in 8 bits; it is q8", update.Quant(t.Quant), Mode(t.Mode))
		}
	}
	if t.Divisor != 0 && dataset.Method(t.Scale) != dataset.Divide {
		return wrong("divisor", "%v, where nothing is divided", t.Divisor)
	}
	if err := t.scaler().Validate(len(t.Columns)); err != nil {
		return wrong("scale", "%v", err)
	}
	return t.checkModel(wrong)
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
	size := update.PayloadSize(update.Quant(t.Quant), m.Size(), Algorithm(t.Algorithm).Vectors()) + chacha20poly1305.Overhead
	if size > update.MaxSize {
		return wrong("model", "an update of %s takes %d bytes, at most %d are possible; use a smaller one or compress it", t.Model, size, update.MaxSize)
	}
	if told := ToldSize(m.Size(), Algorithm(t.Algorithm)) + chacha20poly1305.Overhead; Mode(t.Mode).Summed() && told > update.MaxSize {
		return wrong("model", "to tell newcomers of %s takes %d bytes in mode %v, at most %d are possible; use a smaller one", t.Model, told, Mode(t.Mode), update.MaxSize)
	}
	width := int64(m.Features() + m.Outputs())
	for _, units := range m.Spec().Hidden {
		width += int64(units)
	}
	if rows := int64(max(t.Batch, evaluateRows)); rows*width > maxActivations {
		return wrong("batch", "%d rows of a model with %d units take too much memory; use fewer", rows, width)
	}
	return nil
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
