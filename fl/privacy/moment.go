// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import "math"

// Let u = q(r-1), where r is the ratio of the densities of N(1, sigma²) and
// N(0, sigma²). The Rényi differential privacy at alpha is log(1+f)/(alpha-1),
// where f is the mean under N(0, sigma²) of
//
//	(1+u)^alpha - 1 - alpha*u,
//
// since u has the mean 0. That is nowhere negative, so that nothing cancels in
// its sum, however small it is.

// minQuadrature is the least sigma whose fractional orders are integrated. Below
// it they are bounded from above by the integers beside them, as the logarithm
// of 1+f is convex in alpha; such noise hides nothing anyway.
const minQuadrature = 0.1

const (
	reach     = 12   // standard deviations from a mode that are integrated over
	smallU    = 1e-3 // below it the first terms of the series in u are exact enough
	largeLogU = 20   // above it 1+u is u to the last bit but a few
)

// grid is a mechanism with the nodes of its trapezoidal rule, which converges
// exponentially for functions that are analytic around the real line (Trefethen
// and Weideman, 2014): log(1+u) is within pi*sigma of it.
type grid struct {
	q, sigma float64
	step     float64 // of t, in standard deviations
	nodes    []node
}

// node is a point t with what does not depend on the order.
type node struct {
	u       float64 // u at t; +Inf where only logU counts
	logU    float64 // log(u), where u is large
	log1pU  float64 // log(1+u)
	density float64 // log of the density of N(0, 1) times the step
}

// newGrid prepares for fractional orders up to alpha.
func newGrid(q, sigma, alpha float64) *grid {
	g := &grid{q: q, sigma: sigma, step: min(0.25, sigma/2)}
	if q == 0 || q == 1 || sigma < minQuadrature || math.IsInf(sigma, 1) {
		return g
	}
	logQ, logRest := math.Log(q), math.Log1p(-q)
	n := int((alpha/sigma + 2*reach) / g.step)
	g.nodes = make([]node, n+1)
	for i := range g.nodes {
		t := -reach + float64(float64(i)*g.step)
		g.nodes[i] = newNode(q, logQ, logRest, (t-1/(2*sigma))/sigma)
		g.nodes[i].density = math.Log(g.step/math.Sqrt(2*math.Pi)) - float64(t*t)/2
	}
	return g
}

// newNode returns what is at the logarithm of a ratio r.
func newNode(q, logQ, logRest, logR float64) node {
	if logQ+logR < largeLogU {
		u := q * math.Expm1(logR)
		return node{u: u, log1pU: math.Log1p(u)}
	}
	logU := logQ + logR + math.Log1p(-math.Exp(-logR))
	return node{u: math.Inf(1), logU: logU, log1pU: logQ + logR + math.Log1p(math.Exp(logRest-logQ-logR))}
}

// rdp returns the Rényi differential privacy at an order.
func (g *grid) rdp(alpha float64) float64 {
	switch {
	case g.q == 0 || math.IsInf(g.sigma, 1):
		return 0
	case g.sigma == 0:
		return math.Inf(1)
	case g.q == 1:
		return alpha / 2 / g.sigma / g.sigma
	}
	return g.logMoment(alpha) / (alpha - 1)
}

// logMoment returns log(1+f).
func (g *grid) logMoment(alpha float64) float64 {
	below := math.Floor(alpha)
	switch {
	case alpha == below:
		return softplus(g.binomial(alpha))
	case g.sigma < minQuadrature:
		share := alpha - below
		low := 0.0 // of order 1
		if below > 1 {
			low = softplus(g.binomial(below))
		}
		return float64((1-share)*low) + float64(share*softplus(g.binomial(below+1)))
	}
	return softplus(g.integral(alpha))
}

// binomial returns log(f) of an integer order: the terms of (1-q+qr)^alpha have
// the means exp(k(k-1)/(2 sigma²)), less 1 for what the binomial theorem sums
// to 1.
func (g *grid) binomial(alpha float64) float64 {
	var sum logSum
	logQ, logRest := math.Log(g.q), math.Log1p(-g.q)
	all, _ := math.Lgamma(alpha + 1)
	for k := 2.0; k <= alpha; k++ {
		in, _ := math.Lgamma(k + 1)
		out, _ := math.Lgamma(alpha - k + 1)
		term := all - in - out + float64(k*logQ)
		if k < alpha {
			term += float64((alpha - k) * logRest)
		}
		sum.add(term + logExpm1(k*(k-1)/2/g.sigma/g.sigma))
	}
	return sum.log()
}

// integral returns log(f) of any order that the grid was made for.
func (g *grid) integral(alpha float64) float64 {
	var sum logSum
	for i := range g.nodes {
		n := &g.nodes[i]
		sum.add(n.density + n.logExcess(alpha))
	}
	return sum.log()
}

// logExcess returns the logarithm of (1+u)^alpha - 1 - alpha*u.
func (n *node) logExcess(alpha float64) float64 {
	switch u := n.u; {
	case math.Abs(u) < smallU:
		series := 1 + float64((alpha-2)/3*u*(1+float64((alpha-3)/4*u*(1+float64((alpha-4)/5*u*(1+float64((alpha-5)/6*u)))))))
		return math.Log(alpha * (alpha - 1) / 2 * u * u * series)
	case !math.IsInf(u, 1):
		power := alpha * n.log1pU
		if power < 700 {
			return math.Log(math.Expm1(power) - float64(alpha*u))
		}
		return power
	}
	power := alpha * n.log1pU
	return power + math.Log(-math.Expm1(math.Log(alpha)+n.logU-power))
}

// logSum adds numbers that are given by their logarithms.
type logSum struct {
	top float64 // the largest so far
	sum float64 // of exp(x - top); 0 before the first
}

func (s *logSum) add(x float64) {
	switch {
	case s.sum == 0:
		s.top, s.sum = x, 1
	case math.IsInf(x, -1):
	case x <= s.top:
		s.sum += math.Exp(x - s.top)
	default:
		s.sum = float64(s.sum*math.Exp(s.top-x)) + 1
		s.top = x
	}
}

func (s *logSum) log() float64 { return s.top + math.Log(s.sum) }

// logExpm1 returns log(exp(x)-1) for x above 0.
func logExpm1(x float64) float64 {
	if x > 1 {
		return x + math.Log1p(-math.Exp(-x))
	}
	return math.Log(math.Expm1(x))
}

// softplus returns log(1+exp(x)).
func softplus(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}
