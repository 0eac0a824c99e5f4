// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// Personal says what each node has of the others, measured on its own held-out
// rows: the mean over the nodes.
type Personal struct {
	Alone  float64 // of a node that learned as many rounds by itself
	Shared float64 // of what all learned together
	Tuned  float64 // of that, after training on the own rows alone
}

// heldOutEvery of a node's owners, or of its rows, it does not learn from the last,
// where the test rows do not say whose they are.
const heldOutEvery = 5

// holdOut sets what each node is measured by: the test rows of its owners where
// there are some for every node, else some of its own.
func (m *sim) holdOut() error {
	if held := m.testOfOwners(); held != nil {
		m.held = held
		return nil
	}
	m.held = make([]*dataset.Table, m.Nodes)
	for i, rows := range m.rows {
		kept, own := m.divide(rows)
		if len(own) == 0 {
			return fmt.Errorf("node %d has no rows of its own to be measured by; use fewer nodes or another partition", i)
		}
		m.rows[i], m.held[i] = kept, m.Train.Subset(own)
	}
	return nil
}

// testOfOwners returns the test rows of the owners of each node, or nil where a node
// has none.
func (m *sim) testOfOwners() []*dataset.Table {
	if m.Partition.Way != dataset.Column || m.Test.GroupBy != m.Partition.Column {
		return nil
	}
	held := make([]*dataset.Table, m.Nodes)
	for i, rows := range m.rows {
		owners := map[string]bool{}
		for _, r := range rows {
			owners[m.Train.Group[r]] = true
		}
		var own []int32
		for r, owner := range m.Test.Group {
			if owners[owner] {
				own = append(own, int32(r))
			}
		}
		if len(own) == 0 {
			return nil
		}
		held[i] = m.Test.Subset(own)
	}
	return held
}

// divide takes some of a node's rows out, evenly over their order: of many owners
// (days, say) whole ones, since the rows of one resemble each other, and who has
// learned some of them by heart knows the others.
func (m *sim) divide(rows []int32) (kept, own []int32) {
	order := map[string]int{} // of a row's owner among the node's
	if m.Train.Group != nil {
		for _, r := range rows {
			if owner := m.Train.Group[r]; order[owner] == 0 {
				order[owner] = len(order) + 1
			}
		}
	}
	for k, r := range rows {
		place := k + 1
		if len(order) >= heldOutEvery {
			place = order[m.Train.Group[r]]
		}
		if place%heldOutEvery == 0 {
			own = append(own, r)
		} else {
			kept = append(kept, r)
		}
	}
	return kept, own
}

// personalize measures what is gained by learning together, and by training on the
// own rows after that.
func (m *sim) personalize(ctx context.Context) (*Personal, error) {
	all := make([]Personal, m.Nodes)
	err := m.each(func(i int, ws *model.Workspace) (err error) {
		if !m.honest(i) || ctx.Err() != nil {
			return ctx.Err()
		}
		alone := m.newNode(i)
		for round := range uint32(m.Rounds) {
			if _, err := alone.Begin(round, nil, ws); err != nil {
				return err
			}
			alone.End(round, nil, nil)
		}
		tuned := slices.Clone(m.nodes[i].Model())
		if err := node.Tune(m.set, tuned, m.Train, m.rows[i], m.Personalize, m.Seed<<32+uint64(i), ws); err != nil {
			return err
		}
		for _, p := range []struct {
			to *float64
			x  []float32
		}{{&all[i].Alone, alone.Model()}, {&all[i].Shared, m.nodes[i].Model()}, {&all[i].Tuned, tuned}} {
			score, err := m.set.Model.Evaluate(p.x, m.held[i], ws)
			if err != nil {
				return err
			}
			*p.to = m.set.Model.Measure(score)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	mean, honest := &Personal{}, float64(m.Nodes-m.Malicious)
	for _, p := range all {
		mean.Alone += p.Alone / honest
		mean.Shared += p.Shared / honest
		mean.Tuned += p.Tuned / honest
	}
	return mean, nil
}
