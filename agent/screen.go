// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/vecino-edge/vecino/fl/dataset"
	"golang.org/x/term"
)

// screen shows a demo: a table that is drawn again in its place on a terminal,
// one line for each round elsewhere, nothing with --json.
type screen struct {
	out     io.Writer
	size    func() (width, height int) // nil where out is no terminal
	mute    bool
	rounds  int
	measure measure

	mu    sync.Mutex // log lines come from everywhere
	drawn int        // lines of the table that stand right above the cursor
	last  uint32     // round that was shown last
}

// measure is what the devices' results mean.
type measure struct {
	name   string
	format func(v float64) string
}

var (
	accuracy = measure{"accuracy", func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }}
	rSquared = measure{"R2", func(v float64) string { return fmt.Sprintf("%.3f", v) }}
)

func newScreen(std stdio, f *demoFlags, kind dataset.Kind) *screen {
	s := &screen{out: std.out, mute: f.asJSON, rounds: f.rounds, measure: accuracy}
	if kind == dataset.Regression {
		s.measure = rSquared
	}
	file, ok := std.out.(*os.File)
	if !ok || std.getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.size = func() (width, height int) {
		width, height, err := term.GetSize(int(file.Fd()))
		if err != nil || width == 0 || height == 0 { // a serial line knows no size
			return 80, 24
		}
		return width, height
	}
	return s
}

// say prints a line of its own, below the table.
func (s *screen) say(format string, args ...any) {
	if s.mute {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn = 0
	fmt.Fprintf(s.out, format+"\n", args...)
}

// beside returns w for lines that come between: the next table is drawn below
// them.
func (s *screen) beside(w io.Writer) io.Writer { return besideScreen{s, w} }

type besideScreen struct {
	*screen
	w io.Writer
}

func (b besideScreen) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drawn = 0
	return b.w.Write(line)
}

// reading is what a screen shows of a device after a round.
type reading struct {
	name              string
	round             uint32
	rows              int
	heard, neighbours int
	loss              *float64
	value, worst      float64 // accuracy or R2, mean and on the worst device
	sent              int64   // bytes
	devices           int     // that it is about
}

// merge returns what is shown of a neighbourhood: sums of rows and bytes, else
// means.
func merge(name string, of []reading) reading {
	all := reading{name: name, round: of[0].round, worst: of[0].worst, devices: len(of)}
	var loss float64
	for _, r := range of {
		all.round, all.worst = min(all.round, r.round), min(all.worst, r.worst)
		all.rows, all.sent = all.rows+r.rows, all.sent+r.sent
		all.heard, all.neighbours = all.heard+r.heard, all.neighbours+r.neighbours
		all.value += r.value / float64(len(of))
		if r.loss != nil {
			loss += *r.loss / float64(len(of))
		}
	}
	all.heard, all.neighbours, all.loss = all.heard/len(of), all.neighbours/len(of), &loss
	return all
}

// show draws how the devices are, once for each round that all have ended: a line
// for each of them, or for each neighbourhood where there are several.
func (s *screen) show(hoods []*neighbourhood) {
	if s.mute {
		return
	}
	var readings []reading
	for i, n := range hoods {
		of := make([]reading, len(n.devices))
		for i, r := range n.devices {
			st := r.device.learner.Status()
			if st == nil || st.Accuracy == nil && st.R2 == nil {
				return
			}
			of[i] = reading{
				name: r.name, round: st.Round, rows: st.Rows, heard: st.Heard, neighbours: st.Neighbours,
				loss: st.Loss, value: result(st), worst: result(st), sent: r.counters().BytesSent, devices: 1,
			}
		}
		if len(hoods) > 1 {
			of = []reading{merge(fmt.Sprintf("street %d", i+1), of)}
		}
		readings = append(readings, of...)
	}
	s.update(readings)
}

