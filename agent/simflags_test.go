// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestSimFlags holds that each flag of `learn sim` refuses what it cannot mean:
// exit code 2, the value in the message, and nothing on stdout.
func TestSimFlags(t *testing.T) {
	for flag, values := range map[string][]string{
		"--nodes":        {"0", "-1", "131073", "x", "1.5", "", "99999999999999999999"},
		"--rounds":       {"0", "-5", "1048577", "x", ""},
		"--epochs":       {"0", "-1", "100001", "x"},
		"--batch":        {"0", "-1", "4097", "x"},
		"--rate":         {"0", "-1", "NaN", "Inf", "-Inf", "1e39", "x", ""},
		"--weight-decay": {"-1", "NaN", "Inf", "x"},
		"--loss":         {"-0.1", "1.01", "NaN", "Inf", "x"},
		"--seed":         {"-1", "x", "1.5", "18446744073709551616"},
		"--model":        {"foo", "", "mlp", "mlp:", "mlp:0", "mlp:-3", "mlp:64:x", "mlp:65537", "mlp:64:", "softmax:3", "linear", "Softmax"},
		"--partition": {"foo", "", "dirichlet", "dirichlet:0", "dirichlet:-1", "dirichlet:NaN", "dirichlet:x", "dirichlet:20000",
			"column", "column:", "column:none", "draw", "draw:5", "draw:0:1", "draw:5:0", "draw:5:11", "draw:x:1", "draw:5:1:1", "iid:3", "blocks:2"},
		"--topology": {"foo", "", "regular", "regular:", "regular:0", "regular:-1", "regular:x", "regular:257", "regular:4",
			"random:0", "random:4", "ring:2", "star:1", "full:1"},
		"--algorithm":     {"foo", "", "fedavg", "KGT"},
		"--compress":      {"foo", "", "q3", "Q8", "topk", "topk:0.1", "topk:0:1bit", "topk:1.5:1bit", "topk:NaN:4bit", "topk:0.1:2bit", "sign:1"},
		"--curve":         {"none/curve.csv", "simflags_test.go/curve.csv"},
		"--plot":          {"none/plot.svg", "simflags_test.go/plot.svg"},
		"--aggregate":     {"foo", "", "Mean", "krum", "trimmed:1"},
		"--attack":        {"foo", "", "signflip", "signflip:-1", "noise:x", "labelflip:2", "alie:NaN", "ipm:Inf", "dissensus:1", "signflip:4"},
		"--malicious":     {"-1", "4", "x", "1.5"},
		"--loss-oneway":   {"-0.1", "1.01", "NaN", "x"},
		"--churn":         {"-0.1", "1.01", "NaN", "x"},
		"--delay":         {"-1", "1001", "NaN", "Inf", "x"},
		"--split":         {"foo", "3", "3:", ":3", "3:3", "5:3", "-1:3", "1:2:3"},
		"--dp-sigma":      {"-1", "NaN", "Inf", "x"},
		"--dp-clip":       {"0", "-1", "NaN", "Inf", "x"},
		"--dp-q":          {"0", "-1", "1.5", "NaN", "1e-10", "x"},
		"--dp-delta":      {"0", "1", "-1", "NaN", "x"},
		"--momentum":      {"-0.1", "1", "NaN", "x"},
		"--schedule":      {"foo", "", "Constant"},
		"--class-weights": {"foo", "", "Balanced"},
		"--personalize":   {"-1", "100001", "x", "1.5"},
		"--mode":          {"foo", "", "Private"},
	} {
		for _, value := range values {
			t.Run(flag+"="+value, func(t *testing.T) {
				var out, err bytes.Buffer
				args := []string{"learn", "sim", "--nodes", "4", "--rounds", "1", "--model", "softmax", "--json", flag + "=" + value}
				code := run(args, stdio{in: strings.NewReader(""), out: &out, err: &err})
				if code != exitUsage {
					t.Errorf("exit code %d, want %d", code, exitUsage)
				}
				if out.Len() > 0 {
					t.Errorf("stdout holds %q", out.String())
				}
				text := err.String()
				if !strings.HasPrefix(text, "vecino: error: learn sim: ") || strings.Contains(text, "strconv") {
					t.Errorf("stderr holds %q", text)
				}
				if !strings.Contains(text, value) && !strings.Contains(text, strings.TrimPrefix(value, "+")) {
					t.Errorf("the value is not named: %q", text)
				}
			})
		}
	}
}

