// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

const (
	dotRadius   = 3.5
	swatchWidth = 34 // pixels of a line in the legend, more than the period of each dash
)

// picture is an SVG document under way.
type picture struct{ bytes.Buffer }

// draw returns the picture of a plot that was checked.
func draw(p *Plot) []byte {
	l := newLayout(p)
	d := new(picture)
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d">`+"\n",
		width, l.height, width, l.height, fontSize)
	if l.title != "" {
		fmt.Fprintf(d, "<title>%s</title>\n", escape(l.title))
	}
	fmt.Fprintf(d, "<style type=\"text/css\">%s</style>\n", darkStyle)
	fmt.Fprintf(d, `<rect class="paper" width="%d" height="%d" fill="%s"/>`+"\n", width, l.height, paper.light)
	d.axes(l)
	for i := range p.Series {
		d.band(l, i, &p.Series[i])
	}
	for i := range p.Series {
		d.line(l, i, &p.Series[i])
	}
	for _, e := range l.legend {
		d.entry(e)
	}
	d.labels(l)
	d.WriteString("</svg>\n")
	return d.Bytes()
}

// axes draws the grid, the frame and what is written at the ticks.
func (d *picture) axes(l *layout) {
	left, right, top, bottom := crisp(l.x.from), crisp(l.x.to), crisp(l.y.to), crisp(l.y.from)
	fmt.Fprintf(d, `<path class="grid" fill="none" stroke="%s" d="`, grid.light)
	for _, t := range l.y.ticks {
		d.move('M', left, crisp(l.y.at(t.at)))
		fmt.Fprintf(d, "H%s", number(right))
	}
	for _, t := range l.x.ticks {
		d.move('M', crisp(l.x.at(t.at)), top)
		fmt.Fprintf(d, "V%s", number(bottom))
	}
	d.WriteString("\"/>\n")
	fmt.Fprintf(d, `<path class="frame" fill="none" stroke="%s" d="M%s %sH%sV%sH%sZ"/>`+"\n",
		soft.light, number(left), number(top), number(right), number(bottom), number(left))

	fmt.Fprintf(d, `<g class="soft" fill="%s" text-anchor="end">`+"\n", soft.light)
	for _, t := range l.y.ticks {
		d.text(left-tickGap, l.y.at(t.at)+fontSize/3, t.label)
	}
	fmt.Fprintf(d, "</g>\n"+`<g class="soft" fill="%s" text-anchor="middle">`+"\n", soft.light)
	for _, t := range l.x.ticks {
		d.text(inside(l.x.at(t.at), t.label), bottom+lineHeight, t.label)
	}
	d.WriteString("</g>\n")
}

// inside returns the middle of a text that is to be at x, moved to where the
// picture has room for the whole of it.
func inside(x float64, s string) float64 {
	half := float64(textWidth(s, fontSize)) / 2
	return math.Max(half, math.Min(x, width-half))
}

// band draws the band around a series. Where it is one point long it is as wide
// as a dot.
func (d *picture) band(l *layout, n int, s *Series) {
	if len(s.Low) == 0 {
		return
	}
	d.begin(n)
	d.WriteString(`<path fill="currentColor" opacity="0.18" d="`)
	for _, run := range runs(s.kept(), s.band) {
		if len(run) == 1 {
			x := l.x.at(s.X[run[0]])
			d.move('M', x-dotRadius, l.y.at(s.High[run[0]]))
			fmt.Fprintf(d, "H%sV%sH%sZ", number(x+dotRadius), number(l.y.at(s.Low[run[0]])), number(x-dotRadius))
			continue
		}
		op := byte('M')
		for _, i := range run {
			d.move(op, l.x.at(s.X[i]), l.y.at(s.High[i]))
			op = 'L'
		}
		for k := len(run) - 1; k >= 0; k-- {
			d.move(op, l.x.at(s.X[run[k]]), l.y.at(s.Low[run[k]]))
		}
		d.WriteByte('Z')
	}
	d.WriteString("\"/></g>\n")
}

// line draws a series. A point without neighbours is a dot.
func (d *picture) line(l *layout, n int, s *Series) {
	parts := runs(s.kept(), s.point)
	d.begin(n)
	d.stroke(n)
	for _, run := range parts {
		op := byte('M')
		for _, i := range run {
			d.move(op, l.x.at(s.X[i]), l.y.at(s.Y[i]))
			op = 'L'
		}
	}
	d.WriteString(`"/>`)
	for _, run := range parts {
		if len(run) == 1 {
			fmt.Fprintf(d, `<circle cx="%s" cy="%s" r="%v" fill="currentColor"/>`,
				number(l.x.at(s.X[run[0]])), number(l.y.at(s.Y[run[0]])), dotRadius)
		}
	}
	d.WriteString("</g>\n")
}

// entry draws one line of the legend.
func (d *picture) entry(e entry) {
	d.begin(e.series)
	d.stroke(e.series)
	middle := float64(e.y) - fontSize/3
	d.move('M', float64(e.x), middle)
	fmt.Fprintf(d, "H%d\"/></g>\n", e.x+swatchWidth)
	fmt.Fprintf(d, `<g class="ink" fill="%s">`, ink.light)
	d.text(float64(e.x+swatchWidth+swatchGap), float64(e.y), e.name)
	d.WriteString("</g>\n")
}

// labels writes the title and what the axes are.
func (d *picture) labels(l *layout) {
	fmt.Fprintf(d, `<g class="ink" fill="%s" text-anchor="middle">`+"\n", ink.light)
	across := (l.x.from + l.x.to) / 2
	if l.title != "" {
		fmt.Fprintf(d, `<text x="%d" y="%d" font-size="%d">%s</text>`+"\n",
			width/2, margin+titleSize, titleSize, escape(l.title))
	}
	if l.xLabel != "" {
		d.text(across, l.y.from+2*lineHeight, l.xLabel)
	}
	if l.yLabel != "" {
		fmt.Fprintf(d, `<text transform="translate(%d %s) rotate(-90)">%s</text>`+"\n",
			margin+fontSize, number((l.y.from+l.y.to)/2), escape(l.yLabel))
	}
	d.WriteString("</g>\n")
}

// begin opens a group whose currentColor is that of series n.
func (d *picture) begin(n int) {
	fmt.Fprintf(d, `<g class="s%d" color="%s">`, n, colours[n].light)
}

// stroke opens the path of a line in the dash of series n, up to its data.
func (d *picture) stroke(n int) {
	d.WriteString(`<path fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"`)
	if dashes[n] != "" {
		fmt.Fprintf(d, ` stroke-dasharray="%s"`, dashes[n])
	}
	d.WriteString(` d="`)
}

// move writes a command of a path with its point.
func (d *picture) move(op byte, x, y float64) {
	d.WriteByte(op)
	d.WriteString(number(x))
	d.WriteByte(' ')
	d.WriteString(number(y))
}

func (d *picture) text(x, y float64, s string) {
	fmt.Fprintf(d, `<text x="%s" y="%s">%s</text>`+"\n", number(x), number(y), escape(s))
}

// number writes a coordinate to a tenth of a pixel.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// crisp returns the middle of a pixel, where a line of one pixel is sharp.
func crisp(v float64) float64 { return math.Floor(v) + 0.5 }
