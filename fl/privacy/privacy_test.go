// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// vectors returns the numbers of a table in testdata.
func vectors(t *testing.T, name string) (rows [][]float64) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := make([]float64, len(line))
		for i, s := range line {
			if row[i], err = strconv.ParseFloat(s, 64); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// near holds that numbers agree to tolerance, both absolutely and relatively.
func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*min(1, math.Abs(want))
}

func TestRDPVectors(t *testing.T) {
	rows := vectors(t, "rdp_orders.csv")
	for _, v := range rows {
		sigma, q, alpha, want := v[0], v[1], v[2], v[5]
		if got := RDP(q, sigma, alpha); !near(got, want, 1e-10) {
			t.Errorf("sigma %v, q %v, order %v: %v, want %v", sigma, q, alpha, got, want)
		}
	}
	if len(rows) != 32 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestEpsilonVectors(t *testing.T) {
	rows := vectors(t, "dp_vectors.csv")
	for _, v := range rows {
		sigma, q, steps, delta := v[0], v[1], int(v[2]), v[3]
		var c Curve
		c.Add(NewCurve(q, sigma), steps)
		got, alpha := c.Epsilon(delta)
		if math.Abs(got-v[4]) > 1e-6 || alpha != v[5] || got != Epsilon(q, sigma, steps, delta) {
			t.Errorf("sigma %v, q %v, %d steps: %v at order %v, want %v at %v", sigma, q, steps, got, alpha, v[4], v[5])
		}
		if got < v[6] {
			t.Errorf("sigma %v, q %v, %d steps: %v is less than the tighter %v", sigma, q, steps, got, v[6])
		}
	}
	if len(rows) != 18 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestSeries compares with the other way to fractional orders, the two-sided
// series (Mironov, Talwar and Zhang, section 3.3), which is alternating and ends
// at 1e-10 or so.
func TestSeries(t *testing.T) {
	for _, sigma := range []float64{0.3, 0.5, 1, 2, 5} {
		for _, q := range []float64{0.003, 0.05, 0.4, 0.9} {
			for _, alpha := range []float64{1.1, 1.9, 2.3, 4.5, 9.7, 10.9} {
				got, want := RDP(q, sigma, alpha), series(q, sigma, alpha)
				if math.Abs(got-want) > 1e-8*max(1, want) {
					t.Errorf("sigma %v, q %v, order %v: %v, and the series has %v", sigma, q, alpha, got, want)
				}
			}
		}
	}
}

func series(q, sigma, alpha float64) float64 {
	sum := 0.0
	z := float64(sigma*sigma*math.Log(1/q-1)) + 0.5
	coefficient, sign := 0.0, 1.0 // log of the absolute binomial coefficient
	for i := 0.0; i < 4000; i++ {
		j := alpha - i
		below := coefficient + i*math.Log(q) + j*math.Log1p(-q) + (i*i-i)/(2*sigma*sigma) + logErfc((i-z)/(math.Sqrt2*sigma))
		above := coefficient + j*math.Log(q) + i*math.Log1p(-q) + (j*j-j)/(2*sigma*sigma) + logErfc((z-j)/(math.Sqrt2*sigma))
		sum += sign * (math.Exp(below) + math.Exp(above)) / 2
		if j < 0 {
			sign = -sign
		}
		coefficient += math.Log(math.Abs(j)) - math.Log(i+1)
	}
	return math.Log(sum) / (alpha - 1)
}

func logErfc(x float64) float64 {
	if x < 10 {
		return math.Log(math.Erfc(x))
	}
	y := 1 / (2 * x * x)
	return -x*x - math.Log(x*math.Sqrt(math.Pi)) + math.Log1p(-y*(1-3*y*(1-5*y*(1-7*y))))
}

// TestIntegralOfIntegers holds both ways to integer orders against one another.
func TestIntegralOfIntegers(t *testing.T) {
	for _, sigma := range []float64{0.1, 0.2, 0.7, 3, 50, 1e4} {
		for _, q := range []float64{MinRate, 1e-5, 0.01, 0.5, 0.999999} {
			g := newGrid(q, sigma, 12)
			for _, alpha := range []float64{2, 3, 7, 12} {
				if got, want := softplus(g.integral(alpha)), softplus(g.binomial(alpha)); !near(got, want, 1e-10) {
					t.Errorf("sigma %v, q %v, order %v: integral %v, sum %v", sigma, q, alpha, got, want)
				}
			}
		}
	}
}

func TestRDPLimits(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct{ q, sigma, alpha, want float64 }{
		{0, 1, 2.5, 0}, {0, 0, 2.5, 0}, {0, inf, 2, 0},
		{0.5, 0, 1.1, inf}, {1, 0, 64, inf}, {MinRate, 0, 2, inf},
		{0.5, inf, 2.5, 0}, {1, inf, 2.5, 0},
		{1, 2, 3.7, 3.7 / 8}, {1, 0.5, 2, 4},
		{0.25, 1, 2, math.Log1p(0.0625 * math.Expm1(1))},
	}
	for _, tt := range tests {
		if got := RDP(tt.q, tt.sigma, tt.alpha); got != tt.want && !near(got, tt.want, 1e-14) {
			t.Errorf("q %v, sigma %v, order %v: %v, want %v", tt.q, tt.sigma, tt.alpha, got, tt.want)
		}
	}
	if got := Epsilon(0.5, 0, 1, 1e-5); got != inf {
		t.Errorf("epsilon without noise: %v", got)
	}
	for _, got := range []float64{Epsilon(0.5, 0, 0, 1e-5), Epsilon(0, 1, 100, 1e-5), Epsilon(0.5, inf, 9, 1e-5)} {
		if got != 0 {
			t.Errorf("epsilon of nothing: %v", got)
		}
	}
}

// TestLittleNoise holds that orders which are bounded are above what would be
// integrated, and below the next integer order.
func TestLittleNoise(t *testing.T) {
	for _, alpha := range []float64{1.1, 2.5, 10.9} {
		bounded, exact := RDP(0.1, 0.0999999, alpha), RDP(0.1, 0.1, alpha)
		if above := RDP(0.1, 0.0999999, math.Ceil(alpha)); bounded < exact || bounded > above {
			t.Errorf("order %v: %v, exactly %v, next %v", alpha, bounded, exact, above)
		}
	}
	if got := RDP(0.5, 1e-9, 1.5); math.IsNaN(got) || got < 1e17 {
		t.Errorf("almost no noise: %v", got)
	}
}

func TestMechanismsThatCannotBe(t *testing.T) {
	nan := math.NaN()
	for _, v := range [][3]float64{
		{-0.1, 1, 2}, {1.1, 1, 2}, {nan, 1, 2}, {1e-10, 1, 2}, {0.1, -1, 2}, {0.1, nan, 2},
		{0.1, 1, 1}, {0.1, 1, 0.5}, {0.1, 1, nan}, {0.1, 1, 1024.5},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("q %v, sigma %v, order %v did not panic", v[0], v[1], v[2])
				}
			}()
			RDP(v[0], v[1], v[2])
		}()
	}
}

