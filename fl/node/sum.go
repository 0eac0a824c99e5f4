// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"

	"github.com/vecino-edge/vecino/fl/update"
)

// Summer adds what the members submit, without showing what each submitted.
type Summer interface {
	// Submit gives the device's values for a round, once. It keeps them until the
	// round is over and does not wait until they are sent.
	Submit(round uint32, values []uint8) error
	// Sums returns the sums of a round that has ended, one for each group whose
	// sum is known, in an order that is the same on all devices: one in all but
	// hybrid tasks. It need not have been submitted for. An error says why there
	// is none; a [*SkipError] has the word to count it by. Sums does not wait for
	// others any more.
	Sums(ctx context.Context, round uint32) ([]Sum, error)
}

// Parter is a Summer that knows whether groups are missing in the sums that it
// returned last. Then others may go on by more sums than the device, which is
// unsure of the common model until it is told its own.
type Parter interface {
	Partial() bool
}

// Sum is what some members submitted, added.
type Sum struct {
	Values []uint32 // as many as were submitted, each a sum of Count values
	Count  int      // members, 1..MaxSummed
	Own    bool     // the device is one of them
}

// MaxSummed is the most members of a sum, those of a neighbourhood.
const MaxSummed = 32

// SkipError says why a round has no sum.
type SkipError struct {
	Reason string // a word to count by
	Detail string
}

// Error returns reason and detail.
func (e *SkipError) Error() string {
	if e.Detail == "" {
		return "round skipped: " + e.Reason
	}
	return "round skipped: " + e.Reason + ": " + e.Detail
}

// Reasons for which a round of a summed task changes nothing.
const (
	ReasonAlone     = "alone"          // nobody else is there
	ReasonListening = "listening"      // the device does not know the common model yet
	ReasonNoSum     = "sum-missing"    // the members' sum could not be opened
	ReasonSumRange  = "sum-range"      // a number in it is none that its members can reach
	ReasonSumNorm   = "sum-norm"       // larger than clipped values can add up to
	ReasonSumSteps  = "sum-steps"      // its members claim far more steps than in the round before
	ReasonSumLoss   = "sum-loss"       // the model would do far worse on the device's own test rows
	ReasonTold      = "told-differs"   // a neighbour tells another common model than one that is sure of its own
	ReasonToldLoss  = "told-loss"      // the same as sum-loss, of a model that neighbours tell
	ReasonNotTold   = "told-malformed" // what is told is no common model
)

// What a device submits of a round, sum.cddl: the levels of its direction,
// one for each parameter, and behind them what all need to go on alike.
const (
	levels     = 127 // of a number, to either side
	levelZero  = 128 // submitted for a level of 0, so that 0 is submitted for nothing
	clipRMS    = 32  // levels: bound on the root mean square of what a device submits
	checkRMS   = 33  // the same with what rounding to levels can add
	minScale   = -40
	maxScale   = 24
	startScale = -7 // numbers up to 1
	scaleZero  = 64 // submitted for a scale of 0
	maxSteps   = 1<<16 - 1
)

// SumValues returns how many values a device submits for a model of so many
// parameters: one for each, one for the scale that it wishes for, and with K-GT
// two for its number of steps.
func SumValues(params int, a Algorithm) int {
	if a == KGT {
		return params + 3
	}
	return params + 1
}

// check refuses a sum that its members cannot have come to, be they as many as
// they say.
func (s *Sum) check(params int, a Algorithm) error {
	refuse := func(reason update.Reason, format string, args ...any) error {
		return &update.Refused{Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
	if len(s.Values) != SumValues(params, a) || s.Count < 1 || s.Count > MaxSummed {
		return refuse(update.ReasonShape, "%d sums of %d members", len(s.Values), s.Count)
	}
	m := uint32(s.Count)
	total := int64(0)
	for i, v := range s.Values[:params] {
		if v < m*(levelZero-levels) || v > m*(levelZero+levels) {
			return refuse(ReasonSumRange, "number %d is %d of %d members", i, v, m)
		}
		level := int64(v) - int64(m*levelZero)
		total += level * level
	}
	if wish := s.Values[params]; wish < m*(scaleZero+minScale) || wish > m*(scaleZero+maxScale) {
		return refuse(ReasonSumRange, "the scale is %d of %d members", wish, m)
	}
	for _, v := range s.Values[params+1:] {
		if v > m*255 {
			return refuse(ReasonSumRange, "the steps are %d of %d members", v, m)
		}
	}
	// A mean of vectors of a norm has at most that norm.
	if limit := int64(m) * int64(m) * checkRMS * checkRMS * int64(params); total > limit {
		return refuse(ReasonSumNorm, "the squares come to %d, at most %d", total, limit)
	}
	return nil
}

// groupMeans is what the sums of a round say, the means of the groups weighted
// alike.
type groupMeans struct {
	mean  []float32 // direction, (params)
	wish  float32   // scale
	steps float32   // K-GT only
	own   bool      // the device is in one of the sums
}

// combine returns the means of sums at a scale. Sums that do not hold are
// left out; where none holds it returns the error of the first.
func combine(mean []float32, sums []Sum, scale int, a Algorithm) (*groupMeans, error) {
	var first error
	good := make([]Sum, 0, len(sums))
	for i := range sums {
		if err := sums[i].check(len(mean), a); err == nil {
			good = append(good, sums[i])
		} else if first == nil {
			first = err
		}
	}
	if len(good) == 0 {
		return nil, first
	}
	agg := &groupMeans{mean: mean}
	clear(mean)
	for i := range good {
		agg.add(&good[i], a)
	}
	share := 1 / float32(len(good))
	unit := power(scale)
	for i, v := range mean {
		mean[i] = float32(float32(v*share) * unit)
	}
	agg.wish = float32(agg.wish * share)
	agg.steps = float32(agg.steps * share)
	return agg, nil
}

// add adds the means of a group.
func (agg *groupMeans) add(s *Sum, a Algorithm) {
	params, m := len(agg.mean), float32(s.Count)
	zero := int32(s.Count) * levelZero
	for i, v := range s.Values[:params] {
		agg.mean[i] += float32(int32(v)-zero) / m
	}
	agg.wish += float32(int32(s.Values[params])-int32(s.Count)*scaleZero) / m
	if a == KGT {
		agg.steps += float32(s.Values[params+1]<<8+s.Values[params+2]) / m
	}
	agg.own = agg.own || s.Own
}
