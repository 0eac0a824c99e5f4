// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// mustParse returns the compression that s spells.
func mustParse(t testing.TB, s string) Compression {
	t.Helper()
	c, err := ParseCompression(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCompression(t *testing.T) {
	tests := []struct {
		s      string
		memory bool
		quant  Quant
		alone  bool // has an encoding without a replica
	}{
		{"none", false, F32, true},
		{"q8", false, Q8, true},
		{"q4", true, Q4, true},
		{"sign", true, F32, false},
		{"topk:0.001:1bit", true, F32, false},
		{"topk:0.1:1bit", true, F32, false},
		{"topk:0.1:4bit", true, F32, false},
		{"topk:0.123456:4bit", true, F32, false},
		{"topk:1:1bit", true, F32, false},
	}
	seen := map[Compression]bool{}
	for _, tt := range tests {
		c, err := ParseCompression(tt.s)
		if err != nil || c.String() != tt.s || c.Memory() != tt.memory || seen[c] {
			t.Errorf("%s: %v, %v, memory %v, seen %v", tt.s, c, err, c.Memory(), seen[c])
		}
		seen[c] = true
		if q, ok := c.Quant(); q != tt.quant || ok != tt.alone {
			t.Errorf("%s: encoding %v, %v", tt.s, q, ok)
		}
	}
	if !seen[Compression{}] || (Compression{}).String() != "none" {
		t.Error("the zero Compression is not none")
	}
}

func TestParseCompressionRefuses(t *testing.T) {
	for _, s := range []string{
		"", "None", "Q8", "q2", "f32", "sign ", ":1bit", "topk", "topk:", "topk:0.1", "topk:0.1:", "topk:0.1:2bit", "topk::1bit",
		"topk:0.1:1bit:", "topk:0.1:1bit:4bit", "topk:0:1bit", "topk:0.0009:1bit", "topk:1.001:1bit", "topk:-0.1:1bit", "topk:NaN:4bit", "topk:Inf:4bit",
		"topk:.1:1bit", "topk:0.10:1bit", "topk:1.0:1bit", "topk:00.1:1bit", "topk:+0.1:1bit", "topk:1e-1:1bit", "topk:0x1p-4:1bit",
		"topk:0.1234567:1bit", "topk:0.9999999:1bit", "topk:0.00099999:4bit", "topk:0_1:1bit", "topk: 0.1:1bit", strings.Repeat("topk:", 1000),
	} {
		c, err := ParseCompression(s)
		if err == nil || !strings.Contains(err.Error(), "possible: none, q8, q4, sign, topk:F:1bit, topk:F:4bit") || len(err.Error()) > 300 {
			t.Errorf("%.40q: %v, %v", s, c, err)
		}
		if c != (Compression{}) {
			t.Errorf("%.40q: refused, but %v", s, c)
		}
	}
}

// TestCompressionSpelling has every share of six digits spell itself.
func TestCompressionSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Uint32Range(leastShare, whole).Draw(t, "share")
		coding := rapid.SampledFrom([]coding{codeTop1, codeTop4}).Draw(t, "coding")
		c := Compression{coding, share}
		if got, err := ParseCompression(c.String()); err != nil || got != c {
			t.Fatalf("%+v is spelled %s: %+v, %v", c, c, got, err)
		}
	})
}

func TestCount(t *testing.T) {
	tests := []struct {
		s      string
		params int
		want   int
	}{
		{"topk:0.1:1bit", 4810, 481},
		{"topk:0.05:1bit", 4810, 241}, // halves up
		{"topk:0.05:1bit", 4809, 240},
		{"topk:0.001:4bit", 1, 1},
		{"topk:0.001:4bit", 1499, 1},
		{"topk:0.001:4bit", 1500, 2},
		{"topk:1:4bit", 1, 1},
		{"topk:1:1bit", MaxSize, MaxSize},
		{"topk:0.999999:1bit", MaxSize, MaxSize - 1},
	}
	for _, tt := range tests {
		if got := mustParse(t, tt.s).count(tt.params); got != tt.want {
			t.Errorf("%s of %d: %d, want %d", tt.s, tt.params, got, tt.want)
		}
	}
}