// TestSimFlagsSayWhatIsPossible holds that a refusal names the flag, and what it can
// be instead.
func TestSimFlagsSayWhatIsPossible(t *testing.T) {
	for flag, want := range map[string]string{
		"--attack=foo":         "possible: none, signflip:X, noise:X, labelflip, alie:Z, ipm:X, dissensus",
		"--aggregate=krum":     "nnm-trimmed",
		"--compress=q3":        "topk:F:1bit",
		"--malicious=4":        "0 and numbers below --nodes are possible",
		"--churn=2":            "0 to 1 are possible",
		"--delay=-1":           "0 to 1000 rounds are possible",
		"--split=5":            "write it like 20:40",
		"--dp-sigma=-1":        "0 and numbers above are possible",
		"--dp-clip=0":          "numbers above 0 are possible",
		"--dp-q=0":             "1e-9 to 1 are possible",
		"--dp-delta=1":         "numbers above 0 and below 1 are possible",
		"--momentum=1":         "0 and numbers below 1 are possible",
		"--schedule=foo":       "constant",
		"--class-weights=foo":  "none or balanced",
		"--personalize=-1":     "0 to 100000 are possible",
		"--mode=foo":           "hybrid",
		"--plot=none/plot.svg": "there is no folder none",
	} {
		var out, err bytes.Buffer
		args := []string{"learn", "sim", "--nodes", "4", "--rounds", "1", "--model", "softmax", flag}
		code := run(args, stdio{in: strings.NewReader(""), out: &out, err: &err})
		name, _, _ := strings.Cut(flag, "=")
		if code != exitUsage || !strings.Contains(err.String(), name) || !strings.Contains(err.String(), want) {
			t.Errorf("%s: exit code %d, stderr %q, which does not say %q", flag, code, err.String(), want)
		}
	}
}

// TestSimFlagsAtTheirBounds holds that the least and the most that a message
// names can be had.
func TestSimFlagsAtTheirBounds(t *testing.T) {
	for _, args := range [][]string{
		{"--nodes", "1"}, {"--epochs", "2"}, {"--batch", "1"}, {"--batch", "4096"}, {"--rate", "1e-20"}, {"--weight-decay", "0"},
		{"--loss", "0"}, {"--loss", "1"}, {"--seed", "0"}, {"--seed", "18446744073709551615"}, {"--partition", "draw:5:10"},
		{"--partition", "dirichlet:0.001"}, {"--topology", "regular:3"}, {"--topology", "star"}, {"--topology", "random:1"},
		{"--loss-oneway", "1"}, {"--churn", "1"}, {"--delay", "1000"}, {"--split", "0:1"}, {"--momentum", "0"}, {"--schedule", "constant"},
		{"--class-weights", "balanced"}, {"--malicious", "3", "--attack", "alie:0"}, {"--malicious", "1"}, {"--aggregate", "nna"}, {"--keep-head"},
		{"--compress", "topk:1:4bit"}, {"--compress", "sign"}, {"--personalize", "1"}, {"--dp-sigma", "1e-3", "--dp-q", "1"}, {"--dp-clip", "1e-9"},
	} {
		var out, err bytes.Buffer
		args = append([]string{"learn", "sim", "--nodes", "4", "--rounds", "1", "--model", "softmax", "--json"}, args...)
		if code := run(args, stdio{in: strings.NewReader(""), out: &out, err: &err}); code != 0 || err.Len() > 0 || out.Len() == 0 {
			t.Errorf("%v: exit code %d, stderr %q", args, code, err.String())
		}
	}
}
