// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Report says how the attackers fared on one or more runs.
type Report struct {
	Tracks     int      // over all epochs
	Missing    int      // tracks of devices that were not there in an epoch
	Shared     int      // substrings that (a) found, over all runs
	Examples   [][]byte // of them
	Substring  Score    // of attacker (a)
	Histograms []Single // of attacker (b), by what it looks at
	Learned    Score    // of attacker (c)
	Distances  []Single // how far one distance leads by itself, furthest first
}

// Single is the score of an attack that has a name.
type Single struct {
	Name     string
	Score    Score
	Constant float64 // of a distance: see [Constancy]
}

// examples is how many substrings a report shows of each run.
const examples = 4

// Run is one recording with its truth.
type Run struct {
	Recording *Recording
	Truth     Truth
}

// Analyse lets the attackers loose. Attacker (c) learns from all runs but the one
// that it attacks; of a single run, from one half of the edges for the other.
func Analyse(runs ...Run) *Report {
	rep := &Report{}
	var all [][]*Edge
	for _, r := range runs {
		for _, tracks := range r.Recording.Epochs() {
			rep.Tracks += len(tracks)
			rep.Missing += slices.Max(r.Truth) + 1 - len(tracks)
		}
		shared := FindShared(r.Recording)
		rep.Shared += shared.Count
		rep.Examples = append(rep.Examples, shared.Examples(examples)...)
		all = append(all, Edges(r.Recording, r.Truth, shared))
	}
	if len(all) == 1 {
		half := len(all[0]) / 2
		all = [][]*Edge{all[0][:half], all[0][half:]}
	}
	for n, edges := range all {
		rep.Learned = rep.Learned.Add(Grade(edges, Learned(others(all, n))(edges)))
	}
	edges := slices.Concat(all...)
	rep.Substring = Grade(edges, BySubstring(edges))
	rep.Histograms = append(rep.Histograms, Single{Name: "all", Score: Grade(edges, ByGroup("")(edges))})
	for _, g := range []group{sizes, counts, gapTimes, edgeTimes, manners} {
		rep.Histograms = append(rep.Histograms, Single{Name: string(g), Score: Grade(edges, ByGroup(g)(edges))})
	}
	for k, d := range distances {
		rep.Distances = append(rep.Distances, Single{d.Name, Grade(edges, ByDistance(k)(edges)), Constancy(edges, k)})
	}
	slices.SortStableFunc(rep.Distances, func(a, b Single) int { return cmp.Compare(b.Constant, a.Constant) })
	return rep
}

// others returns the edges of all runs but one.
func others(all [][]*Edge, n int) []*Edge {
	return slices.Concat(slices.Concat(all[:n]...), slices.Concat(all[n+1:]...))
}

// Best returns the best of attacker (b).
func (r *Report) Best() (best Score) {
	for _, s := range r.Histograms {
		if s.Score.Right >= best.Right {
			best = s.Score
		}
	}
	return best
}

// Print writes the report as a table.
func (r *Report) Print(w io.Writer) {
	row := func(name string, s Score) { fmt.Fprintf(w, "%-34s %v\n", name, s) }
	fmt.Fprintf(w, "%d tracks, %d missing\n", r.Tracks, r.Missing)
	fmt.Fprintf(w, "%-34s %s\n", "links", "right / tried    share   (bound)")
	row(fmt.Sprintf("(a) substrings, %d shared", r.Shared), r.Substring)
	for _, s := range r.Histograms {
		row("(b) "+s.Name, s.Score)
	}
	row("(c) logistic regression", r.Learned)
	for _, x := range r.Examples {
		fmt.Fprintf(w, "    shared: %x %q\n", x, x)
	}
	fmt.Fprintln(w, "by one distance alone, and how constant it is of a device")
	for _, s := range r.Distances {
		fmt.Fprintf(w, "    %-30s %v  %6.3f\n", s.Name, s.Score, s.Constant)
	}
}
