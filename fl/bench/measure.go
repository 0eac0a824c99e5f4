// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// said is what is read of the object that `learn sim --json` prints. A number that
// is not finite is null there.
type said struct {
	Nodes   int      `json:"nodes"`
	Mean    *float64 `json:"accuracy_mean"`
	Worst   *float64 `json:"accuracy_worst"`
	R2      *float64 `json:"r2_mean"`
	R2Worst *float64 `json:"r2_worst"`
	Rule    string   `json:"aggregate"`
	Payload float64  `json:"bytes_per_link_round"`
	Wire    *struct {
		Headers  float64 `json:"headers"`
		Envelope float64 `json:"envelope"`
		Cover    float64 `json:"cover"`
	} `json:"wire"`
	Epsilon  *float64 `json:"epsilon"`
	Personal *struct {
		Alone  *float64 `json:"alone"`
		Shared *float64 `json:"shared"`
		Tuned  *float64 `json:"tuned"`
	} `json:"personal"`
	Seconds float64 `json:"seconds"`
	cpu     float64 // seconds of all processors, of the whole process
	PeakRSS float64 `json:"peak_rss_bytes"`
}

// result is the mean over the seeds of a row, of memory and worstOfAll the extreme.
// What was not told is NaN.
type result struct {
	mean, worst, worstOfAll            float64 // percent
	payload, headers, envelope, cover  float64 // bytes
	epsilon, seconds, cpu, memory      float64 // memory in MB
	alone, shared, tuned               float64 // percent
	rule                               string
	regression, diverged, hasOwn, hasW bool
	single                             bool // one node, which is the mean and the worst
}

// bench runs rows.
type bench struct {
	options
	journal *journal
	stdout  io.Writer
}

// has reports whether the data of a row are there.
func (b *bench) has(r row) bool {
	if r.data() == "" {
		return true
	}
	if b.data == "" {
		return false
	}
	info, err := os.Stat(filepath.Join(b.data, r.data()))
	return err == nil && info.IsDir()
}

// run measures a row and draws its curve.
func (b *bench) run(r row) (*result, error) {
	var all []said
	for seed := 1; seed <= r.runs(); seed++ {
		args := append(r.arguments(b.data), "--seed", strconv.Itoa(seed))
		e, err := b.once(args)
		if err != nil {
			return nil, err
		}
		s := said{cpu: e.CPU}
		if err := json.Unmarshal(e.Result, &s); err != nil {
			return nil, fmt.Errorf("it printed no JSON: %w", err)
		}
		all = append(all, s)
	}
	got := summarise(all)
	got.single = all[0].Nodes == 1
	fmt.Fprintf(b.stdout, "%-22s %s; %.1f s\n", r.name, got, got.seconds)
	return got, b.draw(r)
}

// draw draws the curve of the first seed, in a run of its own, since evaluating
// every round takes time. A picture that is there is left alone where the binary has
// drawn it.
func (b *bench) draw(r row) error {
	if !r.plot {
		return nil
	}
	if err := os.MkdirAll(b.curves, 0o755); err != nil {
		return err
	}
	_, err := b.once(append(r.arguments(b.data), "--seed", "1", "--plot", filepath.Join(b.curves, r.name+".svg")))
	return err
}

// once runs the binary, unless it is known what it prints.
func (b *bench) once(args []string) (entry, error) {
	if e, known := b.journal.find(args); known {
		return e, nil
	}
	var out, stderr bytes.Buffer
	cmd := exec.Command(b.vecino, slices.Concat([]string{"learn", "sim"}, args, []string{"--json"})...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return entry{}, fmt.Errorf("vecino learn sim %s: %s", strings.Join(args, " "), bytes.TrimSpace(stderr.Bytes()))
	case err != nil:
		return entry{}, err
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return b.journal.add(args, bytes.TrimSpace(out.Bytes()), cpu.Seconds())
}

// summarise takes the means.
func summarise(all []said) *result {
	r := &result{worstOfAll: math.Inf(1), rule: all[0].Rule, hasOwn: all[0].Personal != nil, hasW: all[0].Wire != nil}
	n := float64(len(all))
	add := func(to *float64, scale float64, v *float64) {
		if v == nil {
			*to = math.NaN()
		} else {
			*to += scale * *v / n
		}
	}
	for _, s := range all {
		score, low := s.Mean, s.Worst
		if s.R2 != nil {
			score, low, r.regression = s.R2, s.R2Worst, true
		}
		r.diverged = r.diverged || score == nil
		add(&r.mean, 100, score)
		add(&r.worst, 100, low)
		if low != nil {
			r.worstOfAll = min(r.worstOfAll, 100**low)
		}
		add(&r.payload, 1, &s.Payload)
		add(&r.epsilon, 1, s.Epsilon)
		add(&r.seconds, 1, &s.Seconds)
		add(&r.cpu, 1, &s.cpu)
		r.memory = max(r.memory, s.PeakRSS/1e6)
		if w := s.Wire; w != nil {
			add(&r.headers, 1, &w.Headers)
			add(&r.envelope, 1, &w.Envelope)
			add(&r.cover, 1, &w.Cover)
		}
		if p := s.Personal; p != nil {
			add(&r.alone, 100, p.Alone)
			add(&r.shared, 100, p.Shared)
			add(&r.tuned, 100, p.Tuned)
		}
	}
	return r
}

// String says how well it was learned.
func (r *result) String() string {
	if r.diverged {
		return "diverged"
	}
	text := fmt.Sprintf("%.2f %%", r.mean)
	if r.regression {
		text = fmt.Sprintf("R2 %.2f %%", r.mean)
	}
	if !r.single {
		text += fmt.Sprintf(", worst %.2f %% (%.2f %%)", r.worst, r.worstOfAll)
	}
	if r.rule != "mean" {
		text += ", by " + r.rule
	}
	if !math.IsNaN(r.epsilon) {
		text += fmt.Sprintf(", epsilon %.3f", r.epsilon)
	}
	if r.hasOwn {
		text += fmt.Sprintf("; on own rows %.2f %% alone, %.2f %% shared, %.2f %% tuned", r.alone, r.shared, r.tuned)
	}
	return text
}
