// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

// Sizes in pixels. The frame has always the same height, and the picture grows
// with what stands above and below it.
const (
	width       = 840
	frameHeight = 300
	margin      = 14
	marginRight = 32 // where there is no legend, for half of the last tick's label
	fontSize    = 13
	titleSize   = 17
	titleGap    = 14
	lineHeight  = 20
	tickGap     = 8 // between a label and its axis
	labelGap    = 16
	swatchGap   = 8
	sideMost    = 200 // of a name in a legend beside the frame
)

// The numbers of steps that the axes are to have, more or less.
const (
	ySteps    = 6
	xSteps    = 8
	xStepsMin = 3 // with which one tick at least is on the axis
)

// axis maps numbers to pixels.
type axis struct {
	lo, hi   float64 // numbers
	from, to float64 // pixels
	ticks    []tick
}

// at returns the pixel of a number. The product is rounded before it is added,
// since a processor that fuses them would give another picture.
func (a *axis) at(v float64) float64 {
	return a.from + float64((v-a.lo)/(a.hi-a.lo)*(a.to-a.from))
}

// entry is one line of the legend.
type entry struct {
	series int
	name   string
	x, y   int // where its line begins, and the base line of its name
}

// layout says where everything stands.
type layout struct {
	height                int
	title, xLabel, yLabel string // as they are written
	x, y                  axis
	legend                []entry
}

// newLayout sets the legend beside the frame where all names are short, and else
// below, so that it never lies on a line.
func newLayout(p *Plot) *layout {
	ex, ey := p.extents()
	l := &layout{title: fit(clean(p.Title), titleSize, width-2*margin), yLabel: fit(clean(p.YLabel), fontSize, frameHeight)}
	l.y.lo, l.y.hi, l.y.ticks = ey.outer(ySteps, p.YPercent)

	left := margin + widest(l.y.ticks) + tickGap
	if l.yLabel != "" {
		left += lineHeight
	}
	top := margin
	if l.title != "" {
		top += titleSize + titleGap
	}
	l.y.from, l.y.to = float64(top+frameHeight), float64(top)

	wide := l.names(p)
	right := width - marginRight
	if beside := wide > 0 && wide <= sideMost; beside {
		right = width - margin - wide - swatchGap - swatchWidth
		for i := range l.legend {
			l.legend[i].x, l.legend[i].y = right, top+(i+1)*lineHeight
		}
		right -= labelGap
	}
	l.x.from, l.x.to = float64(left), float64(right)
	l.x.lo, l.x.hi, l.x.ticks = ex.fitting(right - left)
	l.xLabel = fit(clean(p.XLabel), fontSize, right-left)

	bottom := top + frameHeight + lineHeight // of what is written so far
	if l.xLabel != "" {
		bottom += lineHeight
	}
	if wide > sideMost {
		bottom = l.below(bottom, wide)
	}
	l.height = bottom + margin
	return l
}

// names fills the legend with the names of the series, still without places, and
// returns the width of the widest.
func (l *layout) names(p *Plot) (wide int) {
	for i := range p.Series {
		name := fit(clean(p.Series[i].Name), fontSize, width-2*margin-swatchWidth-swatchGap)
		if name == "" {
			continue
		}
		l.legend = append(l.legend, entry{series: i, name: name})
		wide = max(wide, textWidth(name, fontSize))
	}
	return wide
}

// below places the legend in columns under y, for the widest of its names, and
// returns where it ends.
func (l *layout) below(y, wide int) int {
	y += labelGap / 2
	column := swatchWidth + swatchGap + wide + labelGap
	columns := max(1, (width-2*margin+labelGap)/column)
	for i := range l.legend {
		l.legend[i].x = margin + i%columns*column
		l.legend[i].y = y + (i/columns+1)*lineHeight
	}
	return l.legend[len(l.legend)-1].y
}

// fitting returns an axis with as many ticks as have room for their labels in so
// many pixels.
func (e extent) fitting(pixels int) (lo, hi float64, ticks []tick) {
	for n := xSteps; ; n-- {
		lo, hi, ticks = e.inner(n)
		if n == xStepsMin || len(ticks) < 2 {
			return lo, hi, ticks
		}
		apart := (ticks[1].at - ticks[0].at) / (hi - lo) * float64(pixels)
		if float64(widest(ticks)+labelGap) <= apart {
			return lo, hi, ticks
		}
	}
}

// widest returns the width of the widest label.
func widest(ticks []tick) (wide int) {
	for _, t := range ticks {
		wide = max(wide, textWidth(t.label, fontSize))
	}
	return wide
}
