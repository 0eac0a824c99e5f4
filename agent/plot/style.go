// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"fmt"
	"strings"
)

// colour is one colour on light and on dark paper.
type colour struct{ light, dark string }

var (
	paper = colour{"#ffffff", "#1c2220"}
	ink   = colour{"#1c2321", "#e6ece9"}
	soft  = colour{"#5d6b66", "#9aa8a2"}
	grid  = colour{"#e3e8e5", "#303a36"}
)

// colours are those of the series. They were searched for so that any two are
// far apart for people who see all colours and for those who lack one kind of
// cones, as Machado et al. model them ("A physiologically-based model for
// simulation of color vision deficiency", 2009), and so that each stands out
// from the paper. The tests measure both.
var colours = [MaxSeries]colour{
	{"#2f7d5b", "#5fbf93"}, // green
	{"#dd7722", "#dd8800"}, // orange
	{"#2244aa", "#5588ee"}, // blue
	{"#990000", "#dd3344"}, // red
	{"#cc77bb", "#ffbbee"}, // pink
	{"#554466", "#aa6688"}, // mauve
	{"#779955", "#ccdd77"}, // olive
	{"#aa77ee", "#9977bb"}, // violet
}

// dashes are those of the series: the lengths of lines and gaps in pixels.
var dashes = [MaxSeries]string{"", "8 4", "2 3", "10 3 2 3", "16 5", "10 3 2 3 2 3", "5 5", "16 4 6 4"}

// darkStyle is the style sheet. Its rules stand above the attributes of what
// they match.
var darkStyle = newDarkStyle()

func newDarkStyle() string {
	var b strings.Builder
	b.WriteString("@media (prefers-color-scheme: dark) {")
	fmt.Fprintf(&b, " .paper { fill: %s } .ink { fill: %s } .soft { fill: %s } .grid { stroke: %s } .frame { stroke: %s }",
		paper.dark, ink.dark, soft.dark, grid.dark, soft.dark)
	for i, c := range colours {
		fmt.Fprintf(&b, " .s%d { color: %s }", i, c.dark)
	}
	b.WriteString(" }")
	return b.String()
}
