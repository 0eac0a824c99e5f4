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

// heldOut is the share of a node's rows that it does not learn from, where the test
// rows do not say whose they are.
const heldOut = 0.2

// holdOut sets what each node is measured by: the test rows of its owners where the
// rows are split by owner, else some of its own.
func (m *sim) holdOut() error {
	m.held = make([]*dataset.Table, m.Nodes)
	byOwner := m.Partition.Way == dataset.Column && m.Test.GroupBy == m.Partition.Column
	for i, rows := range m.rows {
		if byOwner {
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
			m.held[i] = m.Test.Subset(own)
		} else {
			n := int(heldOut * float64(len(rows)))
			step := len(rows) / max(n, 1)
			var kept, own []int32
			for k, r := range rows {
				if n > 0 && k%step == step-1 {
					own = append(own, r)
				} else {
					kept = append(kept, r)
				}
			}
			m.rows[i], m.held[i] = kept, m.Train.Subset(own)
		}
		if m.held[i].Rows() == 0 {
			return fmt.Errorf("node %d has no rows of its own to be measured by; use fewer nodes or another partition", i)
		}
	}
	return nil
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