// TestMonotone holds that epsilon grows with steps and with the rate, and falls
// with the noise and with delta, at every order as well.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.Float64Range(1e-6, 0.5).Draw(t, "q")
		sigma := rapid.Float64Range(0.4, 20).Draw(t, "sigma")
		steps := rapid.IntRange(1, 100_000).Draw(t, "steps")
		more := rapid.Float64Range(1.001, 2).Draw(t, "more")
		delta := rapid.Float64Range(1e-9, 1e-2).Draw(t, "delta")
		step, often, quiet := NewCurve(q, sigma), NewCurve(q*more, sigma), NewCurve(q, sigma*more)
		for i, r := range step {
			if !(r > 0 && often[i] > r && quiet[i] < r) || i > 0 && r < step[i-1] {
				t.Fatalf("order %v: %v, at a higher rate %v, with more noise %v", order(i), r, often[i], quiet[i])
			}
		}
		epsilon := func(c *Curve, steps int, delta float64) float64 {
			var sum Curve
			sum.Add(c, steps)
			e, _ := sum.Epsilon(delta)
			return e
		}
		e := epsilon(step, steps, delta)
		for name, got := range map[string]float64{
			"more noise": epsilon(quiet, steps, delta), "fewer steps": epsilon(step, steps-1, delta), "a larger delta": epsilon(step, steps, delta*1.5),
		} {
			if got > e {
				t.Errorf("%s: epsilon %v, above %v", name, got, e)
			}
		}
		if got := epsilon(often, steps, delta); got < e {
			t.Errorf("a higher rate: epsilon %v, below %v", got, e)
		}
	})
}

func BenchmarkCurve(b *testing.B) {
	for b.Loop() {
		NewCurve(0.1, 2)
	}
}
