// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/sim"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// simFlags are the flags of `learn sim`.
type simFlags struct {
	data, model, partition, topology, algorithm, schedule, compress, mode, split, curve string

	nodes, rounds, epochs, batch int
	rate, decay                  float32
	links                        sim.Links
	seed                         uint64
	asJSON                       bool
}

// simInfo is what `learn sim --json` prints. A number that is not finite is
// null.
type simInfo struct {
	Nodes             int      `json:"nodes"`
	Rounds            int      `json:"rounds"`
	Accuracy          *float64 `json:"accuracy_mean"`
	Worst             *float64 `json:"accuracy_worst"`
	AverageModel      *float64 `json:"accuracy_average_model"`
	R2                any      `json:"r2_mean,omitempty"` // a *float64 in a regression, of which nil is null, else nothing
	R2Worst           any      `json:"r2_worst,omitempty"`
	Consensus         *float64 `json:"consensus"`
	Aggregate         string   `json:"aggregate"`
	BytesPerLinkRound int      `json:"bytes_per_link_round"`
	BytesPerNode      float64  `json:"bytes_per_node"`
	Epsilon           *float64 `json:"epsilon"` // null: training is not private
	Delta             *float64 `json:"delta"`
	Seconds           float64  `json:"seconds"`
	PeakRSS           int64    `json:"peak_rss_bytes"`
}

func simCommand(std stdio) *cobra.Command {
	f := &simFlags{}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Simulate neighbours in one process",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), std) },
	}
	flags := c.Flags()
	flags.StringVar(&f.data, "data", "digits", "data folder, or digits for the built-in set")
	flags.StringVar(&f.model, "model", "mlp:64", "softmax, linear, mlp:H or mlp:H:H…")
	flags.IntVar(&f.nodes, "nodes", 10, "number of nodes")
	flags.StringVar(&f.partition, "partition", "iid", "iid, dirichlet:A, column:NAME, blocks or draw:ROWS:CLASSES")
	flags.StringVar(&f.topology, "topology", "ring", "full, star, ring, regular:K or random:K")
	flags.IntVar(&f.rounds, "rounds", 100, "number of rounds")
	flags.IntVar(&f.epochs, "epochs", 1, "local epochs of a round")
	flags.IntVar(&f.batch, "batch", 16, "rows of a step")
	flags.Float32Var(&f.rate, "rate", 0.3, "learning rate")
	flags.Float32Var(&f.decay, "weight-decay", 1e-4, "weight decay")
	flags.StringVar(&f.schedule, "schedule", "trapezoid", "trapezoid lowers the rate in the last 30 % of the rounds, constant does not")
	flags.StringVar(&f.algorithm, "algorithm", "kgt", "kgt or dpsgd")
	flags.StringVar(&f.compress, "compress", "none", "none or q8")
	flags.StringVar(&f.mode, "mode", "robust", "robust shows updates to neighbours; private, hybrid and mask show sums only (with --topology full --compress q8)")
	flags.Float64Var(&f.links.Loss, "loss", 0, "share of exchanges that are lost, both ways")
	flags.Float64Var(&f.links.OneWay, "loss-oneway", 0, "share of messages that are lost, each way for itself")
	flags.Float64Var(&f.links.Churn, "churn", 0, "share of nodes that are away in a round")
	flags.Float64Var(&f.links.Delay, "delay", 0, "mean time that a message takes, in rounds; what comes after its round is lost")
	flags.StringVar(&f.split, "split", "", "rounds `FROM:TO` in which the nodes fall in two halves that do not hear each other")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	flags.StringVar(&f.curve, "curve", "", "write the curve of every round to this CSV `FILE`")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (f *simFlags) run(ctx context.Context, std stdio) error {
	if err := f.check(); err != nil {
		return err
	}
	settings, err := f.settings()
	if err != nil {
		return err
	}
	var curve []sim.Point
	if f.curve != "" {
		settings.EvaluateEvery = 1
		settings.Progress = func(p sim.Point) { curve = append(curve, p) }
	}
	begin := time.Now()
	r, err := sim.Run(ctx, *settings)
	if err != nil && ctx.Err() == nil {
		return usage("learn sim: %w", err) // the rows are read: what is left are flags that do not go together
	}
	if err != nil {
		return errors.New("interrupted")
	}
	if f.curve != "" {
		if err := writeCurve(f.curve, curve); err != nil {
			return err
		}
	}
	info := f.info(r, time.Since(begin))
	if f.asJSON {
		return writeJSON(std.out, info)
	}
	showSim(std.out, info, r)
	return nil
}

