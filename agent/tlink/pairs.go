// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"slices"
	"time"
)

// Edge holds how far the tracks of an epoch are from those of the next, and
// whose they are.
type Edge struct {
	far         [][][]float64 // (before, after, distances); each 0 or more, 0 for alike
	left, right []int         // device of each track
}

// Distance is what an entry of an [Edge] is the distance of.
type Distance struct {
	Name  string
	group group
}

// distances are those of the features, and those that are not the difference of
// two numbers. The last is that of bytes in common.
var distances = append(ofFeatures(),
	Distance{"size histogram", sizes}, Distance{"gap histogram", gapTimes}, Distance{"rhythm", gapTimes},
	Distance{"leave to enter", edgeTimes}, Distance{"order of filters", manners}, Distance{"bytes in common", commonBytes})

func ofFeatures() (out []Distance) {
	for _, f := range features {
		out = append(out, Distance{f.name, f.group})
	}
	return out
}

// periods of the rhythms that are compared, in seconds.
var periods = []float64{1, 2, 3, 4, 5, 6, 8, 10}

// Edges compares each epoch of a recording with the next. Shared are the
// substrings that [FindShared] found.
func Edges(r *Recording, truth Truth, shared *Shared) (out []*Edge) {
	door := r.constants()
	if r.groupsByTopic() == nil {
		door = nil // topics never change, so that the door is not to be told from them
	}
	epochs := r.Epochs()
	var before *side
	for n, tracks := range epochs {
		after := newSide(tracks, door)
		if n > 0 {
			out = append(out, newEdge(before, after, truth, shared))
		}
		before = after
	}
	return out
}

// side is an epoch as one side of an edge.
type side struct {
	tracks []*Track
	views  []*view
	scaled [][]float64 // (tracks, features), brought to the spread of the epoch
}

func newSide(tracks []*Track, door map[string]bool) *side {
	s := &side{tracks: tracks, scaled: make([][]float64, len(tracks))}
	enter, leave := middle(tracks, (*Track).opened), middle(tracks, (*Track).closed)
	var gaps []float64
	for _, t := range tracks {
		v := newView(t, enter, leave, door)
		s.views = append(s.views, v)
		gaps = append(gaps, v.gaps...)
	}
	for _, v := range s.views {
		v.usual = quantile(gaps, 0.5)
	}
	for _, f := range features {
		column := make([]float64, len(tracks))
		for i, v := range s.views {
			column[i] = f.value(v)
		}
		mean, deviation := moments(column)
		for i, x := range column {
			s.scaled[i] = append(s.scaled[i], (x-mean)/max(deviation, 1e-9*math.Abs(mean)+1e-12))
		}
	}
	return s
}

func middle(tracks []*Track, at func(*Track) time.Duration) time.Duration {
	times := make([]float64, len(tracks))
	for i, t := range tracks {
		times[i] = at(t).Seconds()
	}
	return time.Duration(quantile(times, 0.5) * float64(time.Second))
}

func newEdge(a, b *side, truth Truth, shared *Shared) *Edge {
	e := &Edge{far: make([][][]float64, len(a.tracks))}
	for i, t := range a.tracks {
		e.left = append(e.left, t.device(truth))
		e.far[i] = make([][]float64, len(b.tracks))
		for j, u := range b.tracks {
			d := make([]float64, 0, len(distances))
			for k := range features {
				d = append(d, math.Abs(a.scaled[i][k]-b.scaled[j][k]))
			}
			v, w := a.views[i], b.views[j]
			e.far[i][j] = append(d,
				apart(histogram(v.sizes, sizeBin), histogram(w.sizes, sizeBin)),
				apart(histogram(v.gaps, gapBin), histogram(w.gaps, gapBin)),
				rhythms(v, w), math.Abs(v.leave-w.enter), math.Abs(disorder(a, i)-disorder(b, j)),
				1/(1+float64(shared.Between(t, u))))
		}
	}
	for _, u := range b.tracks {
		e.right = append(e.right, u.device(truth))
	}
	return e
}

// sizeBin and gapBin sort packets into bins of 64 bytes, and gaps into bins of a
// quarter of an octave.
func sizeBin(v float64) int { return int(v / 64) }
func gapBin(v float64) int  { return int(math.Round(4 * math.Log2(max(v, 1e-4)))) }

func histogram(values []float64, bin func(float64) int) map[int]float64 {
	h := map[int]float64{}
	for _, v := range values {
		h[bin(v)] += 1 / float64(len(values))
	}
	return h
}

// apart returns the sum of the differences of two histograms. Bins are summed in
// order, so that the sum is the same on every run.
func apart(a, b map[int]float64) (d float64) {
	var bins []int
	for k := range a {
		bins = append(bins, k)
	}
	for k := range b {
		bins = append(bins, k)
	}
	slices.Sort(bins)
	for _, k := range slices.Compact(bins) {
		d += math.Abs(a[k] - b[k])
	}
	return d
}

// rhythms returns how far the rhythms of two tracks are apart.
func rhythms(v, w *view) (d float64) {
	for _, p := range periods {
		a, b := v.rhythm(p)
		c, e := w.rhythm(p)
		d += math.Hypot(a-c, b-e)
	}
	return d
}

// disorder returns how many filters of a track stand elsewhere than in the first
// track of its epoch.
func disorder(s *side, i int) (n float64) {
	for k, f := range s.views[i].order {
		if usual := s.views[0].order; k >= len(usual) || usual[k] != f {
			n++
		}
	}
	return n
}
