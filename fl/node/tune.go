// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

// tuneShare of a task's rate is that of tuning at its beginning. It falls linearly to
// nothing, so that the model stays near to what all learned.
const tuneShare = 0.2

// Tune trains x, (params), for some epochs on rows of data alone, all where rows is
// nil: it makes the device's own model of what all have learned together. Where the
// task hides records, so does nothing here: the model stays on the device.
func Tune(set Settings, x []float32, data *dataset.Table, rows []int32, epochs int, seed uint64, ws *model.Workspace) error {
	rng := rand.New(rand.NewPCG(seed, tuneStream))
	sgd := set.SGD
	sgd.Epochs = 1
	for e := range epochs {
		sgd.Rate = float32(set.SGD.Rate * float32(tuneShare*float32(epochs-e)/float32(epochs)))
		if _, _, err := sgd.Train(set.Model, x, data, rows, nil, rng, ws); err != nil {
			return fmt.Errorf("tune: %w", err)
		}
	}
	return nil
}

// tuneStream keeps the order of rows apart from that of the rounds.
const tuneStream = 0x74756e65
