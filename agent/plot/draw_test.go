// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// count returns 0, 1, … n-1 as the rounds of a series, from the given one.
func count(from, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(from + i)
	}
	return x
}

// each returns f of every number of x. What the tests hand in rounds its products,
// so that the golden pictures are the same everywhere.
func each(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// rising is a learning curve that starts at 0 and comes near to top.
func rising(top, pace float64) func(float64) float64 {
	return func(r float64) float64 { return top - top*pace/(pace+r) }
}

// learning is what a simulation draws: means with bands, a run that was
// interrupted, and the accuracy of one model.
func learning() Plot {
	x := count(1, 100)
	band := func(name string, top, pace float64) Series {
		s := Series{Name: name, X: x, Y: each(x, rising(top, pace))}
		s.Low, s.High = each(x, rising(top-0.06, 1.6*pace)), each(x, rising(top+0.02, 0.7*pace))
		return s
	}
	gap := Series{Name: "split in two", X: x, Y: each(x, rising(0.8, 4))}
	for i := 40; i < 55; i++ {
		gap.Y[i] = math.NaN()
	}
	gap.Y[47] = 0.5
	return Plot{
		Title: "Ring of 10, Dirichlet 0.1", XLabel: "round", YLabel: "accuracy on the test rows", YPercent: true,
		Series: []Series{band("K-GT", 0.95, 5), band("D-PSGD", 0.88, 9), gap, {Name: "centralised", X: x[99:], Y: []float64{0.97}}},
	}
}

// crowded has as many series as fit, with names too long to stand beside.
func crowded() Plot {
	p := Plot{Title: "All algorithms & <topologies>", XLabel: "round", YLabel: "loss"}
	for i := range MaxSeries {
		x := count(0, 60)
		p.Series = append(p.Series, Series{
			Name: fmt.Sprintf("algorithm %d of the comparison %s", i+1, strings.Repeat("with links that fail ", i%3)), X: x,
			Y: each(x, func(r float64) float64 { return float64(0.2*float64(i)) + 3/(1+r/float64(i+2)) }),
		})
	}
	return p
}

var goldens = map[string]Plot{
	"learning": learning(),
	"crowded":  crowded(),
	"empty":    {},
	"one":      {Title: "One round", XLabel: "round", YLabel: "accuracy", YPercent: true, Series: []Series{{Name: "mean", X: []float64{1}, Y: []float64{0.25}, Low: []float64{0.2}, High: []float64{0.4}}}},
	"huge": {Title: "Numbers at the limits", XLabel: "steps", YLabel: "norm", Series: []Series{
		{Name: "up", X: []float64{0, 1e6, 2e6}, Y: []float64{-MaxAbs, 0, MaxAbs}},
		{Name: "beyond", X: []float64{0, 1e6, math.Inf(1), 2e6}, Y: []float64{5e299, math.Inf(-1), 0, 1e301}},
	}},
}

func svg(t testing.TB, p Plot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, p := range goldens {
		t.Run(name, func(t *testing.T) {
			got := svg(t, p)
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if again := svg(t, p); !bytes.Equal(again, got) {
				t.Error("the second picture differs from the first")
			}
			inspect(t, got)
		})
	}
}

// TestLegend holds where the legend stands, which [inspect] holds off the curves.
func TestLegend(t *testing.T) {
	x := count(0, 3)
	for _, tt := range []struct {
		name   string
		names  []string
		beside bool
		shown  int
	}{
		{"none", []string{"", "  "}, false, 0},
		{"short", []string{"mean", "worst", ""}, true, 2},
		{"all short", strings.Fields("a b c d e f g h"), true, 8},
		{"long", []string{"mean", strings.Repeat("worst ", 12)}, false, 2},
		{"all long", strings.Split(strings.Repeat(strings.Repeat("W", 300)+" ", 8), " ")[:8], false, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Plot{}
			for _, name := range tt.names {
				p.Series = append(p.Series, Series{Name: name, X: x, Y: x})
			}
			pic := inspect(t, svg(t, p))
			shown, beside := 0, true
			for _, text := range pic.texts {
				if text.class == "ink" {
					shown++
					beside = beside && text.left > pic.frame.right
				}
			}
			if shown != tt.shown || shown > 0 && beside != tt.beside {
				t.Errorf("%d names are shown, all of them beside the frame: %v; want %d, %v", shown, beside, tt.shown, tt.beside)
			}
		})
	}
}

