// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/fl/update"
)

// Chunks returns how many chunks an update takes in the planned task, with data
// like these.
func (p *Plan) Chunks(d *Data) (int, error) {
	t, err := p.task(d)
	if err != nil {
		return 0, err
	}
	bytes, err := t.UpdateSize()
	if err != nil {
		return 0, err
	}
	return update.Chunks(bytes, chunk.Payload), nil
}

// RoundFor returns how long rounds are at least in which a device sends so many
// chunks.
func RoundFor(chunks, perMinute int) time.Duration { return timeFor(chunks, float64(perMinute)) }