func (s *screen) update(readings []reading) {
	round, worst, devices := readings[0].round, readings[0].worst, 0
	for _, r := range readings {
		devices += r.devices
	}
	var mean, sent float64
	for _, r := range readings {
		round, worst = min(round, r.round), min(worst, r.worst)
		mean += r.value * float64(r.devices) / float64(devices)
		sent += float64(r.sent) / 1000 / float64(devices)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if round == 0 || round == s.last {
		return
	}
	s.last = round
	sums := []string{
		fmt.Sprintf("round %d of %d", round, s.rounds),
		fmt.Sprintf("%s %s mean", s.measure.name, s.measure.format(mean)),
		s.measure.format(worst) + " worst",
		fmt.Sprintf("%.1f kB sent by each", sent),
	}
	if s.size != nil {
		if width, height := s.size(); width > tableWidth && height > leastLines {
			s.draw(readings, sums, width, height)
			return
		}
	}
	fmt.Fprintln(s.out, strings.Join(sums, ", "))
}

// The size of the table without bars, and of the smallest with one device: its
// head, the device, what is left out, the sums and the line of the cursor.
const (
	tableWidth = 44
	barWidth   = 30
	leastLines = 5
)

// draw draws the table over the one before it. It leaves out what the terminal
// has no room for: a line that wraps or scrolls could not be drawn over.
func (s *screen) draw(readings []reading, sums []string, width, height int) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	// Each line is erased by itself: some terminals keep a copy of what is erased
	// as a whole.
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\x1b[K\n", args...) }
	line("\x1b[1m%-10s %5s  %5s  %7s  %8s\x1b[0m", "device", "rows", "heard", "loss", s.measure.name)
	s.drawn = len(readings) + 2
	shown := readings
	if s.drawn >= height {
		shown = readings[:height-leastLines+1]
		s.drawn = len(shown) + 3
	}
	for _, r := range shown {
		loss := "-"
		if r.loss != nil {
			loss = fmt.Sprintf("%.4f", *r.loss)
		}
		line("%-10.10s %5d  %2d/%-2d  %7.7s  %8s  %s", r.name, r.rows, r.heard, r.neighbours, loss,
			s.measure.format(r.value), bar(r.value, min(barWidth, width-tableWidth-1)))
	}
	if left := len(readings) - len(shown); left > 0 {
		line("and %d more", left)
	}
	line("%s", fit(sums, width-1))
	b.WriteString("\x1b[J") // what is left of a longer table
	io.WriteString(s.out, b.String())
}

// fit joins as many parts as a line of that width holds.
func fit(parts []string, width int) string {
	for len(parts) > 1 && len(strings.Join(parts, ", ")) > width {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ", ")
}

// bar draws a share of one.
func bar(v float64, width int) string {
	n := int(max(0, min(1, v))*float64(width) + 0.5)
	return strings.Repeat("█", n) + strings.Repeat("·", width-n)
}

// summary tells what came of it.
func (s *screen) summary(i *demoInfo) {
	s.say("")
	s.say("alone     %s  mean %s of the same devices, as many rounds, no neighbours", s.measure.format(i.Alone), s.measure.name)
	s.say("together  %s  mean, %s on the worst device", s.measure.format(i.Together), s.measure.format(i.Worst))
	s.say("traffic   %.1f kB sent by each device in %d rounds, %d messages in all", i.BytesPerNode/1000, i.Rounds, i.Messages)
	s.say("delivered %d of %d copies of chunks%s", i.Received, i.Copies, lostInWords(i))
	if i.Missed > 0 || i.LeftOut > 0 {
		s.say("late      %d updates were not there when a round ended, and %d rounds of a device left out", i.Missed, i.LeftOut)
	}
	if len(i.Refused) > 0 {
		s.say("refused   %s", counts(i.Refused))
	}
	s.say("took      %.1f s", i.Seconds)
}

// lostInWords says what became of the copies that were not received.
func lostInWords(i *demoInfo) string {
	out := ""
	if len(i.Lost) > 0 {
		out = "; lost: " + counts(i.Lost)
	}
	if i.Unexplained > 0 {
		out += fmt.Sprintf("; %d are missing, and nobody knows why", i.Unexplained)
	}
	return out
}

// counts lists reasons with how often there was each.
func counts[N int64 | uint64](of map[string]N) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", reason, of[reason]))
	}
	return strings.Join(parts, ", ")
}
