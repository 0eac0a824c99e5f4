// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
)

// start is when the tasks here begin, midnight of the first of January 2026.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// thirds is the task of learning [points].
func thirds() *Task {
	return &Task{
		Label: wire.LabelTask, Name: "thirds", Kind: uint8(dataset.Classification), Columns: []string{"a", "b"}, Target: "third",
		Classes: classes, Scale: uint8(dataset.None), Mean: []float32{}, Deviation: []float32{}, TargetFit: [2]float32{0, 1},
		Model: "mlp:6", Topology: "full", Compress: "none", Aggregate: "mean", Weights: []float32{}, Rate: 0.25, Decay: 1e-4, Batch: 4, Epochs: 1, Seed: 5, Rounds: 20,
		Start: uint64(start.UnixMilli()), RoundLen: 60_000,
	}
}

// air is a task with everything else in it.
func air() *Task {
	return &Task{
		Label: wire.LabelTask, Name: "Luft im Hof", Kind: uint8(dataset.Regression), Columns: []string{"co", "nox", "temp"}, Target: "benzene",
		Scale: uint8(dataset.ZScore), Mean: []float32{1, 2.5, 18.3}, Deviation: []float32{0.5, 100, 7}, TargetFit: [2]float32{10, 7.25},
		Model: "linear", Algorithm: uint8(DPSGD), Topology: "regular:4", Compress: "q8", Aggregate: "auto", Weights: []float32{}, Schedule: uint8(Constant), Rate: 0.05, Batch: 64, Epochs: 5,
		Seed: math.MaxUint64, Rounds: 1000, Start: uint64(start.UnixMilli()) + 1, RoundLen: 100,
	}
}

// quiet is the task of learning thirds without showing what one learned.
func quiet(m Mode, a Algorithm) *Task {
	task := thirds()
	task.Name, task.Mode, task.Algorithm, task.Compress = "quiet thirds", uint8(m), uint8(a), "q8"
	return task
}

// hushed is a task whose updates hide single records.
func hushed() *Task {
	task := thirds()
	task.Name, task.Privacy = "hushed thirds", &Privacy{Sigma: 2, Clip: 1, Q: 0.125, Delta: 1e-5, Epsilon: 2.5}
	return task
}

// quake is a task of finding anomalies in windows of live samples.
func quake() *Task {
	f := &Features{Channels: []string{"x", "y"}, Length: 64, Step: 32, Bands: 2, Period: 20}
	s := f.settings("shaken")
	return &Task{
		Label: wire.LabelTask, Name: "quake", Kind: uint8(dataset.Anomaly), Columns: s.Names(), Target: "shaken",
		Scale: uint8(dataset.None), Mean: []float32{}, Deviation: []float32{}, TargetFit: [2]float32{0, 1}, Features: f,
		Model: "autoencoder:6:3", Topology: "regular:2", Compress: "topk:0.1:4bit", Aggregate: "mean", Weights: []float32{},
		Rate: 0.1, Batch: 16, Epochs: 2, Personal: Personal{Tune: 3, Head: true}, Budget: Budget{Bytes: 1 << 33, Seconds: 3600, Joules: 50_000},
		Seed: 1, Rounds: 500, Start: uint64(start.UnixMilli()), RoundLen: 60_000,
	}
}

// weighed is a task whose classes count unevenly.
func weighed() *Task {
	task := thirds()
	task.Name, task.Weights, task.Compress, task.Topology = "weighed thirds", []float32{1, 2.5, 0}, "sign", "star"
	return task
}

// goldenTask is an entry of testdata/tasks.json.
type goldenTask struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"`
	ID    string `json:"id"`
}

func TestTaskGolden(t *testing.T) {
	tasks := []*Task{thirds(), air(), quiet(Private, KGT), quiet(Hybrid, DPSGD), quiet(Mask, KGT), hushed(), quake(), weighed()}
	var made, want []goldenTask
	for _, task := range tasks {
		id := task.ID()
		made = append(made, goldenTask{task.Name, hex.EncodeToString(task.Encode()), hex.EncodeToString(id[:])})
	}
	golden(t, "tasks.json", made, &want)
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("-golden +made:\n%s", d)
	}
	for i, w := range want {
		got := must(DecodeTask(must(hex.DecodeString(w.Bytes))(t)))(t)
		if d := cmp.Diff(tasks[i], got, cmpopts.IgnoreUnexported(Task{}, Features{}, Privacy{}, Personal{}, Budget{})); d != "" {
			t.Errorf("-made +decoded:\n%s", d)
		}
	}
}

// TestDecodeTaskRefuses holds that no changed byte goes by unnoticed: it is
// refused, or makes another task of it.
func TestDecodeTaskRefuses(t *testing.T) {
	for _, task := range []*Task{thirds(), air(), quiet(Private, KGT), hushed(), quake()} {
		b, id := task.Encode(), task.ID()
		for n := range b {
			if _, err := DecodeTask(b[:n]); !errors.Is(err, ErrTask) {
				t.Errorf("%d of %d bytes: %v", n, len(b), err)
			}
			changed := slices.Clone(b)
			changed[n] ^= 1 << (n % 8)
			if got, err := DecodeTask(changed); err == nil && (got.ID() == id || !bytes.Equal(got.Encode(), changed)) {
				t.Errorf("byte %d flipped: the same task", n)
			}
		}
		if _, err := DecodeTask(append(b, 0)); !errors.Is(err, ErrTask) {
			t.Errorf("a byte more: %v", err)
		}
	}
	if _, err := DecodeTask(make([]byte, MaxTask+1)); !errors.Is(err, ErrTask) {
		t.Errorf("%d bytes: %v", MaxTask+1, err)
	}
}

