// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/fl/dataset"
)

// terminal does with the bytes of a screen what a VT100 does: it wraps, scrolls
// and knows the few sequences that are used.
type terminal struct {
	t             *testing.T
	width, height int
	lines         [][]rune
	row, column   int
	scrolled      []string // lines that left at the top
}

func newTerminal(t *testing.T, width, height int) *terminal {
	return &terminal{t: t, width: width, height: height, lines: make([][]rune, height)}
}

func (v *terminal) Write(b []byte) (int, error) {
	text := []rune(string(b))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; r {
		case '\n':
			v.feed()
			v.column = 0
		case '\x1b':
			end := i + 2
			for text[end] < '@' {
				end++
			}
			v.control(string(text[i+2:end]), text[end])
			i = end
		default:
			v.put(r)
		}
	}
	return len(b), nil
}

func (v *terminal) put(r rune) {
	if v.column == v.width {
		v.feed()
		v.column = 0
	}
	for len(v.lines[v.row]) <= v.column {
		v.lines[v.row] = append(v.lines[v.row], ' ')
	}
	v.lines[v.row][v.column] = r
	v.column++
}

func (v *terminal) feed() {
	if v.row < v.height-1 {
		v.row++
		return
	}
	v.scrolled = append(v.scrolled, string(v.lines[0]))
	v.lines = append(v.lines[1:], nil)
}

func (v *terminal) control(parameter string, command rune) {
	n, _ := strconv.Atoi(parameter)
	switch command {
	case 'A':
		v.row = max(0, v.row-n)
		v.column = 0 // every use is at the beginning of a line
	case 'K':
		v.lines[v.row] = v.lines[v.row][:min(v.column, len(v.lines[v.row]))]
	case 'J':
		v.control("", 'K')
		for i := v.row + 1; i < v.height; i++ {
			v.lines[i] = nil
		}
	case 'm':
	default:
		v.t.Fatalf("sequence %q%c", parameter, command)
	}
}

