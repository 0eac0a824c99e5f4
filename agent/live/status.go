// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Score is what a model says of a sample, or of a window of them: a class, a value,
// or how far it is from what is normal. What a kind of task does not say is nil.
type Score struct {
	Task       string    `json:"task"`
	Class      *int      `json:"class,omitempty"`
	Value      *float64  `json:"value,omitempty"` // in the unit of the target
	Low        *float64  `json:"low,omitempty"`   // of the interval in which the target lies with that confidence
	High       *float64  `json:"high,omitempty"`
	Anomaly    *float64  `json:"score,omitempty"`
	Threshold  *float64  `json:"threshold,omitempty"` // above which a score is anomalous
	Anomalous  *bool     `json:"anomalous,omitempty"`
	Confidence *float64  `json:"confidence"`        // 0 to 1; nil where nothing tells it
	Missing    int       `json:"missing,omitempty"` // values that the sample lacked
	Time       time.Time `json:"time"`              // of the sample's arrival
	Latency    float64   `json:"latency_ms"`        // from there until the score is handed over
}

func (s *Score) encode() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("live: encode score: " + err.Error()) // all numbers are finite
	}
	return b
}

// tally counts what became of samples and scores.
type tally struct {
	samples, scored, published, dropped, repeated, lost atomic.Uint64
	latency                                             histogram

	mu      sync.Mutex
	why     map[string]uint64 // refused samples by reason
	state   string
	problem string
	second  int64 // of the clock, and the samples in it so far
	count   int
}

// States of a source.
const (
	stateRunning = "running"
	stateWaiting = "waiting" // for the next attempt
)

func (t *tally) running() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state, t.problem = stateRunning, ""
}

func (t *tally) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state, t.problem = stateWaiting, err.Error()
}

func (t *tally) refused(err error) {
	reason := reasonSyntax
	var r *refusal
	if errors.As(err, &r) {
		reason = r.reason
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		t.why = map[string]uint64{}
	}
	t.why[reason]++
}

// admit reports whether a sample of that time may come yet.
func (t *tally) admit(at time.Time) bool {
	t.mu.Lock()
	if second := at.Unix(); second != t.second {
		t.second, t.count = second, 0
	}
	t.count++
	ok := t.count <= MaxRate
	t.mu.Unlock()
	if !ok {
		t.refused(refuse(reasonRate, "there are more than %d in a second", MaxRate))
	}
	return ok
}

// Status is the live analysis as people see it.
type Status struct {
	Source    string            `json:"source"` // its kind
	State     string            `json:"state"`  // waiting or running
	Problem   string            `json:"problem,omitempty"`
	Connected bool              `json:"connected"` // with the owner's broker
	Samples   uint64            `json:"samples"`
	Refused   map[string]uint64 `json:"refused"`   // samples, by reason
	Overrun   uint64            `json:"overrun"`   // samples that waited too long and made room for others
	Rows      int               `json:"rows"`      // to learn from, with a target or not
	Held      int               `json:"held_out"`  // rows to test with
	LostRows  uint64            `json:"lost_rows"` // scored, and not kept to learn from
	Scored    uint64            `json:"scored"`
	Published uint64            `json:"published"`
	Dropped   uint64            `json:"dropped"`  // scores that found no broker
	Repeated  uint64            `json:"repeated"` // scores that were the latest when the broker came back
	Latency   Latency           `json:"latency"`
	Scores    []Latest          `json:"scores"` // the latest of each name
}

// Latest is the latest score of a name.
type Latest struct {
	Name string  `json:"name"`
	Age  float64 `json:"age_seconds"`
	Score
}

// Status returns how the service is.
func (s *Service) Status() *Status {
	t := &s.tally
	out := &Status{
		Source: s.o.Source.Kind, Connected: s.o.Plane.Connected(), Samples: t.samples.Load(), Overrun: s.queue.drops(), LostRows: t.lost.Load(),
		Scored: t.scored.Load(), Published: t.published.Load(), Dropped: t.dropped.Load(), Repeated: t.repeated.Load(),
		Latency: t.latency.read(), Refused: map[string]uint64{}, Scores: []Latest{},
	}
	if r := s.base.rows.Load(); r != nil {
		out.Rows, out.Held = r.ring.Len()
	}
	t.mu.Lock()
	out.State, out.Problem = t.state, t.problem
	maps.Copy(out.Refused, t.why)
	t.mu.Unlock()
	if out.State == "" {
		out.State = stateWaiting
	}
	s.lastMu.Lock()
	defer s.lastMu.Unlock()
	for name, k := range s.last {
		out.Scores = append(out.Scores, Latest{Name: name, Age: time.Since(k.score.Time).Seconds(), Score: k.score})
	}
	slices.SortFunc(out.Scores, func(a, b Latest) int { return strings.Compare(a.Name, b.Name) })
	return out
}