// check names the flag whose value cannot be.
func (f *simFlags) check() error {
	const most = math.MaxFloat32
	share := func(v float64) bool { return v >= 0 && v <= 1 }
	for _, c := range []struct {
		flag     string
		value    any
		possible bool
		bounds   string
	}{
		{"nodes", f.nodes, f.nodes >= 1 && f.nodes <= sim.MaxNodes, fmt.Sprintf("1 to %d", sim.MaxNodes)},
		{"rounds", f.rounds, f.rounds >= 1 && f.rounds <= node.MaxRounds, fmt.Sprintf("1 to %d", node.MaxRounds)},
		{"epochs", f.epochs, f.epochs >= 1 && f.epochs <= model.MaxEpochs, fmt.Sprintf("1 to %d", model.MaxEpochs)},
		{"batch", f.batch, f.batch >= 1 && f.batch <= model.MaxBatch, fmt.Sprintf("1 to %d", model.MaxBatch)},
		{"rate", f.rate, f.rate > 0 && f.rate <= most, "numbers above 0"},
		{"weight-decay", f.decay, f.decay >= 0 && f.decay <= most, "0 and numbers above"},
		{"loss", f.links.Loss, share(f.links.Loss), "0 to 1"},
		{"loss-oneway", f.links.OneWay, share(f.links.OneWay), "0 to 1"},
		{"churn", f.links.Churn, share(f.links.Churn), "0 to 1"},
	} {
		if !c.possible {
			return usage("learn sim: --%s %v: %s are possible", c.flag, c.value, c.bounds)
		}
	}
	if f.curve == "" {
		return nil
	}
	// Nobody wants to hear of it when the rounds are over.
	if info, err := os.Stat(filepath.Dir(f.curve)); err != nil || !info.IsDir() {
		return usage("learn sim: --curve %s: there is no folder %s", f.curve, filepath.Dir(f.curve))
	}
	return nil
}

// settings turns the flags into a simulation. What a flag cannot mean is wrong
// usage.
func (f *simFlags) settings() (*sim.Settings, error) {
	s := &sim.Settings{
		Nodes: f.nodes, Rounds: f.rounds, Links: f.links, Seed: f.seed,
		SGD: model.SGD{Rate: f.rate, Decay: f.decay, Batch: f.batch, Epochs: f.epochs},
	}
	for _, p := range []struct {
		flag  string
		parse func() error
	}{
		{"model", func() (err error) { s.Spec, err = model.ParseSpec(f.model); return }},
		{"partition", func() (err error) { s.Partition, err = dataset.ParsePartition(f.partition); return }},
		{"topology", func() (err error) { s.Topology, err = topology.Parse(f.topology); return }},
		{"algorithm", func() (err error) { s.Algorithm, err = node.ParseAlgorithm(f.algorithm); return }},
		{"schedule", func() (err error) { s.Schedule, err = node.ParseSchedule(f.schedule); return }},
		{"split", func() (err error) { s.Links.Split, err = parseSplit(f.split); return }},
		{"compress", func() (err error) { s.Quant, err = update.ParseQuant(f.compress); return }},
		{"mode", func() (err error) { s.Mode, err = node.ParseMode(f.mode); return }},
	} {
		if err := p.parse(); err != nil {
			return nil, usage("learn sim: --%s: %w", p.flag, err)
		}
	}
	data, err := namedData(f.data)
	if err != nil {
		return nil, err
	}
	scaler, err := dataset.Fit(data.Scale, data.Train)
	if err != nil {
		return nil, err
	}
	for _, t := range []*dataset.Table{data.Train, data.Test} {
		if err := scaler.Apply(t); err != nil {
			return nil, err
		}
	}
	s.Train, s.Test = data.Train, data.Test
	return s, nil
}

