// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"math"
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v5/ring"
	"github.com/tuneinsight/lattigo/v5/utils/sampling"
)

// Flooding is there to hide the error of a sum from those who opened it with
// one honest member: they know the message, and from error, message and
// ciphertexts follows the sum of the secrets. Lattigo's Gaussian sampler draws
// 31 bits and multiplies by one of 128 constants, so that with sigma = 2^50 the
// noise lies on 128 grids of spacing 2^26, and the error is its distance to the
// one grid that is near.

const gaussianLog = 50 // of sigma, as lattigo's key switching would take

// gridWidths returns the constants of the sampler, by the recurrence of Marsaglia
// and Tsang (The ziggurat method, 2000) for 128 strips.
func gridWidths() (widths [128]float64) {
	const m, volume = 1 << 31, 9.91256303526217e-3
	d := 3.442619855899
	widths[0] = float64(float32(volume / math.Exp(-0.5*d*d) / m))
	widths[127] = float64(float32(d / m))
	for i := 126; i >= 1; i-- {
		d = math.Sqrt(-2 * math.Log(volume/d+math.Exp(-0.5*d*d)))
		widths[i] = float64(float32(d / m))
	}
	return widths
}

// recoverError returns the error in x = noise + error, |error| at most bound, if
// exactly one is on a grid; else 0, the likeliest.
func recoverError(widths *[128]float64, x, bound int64) int64 {
	found, guess := 0, int64(0)
	for i, width := range widths {
		spacing := width * (1 << gaussianLog)
		j := math.Round((math.Abs(float64(x))/spacing-float64(i))/128)*128 + float64(i)
		on := int64(float64(j*spacing) + 0.5)
		if x < 0 {
			on = -on
		}
		if j >= 0 && j < 1<<31 && x-on <= bound && on-x <= bound {
			found++
			guess = x - on
		}
	}
	if found != 1 {
		return 0
	}
	return guess
}

// attacked opens a sum of three with one honest decryptor, whose flooding is
// flood, and returns of how many coefficients its partners get the error right.
func attacked(t *testing.T, flood func(*poly)) int {
	g := newGroup(t, 3, 2)
	active, decryptors := span(0, 3), []int{0, 1}
	seed := seedOf("attack")
	a := NewPublic(&seed)
	s, _ := NewSum(Width8)
	var message, truth poly // message: of the sum; truth: of the errors
	for i := range active {
		addCiphertext(t, s, encrypt(t, g, i, a, valuesOf[uint8](i, 12288)))
		truth.addErrors(stream("error %d", i))
	}
	opened := *s
	var keyed poly
	for _, j := range decryptors {
		keyed.multiply(&a.p, &g.decryptor(t, j, active, decryptors).factor)
		opened.p.add(&keyed) // a colluder takes its own flooding away
	}
	flood(&opened.p)
	opened.partials = 1
	var m Message
	if err := opened.Open(&m); err != nil {
		t.Fatal(err)
	}
	message.subtractFrom(&m)
	message.scale([2]uint64{q0 - 1, q1 - 1})
	opened.p.add(&message)
	widths, right := gridWidths(), 0
	for k := range N {
		if recoverError(&widths, centred(&opened.p, k), 3*ErrorBound) == centred(&truth, k) {
			right++
		}
	}
	return right
}

func TestErrorRecovery(t *testing.T) {
	ours := attacked(t, func(p *poly) {
		if err := p.addFlood(Width8.floodBits(), stream("flood")); err != nil {
			t.Fatal(err)
		}
	})
	theirs := attacked(t, func(p *poly) { addGaussian(t, p) })
	// A guess of 0 is right as often as 60 fair coins less 60 others give 0.
	chance, _ := new(big.Rat).SetFrac(new(big.Int).Binomial(120, 60), new(big.Int).Lsh(big.NewInt(1), 120)).Float64()
	limit := N*chance + farOff*math.Sqrt(N*chance)
	t.Logf("errors recovered of %d: %d by uniform flooding (chance %.0f), %d by lattigo's Gaussian", N, ours, N*chance, theirs)
	if float64(ours) > limit {
		t.Errorf("uniform flooding: %d errors recovered, by chance at most %.0f", ours, limit)
	}
	if theirs < N*99/100 {
		t.Errorf("control: %d errors recovered of %d", theirs, N)
	}
}

// addGaussian adds lattigo's flooding to p.
func addGaussian(t *testing.T, p *poly) {
	prng, err := sampling.NewKeyedPRNG([]byte("gaussian"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ring.NewRing(N, primes[:])
	if err != nil {
		t.Fatal(err)
	}
	const sigma = 1 << gaussianLog
	noise := ring.NewGaussianSampler(prng, r, ring.DiscreteGaussian{Sigma: sigma, Bound: 6 * sigma}, false).ReadNew()
	for i := range p {
		for k, c := range noise.Coeffs[i] {
			p[i][k] = reduce(p[i][k]+c, primes[i])
		}
	}
}

// TestTwiceUnderOne shows why one a serves one ciphertext: two of them, of which
// a stranger knows no key, give every difference of their values.
func TestTwiceUnderOne(t *testing.T) {
	s, err := NewSecret(stream("twice"))
	if err != nil {
		t.Fatal(err)
	}
	seed, other := seedOf("twice"), seedOf("another")
	for _, c := range []struct {
		name     string
		seeds    [2][SeedSize]byte
		revealed bool
	}{{"one a", [2][SeedSize]byte{seed, seed}, true}, {"two", [2][SeedSize]byte{seed, other}, false}} {
		var b [2]Ciphertext
		var m [2]Message
		for i := range b {
			Pack(&m[i], valuesOf[uint8](i, 12288))
			if err := s.Encrypt(&b[i], NewPublic(&c.seeds[i]), &m[i], stream("twice %d", i)); err != nil {
				t.Fatal(err)
			}
		}
		b[1].p.scale([2]uint64{q0 - 1, q1 - 1})
		b[0].p.add(&b[1].p)
		o := newOpener(Width8, uint128{lo: 2*ErrorBound + 1<<39})
		revealed := 0
		for k := range N {
			v, ok := o.round(b[0].p[0][k], b[0].p[1][k])
			if ok && v == (m[0].coefficients[k]-m[1].coefficients[k])&(1<<39-1) {
				revealed++
			}
		}
		if (revealed == N) != c.revealed || (!c.revealed && revealed > 0) {
			t.Errorf("under %s: %d differences revealed of %d", c.name, revealed, N)
		}
	}
}
