// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
)

func TestTaskRefused(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name, field string
		change      func(task *Task)
	}{
		{"other label", "label", func(t *Task) { t.Label = wire.LabelHello }},
		{"no name", "name", func(t *Task) { t.Name = "" }},
		{"long name", "name", func(t *Task) { t.Name = strings.Repeat("x", MaxTaskName+1) }},
		{"terminal escape in the name", "name", func(t *Task) { t.Name = "a\x1b[2Jb" }},
		{"new line in the name", "name", func(t *Task) { t.Name = "a\nb" }},
		{"name that is not UTF-8", "name", func(t *Task) { t.Name = "a\xff" }},
		{"no kind", "kind", func(t *Task) { t.Kind = 0 }},
		{"unknown kind", "kind", func(t *Task) { t.Kind = 4 }},
		{"no class", "classes", func(t *Task) { t.Classes = 0 }},
		{"too many classes", "classes", func(t *Task) { t.Classes = dataset.MaxClasses + 1 }},
		{"classes in a regression", "classes", func(t *Task) { t.Kind = uint8(dataset.Regression) }},
		{"no column", "columns", func(t *Task) { t.Columns = nil }},
		{"too many columns", "columns", func(t *Task) { t.Columns = slices.Repeat(t.Columns, dataset.MaxColumns) }},
		{"column without a name", "columns", func(t *Task) { t.Columns[1] = "" }},
		{"long column", "columns", func(t *Task) { t.Columns[1] = strings.Repeat("x", dataset.MaxField+1) }},
		{"column that is not UTF-8", "columns", func(t *Task) { t.Columns[1] = "\xc0" }},
		{"names that fill more than a task", "columns", func(t *Task) {
			t.Columns = slices.Repeat([]string{strings.Repeat("x", dataset.MaxField)}, 1024)
		}},
		{"target is a feature", "columns", func(t *Task) { t.Target = "a" }},
		{"no target", "target", func(t *Task) { t.Target = "" }},
		{"unknown scale", "scale", func(t *Task) { t.Scale = 3 }},
		{"means without zscore", "scale", func(t *Task) { t.Mean = []float32{1, 2} }},
		{"zscore without means", "scale", func(t *Task) { t.Scale = uint8(dataset.ZScore) }},
		{"mean NaN", "scale", func(t *Task) {
			t.Scale, t.Mean, t.Deviation = uint8(dataset.ZScore), []float32{1, nan}, []float32{1, 1}
		}},
		{"deviation zero", "scale", func(t *Task) {
			t.Scale, t.Mean, t.Deviation = uint8(dataset.ZScore), []float32{1, 1}, []float32{1, 0}
		}},
		{"target's deviation zero", "scale", func(t *Task) { t.TargetFit[1] = 0 }},
		{"target's mean infinite", "scale", func(t *Task) { t.TargetFit[0] = float32(math.Inf(1)) }},
		{"divided by zero", "scale", func(t *Task) { t.Scale = uint8(dataset.Divide) }},
		{"divisor without division", "divisor", func(t *Task) { t.Divisor = 2 }},
		{"divisor NaN", "divisor", func(t *Task) { t.Divisor = nan }},
		{"unknown model", "model", func(t *Task) { t.Model = "forest" }},
		{"long model", "model", func(t *Task) { t.Model = "mlp" + strings.Repeat(":1", 100) }},
		{"model for numbers", "model", func(t *Task) { t.Model = "linear" }},
		{"model too large for an update", "model", func(t *Task) { t.Model = "mlp:65536" }},
		{"batch too large for a small device", "batch", func(t *Task) { t.Model, t.Batch = "mlp:8192", 4096 }},
		{"unknown algorithm", "algorithm", func(t *Task) { t.Algorithm = 2 }},
		{"unknown topology", "topology", func(t *Task) { t.Topology = "regular:0" }},
		{"long topology", "topology", func(t *Task) { t.Topology = strings.Repeat("regular:", 100) }},
		{"unknown compression", "compression", func(t *Task) { t.Compress = "q3" }},
		{"long compression", "compression", func(t *Task) { t.Compress = strings.Repeat("topk:", 100) }},
		{"unknown rule", "aggregation", func(t *Task) { t.Aggregate = "krum" }},
		{"unknown schedule", "schedule", func(t *Task) { t.Schedule = 2 }},
		{"too few class weights", "class weights", func(t *Task) { t.Weights = []float32{1} }},
		{"negative class weight", "class weights", func(t *Task) { t.Weights = []float32{1, 1, -1} }},
		{"class weights of numbers", "class weights", func(t *Task) { *t = *air(); t.Weights = []float32{1} }},
		{"privacy without clipping", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Clip = 0 }},
		{"privacy of all rows at once and more", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Q = 1.5 }},
		{"privacy of hardly a row", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Q = 1e-10 }},
		{"noise that hides nothing", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Sigma = 0.1 }},
		{"noise NaN", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Sigma = nan }},
		{"no delta", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Delta = 0 }},
		{"no epsilon", "privacy", func(t *Task) { *t = *hushed(); t.Privacy.Epsilon = 0 }},
		{"privacy with class weights", "privacy", func(t *Task) { *t = *hushed(); t.Weights = []float32{1, 1, 1} }},
		{"privacy in sums", "privacy", func(t *Task) { *t = *quiet(Private, KGT); t.Privacy = hushed().Privacy }},
		{"tuning for ever", "personal", func(t *Task) { t.Personal.Tune = maxTune + 1 }},
		{"own head of one layer", "personal", func(t *Task) { t.Model, t.Personal.Head = "softmax", true }},
		{"own head in sums", "personal", func(t *Task) { *t = *quiet(Mask, KGT); t.Personal.Head = true }},
		{"a rule for sums", "aggregation", func(t *Task) { *t = *quiet(Private, KGT); t.Aggregate = "auto" }},
		{"windows of other columns", "features", func(t *Task) { *t = *quake(); t.Columns[0] = "x.median" }},
		{"windows of no samples", "features", func(t *Task) { *t = *quake(); t.Features.Length = 0 }},
		{"windows without a period", "features", func(t *Task) { *t = *quake(); t.Features.Period = 0 }},
		{"unknown mode", "mode", func(t *Task) { t.Mode = 4 }},
		{"sums on a graph", "topology", func(t *Task) { *t = *quiet(Private, KGT); t.Topology = "regular:4" }},
		{"sums on a ring", "topology", func(t *Task) { *t = *quiet(Hybrid, KGT); t.Topology = "ring" }},
		{"sums of numbers that are not whole", "compression", func(t *Task) { *t = *quiet(Mask, KGT); t.Compress = "none" }},
		{"sums of what has changed", "compression", func(t *Task) { *t = *quiet(Mask, KGT); t.Compress = "topk:0.1:1bit" }},
		{"model too large to be told", "model", func(t *Task) { *t = *quiet(Private, KGT); t.Model = "mlp:22000" }},
		{"no rate", "rate", func(t *Task) { t.Rate = 0 }},
		{"rate of rounding", "rate", func(t *Task) { t.Rate = 1e-7 }},
		{"rate NaN", "rate", func(t *Task) { t.Rate = nan }},
		{"large rate", "rate", func(t *Task) { t.Rate = 101 }},
		{"negative decay", "weight decay", func(t *Task) { t.Decay = -1 }},
		{"decay of one", "weight decay", func(t *Task) { t.Decay = 1 }},
		{"decay NaN", "weight decay", func(t *Task) { t.Decay = nan }},
		{"no batch", "batch", func(t *Task) { t.Batch = 0 }},
		{"large batch", "batch", func(t *Task) { t.Batch = 4097 }},
		{"no epoch", "epochs", func(t *Task) { t.Epochs = 0 }},
		{"many epochs", "epochs", func(t *Task) { t.Epochs = MaxEpochs + 1 }},
		{"no round", "rounds", func(t *Task) { t.Rounds = 0 }},
		{"many rounds", "rounds", func(t *Task) { t.Rounds = MaxRounds + 1 }},
		{"decades", "rounds", func(t *Task) { t.Rounds, t.RoundLen = 1000, uint32(MaxRoundLen.Milliseconds()) }},
		{"short rounds", "round length", func(t *Task) { t.RoundLen = 99 }},
		{"long rounds", "round length", func(t *Task) { t.RoundLen = uint32(MaxRoundLen.Milliseconds()) + 1 }},
		{"start in another age", "start", func(t *Task) { t.Start = math.MaxUint64 }},
	}
	for _, tt := range tests {
		task := thirds()
		tt.change(task)
		err := task.Check()
		if !errors.Is(err, ErrTask) || !strings.Contains(err.Error(), ": "+tt.field+": ") {
			t.Errorf("%s: %v, want a word about %s", tt.name, err, tt.field)
			continue
		}
		if len(err.Error()) > 400 {
			t.Errorf("%s: %d bytes of error", tt.name, len(err.Error()))
		}
		if _, err := DecodeTask(task.Encode()); !errors.Is(err, ErrTask) {
			t.Errorf("%s, decoded: %v", tt.name, err)
		}
	}
}

