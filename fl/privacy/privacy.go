// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package privacy accounts for what training tells about single records, and
// draws what hides them. The mechanism is the Poisson-sampled Gaussian: each
// record is in a step with probability q, its gradient is clipped to a norm C,
// and the sum gets normal noise of standard deviation sigma*C. Its Rényi
// differential privacy is that of Mironov, Talwar and Zhang (Rényi differential
// privacy of the sampled Gaussian mechanism, 2019), turned into epsilon and delta
// by the bound of Canonne, Kamath and Steinke (The discrete Gaussian for
// differential privacy, 2020). Two sets of records are neighbours where one has
// one record more; how many there are, roughly, is taken as public.
//
// A [Budget] counts what was spent, and a [Ledger] writes it down before it is:
// the data of a device have one ledger, whatever tasks learn from them. A
// [Source] samples and makes noise. The noise is an integer times a fixed step,
// and what it hides is rounded to that step, so that the low bits of the sum do
// not show (Mironov, On significance of the least significant bits for
// differential privacy, 2012). Not hidden are the time that drawing takes, the
// rounding of the float32 sums that get the noise, which may depend on all
// records, and the loss, the size of a sample or anything else that a caller
// tells besides.
//
// The zero values of Budget, Ledger and Source are not usable. A Ledger is safe
// for concurrent use; a Budget and a Source belong to one goroutine.
package privacy

import (
	"fmt"
	"math"
)

// The orders of Rényi divergence that are accounted for, those of Opacus: 1.1 to
// 10.9 in steps of 0.1 and the integers 12 to 63. They end low enough that no
// epsilon below 0.1, at a delta of 1e-5, can be told.
const (
	fineOrders  = 99
	firstCoarse = 12
	lastCoarse  = 63
	orders      = fineOrders + lastCoarse - firstCoarse + 1
)

// MinRate is the least sampling rate but 0 that is accounted for.
const MinRate = 1e-9

// maxOrder is the largest order that RDP takes.
const maxOrder = 1024

// order returns order number i.
func order(i int) float64 {
	if i < fineOrders {
		return 1 + float64(i+1)/10
	}
	return float64(firstCoarse + i - fineOrders)
}

// Curve holds the Rényi differential privacy of a mechanism at each order, in
// nats. The zero Curve is that of a mechanism that does nothing.
type Curve [orders]float64

// NewCurve returns the curve of one step, for a sampling rate q of 0 or from
// [MinRate] to 1 and a noise multiplier sigma of 0 or more.
func NewCurve(q, sigma float64) *Curve {
	checkMechanism(q, sigma)
	var c Curve
	g := newGrid(q, sigma, order(fineOrders-1))
	for i := range c {
		c[i] = g.rdp(order(i))
	}
	return &c
}

// RDP returns the Rényi differential privacy of one step at an order above 1 and
// up to 1024, in nats: 0 for q of 0, otherwise infinite for sigma of 0.
func RDP(q, sigma, alpha float64) float64 {
	checkMechanism(q, sigma)
	if !(alpha > 1 && alpha <= maxOrder) {
		panic(fmt.Sprintf("privacy: order %v", alpha))
	}
	return newGrid(q, sigma, alpha).rdp(alpha)
}

// Add adds so many steps of another mechanism: privacy is spent by each.
func (c *Curve) Add(o *Curve, steps int) {
	for i, r := range o {
		c[i] += float64(float64(steps) * r)
	}
}

// Epsilon returns the least epsilon that holds with delta, in (0, 1), and the
// order that tells it. Where nothing was spent it is 0.
func (c *Curve) Epsilon(delta float64) (epsilon, alpha float64) {
	if *c == (Curve{}) {
		return 0, order(0)
	}
	epsilon = math.Inf(1)
	for i, r := range c {
		if e := r + conversion(order(i), delta); e < epsilon || i == 0 {
			epsilon, alpha = e, order(i)
		}
	}
	return max(epsilon, 0), alpha
}

// conversion is what the epsilon of an order exceeds its Rényi differential
// privacy by (Canonne, Kamath and Steinke, 2020, proposition 12).
func conversion(alpha, delta float64) float64 {
	return math.Log1p(-1/alpha) - math.Log(delta*alpha)/(alpha-1)
}

// Epsilon returns the least epsilon that is known for so many steps, with delta
// in (0, 1).
func Epsilon(q, sigma float64, steps int, delta float64) float64 {
	var c Curve
	if steps > 0 {
		c.Add(NewCurve(q, sigma), steps)
	}
	epsilon, _ := c.Epsilon(delta)
	return epsilon
}

func checkMechanism(q, sigma float64) {
	if !(q == 0 || q >= MinRate && q <= 1) || !(sigma >= 0) {
		panic(fmt.Sprintf("privacy: sampling rate %v, noise multiplier %v", q, sigma))
	}
}
