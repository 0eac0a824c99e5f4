// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// power returns two to the power of a scale, minScale..maxScale.
func power(scale int) float32 { return math.Float32frombits(uint32(scale+127) << 23) }

// quantize writes what is submitted of v plus the residue of the rounds before,
// in steps of two to the power of scale, and sets rest to what is left over. It
// makes v shorter where its root mean square is above clipRMS steps. What two
// rounds cannot say is dropped, so that a number that is always too large does
// not push ever more.
func quantize(values []uint8, rest, v, residue []float32, scale int) {
	unit, perUnit := power(scale), power(-scale)
	for i := range rest {
		rest[i] = v[i] + residue[i]
	}
	shrink := float32(1)
	if norm, limit := tensor.Norm(rest), clipRMS*float64(unit)*math.Sqrt(float64(len(v))); norm > limit {
		shrink = float32(limit / norm)
	}
	most := float32(levels * unit)
	for i, u := range rest {
		// The power of two makes the product exact, and the sum is in float64.
		r := min(max(float32(float32(u*shrink)*perUnit), -levels), levels)
		level := int32(float64(r) + math.Copysign(0.5, float64(r)))
		values[i] = uint8(levelZero + level)
		left := u - float32(float32(level)*unit)
		rest[i] = min(max(left, -most), most)
	}
}

// wish returns the scale in which a vector is submitted without being made
// shorter and without a number beyond the levels.
func wish(v []float32) int {
	top := float32(0)
	for _, x := range v {
		top = max(top, x, -x)
	}
	need := max(float64(top)/levels, tensor.Norm(v)/(clipRMS*math.Sqrt(float64(len(v)))))
	if need == 0 {
		return minScale
	}
	fraction, exponent := math.Frexp(need)
	if fraction == 0.5 {
		exponent--
	}
	return min(max(exponent, minScale), maxScale)
}

// nextScale follows the members' wishes by a factor of two in a round, so that
// one that wishes for the absurd does not spoil the next rounds.
func nextScale(scale int, wish float32) int {
	next := int(math.Ceil(float64(wish)))
	return min(max(next, scale-1, minScale), scale+1, maxScale)
}

// appendSteps appends the two values of a number of steps, high one first.
func appendSteps(values []uint8, steps int) []uint8 {
	steps = min(steps, maxSteps)
	return append(values, uint8(steps>>8), uint8(steps))
}
