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
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/topology"
)

// MaxNodes bounds a simulation.
const MaxNodes = topology.MaxNodes

// sim is a simulation under way.
type sim struct {
	Settings
	set      node.Settings
	nodes    []*node.Node
	rows     [][]int32        // of each node, to learn from
	held     []*dataset.Table // of each node, held out; nil unless it is asked for
	sent     []node.Update    // of the round, by node
	edges    [][]node.Edge    // likewise
	ends     []int32          // scratch
	weights  []float32        // likewise
	ids      []node.PeerID
	weather  weather
	missed   []int64 // rounds in a row, by node
	workers  []*model.Workspace
	villains *villains // nil where all are honest
	messages atomic.Int64
	bytes    atomic.Int64

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
	result := &Result{Params: m.set.Model.Size(), Algorithm: m.algorithm(), Compress: m.compress(), Measure: measures[m.set.Model.Loss()]}
	err = m.run(ctx, result)
	if errors.Is(err, model.ErrDiverged) {
		nan := math.NaN()
		result.Diverged, err = true, nil
		result.Point = Point{Round: result.Round, Mean: nan, Worst: nan, AverageModel: nan, Consensus: nan, TrainLoss: nan}
	}
	if err != nil {
		return nil, err
	}
	m.count(result)
	if s.Personalize > 0 && !result.Diverged {
		result.Personal, err = m.personalize(ctx)
	}
	return result, err
}

// honest reports whether a node is.
func (m *sim) honest(i int) bool { return m.villains == nil || !m.villains.is[i] }

// run runs the rounds and evaluates where it is due.
func (m *sim) run(ctx context.Context, result *Result) error {
	for round := range m.Rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.round(uint32(round)); err != nil {
			return err
		}
		if m.Tick != nil {
			m.Tick(round + 1)
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
	m := &sim{
		Settings: s, set: s.node(mod), nodes: make([]*node.Node, s.Nodes), sent: make([]node.Update, s.Nodes), edges: make([][]node.Edge, s.Nodes),
		values: make([][]uint8, s.Nodes), ids: make([]node.PeerID, s.Nodes),
		weather: newWeather(s.Links, s.Seed, s.Nodes), missed: make([]int64, s.Nodes),
	}
	if err := m.checkPeers(); err != nil {
		return nil, err
	}
	if m.rows, err = s.Partition.Split(s.Train, s.Nodes, s.Seed); err != nil {
		return nil, err
	}
	if s.Personalize > 0 {
		if err := m.holdOut(); err != nil {
			return nil, err
		}
	}
	if s.Malicious > 0 {
		if m.villains, err = newVillains(m); err != nil {
			return nil, err
		}
	}
	for i := range m.nodes {
		m.ids[i] = node.PeerID{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		m.nodes[i] = m.newNode(i)
	}
	for range min(runtime.GOMAXPROCS(0), s.Nodes) {
		m.workers = append(m.workers, m.set.NewWorkspace())
	}
	return m, nil
}

// checkPeers holds the graph against what a node can keep or combine.
func (m *sim) checkPeers() error {
	most := m.Topology.Degree
	switch m.Topology.Kind {
	case topology.Full, topology.Star:
		most = m.Nodes - 1
	case topology.Ring:
		most = 2
	}
	switch {
	case m.set.Replicas() && most > node.MaxReplicas:
		return fmt.Errorf("compression %v keeps replicas of %d neighbours at most; topology %v has %d", m.Compression, node.MaxReplicas, m.Topology, most)
	case m.robust() && most >= aggregate.MaxVectors:
		return fmt.Errorf("rules combine %d vectors at most; topology %v has %d", aggregate.MaxVectors, m.Topology, most+1)
	}
	return nil
}

// newNode makes node i.
func (m *sim) newNode(i int) *node.Node {
	data := m.Train
	if m.villains != nil && m.villains.is[i] {
		data = m.villains.data
	}
	n := node.New(m.set, data, m.rows[i], m.Seed<<32+uint64(i))
	if m.Privacy != nil {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[:], m.Seed)
		binary.BigEndian.PutUint64(seed[8:], uint64(i))
		n.Protect(privacy.NewSource(seed), unlimited{})
	}
	if m.robust() && !m.set.Unchecked {
		n.Judge(data.Subset(m.rows[i]))
	}
	return n
}

// unlimited lets nodes take as many private steps as they are told to.
type unlimited struct{}

func (unlimited) Spend(float64, float64, int) error { return nil }
