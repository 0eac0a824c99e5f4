// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"strings"
	"testing"
)

func TestParseKind(t *testing.T) {
	for _, k := range []Kind{Classification, Regression, Anomaly} {
		if got, err := ParseKind(k.String()); got != k || err != nil {
			t.Errorf("ParseKind(%q) = %v, %v", k, got, err)
		}
	}
	for _, s := range []string{"", "automatic", "anomalies", "Regression"} {
		if _, err := ParseKind(s); err == nil || !strings.Contains(err.Error(), "classification, regression, anomaly") {
			t.Errorf("ParseKind(%q) = %v", s, err)
		}
	}
	if got := Kind(9).String(); got != "kind(9)" {
		t.Errorf("unknown kind: %q", got)
	}
}

func TestParseScale(t *testing.T) {
	tests := map[string]Scale{
		"zscore":      {},
		"none":        {Method: None},
		"divide:16":   {Method: Divide, Divisor: 16},
		"divide:0.25": {Method: Divide, Divisor: 0.25},
		"divide:1e+06": {
			Method: Divide, Divisor: 1e6,
		},
	}
	for s, want := range tests {
		got, err := ParseScale(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParseScale(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "divide", "divide:", "divide:0", "divide:-1", "divide:nan", "divide:inf", "divide:1e-60", "divide:x", "Zscore", "minmax"} {
		if got, err := ParseScale(s); err == nil {
			t.Errorf("ParseScale(%q) = %v", s, got)
		}
	}
}

func TestSchemaValidate(t *testing.T) {
	good := []Schema{
		{},
		{Kind: Regression, Target: "y", Group: "g", Scale: Scale{Method: Divide, Divisor: 2}},
	}
	for _, s := range good {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	bad := []Schema{
		{Kind: 4},
		{Target: "y", Group: "y"},
		{Scale: Scale{Method: 3}},
		{Scale: Scale{Method: Divide}},
		{Scale: Scale{Method: Divide, Divisor: -1}},
		{Scale: Scale{Method: Divide, Divisor: float32(math.NaN())}},
		{Scale: Scale{Method: Divide, Divisor: float32(math.Inf(1))}},
	}
	for _, s := range bad {
		if err := s.Validate(); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}
