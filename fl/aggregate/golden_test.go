// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGolden holds the bits of every rule with 2 to 64 vectors, of which some are
// huge, lead the wrong way, or are copies: they are the same on every
// architecture, and two versions agree.
func TestGolden(t *testing.T) {
	want := map[Rule]string{
		Mean:       "e035e604fe774f7376cd22cb13b3ff47e37374adb4784fe850a3a6467180b0de",
		Trimmed:    "4d422ca1f4f168128041b4937b671d6b5f13512d6dbf299b3bb31ae10e308226",
		Median:     "181acf9d4e66e66fdcb42f3e87cb0ca3c6b3eab3e33e1108dc4b9614fe023edd",
		NNMTrimmed: "3470e4baa297514dab2259940c8df7c4f64c62a24912118d427884e63c6f0cca",
		NNA:        "8ea1a2d2721e736467ddd0b2a9a22b5b1b95057d6d8aaeff54f5186304dad333",
		Clip:       "721807f7b72842ed78621df5b20034415d4b5a8e1345ceba412ca732b62c65be",
	}
	for _, rule := range rules {
		h, r := sha256.New(), rand.New(rand.NewPCG(17, 19))
		for _, n := range []int{2, 3, 4, 5, 9, 20, 33, MaxVectors} {
			in := uniformInput(r, n, 333)
			for j := range in.Others {
				in.Weights = append(in.Weights, r.Float32()/float32(n))
				in.Trust = append(in.Trust, min(1, 2*r.Float32()))
				scale := [...]float32{-1, -0.5, 1e30, 0x1p-140}[j%4]
				for p := range in.Others[j] {
					if j < Tolerated(n) {
						in.Others[j][p] *= scale
					}
				}
			}
			for _, even := range []bool{false, true} {
				if even {
					in.Weights, in.Trust = nil, nil
				}
				dst, res := combine(rule, in)
				for _, x := range dst {
					h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
				}
				for _, v := range res.Verdicts {
					h.Write([]byte{byte(v)})
				}
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want[rule] {
			t.Errorf("%v: %s, want %s", rule, got, want[rule])
		}
	}
}
