// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// grade is how top-k codes a number that it sends: as one of so many symbols,
// each a multiple of the scale.
type grade uint32

const (
	signGrade grade = 2  // the sign
	fourGrade grade = 16 // the sign, and 1 to 8 eighths
	eighths         = 8
)

func (c Compression) grade() grade {
	if c.coding == codeTop1 {
		return signGrade
	}
	return fourGrade
}

// bits returns the bits of a symbol.
func (g grade) bits() int { return bits.Len32(uint32(g)) - 1 }

// scale returns that of the numbers that are sent: the mean of their magnitudes,
// which for signs alone is nearest to them, or the largest one.
func (g grade) scale(sent []float32) float32 {
	if g == fourGrade {
		return scaleUp(largest(sent))
	}
	if len(sent) == 0 {
		return 0
	}
	return scaleNearest(meanMagnitude(sent))
}

// symbol returns the symbol that is nearest to x. The upper bit is the sign.
func (g grade) symbol(x, scale float32) uint32 {
	negative := uint32(0)
	if x < 0 {
		negative, x = 1, -x
	}
	if g == signGrade {
		return negative
	}
	steps := int32(float32(x/scale*eighths) + 0.5)
	return negative*eighths + uint32(min(max(steps, 1), eighths)) - 1
}

// value returns what a symbol stands for. It is exact: a scale has 8 significant
// bits.
func (g grade) value(symbol uint32, scale float32) float32 {
	half := uint32(g / 2)
	if g == fourGrade {
		scale *= float32(symbol%half+1) / eighths
	}
	if symbol >= half {
		return -scale
	}
	return scale
}

// appendTop appends the largest numbers of u, at most as many as the share.
func (c Compression) appendTop(dst []byte, u []float32, d *Delta) []byte {
	most, g := c.count(len(u)), c.grade()
	selectLargest(d, u, most)
	scale := g.scale(d.Value)
	if scale == 0 {
		d.clear(0)
	}
	e := newRangeEncoder(appendScale(dst, scale))
	e.uniform(uint32(len(d.Index)), uint32(most)+1)
	p, next := newPositions(len(u), len(d.Index)), 0
	for i := int32(0); next < len(d.Index); i++ {
		sent := d.Index[next] == i
		if !p.certain() {
			chance := p.chance()
			e.choice(sent, chance)
			p.note(sent, chance)
		}
		if sent {
			symbol := g.symbol(d.Value[next], scale)
			e.uniform(symbol, uint32(g))
			d.Value[next] = g.value(symbol, scale)
			next++
		}
	}
	return e.finish()
}

// decodeTop sets d to the numbers that appendTop appended.
func (c Compression) decodeTop(data []byte, params int, d *Delta) error {
	scale := readScale(data)
	if err := checkDeltaScale(scale); err != nil {
		return err
	}
	most, g := c.count(params), c.grade()
	r := newRangeDecoder(data[scaleSize:])
	k := int(r.uniform(uint32(most) + 1))
	// All but the last eight bits have left the coder when it ends.
	if (k == 0) != (scale == 0) || k*g.bits() > 8*len(r.data)+8 {
		return fmt.Errorf("%w: %d numbers of scale %v in %d bytes", ErrDelta, k, scale, len(data))
	}
	d.clear(k)
	p, full := newPositions(params, k), false
	for i := int32(0); len(d.Index) < k; i++ {
		if !p.certain() {
			chance := p.chance()
			sent := r.choice(chance)
			p.note(sent, chance)
			if !sent {
				continue
			}
		}
		symbol := r.uniform(uint32(g))
		full = full || symbol%uint32(g/2) == uint32(g/2)-1
		d.Index = append(d.Index, i)
		d.Value = append(d.Value, g.value(symbol, scale))
	}
	if !r.finished() || k > 0 && !full {
		return fmt.Errorf("%w: %d numbers in %d bytes are not as a sender encodes them", ErrDelta, k, len(data))
	}
	return nil
}

// topBound returns the most bytes of n numbers of which the share is sent. Beside
// the choice of the numbers, which costs the logarithm of a binomial coefficient
// by the urn alone, and the symbols it counts what the mixture of opinions and the
// rounding of probabilities can lose:
//
//   - for a number that is sent, and for those behind it until local has forgotten
//     it, 1/20 bit each where the weight of the urn was held down by leastLocal,
//     and 1/100 bit for the rounding of the interval;
//   - for a number that is sent, where chance was rounded down, the logarithm of
//     1 + 8/chance at most, since that goes into the weight of the urn as well,
//     which is 1/8 or more. With r of them to come, chance is 2^16 r/n/8 or more,
//     rounded down; all of them together lose less than the integral over r, from
//     0 to k, of the logarithm of 1 + slack/r, with slack = n/500;
//   - n/16384 bits where local stands at its least, and some bits more for the
//     first weight, the beginning and the end.
func (c Compression) topBound(n int) int {
	k, x, g := float32(c.count(n)), float32(n), c.grade()
	// Numbers that are chosen from x and then take one of g symbols have the most
	// forms where g of g+1 are sent, or as many as there may be.
	cost := float32(x * log2(float32(g+1)))
	if k*float32(g+1) < x*float32(g) {
		cost = float32(k*log2(x/k)) + float32((x-k)*log2(x/(x-k)))
		cost += float32(k * float32(g.bits()))
	}
	slack := x / 500
	cost += k / 9
	cost += float32(slack * (1.5 + log2(1+k/slack)))
	cost += log2(k+1) + x/16384 + 16
	return scaleSize + int(cost/8) + 1
}

func log2(x float32) float32 { return float32(tensor.Log32(x) * math.Log2E) }
