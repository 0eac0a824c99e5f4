// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "fmt"

// Algorithm is how a node mixes what its neighbours learned with its own.
type Algorithm uint8

// The algorithms.
const (
	// KGT is gradient tracking with local steps (Liu, Lin, Koloskova and Stich,
	// Decentralized gradient tracking with local steps, 2023), the default: each
	// node follows the direction of all, not only that of its own uneven data.
	KGT Algorithm = iota
	// DPSGD is decentralised parallel SGD (Lian et al., 2017): train, then
	// average with the neighbours.
	DPSGD
)

var algorithms = [...]string{KGT: "kgt", DPSGD: "dpsgd"}

// String returns the algorithm as [ParseAlgorithm] reads it.
func (a Algorithm) String() string {
	if int(a) < len(algorithms) {
		return algorithms[a]
	}
	return fmt.Sprintf("algorithm(%d)", uint8(a))
}

// Vectors returns how many vectors an update of the algorithm holds.
func (a Algorithm) Vectors() int {
	if a == KGT {
		return 2
	}
	return 1
}

// ParseAlgorithm reads kgt or dpsgd.
func ParseAlgorithm(s string) (Algorithm, error) {
	for a, name := range algorithms {
		if s == name {
			return Algorithm(a), nil
		}
	}
	return 0, fmt.Errorf("algorithm %q is unknown; it is kgt or dpsgd", s)
}
