// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "github.com/vecino-edge/vecino/fl/topology"

// fit returns the topology that n devices can have, two at least: where there
// are too few, or an odd number of them stands against an odd degree, each has
// fewer neighbours, down to a ring. Two devices are each other's neighbours.
func fit(t topology.Topology, n int) topology.Topology {
	switch {
	case t.Kind != topology.Regular && t.Kind != topology.Random:
		return t
	case n == 2:
		return topology.Topology{Kind: topology.Full}
	}
	t.Degree = min(t.Degree, n-1)
	if n*t.Degree%2 != 0 {
		t.Degree--
	}
	if pairs := t.Kind == topology.Random && t.Degree == 1; !pairs {
		t.Degree = max(t.Degree, 2)
	}
	return t
}

// Edges returns the neighbours of a round with their weights, in ascending
// order of their pseudonyms, and none for a device that is alone. All is
// everybody present in that order, and self the device's own place. Everybody
// who sees the same devices sees the same graph.
func Edges(t topology.Topology, all []PeerID, self int, seed uint64, round uint32) ([]Edge, error) {
	if len(all) < 2 {
		return nil, nil
	}
	g, err := fit(t, len(all)).Build(len(all), seed, round)
	if err != nil {
		return nil, err
	}
	ids := g.Neighbours(nil, self)
	_, weights := g.Weights(nil, self)
	edges := make([]Edge, len(ids))
	for i, id := range ids {
		edges[i] = Edge{Peer: all[id], Weight: weights[i]}
	}
	return edges, nil
}