// parseSplit reads FROM:TO, or nothing.
func parseSplit(text string) (split sim.Split, err error) {
	if text == "" {
		return split, nil
	}
	from, to, _ := strings.Cut(text, ":")
	if split.From, err = strconv.Atoi(from); err == nil {
		split.To, err = strconv.Atoi(to)
	}
	if err != nil || split.From < 0 || split.To <= split.From {
		return split, fmt.Errorf("%q is no FROM:TO; write it like 20:40 for the rounds 20 to 39", text)
	}
	return split, nil
}

// namedData reads a data folder, or the set that is built in.
func namedData(name string) (*learn.Data, error) {
	if name != "digits" {
		return loadData(name)
	}
	train, test, schema := digits.Load()
	return &learn.Data{Train: train, Test: test, Scale: schema.Scale}, nil
}

func (f *simFlags) info(r *sim.Result, took time.Duration) simInfo {
	info := simInfo{
		Nodes: f.nodes, Rounds: f.rounds, Consensus: number(r.Consensus), Aggregate: "mean",
		BytesPerLinkRound: r.BytesLinkRound, BytesPerNode: r.BytesNode, Seconds: took.Seconds(), PeakRSS: peakRSS(),
	}
	if r.Regression {
		info.R2, info.R2Worst = number(r.Mean), number(r.Worst)
	} else {
		info.Accuracy, info.Worst, info.AverageModel = number(r.Mean), number(r.Worst), number(r.AverageModel)
	}
	return info
}

// number is nil for what JSON cannot say.
func number(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

// peakRSS returns the largest resident memory of the process so far, in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return int64(u.Maxrss) << 10
}

func showSim(w io.Writer, i simInfo, r *sim.Result) {
	if r.Diverged {
		fmt.Fprintln(w, "training diverged: lower --rate or scale the features")
		return
	}
	measure := "accuracy"
	if r.Regression {
		measure = "R2"
	}
	columns(w,
		fmt.Sprintf("nodes\t%d, %d parameters each", i.Nodes, r.Params),
		fmt.Sprintf("%s\t%.2f %% mean, %.2f %% worst, %.2f %% of the mean of all models", measure, 100*r.Mean, 100*r.Worst, 100*r.AverageModel),
		fmt.Sprintf("consensus\t%.3g (mean squared distance to the mean model, over its squared norm)", r.Consensus),
		fmt.Sprintf("payload\t%d bytes over one link in one round, %.0f bytes a node in all", i.BytesPerLinkRound, i.BytesPerNode),
		fmt.Sprintf("took\t%.1f s on %d processors, %d MB at most", i.Seconds, runtime.GOMAXPROCS(0), i.PeakRSS>>20),
	)
}

// writeCurve writes one line for each round.
func writeCurve(path string, points []sim.Point) error {
	var out bytes.Buffer
	c := csv.NewWriter(&out)
	rows := [][]string{{"round", "mean", "worst", "average_model", "consensus", "train_loss"}}
	for _, p := range points {
		row := []string{strconv.Itoa(p.Round)}
		for _, v := range []float64{p.Mean, p.Worst, p.AverageModel, p.Consensus, p.TrainLoss} {
			row = append(row, strconv.FormatFloat(v, 'g', 6, 64))
		}
		rows = append(rows, row)
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return store.WriteFile(path, out.Bytes(), 0o644)
}
