// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// Members of a sum.
const (
	leastSummed = 3 // a sum of two shows each of them the other
	groupSize   = 5 // members of a group of a hybrid task, at least
)

// What values take when they are encrypted: a polynomial of 55,296 bytes holds
// 12,288 (package rlwe), and a mask adds modulo 2^16.
const (
	latticeValues = 12288
	latticeSize   = 55296
	maskSize      = 2
)

func (s *Settings) checkMode() error {
	switch {
	case !s.Mode.Summed():
		return nil
	case s.Topology.Kind != topology.Full:
		return fmt.Errorf("mode %v adds over all nodes; it wants topology full", s.Mode)
	case s.Compression.String() != update.Q8.String():
		return fmt.Errorf("mode %v adds in 8 bits; it wants compression q8", s.Mode)
	case s.Links != Links{Loss: s.Links.Loss}:
		return fmt.Errorf("mode %v is simulated with loss only", s.Mode)
	case s.Mode != node.Hybrid && s.Nodes > node.MaxSummed:
		return fmt.Errorf("mode %v adds over at most %d nodes; use hybrid", s.Mode, node.MaxSummed)
	}
	return nil
}

// payload returns the bytes that go over a directed link in a round of sums.
func (m *sim) payload() int {
	values := node.SumValues(m.set.Model.Size(), m.Algorithm)
	if m.Mode == node.Mask {
		return maskSize * values
	}
	return (values + latticeValues - 1) / latticeValues * latticeSize
}

// sumRound trains every node, adds what those that are there submitted, and lets
// them go on by it. The sums are the same integers as those of the encryption.
// One that is lost hears nothing in the round.
func (m *sim) sumRound(round uint32) error {
	err := m.each(func(i int, ws *model.Workspace) (err error) {
		m.values[i], err = m.nodes[i].BeginSum(round, ws)
		return err
	})
	if err != nil {
		return err
	}
	var there []int
	for i := range m.nodes {
		if m.weather.joins(round, i) {
			there = append(there, i)
		}
	}
	m.tell(round, there)
	groups := m.groups(there)
	sums := make([]node.Sum, len(groups))
	group := make([]int, len(m.nodes)) // of a node, plus one
	for g, members := range groups {
		sums[g] = m.add(members)
		for _, i := range members {
			group[i] = g + 1
		}
	}
	m.messages.Add(int64(len(there) * max(0, len(there)-1)))
	return m.each(func(i int, _ *model.Workspace) error {
		if group[i] == 0 {
			m.skipped.Add(1)
			m.nodes[i].SkipSum(len(m.nodes) == 1)
			return nil
		}
		own := slices.Clone(sums)
		own[group[i]-1].Own = true
		if m.nodes[i].EndSum(round, own, nil) != nil { // as all of them do
			m.skipped.Add(1)
		}
		return nil
	})
}

// tell lets those who are to tell the common state do so.
func (m *sim) tell(round uint32, there []int) {
	var all []node.PeerID
	for _, i := range there {
		all = append(all, m.ids[i])
	}
	told := map[node.PeerID]node.Vectors{}
	for _, id := range node.Tellers(node.ID{}, round, all) {
		told[id] = m.nodes[index(id)].Tell()
		m.tells += int64(len(there) - 1)
	}
	for _, i := range there {
		m.nodes[i].Heed(told, nil)
	}
}

// groups splits those who are there into one group, or in a hybrid task into as
// many as have five members. Too few are none.
func (m *sim) groups(there []int) [][]int {
	n := 1
	if m.Mode == node.Hybrid {
		n = max(1, len(there)/groupSize)
	}
	if len(there) < leastSummed || m.Mode == node.Hybrid && len(there) < groupSize {
		return nil
	}
	groups := make([][]int, n)
	for k, i := range there {
		groups[k%n] = append(groups[k%n], i)
	}
	return groups
}

// add returns the sum of what the members submitted.
func (m *sim) add(members []int) node.Sum {
	s := node.Sum{Values: make([]uint32, len(m.values[0])), Count: len(members)}
	for _, i := range members {
		for k, v := range m.values[i] {
			s.Values[k] += uint32(v)
		}
	}
	return s
}
