// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate_test

import (
	"fmt"

	"github.com/vecino-edge/vecino/fl/aggregate"
)

// One of four neighbours sends what would carry the mean away.
func ExampleAggregator_Combine() {
	in := &aggregate.Input{
		Base:   []float32{0, 0},
		Own:    []float32{1, 2},
		Others: [][]float32{{1.25, 2}, {1e9, -1e9}, {0.75, 2}, {1, 2.5}},
	}
	var a aggregate.Aggregator
	model := make([]float32, 2)
	for _, rule := range []aggregate.Rule{aggregate.Mean, aggregate.Auto} {
		res := a.Combine(model, rule, in)
		fmt.Println(res.Rule, model, res.Verdicts)
	}
	// Output:
	// mean [2e+08 -2e+08] [counted counted counted counted]
	// nnm-trimmed [1 2] [counted opposed counted counted]
}
