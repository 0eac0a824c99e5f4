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
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
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
	Algorithm   node.Algorithm // where nodes may lie, D-PSGD whatever it says
	Mode        node.Mode
	SGD         model.SGD
	Schedule    node.Schedule
	Compression update.Compression
	Aggregate   aggregate.Rule
	Rounds      int
	Links       Links
	Malicious   int // nodes that are hostile
	Attack      Attack
	Privacy     *node.Privacy // nil: none; its Epsilon is not looked at
	KeepHead    bool          // the last layer is each node's own
	Personalize int           // epochs of training on the own rows alone after the last round; 0: none, and nothing is held out for it
	Seed        uint64
	// EvaluateEvery is how often, in rounds, Progress, if there is one, gets a full
	// evaluation; the last round has one anyway. Zero means never.
	EvaluateEvery int
	Progress      func(Point)
	// Tick, if there is one, is called after each round with how many have ended.
	Tick func(rounds int)
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

// Result is what a simulation came to. What is counted of nodes is of honest ones.
type Result struct {
	Point
	Measure        Measure
	Params         int
	Algorithm      string         // that was used
	Aggregate      aggregate.Rule // that was used last
	Compress       string         // what updates say, and how
	BytesLinkRound float64        // encoded payload of an update, mean over all that were sent; in a summed mode, what is submitted, encrypted
	BytesNode      float64        // encoded payload that a node sent over all its links, mean over the nodes
	Messages       int64          // directed ones
	Wire           Wire           // of an update of the last round
	Skipped        int            // rounds of nodes without a sum
	Epsilon        float64        // of each record, at the privacy's delta; 0 without privacy
	Personal       *Personal      // nil unless it was asked for
	Diverged       bool           // numbers after that have no meaning
}

// Measure is what tells a good model from a bad one.
type Measure uint8

// The measures.
const (
	Accuracy Measure = iota
	R2
	AUC
)

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

var measures = map[model.Loss]Measure{model.CrossEntropy: Accuracy, model.MeanSquare: R2, model.Reconstruction: AUC}

// algorithm names what the nodes do.
func (m *sim) algorithm() string {
	switch {
	case m.robust():
		return "dpsgd with momentum"
	case m.set.Replicas():
		return m.Algorithm.String() + " with replicas"
	}
	return m.Algorithm.String()
}

// compress names what updates say.
func (m *sim) compress() string {
	if m.set.Replicas() || m.Mode.Summed() {
		return m.Compression.String()
	}
	return m.set.Quant().String()
}

// Wire is what an update is made of on its way.
type Wire struct {
	Header int // bytes of the message of its header, with the numbers themselves where they are few
	Copies int // of that message
	Data   int // bytes of the shards that hold the numbers
	Parity int // bytes of those that make up for lost ones
	K, M   int // shards of both kinds
}

// wire packs an update of the last round as a device does.
func (m *sim) wire() (w Wire) {
	i := slices.IndexFunc(m.sent, func(u node.Update) bool { return u.Vectors != nil || u.Exchange != nil })
	if i < 0 {
		return w
	}
	packed, err := node.Pack(rand.NewChaCha8([32]byte{}), update.Spec{Quant: m.set.Quant()}, m.set.Model.Size(), m.sent[i])
	if err != nil {
		return w // too large for a device
	}
	w.Header, w.Copies, w.M = len(packed.Message), packed.Copies(), packed.Copies()-1
	w.K = len(packed.Shards) - w.M
	for k, s := range packed.Shards {
		if n := len(s.Encode()); k < w.K {
			w.Data += n
		} else {
			w.Parity += n
		}
	}
	return w
}

// count fills in what was sent and told.
func (m *sim) count(r *Result) {
	r.Messages = m.messages.Load()
	if m.Mode.Summed() {
		r.BytesLinkRound = float64(m.payload())
		if m.Nodes == 1 {
			r.BytesLinkRound = 0
		}
		told := node.ToldSize(m.set.Model.Size(), m.Algorithm)
		r.BytesNode = (float64(r.Messages)*r.BytesLinkRound + float64(m.tells)*float64(told)) / float64(m.Nodes)
		r.Skipped = int(m.skipped.Load())
		return
	}
	if r.Messages > 0 {
		r.BytesLinkRound = float64(m.bytes.Load()) / float64(r.Messages)
	}
	r.BytesNode = float64(m.bytes.Load()) / float64(m.Nodes)
	r.Wire = m.wire()
	for i, n := range m.nodes {
		if m.honest(i) {
			r.Aggregate = n.Rule
		}
	}
	if p := m.Privacy; p != nil {
		r.Epsilon = privacy.Epsilon(float64(p.Q), float64(p.Sigma), m.Rounds*m.SGD.Epochs, float64(p.Delta))
	}
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
	if err := s.checkAttack(); err != nil {
		return err
	}
	if s.Personalize < 0 || s.Personalize > model.MaxEpochs {
		return fmt.Errorf("%d epochs of personalizing; 0 to %d are possible", s.Personalize, model.MaxEpochs)
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

// node returns how the nodes learn.
func (s *Settings) node(m *model.Model) node.Settings {
	return node.Settings{
		Model: m, Algorithm: s.Algorithm, Mode: s.Mode, SGD: s.SGD, Schedule: s.Schedule, Rounds: uint32(s.Rounds), Compression: s.Compression,
		Aggregate: s.Aggregate, Momentum: s.robust(), Unchecked: s.robust() && s.Aggregate == aggregate.Mean,
		FixedGraph: s.Topology.Fixed(), Privacy: s.Privacy, KeepHead: s.KeepHead, Seed: s.Seed,
	}
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
