// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"strconv"
	"strings"
)

// Compression is how the updates of a task are made smaller, as its owner writes
// it. None and q8 encode the numbers themselves. The others encode what changed
// since a replica of them that sender and receiver both keep: what one delta
// leaves out stays in the difference and comes with a later one. Values are
// compared with ==; the zero Compression is none.
type Compression struct {
	coding coding
	share  uint32 // of the numbers that are sent, in millionths; top-k only
}

// coding is the family of a compression.
type coding uint8

const (
	codeF32  coding = iota // every number, as float32
	codeQ8                 // every number, in 8 bits
	codeQ4                 // every number, in 4 bits
	codeSign               // the sign of every number
	codeTop1               // the largest numbers, a sign for each
	codeTop4               // the largest numbers, 4 bits for each
)

// codingNames are the spellings; those of top-k stand behind the share.
var codingNames = [...]string{codeF32: "none", codeQ8: "q8", codeQ4: "q4", codeSign: "sign", codeTop1: ":1bit", codeTop4: ":4bit"}

const topPrefix = "topk:" // before the share

// Bounds of the share that top-k sends, in millionths.
const (
	whole      = 1_000_000
	leastShare = whole / 1000
)

// ParseCompression reads a compression as the command line and a task spell it:
// none, q8, q4, sign, topk:F:1bit or topk:F:4bit, where F is the share of the
// numbers that is sent. Each has one spelling: that which String returns.
func ParseCompression(s string) (Compression, error) {
	for i, name := range codingNames {
		c := Compression{coding: coding(i)}
		if c.sparse() {
			c.share = parseShare(s, name)
		}
		if c.String() == s && c.valid() {
			return c, nil
		}
	}
	return Compression{}, fmt.Errorf("compression %.40q is unknown; possible: none, q8, q4, sign, topk:F:1bit, topk:F:4bit, "+
		"with F from 0.001 to 1 and up to six digits behind the point, as in topk:0.1:1bit", s)
}

// parseShare returns the share between the prefix of top-k and what stands
// behind it, or 0.
func parseShare(s, behind string) uint32 {
	number, isTop := strings.CutPrefix(s, topPrefix)
	number, isThis := strings.CutSuffix(number, behind)
	share, err := strconv.ParseFloat(number, 64)
	if !isTop || !isThis || err != nil || !(share > 0 && share <= 1) {
		return 0
	}
	return uint32(float64(share*whole) + 0.5)
}

// String returns the compression as [ParseCompression] reads it.
func (c Compression) String() string {
	name := codingNames[c.coding]
	if !c.sparse() {
		return name
	}
	return topPrefix + strconv.FormatFloat(float64(c.share)/whole, 'f', -1, 64) + name
}

// Memory reports whether deltas to a replica are encoded, which both ends have
// to keep, and not the numbers themselves.
func (c Compression) Memory() bool { return c.coding > codeQ8 }

// Quant returns the encoding of a vector by itself, without a replica. Sign and
// top-k have none, since what they leave out would be lost: ok is false then.
func (c Compression) Quant() (q Quant, ok bool) {
	switch c.coding {
	case codeF32:
		return F32, true
	case codeQ8:
		return Q8, true
	case codeQ4:
		return Q4, true
	}
	return F32, false
}

// Partial reports whether deltas leave numbers out.
func (c Compression) Partial() bool { return c.sparse() }

// Coarse reports whether a delta says of a number no more than its sign.
func (c Compression) Coarse() bool { return c.coding == codeSign || c.coding == codeTop1 }

func (c Compression) sparse() bool { return c.coding >= codeTop1 }

func (c Compression) valid() bool {
	return !c.sparse() || c.share >= leastShare && c.share <= whole
}

// count returns how many of so many numbers top-k sends at most, 1 or more: the
// share, rounded to the nearest, halves up.
func (c Compression) count(params int) int {
	return int(max(1, (uint64(c.share)*uint64(params)+whole/2)/whole))
}
