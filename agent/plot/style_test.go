// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// What the colours have to keep. The eight of Okabe and Ito, the usual choice,
// come to 16 and 1.3.
const (
	leastApart    = 19 // distance in CIELAB between any two series, for everybody
	leastContrast = 3  // of a series with the paper (WCAG 2.1, 1.4.11)
	leastText     = 4.5
)

// sights are the ways to see: linear red, green and blue as they are, and
// without one kind of cones (Machado et al. 2009, severity 1).
var sights = map[string][3][3]float64{
	"all cones":  {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deutanopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia": {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// linear returns the light of a colour like #2f7d5b.
func linear(t *testing.T, hex string) (rgb [3]float64) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 24)
	if err != nil || len(hex) != 7 {
		t.Fatalf("colour %q", hex)
	}
	for i := range rgb {
		v := float64(n>>(16-8*i)&255) / 255
		if rgb[i] = v / 12.92; v > 0.04045 {
			rgb[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return rgb
}

// lab returns light as it is seen, in CIELAB under D65.
func lab(rgb [3]float64, sight [3][3]float64) [3]float64 {
	var s [3]float64
	for i, row := range sight {
		s[i] = min(max(row[0]*rgb[0]+row[1]*rgb[1]+row[2]*rgb[2], 0), 1)
	}
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x := f((0.4124*s[0] + 0.3576*s[1] + 0.1805*s[2]) / 0.9505)
	y := f(0.2126*s[0] + 0.7152*s[1] + 0.0722*s[2])
	z := f((0.0193*s[0] + 0.1192*s[1] + 0.9505*s[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func contrast(a, b [3]float64) float64 {
	light := func(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] + 0.05 }
	return max(light(a)/light(b), light(b)/light(a))
}

func TestColours(t *testing.T) {
	for _, mode := range []struct {
		name string
		of   func(colour) string
	}{
		{"light", func(c colour) string { return c.light }},
		{"dark", func(c colour) string { return c.dark }},
	} {
		ground := linear(t, mode.of(paper))
		for _, c := range []colour{ink, soft} {
			if got := contrast(ground, linear(t, mode.of(c))); got < leastText {
				t.Errorf("%s: text of %s has a contrast of %.1f", mode.name, mode.of(c), got)
			}
		}
		for i, c := range colours {
			a := linear(t, mode.of(c))
			if got := contrast(ground, a); got < leastContrast {
				t.Errorf("%s: series %d has a contrast of %.2f", mode.name, i, got)
			}
			for j, other := range colours[:i] {
				b := linear(t, mode.of(other))
				for sight, m := range sights {
					p, q := lab(a, m), lab(b, m)
					if d := math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2]); d < leastApart {
						t.Errorf("%s: series %d and %d are %.1f apart for %s", mode.name, j, i, d, sight)
					}
				}
			}
		}
	}
}

func TestDashes(t *testing.T) {
	seen := map[string]bool{}
	for i, dash := range dashes {
		if seen[dash] {
			t.Errorf("series %d has the dash %q of another", i, dash)
		}
		seen[dash] = true
		period := 0
		for _, f := range strings.Fields(dash) {
			n, err := strconv.Atoi(f)
			if err != nil || n < 2 {
				t.Errorf("series %d: dash %q", i, dash)
			}
			period += n
		}
		if len(strings.Fields(dash))%2 != 0 || period > swatchWidth {
			t.Errorf("series %d: dash %q does not show in the legend", i, dash)
		}
	}
}

// TestDarkStyle holds that each class of a picture has its dark colour.
func TestDarkStyle(t *testing.T) {
	doc := string(svg(t, crowded()))
	for _, part := range strings.Split(doc, `class="`)[1:] {
		class, _, _ := strings.Cut(part, `"`)
		if !strings.Contains(darkStyle, "."+class+" {") {
			t.Errorf("class %q stays light", class)
		}
	}
	for _, c := range append(colours[:], paper, ink, soft, grid) {
		if !strings.Contains(doc, `"`+c.light+`"`) || !strings.Contains(darkStyle, c.dark) {
			t.Errorf("colour %v is not in the picture", c)
		}
	}
}
