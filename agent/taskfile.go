// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/fl/node"
)

// taskFile is a task as its owner writes it. Only a name is needed.
type taskFile struct {
	Name      string  `toml:"name"`
	Model     string  `toml:"model"`
	Algorithm string  `toml:"algorithm"`
	Topology  string  `toml:"topology"`
	Compress  string  `toml:"compress"`
	Aggregate string  `toml:"aggregate"`
	Mode      string  `toml:"mode"`
	Rate      float32 `toml:"rate"`
	Schedule  string  `toml:"schedule"`
	Decay     float32 `toml:"weight_decay"`
	Batch     int     `toml:"batch"`
	Epochs    int     `toml:"epochs"`
	Rounds    int     `toml:"rounds"`
	Round     string  `toml:"round"`
	Seed      uint64  `toml:"seed"`
	Weights   any     `toml:"class_weights"` // "balanced", or numbers

	Privacy  *privacyArgs  `toml:"privacy"`
	Personal *personalArgs `toml:"personal"`
	Budget   *budgetArgs   `toml:"budget"`
	Features *featuresFile `toml:"features"`
}

type featuresFile struct {
	Channels []string `toml:"channels"`
	Length   int      `toml:"length"`
	Step     int      `toml:"step"`
	Bands    int      `toml:"bands"`
	Period   string   `toml:"period"`
}

// taskKeys are the keys of a task file and of its tables, for people.
var taskKeys = map[string]string{
	"": "a task has name, model, algorithm, topology, compress, aggregate, mode, rate, schedule, weight_decay, batch, epochs, rounds, round, seed, class_weights, " +
		"[privacy], [personal], [budget], [features]",
	"privacy":  "[privacy] has sigma, clip, q, delta, epsilon",
	"personal": "[personal] has tune, head",
	"budget":   "[budget] has bytes, seconds, joules",
	"features": "[features] has channels, length, step, bands, period",
}

const maxTaskFile = node.MaxTask + 1024 // of a signed task; one of TOML is short

const maxTaskText = 16 << 10

// readTask reads a task file, in TOML or signed. What it leaves out has a default
// that suits small tables.
func readTask(path string) (*taskArgs, error) {
	b, err := store.ReadFile(path, maxTaskFile)
	if err != nil {
		return nil, err
	}
	if learn.IsSigned(b) {
		return &taskArgs{Signed: b}, nil
	}
	if len(b) > maxTaskText {
		return nil, fmt.Errorf("read %s: too large: %d bytes, at most %d", path, len(b), maxTaskText)
	}
	f := taskFile{
		Name: strings.TrimSuffix(filepath.Base(path), ".toml"), Model: "softmax", Topology: "full", Compress: "q8", Mode: "robust",
		Rate: 0.1, Decay: 1e-4, Batch: 16, Epochs: 1, Rounds: 100, Round: "1m", Seed: 1,
	}
	meta, err := toml.Decode(string(b), &f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		table, _, _ := strings.Cut(unknown[0].String(), ".")
		keys, ok := taskKeys[table]
		if !ok || len(unknown[0]) == 1 {
			keys = taskKeys[""]
		}
		return nil, fmt.Errorf("%s: %s: unknown key; %s", path, unknown[0], keys)
	}
	a, err := f.args()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := a.plan(); err != nil {
		return nil, usage("%s: %w", path, err)
	}
	return a, nil
}

// args returns the task as the agent takes it.
func (f *taskFile) args() (*taskArgs, error) {
	a := &taskArgs{
		Name: f.Name, Model: f.Model, Algorithm: f.Algorithm, Topology: f.Topology, Compress: f.Compress, Aggregate: f.Aggregate, Mode: f.Mode,
		Rate: f.Rate, Schedule: f.Schedule, Decay: f.Decay, Batch: f.Batch, Epochs: f.Epochs, Rounds: f.Rounds, Seed: f.Seed,
		Privacy: f.Privacy, Personal: f.Personal, Budget: f.Budget,
	}
	round, err := duration("round", f.Round)
	if err != nil {
		return nil, err
	}
	a.Seconds = round.Seconds()
	if a.Weights, a.Balanced, err = classWeights(f.Weights); err != nil {
		return nil, err
	}
	if x := f.Features; x != nil {
		period, err := duration("features.period", x.Period)
		if err != nil {
			return nil, err
		}
		a.Features = &featuresArgs{Channels: x.Channels, Length: x.Length, Step: x.Step, Bands: x.Bands, Seconds: period.Seconds()}
	}
	return a, nil
}

func duration(key, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no duration; write it like 30s or 5m", key, text)
	}
	return d, nil
}

// classWeights reads what TOML makes of "balanced" or of a list of numbers.
func classWeights(v any) (weights []float32, balanced bool, err error) {
	wrong := fmt.Errorf(`class_weights: it is "balanced" or a list of numbers, one for each class, such as [1, 2.5]`)
	switch v := v.(type) {
	case nil:
		return nil, false, nil
	case string:
		if v == "balanced" {
			return nil, true, nil
		}
	case []any:
		for _, e := range v {
			switch n := e.(type) {
			case int64:
				weights = append(weights, float32(n))
			case float64:
				weights = append(weights, float32(n))
			default:
				return nil, false, wrong
			}
		}
		return weights, false, nil
	}
	return nil, false, wrong
}

// keysOf are the keys of a task file that package node calls by other words.
var keysOf = map[string]string{
	"weight decay": "weight_decay", "round length": "round", "compression": "compress", "aggregation": "aggregate", "class weights": "class_weights",
}

// inTaskFile puts the file and the key before what the agent says of a task that
// cannot be.
func inTaskFile(path string, err error) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	about, ok := strings.CutPrefix(f.err.Error(), node.ErrTask.Error()+": ")
	if !ok {
		return err
	}
	field, why, _ := strings.Cut(about, ": ")
	if key := keysOf[field]; key != "" {
		field = key
	}
	return &failure{code: f.code, err: fmt.Errorf("%s: %s: %s", path, field, why), hint: f.hint}
}