// TestTaskBounds holds that what is just possible is.
func TestTaskBounds(t *testing.T) {
	for name, change := range map[string]func(t *Task){
		"nothing":         func(*Task) {},
		"name":            func(t *Task) { t.Name = strings.Repeat("é", MaxTaskName/2) },
		"least rate":      func(t *Task) { t.Rate = MinRate },
		"rate":            func(t *Task) { t.Rate = MaxRate },
		"rounds":          func(t *Task) { t.Rounds = MaxRounds },
		"rounds of weeks": func(t *Task) { t.Rounds, t.RoundLen = 521, uint32(MaxRoundLen.Milliseconds()) },
		"columns": func(t *Task) {
			t.Columns = make([]string, dataset.MaxColumns)
			for i := range t.Columns {
				t.Columns[i] = "column " + string(rune('a'+i%26)) + strings.Repeat("x", 40)
			}
			t.Model = "softmax"
		},
		"a large model":          func(t *Task) { t.Model, t.Algorithm, t.Compress = "mlp:65000", uint8(DPSGD), "q8" },
		"a large model for sums": func(t *Task) { *t = *quiet(Private, KGT); t.Model = "mlp:21000" },
		"the same with D-PSGD":   func(t *Task) { *t = *quiet(Private, DPSGD); t.Model = "mlp:42000" },
	} {
		task := thirds()
		change(task)
		if err := task.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !task.End().After(start) {
			t.Errorf("%s: the last round ends %v", name, task.End())
		}
	}
}
