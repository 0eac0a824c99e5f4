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

	"github.com/vecino-edge/vecino/agent/learn"
	"golang.org/x/term"
)

// screen shows a demo: a table that is drawn again in its place on a terminal,
// one line for each round elsewhere, nothing with --json.
type screen struct {
	out    io.Writer
	live   bool
	mute   bool
	rounds int
	rows   []int
	drawn  int    // lines of the table on the terminal
	last   uint32 // round of the last line
}

func newScreen(std stdio, f *demoFlags, shares []*learn.Data) *screen {
	s := &screen{out: std.out, mute: f.asJSON, rounds: f.rounds}
	if file, ok := std.out.(*os.File); ok {
		s.live = term.IsTerminal(int(file.Fd())) && std.getenv("TERM") != "dumb"
	}
	for _, share := range shares {
		s.rows = append(s.rows, share.Train.Rows())
	}
	return s
}

// say prints a line of its own, above the table.
func (s *screen) say(format string, args ...any) {
	if !s.mute {
		fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// show draws how the devices are.
func (s *screen) show(devices []*resident) {
	if s.mute {
		return
	}
	var round uint32
	var mean, worst float64 = 0, 2
	var bytes int64
	for i, r := range devices {
		st := r.device.learner.Status()
		if st == nil || st.Accuracy == nil && st.R2 == nil {
			return
		}
		if i == 0 || st.Round < round {
			round = st.Round
		}
		v := result(st)
		mean += v / float64(len(devices))
		worst = min(worst, v)
		bytes += r.counters().BytesSent
	}
	if round == 0 || round == s.last {
		return
	}
	s.last = round
	if s.live {
		s.draw(devices, round, mean, worst, bytes)
		return
	}
	fmt.Fprintf(s.out, "round %2d of %d  accuracy %5.1f %% mean, %5.1f %% worst  %7.1f kB sent by each\n",
		round, s.rounds, 100*mean, 100*worst, float64(bytes)/1000/float64(len(devices)))
}

func (s *screen) draw(devices []*resident, round uint32, mean, worst float64, bytes int64) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\x1b[2K"+format+"\n", args...) }
	line("\x1b[1m%-10s %5s  %5s  %7s  %8s\x1b[0m", "device", "rows", "heard", "loss", "accuracy")
	for i, r := range devices {
		st := r.device.learner.Status()
		loss := "-"
		if st.Loss != nil {
			loss = fmt.Sprintf("%.4f", *st.Loss)
		}
		v := result(st)
		line("%-10s %5d  %2d/%-2d  %7s  %6.1f %%  %s", r.name, s.rows[i], st.Heard, st.Neighbours, loss, 100*v, bar(v))
	}
	line("round %d of %d: accuracy \x1b[1m%.1f %%\x1b[0m mean, %.1f %% worst, %.1f kB sent by each",
		round, s.rounds, 100*mean, 100*worst, float64(bytes)/1000/float64(len(devices)))
	s.drawn = len(devices) + 2
	io.WriteString(s.out, b.String())
}

// bar draws a share of one in 30 columns.
func bar(v float64) string {
	const width = 30
	n := int(max(0, min(1, v))*width + 0.5)
	return strings.Repeat("█", n) + strings.Repeat("·", width-n)
}

// summary tells what came of it.
func (s *screen) summary(i demoInfo) {
	s.say("")
	s.say("alone     %5.1f %%  mean accuracy of the same devices, as many rounds, no neighbours", 100*i.Alone)
	s.say("together  %5.1f %%  mean, %.1f %% on the worst device", 100*i.Together, 100*i.Worst)
	s.say("traffic   %.1f kB sent by each device in %d rounds, %d messages in all", i.BytesPerNode/1000, i.Rounds, i.Messages)
	if len(i.Refused) > 0 {
		var parts []string
		for _, reason := range slices.Sorted(maps.Keys(i.Refused)) {
			parts = append(parts, fmt.Sprintf("%s %d", reason, i.Refused[reason]))
		}
		s.say("refused   %s", strings.Join(parts, ", "))
	}
	s.say("took      %.1f s", i.Seconds)
}
