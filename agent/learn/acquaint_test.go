// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
	"github.com/vecino-edge/vecino/fl/node"
)

const (
	onRing      = 6  // devices
	epochRounds = 16 // rounds of an epoch
)

// shardOf returns the digits of a device: of few classes.
func shardOf(t testing.TB, i int) *Data {
	t.Helper()
	train, test, schema := digits.Load()
	scaler, err := dataset.Fit(schema.Scale, train)
	if err != nil {
		t.Fatal(err)
	}
	p := dataset.Partition{Way: dataset.Dirichlet, Alpha: 0.1}
	parts, err := p.Split(train, onRing, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Data{Train: rowsOf(train, parts[i]), Test: test, Scale: schema.Scale, Scaler: scaler}
}

// rowsOf returns some rows of a table.
func rowsOf(t *dataset.Table, rows []int32) *dataset.Table {
	out := *t
	out.X, out.Y, out.Labels = nil, nil, nil
	n := len(t.Columns)
	for _, r := range rows {
		out.X = append(out.X, t.X[int(r)*n:int(r+1)*n]...)
		out.Y, out.Labels = append(out.Y, t.Y[r]), append(out.Labels, t.Labels[r])
	}
	return &out
}

func ringPlan() Plan {
	return Plan{
		Name: "digits", Model: "mlp:32", Algorithm: node.KGT, Topology: "ring", Compress: "q8", Aggregate: "mean", Rate: 0.3, Decay: 1e-4,
		Batch: 16, Epochs: 1, Rounds: 3*epochRounds + 4, RoundLen: time.Minute, Seed: 5,
	}
}

// overEpochs learns the digits on a ring, after prepare has changed the square and
// while during, if any, is called at the beginning of each round. It returns the
// mean accuracy, in percent, over the devices and the rounds after the first epoch.
func overEpochs(t *testing.T, prepare func(s *square), during func(all []*resident, round uint32)) (mean float64) {
	t.Helper()
	bubble(t, func(t *testing.T, s *square, settle settler) {
		prepare(s)
		var all []*resident
		for i := range onRing {
			data := shardOf(t, i)
			all = append(all, settle(i, func(r *resident, _ *Options) {
				r.load = func() (*Data, error) { return data.Clone(), nil }
				r.member.chunks = 6000
			}))
		}
		sleep(time.Minute)
		task := all[0].start(ringPlan())
		n := 0
		for round := range task.Rounds {
			sleepUntil(task, round, time.Second)
			if during != nil {
				during(all, round)
			}
			for _, r := range all {
				if st := r.Status(); round > epochRounds && st.Accuracy != nil { // else it has just restarted
					mean += 100 * *st.Accuracy
					n++
				}
			}
		}
		mean /= float64(n)
		sleepUntil(task, task.Rounds, time.Second)
		for _, r := range all {
			r.wantState(Done)
		}
	})
	return mean
}

func threeEpochs(s *square) { s.turn(epochRounds * time.Minute) }

// TestKnownAgain holds what recognition is for: a task goes on over the edges of
// epochs as if there were none, and falls back where all are new to one another.
func TestKnownAgain(t *testing.T) {
	without := overEpochs(t, func(*square) {}, nil)
	known := overEpochs(t, threeEpochs, nil)
	strangers := overEpochs(t, func(s *square) {
		threeEpochs(s)
		s.strangers = true
	}, nil)
	t.Logf("mean accuracy without edges %.2f %%, over edges %.2f %%, among strangers %.2f %%", without, known, strangers)
	if known < without-0.5 || known < strangers+0.8 {
		t.Errorf("mean accuracy without edges %.2f %%, over edges %.2f %%, among strangers %.2f %%", without, known, strangers)
	}
}

// TestEdgesGoWrong holds that what goes wrong at an edge costs little.
func TestEdgesGoWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("52 rounds of six devices, four times")
	}
	known := overEpochs(t, threeEpochs, nil)
	away := func(from, to uint32) func([]*resident, uint32) {
		return func(all []*resident, round uint32) {
			switch round {
			case from:
				all[2].end()
			case to:
				all[2].again()
			}
		}
	}
	// The first edge is in round 14, the second in round 30.
	for _, tt := range []struct {
		name    string
		prepare func(s *square)
		during  func(all []*resident, round uint32)
		cost    float64 // points at most
	}{
		{"some are recognised later", func(s *square) {
			threeEpochs(s)
			s.shy = map[int]time.Duration{1: 9 * time.Minute, 4: 40 * time.Second}
		}, nil, 0.5},
		{"a restart at an edge", threeEpochs, away(14, 15), 0.5},
		{"an epoch is slept through", threeEpochs, away(10, 34), 1},
	} {
		mean := overEpochs(t, tt.prepare, tt.during)
		t.Logf("%s: mean accuracy %.2f %%, %.2f %% where nothing goes wrong", tt.name, mean, known)
		if mean < known-tt.cost {
			t.Errorf("%s: mean accuracy %.2f %%, %.2f %% where nothing goes wrong", tt.name, mean, known)
		}
	}
}
