// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"time"

	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/feature"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// taskArgs is a task file as JSON; durations are in seconds.
type taskArgs struct {
	Name      string    `json:"name"`
	Model     string    `json:"model"`
	Algorithm string    `json:"algorithm,omitempty"`
	Topology  string    `json:"topology"`
	Compress  string    `json:"compress"`
	Aggregate string    `json:"aggregate,omitempty"`
	Mode      string    `json:"mode"`
	Rate      float32   `json:"rate"`
	Schedule  string    `json:"schedule,omitempty"`
	Decay     float32   `json:"weight_decay"`
	Batch     int       `json:"batch"`
	Epochs    int       `json:"epochs"`
	Rounds    int       `json:"rounds"`
	Seconds   float64   `json:"round_seconds"`
	Seed      uint64    `json:"seed"`
	Weights   []float32 `json:"class_weights,omitempty"`
	Balanced  bool      `json:"balanced,omitempty"` // weights that make all classes count alike

	Privacy  *privacyArgs  `json:"privacy,omitempty"`
	Personal *personalArgs `json:"personal,omitempty"`
	Budget   *budgetArgs   `json:"budget,omitempty"`
	Features *featuresArgs `json:"features,omitempty"`

	Signed []byte `json:"signed,omitempty"` // instead of all others: what vecino learn sign made
}

// privacyArgs say how single records are hidden. All is needed but clip.
type privacyArgs struct {
	Sigma   float32 `json:"sigma" toml:"sigma"` // multiplier: deviation of the noise over clip
	Clip    float32 `json:"clip" toml:"clip"`   // largest norm of a record's gradient; 0 stands for 1
	Q       float32 `json:"q" toml:"q"`         // share of the rows in a step; an epoch is one step
	Delta   float32 `json:"delta" toml:"delta"`
	Epsilon float32 `json:"epsilon" toml:"epsilon"` // that the task may tell of a record
}

func (a *privacyArgs) plan() *node.Privacy {
	if a == nil {
		return nil
	}
	p := &node.Privacy{Sigma: a.Sigma, Clip: a.Clip, Q: a.Q, Delta: a.Delta, Epsilon: a.Epsilon}
	if p.Clip == 0 {
		p.Clip = 1
	}
	return p
}

type personalArgs struct {
	Tune int  `json:"tune" toml:"tune"`
	Head bool `json:"head" toml:"head"`
}

type budgetArgs struct {
	Bytes   int64 `json:"bytes" toml:"bytes"`
	Seconds int64 `json:"seconds" toml:"seconds"`
	Joules  int64 `json:"joules" toml:"joules"`
}

type featuresArgs struct {
	Channels []string `json:"channels"`
	Length   int      `json:"length"`
	Step     int      `json:"step"`
	Bands    int      `json:"bands"`
	Seconds  float64  `json:"period_seconds"`
}

// plan returns what the owner says of the task. The error begins with the key.
func (a *taskArgs) plan() (*learn.Plan, error) {
	p := &learn.Plan{
		Name: a.Name, Model: a.Model, Topology: a.Topology, Compress: a.Compress, Rate: a.Rate, Decay: a.Decay,
		Batch: a.Batch, Epochs: a.Epochs, Rounds: a.Rounds, RoundLen: time.Duration(a.Seconds * float64(time.Second)), Seed: a.Seed,
		Weights: a.Weights, Balanced: a.Balanced,
	}
	if p.Weights == nil {
		p.Weights = []float32{} // as a task is decoded
	}
	if err := a.choose(p); err != nil {
		return nil, err
	}
	p.Privacy = a.Privacy.plan()
	return p, a.bounded(p)
}

// choose reads the choices.
func (a *taskArgs) choose(p *learn.Plan) (err error) {
	schedule := a.Schedule
	if schedule == "" {
		schedule = node.Trapezoid.String()
	}
	for _, c := range []struct {
		key   string
		parse func() error
	}{
		{"mode", func() error { p.Mode, err = node.ParseMode(a.Mode); return err }},
		{"model", func() error { _, err = model.ParseSpec(a.Model); return err }},
		{"topology", func() error { _, err = topology.Parse(a.Topology); return err }},
		{"compress", func() error { _, err = update.ParseCompression(a.Compress); return err }},
		{"schedule", func() error { p.Schedule, err = node.ParseSchedule(schedule); return err }},
		{"aggregate", func() error {
			if p.Aggregate = a.Aggregate; a.Aggregate == "" {
				p.Aggregate = aggregate.Mean.String()
			}
			_, err = aggregate.Parse(p.Aggregate)
			return err
		}},
		{"algorithm", func() error { p.Algorithm, err = a.algorithm(p.Aggregate); return err }},
	} {
		if err := c.parse(); err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
	}
	return nil
}

// algorithm returns the algorithm, by default that which goes with the rule.
func (a *taskArgs) algorithm(rule string) (node.Algorithm, error) {
	mean := rule == aggregate.Mean.String()
	switch {
	case a.Algorithm == "" && mean:
		return node.KGT, nil
	case a.Algorithm == "":
		return node.DPSGD, nil
	}
	algorithm, err := node.ParseAlgorithm(a.Algorithm)
	if err == nil && algorithm == node.KGT && !mean {
		err = fmt.Errorf(`kgt goes with aggregate = "mean", and it is %q; use that, or algorithm = "dpsgd"`, rule)
	}
	return algorithm, err
}

// taskNumber is one that a task has fewer bits for than the file.
type taskNumber struct {
	key   string
	value int64
	most  int64
	to    func(int64)
}

// bounded takes over the numbers that a task has fewer bits for, and holds them.
func (a *taskArgs) bounded(p *learn.Plan) error {
	var numbers []taskNumber
	if x := a.Personal; x != nil {
		p.Personal.Head = x.Head
		numbers = append(numbers, taskNumber{"personal.tune", int64(x.Tune), math.MaxUint32, func(v int64) { p.Personal.Tune = uint32(v) }})
	}
	if x := a.Budget; x != nil {
		numbers = append(numbers,
			taskNumber{"budget.bytes", x.Bytes, math.MaxInt64, func(v int64) { p.Budget.Bytes = uint64(v) }},
			taskNumber{"budget.seconds", x.Seconds, math.MaxUint32, func(v int64) { p.Budget.Seconds = uint32(v) }},
			taskNumber{"budget.joules", x.Joules, math.MaxUint32, func(v int64) { p.Budget.Joules = uint32(v) }})
	}
	if x := a.Features; x != nil {
		f := &node.Features{Channels: x.Channels}
		p.Features = f
		numbers = append(numbers,
			taskNumber{"features.length", int64(x.Length), feature.MaxLength, func(v int64) { f.Length = uint16(v) }},
			taskNumber{"features.step", int64(x.Step), feature.MaxLength, func(v int64) { f.Step = uint16(v) }},
			taskNumber{"features.bands", int64(x.Bands), feature.MaxBands, func(v int64) { f.Bands = uint8(v) }},
			taskNumber{"features.period", int64(math.Round(1000 * x.Seconds)), math.MaxUint32, func(v int64) { f.Period = uint32(v) }})
	}
	for _, n := range numbers {
		if n.value < 0 || n.value > n.most {
			return fmt.Errorf("%s: %d; it is 0 to %d", n.key, n.value, n.most)
		}
		n.to(n.value)
	}
	return nil
}
