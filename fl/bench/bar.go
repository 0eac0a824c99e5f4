// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
)

// quantity is something that a simulation is measured by.
type quantity struct {
	name, unit string
	of         func(r *result) float64 // NaN where there is none
}

// The quantities. Shares are in percent.
var (
	mean     = quantity{"mean", " %", func(r *result) float64 { return r.mean }}
	worst    = quantity{"worst", " %", func(r *result) float64 { return r.worst }}
	payload  = quantity{"payload", " B", func(r *result) float64 { return r.payload }}
	headers  = quantity{"with headers", " B", func(r *result) float64 { return r.headers }}
	epsilon  = quantity{"epsilon", "", func(r *result) float64 { return r.epsilon }}
	seconds  = quantity{"time", " s", func(r *result) float64 { return r.seconds }}
	memory   = quantity{"memory", " MB", func(r *result) float64 { return r.memory }}
	onAlone  = quantity{"tuned less alone", " points", func(r *result) float64 { return r.tuned - r.alone }}
	onShared = quantity{"tuned less shared", " points", func(r *result) float64 { return r.tuned - r.shared }}
)

// bar is what a row is held against.
type bar struct {
	quantity
	way   way
	limit float64
	than  string // name of the row that it is compared with
}

// way is the side of the bar that is held.
type way uint8

const (
	least     way = iota // at least the limit
	most                 // at most the limit
	above                // at least the limit, in points, above the other row
	below                // at most the limit, in points, below the other row
	fewer                // at least limit times fewer than the other row
	converges            // never diverges, in any seed
	gains                // more than nothing
)

func atLeast(q quantity, limit float64) bar { return bar{quantity: q, way: least, limit: limit} }
func atMost(q quantity, limit float64) bar  { return bar{quantity: q, way: most, limit: limit} }

func aboveRow(points float64, than string) bar { return bar{mean, above, points, than} }
func belowRow(points float64, than string) bar { return bar{mean, below, points, than} }

func timesFewer(q quantity, times float64, than string) bar { return bar{q, fewer, times, than} }

// above0 wants any gain at all.
func above0(q quantity) bar { return bar{quantity: q, way: gains} }

func neverDiverges() bar { return bar{quantity: mean, way: converges} }

// String says what is wanted.
func (b bar) String() string {
	limit := strconv.FormatFloat(b.limit, 'f', -1, 64)
	switch b.way {
	case least:
		return b.name + " ≥ " + limit + b.unit
	case most:
		return b.name + " ≤ " + limit + b.unit
	case above:
		return b.name + " ≥ " + limit + " points above `" + b.than + "`"
	case below:
		return b.name + " ≤ " + limit + " points below `" + b.than + "`"
	case fewer:
		return b.name + " ≥ " + limit + " times fewer than `" + b.than + "`"
	case gains:
		return b.name + " > 0"
	}
	return "never diverges"
}

// verdict is how a bar came out.
type verdict uint8

const (
	heldBar verdict = iota
	missedBar
	notCompared // the other row was not measured
)

// judge holds a row's result against the bar. A number that is none misses it.
func (b bar) judge(got *result, all map[string]*result) verdict {
	v, other := b.of(got), 0.0
	if b.than != "" {
		base := all[b.than]
		if base == nil {
			return notCompared
		}
		other = b.of(base)
	}
	held := false
	switch b.way {
	case least:
		held = v >= b.limit
	case most:
		held = v <= b.limit
	case above:
		held = v-other >= b.limit
	case below:
		held = other-v <= b.limit
	case fewer:
		held = other/v >= b.limit
	case converges:
		held = !got.diverged
	case gains:
		held = v > 0
	}
	if !held {
		return missedBar
	}
	return heldBar
}

// told says of a bar what is wanted, how it came out, and of a comparison by how
// much.
func (b bar) told(got *result, all map[string]*result) string {
	by := ""
	if base := all[b.than]; base != nil && !got.diverged {
		switch v, other := b.of(got), b.of(base); b.way {
		case above, below:
			by = fmt.Sprintf(" (%+.2f)", v-other)
		case fewer:
			by = fmt.Sprintf(" (%.1f x)", other/v)
		}
	}
	switch b.judge(got, all) {
	case missedBar:
		return "**missed: " + b.String() + "**" + by
	case notCompared:
		return b.String() + " (not compared)"
	}
	return b.String() + by + ": held"
}
