// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSpec(t *testing.T) {
	tests := map[string]Spec{
		"softmax":     {},
		"linear":      {Kind: Linear},
		"mlp:64":      {Kind: MLP, Hidden: []int{64}},
		"mlp:64:32:8": {Kind: MLP, Hidden: []int{64, 32, 8}},

		"conv":                  {Kind: Conv},
		"conv@8":                {Kind: Conv, Channels: 8},
		"conv:32":               {Kind: Conv, Hidden: []int{32}},
		"conv:16x5:32x3:64:8@3": {Kind: Conv, Filters: []Filter{{16, 5}, {32, 3}}, Hidden: []int{64, 8}, Channels: 3},
		"gru":                   {Kind: GRU},
		"gru:32@8":              {Kind: GRU, Hidden: []int{32}, Channels: 8},
		"gru@65536":             {Kind: GRU, Channels: 65536},
		"autoencoder":           {Kind: Autoencoder},
		"autoencoder:32:8":      {Kind: Autoencoder, Hidden: []int{32, 8}},
	}
	for s, want := range tests {
		got, err := ParseSpec(s)
		if err != nil || got.String() != s {
			t.Errorf("ParseSpec(%q) = %v, %v", s, got, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
	bad := map[string]string{
		"":                                  "possible: softmax, linear, mlp:H",
		"mlp":                               "possible: softmax, linear, mlp:H",
		"softmax:3":                         "possible: softmax, linear, mlp:H",
		"mlp:":                              `"" is not a number of units`,
		"mlp:x":                             `"x" is not a number of units`,
		"mlp:+4":                            `"+4" is not a number of units`,
		"mlp:64:":                           `"" is not a number of units`,
		"mlp:0":                             "0 units; it takes 1 to 65536",
		"mlp:8:-1":                          "-1 units; it takes 1 to 65536",
		"mlp:65537":                         "65537 units; it takes 1 to 65536",
		"mlp" + strings.Repeat(":4", 17):    "17 hidden layers; it takes 1 to 16",
		"mlp:99999999999999999999999999999": "is not a number of units",

		"mlp:8@2":                                "is unknown",
		"mlp@2":                                  "is unknown",
		"softmax@2":                              "is unknown",
		"autoencoder@2":                          "is unknown",
		"lstm:8":                                 "is unknown",
		"Conv":                                   "is unknown",
		"mlp:8x3":                                `"8x3" is not a number of units`,
		"gru:8x3":                                `"8x3" is not a number of units`,
		"gru:8:8":                                "it has one state",
		"gru:":                                   `"" is not a number of units`,
		"gru:0":                                  "0 units; it takes 1 to 65536",
		"gru@":                                   `"" is not a number of channels`,
		"gru@0":                                  `"0" is not a number of channels`,
		"gru@-1":                                 "-1 channels; it takes 1 to 65536",
		"gru@65537":                              "65537 channels; it takes 1 to 65536",
		"gru@8@8":                                `"8@8" is not a number of channels`,
		"gru@8:32":                               `"8:32" is not a number of channels`,
		"conv:x":                                 `"x" is not filters and their width, as in 16x5`,
		"conv:16x":                               `"16x" is not filters and their width`,
		"conv:x5":                                `"x5" is not filters and their width`,
		"conv:16x05":                             `"16x05" is not filters and their width`,
		"conv:16x5x2":                            `"16x5x2" is not filters and their width`,
		"conv:0x5":                               "0 filters; it takes 1 to 65536",
		"conv:65537x5":                           "65537 filters; it takes 1 to 65536",
		"conv:16x0":                              "width 0; it takes 1 to 256",
		"conv:16x257":                            "width 257; it takes 1 to 256",
		"conv:32:16x5":                           `filters "16x5" stand behind a hidden layer`,
		"conv" + strings.Repeat(":2x2", 17):      "17 convolutions; it takes 1 to 16",
		"conv" + strings.Repeat(":2", 17):        "17 hidden layers; it takes 1 to 16",
		"autoencoder" + strings.Repeat(":2", 17): "17 hidden layers; it takes 1 to 16",
	}
	for s, want := range bad {
		if _, err := ParseSpec(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSpec(%q) = %v, want an error with %q", s, err, want)
		}
	}
}

func spec(t testing.TB, s string) Spec {
	t.Helper()
	got, err := ParseSpec(s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestUnknownKind(t *testing.T) {
	if got := (Spec{Kind: 9}).String(); got != "kind(9)" {
		t.Errorf("%q", got)
	}
}

// FuzzParseSpec reads models as a stranger's task names them: what is accepted
// is spelt in one way, and makes a model within the limits or none.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"softmax", "linear", "mlp:64:32", "conv", "conv:16x5:32x3:64@8", "gru:32@8", "autoencoder:32:8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := ParseSpec(s)
		if err != nil {
			return
		}
		if spec.String() != s {
			t.Fatalf("%q is %v", s, spec)
		}
		outputs, loss := 3, CrossEntropy
		switch spec.Kind {
		case Linear:
			loss = MeanSquare
		case Autoencoder:
			outputs, loss = 64, Reconstruction
		}
		m, err := New(spec, 64, outputs, loss)
		if err != nil {
			return
		}
		if m.Size() > MaxParams || m.Activations(1) <= 0 || m.Products() <= 0 {
			t.Errorf("%s: %d parameters, %d activations, %d products", s, m.Size(), m.Activations(1), m.Products())
		}
	})
}