// text is all that was ever shown, without trailing blanks.
func (v *terminal) text() string {
	all := v.scrolled
	for _, l := range v.lines {
		all = append(all, string(l))
	}
	for i := range all {
		all[i] = strings.TrimRight(all[i], " ")
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n") + "\n"
}

// readings are those of n devices after a round.
func readings(n int, round uint32, value float64) []reading {
	loss := 1.25
	out := make([]reading, n)
	for i := range out {
		out[i] = reading{
			name: deviceName(i), round: round, rows: 100 + i, heard: n - 1, neighbours: n - 1, loss: &loss,
			value: value - float64(i)/1000, worst: value - float64(i)/1000, sent: int64(round) * 20_000, devices: 1,
		}
	}
	return out
}

func liveScreen(t *testing.T, width, height int) (*screen, *terminal) {
	v := newTerminal(t, width, height)
	return &screen{out: v, rounds: 20, measure: accuracy, size: func() (int, int) { return v.width, v.height }}, v
}

func TestScreenOnATerminal(t *testing.T) {
	s, v := liveScreen(t, 80, 24)
	s.say("3 devices, broker mqtt://127.0.0.1:1")
	for round := range uint32(3) {
		s.update(readings(3, round+1, 0.5+float64(round)/10))
	}
	s.say("end")
	want := `3 devices, broker mqtt://127.0.0.1:1
device      rows  heard     loss  accuracy
kitchen      100   2/2    1.2500    70.0 %  █████████████████████·········
attic        101   2/2    1.2500    69.9 %  █████████████████████·········
cellar       102   2/2    1.2500    69.8 %  █████████████████████·········
round 3 of 20, accuracy 69.9 % mean, 69.8 % worst, 60.0 kB sent by each
end
`
	if d := cmp.Diff(want, v.text()); d != "" {
		t.Errorf("the terminal shows (-want +got):\n%s", d)
	}
}

// TestScreenFits holds that the table stays in its place, once, on terminals of
// all sizes: nothing of it wraps or scrolls.
func TestScreenFits(t *testing.T) {
	for _, width := range []int{45, 50, 60, 74, 75, 80, 200} {
		for _, height := range []int{6, 7, 10, 24, 50} {
			for _, nodes := range []int{1, 2, 5, 20, 21, 22, 23, 32} {
				t.Run(fmt.Sprintf("%dx%d %d devices", width, height, nodes), func(t *testing.T) {
					s, v := liveScreen(t, width, height)
					s.say("begin")
					for round := range uint32(5) {
						s.update(readings(nodes, round+1, 0.9))
					}
					s.say("end")
					text := v.text()
					for _, once := range []string{"begin\n", "device ", "kitchen ", "round 5 of 20", "end\n"} {
						if strings.Count(text, once) != 1 {
							t.Errorf("%q is there %d times", once, strings.Count(text, once))
						}
					}
					if strings.Contains(text, "round 4") {
						t.Error("an older table is still there")
					}
					if nodes+2 < height == strings.Contains(text, " more\n") {
						t.Error("devices are left out where there is room, or none where there is not")
					}
					if t.Failed() {
						t.Log("\n" + text)
					}
				})
			}
		}
	}
}

// TestScreenTooSmall holds that a terminal with no room for a table gets lines.
func TestScreenTooSmall(t *testing.T) {
	for _, size := range [][2]int{{44, 24}, {80, 5}, {1, 1}} {
		v := newTerminal(t, 200, 24)
		s := &screen{out: v, rounds: 20, measure: accuracy, size: func() (int, int) { return size[0], size[1] }}
		s.update(readings(2, 1, 0.5))
		s.update(readings(2, 2, 0.5))
		want := "round 1 of 20, accuracy 50.0 % mean, 49.9 % worst, 20.0 kB sent by each\n" +
			"round 2 of 20, accuracy 50.0 % mean, 49.9 % worst, 40.0 kB sent by each\n"
		if d := cmp.Diff(want, v.text()); d != "" {
			t.Errorf("%v: the terminal shows (-want +got):\n%s", size, d)
		}
	}
}

// TestScreenBetweenLines holds that a line of the log is not drawn over.
func TestScreenBetweenLines(t *testing.T) {
	s, v := liveScreen(t, 80, 24)
	s.update(readings(1, 1, 0.5))
	fmt.Fprintln(s.beside(v), "level=WARN")
	s.update(readings(1, 2, 0.6))
	s.update(readings(1, 3, 0.7))
	want := `device      rows  heard     loss  accuracy
kitchen      100   0/0    1.2500    50.0 %  ███████████████···············
round 1 of 20, accuracy 50.0 % mean, 50.0 % worst, 20.0 kB sent by each
level=WARN
device      rows  heard     loss  accuracy
kitchen      100   0/0    1.2500    70.0 %  █████████████████████·········
round 3 of 20, accuracy 70.0 % mean, 70.0 % worst, 60.0 kB sent by each
`
	if d := cmp.Diff(want, v.text()); d != "" {
		t.Errorf("the terminal shows (-want +got):\n%s", d)
	}
}

func TestScreenElsewhere(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(stdio{out: &out}, &demoFlags{rounds: 3}, dataset.Classification)
	two := readings(2, 1, 0.5)
	s.update(readings(2, 0, 0))
	s.update(two)
	s.update(two) // the same round again
	two[0].round = 2
	s.update(two) // one device is ahead
	two[1].round = 2
	two[1].loss = nil
	s.update(two)
	s.summary(&demoInfo{
		Alone: 0.25, Together: 0.5, Worst: 0.4, Rounds: 3, Messages: 7, BytesPerNode: 1500, Refused: map[string]uint64{"replay": 2, "late": 1}, Seconds: 1.25,
		Copies: 20, Received: 14, Lost: map[string]int64{"left": 2, "broker": 3}, Unexplained: 1, Missed: 4,
	})
	want := `round 1 of 3, accuracy 50.0 % mean, 49.9 % worst, 20.0 kB sent by each
round 2 of 3, accuracy 50.0 % mean, 49.9 % worst, 20.0 kB sent by each

alone     25.0 %  mean accuracy of the same devices, as many rounds, no neighbours
together  50.0 %  mean, 40.0 % on the worst device
traffic   1.5 kB sent by each device in 3 rounds, 7 messages in all
delivered 14 of 20 copies of chunks; lost: broker 3, left 2; 1 are missing, and nobody knows why
late      4 updates were not there when a round ended, and 0 rounds of a device left out
refused   late 1, replay 2
took      1.2 s
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	out.Reset()
	s = newScreen(stdio{out: &out}, &demoFlags{rounds: 3}, dataset.Regression)
	s.update(readings(1, 1, -3.5))
	want = "round 1 of 3, R2 -3.500 mean, -3.500 worst, 20.0 kB sent by each\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	out.Reset()
	s = newScreen(stdio{out: &out}, &demoFlags{rounds: 3, asJSON: true}, dataset.Regression)
	s.say("nothing")
	s.show([]*neighbourhood{nil})
	s.summary(&demoInfo{})
	if out.Len() > 0 {
		t.Errorf("with --json it shows %q", out.String())
	}
}

func TestBar(t *testing.T) {
	for v, want := range map[float64]string{-1: "····", 0: "····", 0.12: "····", 0.13: "█···", 0.5: "██··", 1: "████", 7: "████"} {
		if got := bar(v, 4); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
