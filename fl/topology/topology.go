// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package topology says who exchanges updates with whom in a round: a full
// graph, a ring, a star, a random connected regular graph, or a fresh random
// one for every round. Graphs are undirected, and their mixing weights are
// those of Metropolis and Hastings (Xiao and Boyd, Fast linear iterations for
// distributed averaging, 2004), which make every mixing matrix symmetric and
// doubly stochastic. The same seed gives the same graph on every architecture.
//
// The zero Topology is the full graph. A Topology is a value and a [Graph] is
// read only once built, so both are safe for concurrent use.
package topology

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits on what may be built, so that a setting cannot exhaust the memory.
const (
	MaxNodes  = 1 << 17 // nodes of a graph
	MaxDegree = 256     // neighbours of a node in a regular or random graph
)

// Kind is the family of a topology.
type Kind uint8

// The kinds of topology.
const (
	Full    Kind = iota // everybody with everybody
	Ring                // node i with i-1 and i+1
	Star                // node 0 is the hub
	Regular             // one random connected graph of equal degree
	Random              // such a graph for each round, connected or not
)

var kindNames = [...]string{Full: "full", Ring: "ring", Star: "star", Regular: "regular", Random: "random"}

// Topology is a rule from which a graph of any size can be built.
type Topology struct {
	Kind   Kind
	Degree int // neighbours of each node, 1..MaxDegree; Regular and Random only
}

// Parse reads a topology as the command line spells it: full, ring, star,
// regular:K or random:K, where K is the number of neighbours of each node.
func Parse(s string) (Topology, error) {
	name, arg, hasArg := strings.Cut(s, ":")
	for kind, known := range kindNames {
		t := Topology{Kind: Kind(kind)}
		if name != known || hasArg != t.hasDegree() {
			continue
		}
		if !hasArg {
			return t, nil
		}
		degree, err := strconv.Atoi(arg)
		if err != nil || degree < 1 || degree > MaxDegree || strconv.Itoa(degree) != arg {
			return Topology{}, fmt.Errorf("topology %q: the degree %q must be a whole number from 1 to %d", s, arg, MaxDegree)
		}
		t.Degree = degree
		return t, nil
	}
	return Topology{}, fmt.Errorf("topology %q is unknown; possible: full, ring, star, regular:K, random:K", s)
}

// String returns the topology as [Parse] reads it.
func (t Topology) String() string {
	if int(t.Kind) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", t.Kind)
	}
	if t.hasDegree() {
		return kindNames[t.Kind] + ":" + strconv.Itoa(t.Degree)
	}
	return kindNames[t.Kind]
}

func (t Topology) hasDegree() bool { return t.Kind == Regular || t.Kind == Random }

// Fixed reports whether the graph is the same in every round.
func (t Topology) Fixed() bool { return t.Kind != Random }

// Validate returns an error that says what to change when no graph of n nodes
// has this topology.
func (t Topology) Validate(n int) error {
	switch {
	case int(t.Kind) >= len(kindNames):
		return fmt.Errorf("topology %v is unknown", t)
	case n < 1 || n > MaxNodes:
		return fmt.Errorf("topology %v: %d nodes; it takes 1 to %d", t, n, MaxNodes)
	case !t.hasDegree():
		return nil
	case t.Degree < 1 || t.Degree > MaxDegree:
		return fmt.Errorf("topology %v: the degree must be 1 to %d", t, MaxDegree)
	case t.Degree >= n:
		return fmt.Errorf("topology %v: %d nodes have at most %d neighbours each; use fewer neighbours or more nodes", t, n, n-1)
	case n*t.Degree%2 != 0:
		return fmt.Errorf("topology %v: %d nodes cannot all have %d neighbours, since nodes times neighbours must be even", t, n, t.Degree)
	case t.Kind == Regular && t.Degree == 1 && n > 2:
		return fmt.Errorf("topology %v: %d nodes with one neighbour each are not connected; use random:1 or a higher degree", t, n)
	}
	return nil
}
