// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/fl/node"
)

// learns gives the devices that come from now on data and a learner.
func (h *town) learns() { h.learners = map[string]*learn.Service{} }

// teach begins the learner of a device, which does not run yet.
func (h *town) teach(name string, m *Member, ctx context.Context) {
	if h.learners == nil {
		return
	}
	i := len(h.learners)
	l := learn.New(learn.Options{
		Member: m, Files: &shelf{files: map[string][]byte{}}, Accept: true, Seed: uint64(i), Rand: rand.Reader,
		Load: func() (*learn.Data, error) { return &learn.Data{Train: corners(12, i), Test: corners(12, -1)}, nil },
		Log:  slog.New(slog.NewTextHandler(h.logs[name], nil)),
	})
	h.learners[name] = l
	go func() { _ = l.Run(ctx) }()
}

// sumScene is a private round: set-up and sums of a mode, among three.
func sumScene(name string, mode node.Mode, steps []step, deeds ...misdeed) scene {
	return scene{
		name: name, chunks: 600,
		ready: func(h *town) { h.learns(); h.settle("b", "c"); h.until(0, 300*time.Second) },
		begin: func(h *town) {
			plan := adds(mode, 60)
			plan.RoundLen = 120 * time.Second
			if _, err := h.learners["b"].Start(plan); err != nil {
				h.t.Error(err)
			}
		},
		lasts: 260 * time.Second,
		check: func(h *town) {
			before := map[string]int{}
			for name, l := range h.learners {
				st := l.Status()
				if st == nil {
					h.t.Errorf("%s has not heard of the task", name)
					return
				}
				before[name] = st.Skipped
			}
			time.Sleep(130 * time.Second)
			for name, l := range h.learners {
				if st := l.Status(); st.State != learn.Running || st.Skipped != before[name] || st.Heard != 2 {
					h.t.Errorf("%s has no sums: %+v, %+v", name, st, st.Sums)
				}
			}
			if mode == node.Mask && (h.watch.counts["uploads"] == 0 || h.watch.counts["answers"] == 0) {
				h.t.Errorf("the watch saw %v", h.watch.counts)
			}
		},
		steps: steps, deeds: deeds, copes: true,
	}
}

// noSum is the state in which a device says why it has no sum.
func noSum(h *town) bool {
	for _, l := range h.learners {
		if st := l.Status(); st != nil && (st.LastSkip != "" || st.Sums != nil && st.Sums.Waits != "") {
			return true
		}
	}
	return false
}

// noTask is the state of those who have not heard of a task.
func noTask(h *town) bool { return h.learners["c"].Status() == nil }

var (
	maskSteps = []step{
		{what: what{14, anyKind}, name: "task", to: "c", shows: noTask},
		{what: what{homomorphic.TypeControl, 0}, name: "roster", to: "c", shows: noSum},
		{what: what{homomorphic.TypeControl, 1}, name: "ack", to: "c", shows: noSum},
		{what: what{1, anyKind}, name: "upload", to: "c", shows: noSum},
		{what: what{homomorphic.TypeShare, anyKind}, name: "share", to: "c", shows: noSum},
		{what: what{homomorphic.TypeControl, 2}, name: "holdings", to: "c", shows: noSum},
		{what: what{homomorphic.TypeControl, 3}, name: "active set", to: "c", shows: noSum},
		{what: what{homomorphic.TypeControl, 4}, name: "signature", to: "c", shows: noSum},
		{what: what{homomorphic.TypeAnswer, anyKind}, name: "answer", to: "c", shows: noSum},
	}
	latticeSteps = []step{
		{what: what{1, anyKind}, name: "upload", to: "c", shows: noSum},
		{what: what{2, anyKind}, name: "shard", to: "c", shows: noSum},
		{what: what{homomorphic.TypeShare, anyKind}, name: "share", to: "c", shows: noSum},
		{what: what{homomorphic.TypeAnswer, anyKind}, name: "answer", to: "c", shows: noSum},
	}
)
