// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "github.com/vecino-edge/vecino/fl/topology"

// fit returns the topology that n devices can have: where there are too few, or
// an odd number of them stands against an odd degree, each has fewer neighbours,
// down to a ring or a full graph.
func fit(t topology.Topology, n int) topology.Topology {
	for t.Validate(n) != nil {
		if t.Degree <= 2 || n <= 2 {
			return topology.Topology{Kind: topology.Full}
		}
		t.Degree--
	}
	return t
}

// Edges returns the neighbours of a round with their weights, in ascending
// order of their pseudonyms. All is everybody present in that order, and self
// the device's own place. Everybody who sees the same devices sees the same
// graph.
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
