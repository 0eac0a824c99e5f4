// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// dirichlet splits the rows of each class by proportions drawn from a symmetric
// Dirichlet distribution. It draws again until every node has perNode rows, and
// gives the nodes that still have fewer some of the fullest one's at last.
func dirichlet(t *Table, nodes int, alpha float64, r *rand.Rand) ([][]int32, error) {
	rows, err := rowsByClass(t)
	if err != nil {
		return nil, err
	}
	if t.Rows() < perNode*nodes {
		return nil, fmt.Errorf("%d rows are too few for %d nodes with at least %d each", t.Rows(), nodes, perNode)
	}
	cuts := make([][]int, len(rows)) // where each node's part of a class ends
	for c := range cuts {
		cuts[c] = make([]int, nodes)
	}
	weights := make([]float64, nodes)
	tries := min(maxTries, max(1, maxDraws/(nodes*len(rows))))
	for ; tries > 0 && leastRows(cuts) < perNode; tries-- {
		for c := range cuts {
			drawCuts(cuts[c], len(rows[c]), alpha, weights, r)
		}
	}
	parts := make([][]int32, nodes)
	for c := range rows {
		shuffle(rows[c], r)
		begin := 0
		for i, end := range cuts[c] {
			parts[i] = append(parts[i], rows[c][begin:end]...)
			begin = end
		}
	}
	topUp(parts)
	return parts, nil
}

// leastRows returns how many rows the node with the fewest gets.
func leastRows(cuts [][]int) int {
	least := math.MaxInt
	for i := range cuts[0] {
		n := 0
		for _, c := range cuts {
			n += c[i]
			if i > 0 {
				n -= c[i-1]
			}
		}
		least = min(least, n)
	}
	return least
}

// drawCuts draws proportions and sets where each node's part of n rows ends.
// Weights is scratch of the same length.
func drawCuts(cuts []int, n int, alpha float64, weights []float64, r *rand.Rand) {
	top := math.Inf(-1)
	for i := range weights {
		weights[i] = logGamma(alpha, r)
		top = max(top, weights[i])
	}
	sum := 0.0
	for i, w := range weights {
		// Relative to the largest, since for a small alpha all of them may
		// be too small for a float.
		weights[i] = float64(tensor.Exp32(float32(w - top)))
		sum += weights[i]
	}
	upTo := 0.0
	for i, w := range weights {
		upTo += w
		cuts[i] = int(float64(upTo / sum * float64(n)))
	}
	cuts[len(cuts)-1] = n
}

// logGamma returns the logarithm of a gamma variate of shape a > 0. It draws
// one of shape a+1 by Best's rejection from Student's t (algorithm XG in
// Devroye, Non-Uniform Random Variate Generation, 1986, page 410) and raises a
// uniform one to 1/a. Conversions keep products apart from sums, as in tensor.
func logGamma(a float64, r *rand.Rand) float64 {
	c := float64(3*a) + 2.25
	for {
		u, v := r.Float64(), r.Float64()
		w := float64(u * (1 - u))
		if w == 0 {
			continue
		}
		y := float64(math.Sqrt(c/w) * (u - 0.5))
		x := a + y
		if x <= 0 {
			continue
		}
		z := float64(64 * w * w * w * v * v)
		if z <= 1-float64(2*y*y/x) || log(z) <= 2*(float64(a*log(x/a))-y) {
			return log(x) + log(1-r.Float64())/a
		}
	}
}

func log(x float64) float64 { return float64(tensor.Log32(float32(x))) }

// topUp moves rows from the fullest node to each that has fewer than perNode.
// There are enough rows for all.
func topUp(parts [][]int32) {
	for i := range parts {
		for len(parts[i]) < perNode {
			from := fullest(parts)
			last := len(parts[from]) - 1
			parts[i] = append(parts[i], parts[from][last])
			parts[from] = parts[from][:last]
		}
	}
}

func fullest(parts [][]int32) int {
	best := 0
	for i, p := range parts {
		if len(p) > len(parts[best]) {
			best = i
		}
	}
	return best
}