// FuzzDecodeTask holds that a task that is taken can be used.
func FuzzDecodeTask(f *testing.F) {
	f.Add(thirds().Encode())
	f.Add(air().Encode())
	f.Add(quiet(Mask, DPSGD).Encode())
	f.Add(hushed().Encode())
	f.Add(quake().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		task, err := DecodeTask(b)
		if err != nil {
			return
		}
		if !bytes.Equal(task.Encode(), b) {
			t.Error("encodes to other bytes")
		}
		set := must(task.Settings())(t)
		if err := set.SGD.Validate(); err != nil {
			t.Error(err)
		}
		for n := range 5 {
			if _, err := Edges(task.topology(), make([]PeerID, n), 0, task.Seed, 3); err != nil {
				t.Error(err)
			}
		}
		begin := time.UnixMilli(int64(task.Start))
		if task.RoundAt(begin) != 0 || task.RoundAt(task.End()) != int64(task.Rounds) || !task.End().After(begin) {
			t.Errorf("from %v to %v", begin, task.End())
		}
	})
}

func TestRounds(t *testing.T) {
	task := thirds()
	at := func(s string) time.Time { return start.Add(must(time.ParseDuration(s))(t)) }
	for _, tt := range []struct {
		now   string
		round int64
	}{
		{"-24h", -1}, {"-1ms", -1}, {"0s", 0}, {"59.999s", 0}, {"1m", 1}, {"19m59.9s", 19}, {"20m", 20}, {"21m", 20}, {"876000h", 20},
	} {
		if got := task.RoundAt(at(tt.now)); got != tt.round {
			t.Errorf("%s: round %d, want %d", tt.now, got, tt.round)
		}
	}
	if got := task.RoundAt(time.Time{}); got != -1 {
		t.Errorf("a clock that was never set: round %d", got)
	}
	for round := range task.Rounds {
		if begin := task.RoundStart(round); task.RoundAt(begin) != int64(round) || task.RoundAt(begin.Add(-1)) != int64(round)-1 {
			t.Errorf("round %d begins at %v", round, begin)
		}
	}
	if end := task.End(); !end.Equal(at("20m")) {
		t.Errorf("it ends at %v", end)
	}
}

// TestPrepare holds the sentences that an owner reads where data do not fit.
func TestPrepare(t *testing.T) {
	tests := []struct {
		change func(d *dataset.Table)
		want   string
	}{
		{func(d *dataset.Table) { d.Kind = dataset.Regression },
			`the data are for regression, task "thirds" is for classification`},
		{func(d *dataset.Table) { d.Columns = []string{"a", "c"} },
			`the data have other columns than task "thirds": column 2 is "c", wanted is "b"`},
		{func(d *dataset.Table) { d.Columns = []string{"a", "b", "c"} },
			`the data have other columns than task "thirds": there are 3, wanted are 2`},
		{func(d *dataset.Table) { d.Target = "fourth" },
			`the data's target is column "fourth", that of task "thirds" is "third"`},
		{func(d *dataset.Table) { d.Classes = 4 },
			`the data have 4 classes, task "thirds" has 3`},
	}
	for _, tt := range tests {
		d := points(10, 1)
		x := slices.Clone(d.X)
		tt.change(d)
		if err := thirds().Prepare(d); err == nil || err.Error() != tt.want {
			t.Errorf("%v\nwant %s", err, tt.want)
		}
		if !slices.Equal(d.X, x) {
			t.Errorf("%s: the data are changed", tt.want)
		}
	}
	d := points(10, 1)
	d.Classes = 2 // a device that has seen two of the classes only
	task := thirds()
	task.Scale, task.Divisor = uint8(dataset.Divide), 2
	if err := task.Prepare(d); err != nil || d.Classes != classes {
		t.Errorf("%v, %d classes", err, d.Classes)
	}
	if plain := points(10, 1); d.X[5] != plain.X[5]/2 {
		t.Errorf("%v is %v scaled", plain.X[5], d.X[5])
	}
}

// TestSetData holds that a task fits the data that it was made from.
func TestSetData(t *testing.T) {
	numbers := points(20, 1)
	numbers.Kind, numbers.Classes, numbers.Labels = dataset.Regression, 0, nil
	odd := points(20, 1)
	odd.Kind, odd.Classes, odd.Labels = dataset.Anomaly, 2, make([]int32, 20)
	for _, d := range []*dataset.Table{points(20, 1), numbers, odd} {
		for _, scale := range []dataset.Scale{{}, {Method: dataset.Divide, Divisor: 4}, {Method: dataset.None}} {
			task := thirds()
			if d.Kind == dataset.Anomaly {
				task.Model = "autoencoder"
			}
			task.SetData(d, must(dataset.Fit(scale, d))(t))
			if err := task.Check(); err != nil {
				t.Errorf("%v, %v: %v", d.Kind, scale, err)
			}
			if err := task.Prepare(d.Clone()); err != nil {
				t.Errorf("%v, %v: %v", d.Kind, scale, err)
			}
		}
	}
}

// TestBase holds that another seed or model is told from the task's.
func TestBase(t *testing.T) {
	base := func(change func(*Task)) [32]byte {
		task := thirds()
		change(task)
		return task.Base(must(task.NewModel())(t))
	}
	first := base(func(*Task) {})
	if base(func(*Task) {}) != first {
		t.Error("the base of one task differs")
	}
	if base(func(t *Task) { t.Seed++ }) == first || base(func(t *Task) { t.Model = "mlp:7" }) == first {
		t.Error("another model has the same base")
	}
}
