// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature_test

import (
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/feature"
)

// A machine's vibration becomes rows in a ring, from which a device learns what
// is normal.
func Example() {
	set := feature.Settings{
		Channels: []string{"vibration"},
		Window:   feature.Window{Length: 16, Step: 8},
		Bands:    2,
		Period:   time.Millisecond,
	}
	ring, err := dataset.NewRing(dataset.RingSettings{Columns: set.Names(), Kind: dataset.Anomaly, Capacity: 100})
	if err != nil {
		panic(err)
	}
	extractor, err := feature.New(set, ring)
	if err != nil {
		panic(err)
	}
	at := time.Now()
	for i := range 32 {
		if err := extractor.Add(at.Add(time.Duration(i)*time.Millisecond), []float32{float32(i % 2)}); err != nil {
			panic(err)
		}
	}
	train, _ := ring.Tables()
	fmt.Println(train.Rows(), "rows of", train.Columns)
	fmt.Printf("%.2f\n", train.Row(0))
	// Output:
	// 3 rows of [vibration.mean vibration.std vibration.min vibration.max vibration.band1 vibration.band2]
	// [0.50 0.50 0.00 1.00 0.00 0.25]
}
