// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

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

// node returns how the nodes learn.
func (s *Settings) node(m *model.Model) node.Settings {
	return node.Settings{
		Model: m, Algorithm: s.Algorithm, Mode: s.Mode, SGD: s.SGD, Schedule: s.Schedule, Rounds: uint32(s.Rounds), Compression: s.Compression,
		Aggregate: s.Aggregate, Momentum: s.robust(), Unchecked: s.robust() && s.Aggregate == aggregate.Mean,
		FixedGraph: s.Topology.Fixed(), Privacy: s.Privacy, KeepHead: s.KeepHead, Seed: s.Seed,
	}
}
