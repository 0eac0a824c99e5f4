// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// half is a Summer that knows of the first group's sum only in some rounds.
type half struct {
	*seat
	rounds []uint32
	missed bool
}

func (h *half) Sums(ctx context.Context, round uint32) ([]Sum, error) {
	sums, err := h.seat.Sums(ctx, round)
	if h.missed = slices.Contains(h.rounds, round); h.missed && len(sums) > 1 {
		sums = sums[:1]
	}
	return sums, err
}

func (h *half) Partial() bool { return h.missed }

// TestGroupsMissing holds that one to whom a group's sum did not come does not
// stay with another model than the rest: it knows that it may have one.
func TestGroupsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := quietSoon(8, Hybrid, KGT)
		all, add := singers(t, newStreet(), task, 6)
		add.groups = 2
		all[5].Summer = &half{seat: all[5].Summer.(*seat), rounds: []uint32{2}}
		startAll(all)
		waitAll(t, all)
		for i, d := range all {
			if !sameBits(d.Node.x, all[0].Node.x) || d.Node.shared.unsure {
				t.Errorf("device %d has another model, unsure %v", i, d.Node.shared.unsure)
			}
		}
	})
}
