// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"strings"
	"testing"
)

// rules are those that combine.
var rules = []Rule{Mean, Trimmed, Median, NNMTrimmed, NNA, Clip}

func TestParse(t *testing.T) {
	for r := Mean; r <= Clip; r++ {
		if got, err := Parse(r.String()); err != nil || got != r || !r.Valid() {
			t.Errorf("Parse(%q) = %v, %v", r.String(), got, err)
		}
	}
	for _, s := range []string{"", "Mean", "nnm", "nnm_trimmed", "krum", "rule(7)"} {
		if _, err := Parse(s); err == nil || !strings.Contains(err.Error(), "possible: mean, auto, trimmed, median, nnm-trimmed, nna, clip") {
			t.Errorf("Parse(%q): %v", s, err)
		}
	}
	if r := Clip + 1; r.Valid() || r.String() != "rule(7)" {
		t.Errorf("%v is valid: %v", r, r.Valid())
	}
	if (Far+1).String() != "verdict(5)" || Opposed.String() != "opposed" {
		t.Errorf("verdicts are named %v, %v", Far+1, Opposed)
	}
}

func TestAuto(t *testing.T) {
	for n, want := range []Rule{1: Clip, 2: Clip, 3: Clip, 4: Clip, 5: NNMTrimmed, 6: NNMTrimmed, MaxVectors: NNMTrimmed} {
		if n == 0 || want == 0 {
			continue
		}
		if got := Auto.For(n); got != want {
			t.Errorf("auto is %v with %d vectors, want %v", got, n, want)
		}
		for _, r := range rules {
			if got := r.For(n); got != r {
				t.Errorf("%v becomes %v with %d vectors", r, got, n)
			}
		}
	}
}

func TestTolerated(t *testing.T) {
	for n, want := range []int{0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5} {
		if got := Tolerated(n); got != want {
			t.Errorf("Tolerated(%d) = %d, want %d", n, got, want)
		}
	}
	for n := 3; n <= MaxVectors; n++ {
		b := Tolerated(n)
		if n < 2*b+1 {
			t.Errorf("with %d of %d hostile the honest are not more", b, n)
		}
		// Whoever is left out for what it sent leaves no more liars than are tolerated.
		for out := 1; out <= b && n > 4; out++ {
			if Tolerated(n-out) < b-out {
				t.Errorf("%d tolerates %d, and %d only %d", n, b, n-out, Tolerated(n-out))
			}
		}
	}
}
