// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package sim runs many nodes in one process on virtual links: the same node
// code as on a device (package node), with decoded updates handed over in memory,
// bytes counted from real encodings, and what goes wrong drawn from a seed. Time
// goes by in rounds, as on devices, whose rounds begin and end by the clock. The same
// settings give the same result on every machine and with any number of
// processors.
//
// The zero Settings are not usable. Run may be called from many goroutines.
package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// MaxNodes bounds a simulation.
const MaxNodes = topology.MaxNodes

// Settings describe a simulation.
type Settings struct {
	Train, Test *dataset.Table // scaled
	Spec        model.Spec
	Nodes       int
	Partition   dataset.Partition
	Topology    topology.Topology
	Algorithm   node.Algorithm
	Mode        node.Mode
	SGD         model.SGD
	Schedule    node.Schedule
	Quant       update.Quant
	Rounds      int
	Links       Links
	Seed        uint64
	// EvaluateEvery is how often, in rounds, Progress, if there is one, gets a full
	// evaluation; the last round has one anyway. Zero means never.
	EvaluateEvery int
	Progress      func(Point)
}

// Point is a simulation after a round.
type Point struct {
	Round        int
	Mean         float64 // of the nodes' accuracies, or of R2 in a regression
	Worst        float64
	AverageModel float64 // accuracy, or R2, of the mean of all models
	Consensus    float64 // mean squared distance to the mean model over its squared norm
	TrainLoss    float64 // mean over the nodes
}

// Result is what a simulation came to.
type Result struct {
	Point
	Regression     bool
	Params         int
	BytesLinkRound int     // encoded payload over one directed link in one round; in a summed mode, what is submitted, encrypted
	BytesNode      float64 // encoded payload that a node sent over all its links, mean over the nodes
	Skipped        int     // rounds of nodes without a sum
	Diverged       bool    // numbers after that have no meaning
}

// sim is a simulation under way.
type sim struct {
	Settings
	set     node.Settings
	nodes   []*node.Node
	sent    []node.Vectors // of the round, by node
	ids     []node.PeerID
	weather weather
	missed  []uint32 // rounds in a row, by node
	workers []*model.Workspace
	sends   atomic.Int64 // directed messages

	// In a summed mode.
	values  [][]uint8 // of the round, by node
	tells   int64     // directed messages that tell the common state
	skipped atomic.Int64
}

// Run simulates until the last round or until ctx ends.
func Run(ctx context.Context, s Settings) (*Result, error) {
	m, err := newSim(s)
	if err != nil {
		return nil, err
	}
	result := &Result{Regression: s.Train.Kind == dataset.Regression, Params: m.set.Model.Size()}
	if s.Nodes > 1 {
		result.BytesLinkRound = m.payload()
	}
	err = m.run(ctx, result)
	if errors.Is(err, model.ErrDiverged) {
		nan := math.NaN()
		result.Diverged, err = true, nil
		result.Point = Point{Round: result.Round, Mean: nan, Worst: nan, AverageModel: nan, Consensus: nan, TrainLoss: nan}
	}
	if err != nil {
		return nil, err
	}
	result.BytesNode = float64(m.sends.Load()) * float64(result.BytesLinkRound) / float64(s.Nodes)
	if s.Mode.Summed() {
		told := node.ToldSize(m.set.Model.Size(), s.Algorithm)
		result.BytesNode += float64(m.tells) * float64(told) / float64(s.Nodes)
		result.Skipped = int(m.skipped.Load())
	}
	return result, nil
}

// run runs the rounds and evaluates where it is due.
func (m *sim) run(ctx context.Context, result *Result) error {
	for round := range m.Rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.round(uint32(round)); err != nil {
			return err
		}
		last := round == m.Rounds-1
		due := m.Progress != nil && m.EvaluateEvery > 0 && (round+1)%m.EvaluateEvery == 0
		if !last && !due {
			continue
		}
		var err error
		if result.Point, err = m.evaluate(round + 1); err != nil {
			return err
		}
		if m.Progress != nil {
			m.Progress(result.Point)
		}
	}
	return nil
}

// check returns an error that names the setting that cannot be.
func (s *Settings) check() error {
	switch {
	case s.Train == nil || s.Test == nil:
		return errors.New("a simulation takes rows to train on and rows to test on")
	case s.Nodes < 1 || s.Nodes > MaxNodes:
		return fmt.Errorf("%d nodes; 1 to %d are possible", s.Nodes, MaxNodes)
	case s.Rounds < 1 || s.Rounds > node.MaxRounds:
		return fmt.Errorf("%d rounds; 1 to %d are possible", s.Rounds, node.MaxRounds)
	}
	if err := s.Links.check(); err != nil {
		return err
	}
	if err := s.checkMode(); err != nil {
		return err
	}
	if s.Nodes > 1 {
		if err := s.Topology.Validate(s.Nodes); err != nil {
			return err
		}
	}
	return s.SGD.Validate()
}

func newSim(s Settings) (*sim, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	mod, err := model.For(s.Spec, s.Train)
	if err != nil {
		return nil, err
	}
	if err := mod.Accepts(s.Test); err != nil {
		return nil, fmt.Errorf("test rows: %w", err)
	}
	rows, err := s.Partition.Split(s.Train, s.Nodes, s.Seed)
	if err != nil {
		return nil, err
	}
	m := &sim{
		Settings: s, nodes: make([]*node.Node, s.Nodes), sent: make([]node.Vectors, s.Nodes),
		values: make([][]uint8, s.Nodes), ids: make([]node.PeerID, s.Nodes),
		set: node.Settings{
			Model: mod, Algorithm: s.Algorithm, Mode: s.Mode, SGD: s.SGD, Schedule: s.Schedule, Rounds: uint32(s.Rounds),
			Quant: s.Quant, FixedGraph: s.Topology.Fixed(), Seed: s.Seed,
		},
		weather: newWeather(s.Links, s.Seed, s.Nodes), missed: make([]uint32, s.Nodes),
	}
	for i := range m.nodes {
		m.nodes[i] = node.New(m.set, s.Train, rows[i], s.Seed<<32+uint64(i))
		m.ids[i] = node.PeerID{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
	}
	for range min(runtime.GOMAXPROCS(0), s.Nodes) {
		m.workers = append(m.workers, m.set.NewWorkspace())
	}
	return m, nil
}