// TestShapes counts what the series of a plot become.
func TestShapes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name         string
		x, y, lo, hi []float64
		points, dots int // of the line
		runs, bands  int
	}{
		{name: "nothing"},
		{name: "one point", x: []float64{3}, y: []float64{0.5}, points: 1, dots: 1, runs: 1},
		{name: "line", x: count(0, 5), y: count(0, 5), points: 5, runs: 1},
		{name: "gap", x: count(0, 5), y: []float64{1, 2, nan, 4, 5}, points: 4, runs: 2},
		{name: "gap in X", x: []float64{0, 1, inf, 3, 4}, y: count(0, 5), points: 4, runs: 2},
		{name: "lonely", x: count(0, 5), y: []float64{1, nan, 3, -inf, 5}, points: 3, dots: 3, runs: 3},
		{name: "beyond", x: count(0, 4), y: []float64{1, 2, 1.1 * MaxAbs, -1.1 * MaxAbs}, points: 2, runs: 1},
		{name: "nothing usable", x: count(0, 3), y: []float64{nan, inf, -inf}},
		{name: "at the limits", x: count(0, 3), y: []float64{-MaxAbs, 5e-324, MaxAbs}, points: 3, runs: 1},
		{name: "constant", x: count(0, 3), y: []float64{7, 7, 7}, points: 3, runs: 1},
		{name: "same X", x: []float64{2, 2, 2}, y: count(0, 3), points: 3, runs: 1},
		{name: "long labels at the edge", x: []float64{1, 1 + 4e-8}, y: count(0, 2), points: 2, runs: 1},
		{name: "band", x: count(0, 3), y: count(2, 3), lo: count(1, 3), hi: count(3, 3), points: 3, runs: 1, bands: 1},
		{name: "band with a gap", x: count(0, 5), y: count(2, 5), lo: []float64{1, 1, nan, 1, 1}, hi: count(3, 5), points: 5, runs: 1, bands: 2},
		{name: "band of gaps", x: count(0, 2), y: count(2, 2), lo: []float64{nan, 1}, hi: []float64{1, inf}, points: 2, runs: 1},
		{name: "band with a gap in the line", x: count(0, 3), y: []float64{1, nan, 1}, lo: count(0, 3), hi: count(1, 3), points: 2, dots: 2, runs: 2, bands: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pic := inspect(t, svg(t, Plot{Series: []Series{{X: tt.x, Y: tt.y, Low: tt.lo, High: tt.hi}}}))
			if len(pic.lines) != 1 {
				t.Fatalf("%d lines", len(pic.lines))
			}
			line := pic.lines[0]
			if got := strings.Count(line, "M") + strings.Count(line, "L"); got != tt.points {
				t.Errorf("%d points, want %d: %s", got, tt.points, line)
			}
			if got := strings.Count(line, "M"); got != tt.runs {
				t.Errorf("%d runs, want %d: %s", got, tt.runs, line)
			}
			if pic.circles != tt.dots {
				t.Errorf("%d dots, want %d", pic.circles, tt.dots)
			}
			if got := strings.Count(strings.Join(pic.bands, ""), "Z"); got != tt.bands {
				t.Errorf("%d bands, want %d: %v", got, tt.bands, pic.bands)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Plot
		want string
	}{
		{"too many series", Plot{Series: make([]Series, MaxSeries+1)}, "9 series, at most 8 fit: draw several plots"},
		{"X and Y", Plot{Series: []Series{{}, {Name: "a\nb", X: count(0, 2), Y: count(0, 3)}}}, `series 1 ("a\nb") has 2 X and 3 Y`},
		{"Low alone", Plot{Series: []Series{{X: count(0, 2), Y: count(0, 2), Low: count(0, 2)}}}, "2 X, 2 Low and 0 High"},
		{"short band", Plot{Series: []Series{{X: count(0, 2), Y: count(0, 2), Low: count(0, 1), High: count(0, 1)}}}, "2 X, 1 Low and 1 High"},
	} {
		var b bytes.Buffer
		if err := Write(&b, tt.p); err == nil || !strings.Contains(err.Error(), tt.want) || b.Len() != 0 {
			t.Errorf("%s: error %v and %d bytes, want %q", tt.name, err, b.Len(), tt.want)
		}
	}
}

// full is a writer that has no room, and counts how often it is asked.
type full struct{ calls int }

var errFull = errors.New("no room")

func (f *full) Write([]byte) (int, error) { f.calls++; return 0, errFull }

func TestWriteError(t *testing.T) {
	var f full
	if err := Write(&f, learning()); !errors.Is(err, errFull) || f.calls != 1 {
		t.Errorf("error %v after %d calls", err, f.calls)
	}
}

func BenchmarkWrite(b *testing.B) {
	x := count(0, 100_000)
	y := each(x, func(r float64) float64 { return math.Mod(r*7919, 1009) })
	p := Plot{Series: []Series{{Name: "long", X: x, Y: y, Low: y, High: y}}}
	b.ReportAllocs()
	for b.Loop() {
		svg(b, p)
	}
}
