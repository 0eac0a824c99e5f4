// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/vecino-edge/vecino/agent/plot"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/fl/sim"
)

// simInfo is what `learn sim --json` prints. A number that is not finite is
// null.
type simInfo struct {
	Nodes             int           `json:"nodes"`
	Rounds            int           `json:"rounds"`
	Accuracy          *float64      `json:"accuracy_mean"`
	Worst             *float64      `json:"accuracy_worst"`
	AverageModel      *float64      `json:"accuracy_average_model"`
	R2                any           `json:"r2_mean,omitempty"` // a *float64 in a regression, of which nil is null, else nothing
	R2Worst           any           `json:"r2_worst,omitempty"`
	AUC               any           `json:"auc_mean,omitempty"` // likewise, of anomalies
	AUCWorst          any           `json:"auc_worst,omitempty"`
	Consensus         *float64      `json:"consensus"`
	Algorithm         string        `json:"algorithm"`
	Aggregate         string        `json:"aggregate"`
	Compress          string        `json:"compress"`
	Attack            string        `json:"attack,omitempty"`
	Malicious         int           `json:"malicious,omitempty"`
	BytesPerLinkRound int           `json:"bytes_per_link_round"`
	BytesPerNode      float64       `json:"bytes_per_node"`
	Wire              *wireInfo     `json:"wire,omitempty"`
	Messages          int64         `json:"messages"`
	Epsilon           *float64      `json:"epsilon"` // null: training is not private
	Delta             *float64      `json:"delta"`
	Personal          *personalInfo `json:"personal,omitempty"`
	Seconds           float64       `json:"seconds"`
	PeakRSS           int64         `json:"peak_rss_bytes"`
}

// personalInfo compares, on rows of each node's own, what it learned alone, what
// all learned, and that after training on its own rows.
type personalInfo struct {
	Alone  *float64 `json:"alone"`
	Shared *float64 `json:"shared"`
	Tuned  *float64 `json:"tuned"`
}

func (f *simFlags) info(r *sim.Result, s *sim.Settings, took time.Duration) simInfo {
	info := simInfo{
		Nodes: f.nodes, Rounds: f.rounds, Consensus: number(r.Consensus), Algorithm: r.Algorithm, Aggregate: r.Aggregate.String(),
		Compress: r.Compress, Malicious: f.malicious, BytesPerLinkRound: int(math.Round(r.BytesLinkRound)), BytesPerNode: r.BytesNode,
		Wire: onTheWire(r, s), Messages: r.Messages, Seconds: took.Seconds(), PeakRSS: peakRSS(),
	}
	if f.malicious > 0 {
		info.Attack = s.Attack.String()
	}
	switch r.Measure {
	case sim.R2:
		info.R2, info.R2Worst = number(r.Mean), number(r.Worst)
	case sim.AUC:
		info.AUC, info.AUCWorst = number(r.Mean), number(r.Worst)
	default:
		info.Accuracy, info.Worst, info.AverageModel = number(r.Mean), number(r.Worst), number(r.AverageModel)
	}
	if f.sigma > 0 {
		delta := shortest(f.delta)
		info.Epsilon, info.Delta = number(r.Epsilon), &delta
	}
	if p := r.Personal; p != nil {
		info.Personal = &personalInfo{number(p.Alone), number(p.Shared), number(p.Tuned)}
	}
	return info
}

// shortest returns the number that is written like v.
func shortest(v float32) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	return f
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

var measureNames = map[sim.Measure]string{sim.Accuracy: "accuracy", sim.R2: "R2", sim.AUC: "AUC"}

func showSim(w io.Writer, i simInfo, r *sim.Result) {
	if r.Diverged {
		fmt.Fprintln(w, "training diverged: lower --rate or scale the features")
		return
	}
	lines := []string{
		fmt.Sprintf("nodes\t%d, %d parameters each, %s, %s", i.Nodes, r.Params, i.Algorithm, mixedBy(i)),
		fmt.Sprintf("%s\t%.2f %% mean, %.2f %% worst, %.2f %% of the mean of all models", measureNames[r.Measure], 100*r.Mean, 100*r.Worst, 100*r.AverageModel),
		fmt.Sprintf("consensus\t%.3g (mean squared distance to the mean model, over its squared norm)", r.Consensus),
		fmt.Sprintf("payload\t%d bytes over one link in one round (%s), %.0f bytes a node in all", i.BytesPerLinkRound, i.Compress, i.BytesPerNode),
	}
	if v := i.Wire; v != nil {
		lines = append(lines, fmt.Sprintf("on the wire\t%d bytes with CBOR and MQTT headers, %d in the envelope, %d in chunks of one size", v.Headers, v.Envelope, v.Cover))
	}
	if i.Epsilon != nil {
		lines = append(lines, fmt.Sprintf("privacy\tepsilon %.4g at delta %g for each row of each node (unit: record)", *i.Epsilon, *i.Delta))
	}
	if p := r.Personal; p != nil {
		lines = append(lines, fmt.Sprintf("own rows\t%.2f %% alone, %.2f %% together, %.2f %% together and tuned", 100*p.Alone, 100*p.Shared, 100*p.Tuned))
	}
	lines = append(lines, fmt.Sprintf("took\t%.1f s on %d processors, %d MB at most", i.Seconds, runtime.GOMAXPROCS(0), i.PeakRSS>>20))
	columns(w, lines...)
}

// mixedBy says by which rule, and against what.
func mixedBy(i simInfo) string {
	if i.Malicious == 0 {
		return "mixed by " + i.Aggregate
	}
	return fmt.Sprintf("mixed by %s against %d hostile (%s)", i.Aggregate, i.Malicious, i.Attack)
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

// writePlot draws the mean over the rounds, with a band down to the worst node.
func (f *simFlags) writePlot(path string, points []sim.Point, m sim.Measure) error {
	mean, average := plot.Series{Name: "mean, down to the worst node"}, plot.Series{Name: "the mean of all models"}
	for _, p := range points {
		x := float64(p.Round)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, p.Mean)
		mean.Low, mean.High = append(mean.Low, p.Worst), append(mean.High, p.Mean)
		average.X, average.Y = append(average.X, x), append(average.Y, p.AverageModel)
	}
	var out bytes.Buffer
	err := plot.Write(&out, plot.Plot{
		Title:  fmt.Sprintf("%s, %s, %d nodes, %s, %s", filepath.Base(f.data), f.model, f.nodes, f.topology, f.partition),
		XLabel: "round", YLabel: measureNames[m], YPercent: m != sim.R2, Series: []plot.Series{mean, average},
	})
	if err != nil {
		return err
	}
	return store.WriteFile(path, out.Bytes(), 0o644)
}
