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
		"--algorithm": {"foo", "", "fedavg", "KGT"},
		"--compress":  {"foo", "", "q3", "Q8"},
		"--curve":     {"none/curve.csv", "simflags_test.go/curve.csv"},
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

// TestSimFlagsAtTheirBounds holds that the least and the most that a message
// names can be had.
func TestSimFlagsAtTheirBounds(t *testing.T) {
	for _, args := range [][]string{
		{"--nodes", "1"}, {"--epochs", "2"}, {"--batch", "1"}, {"--batch", "4096"}, {"--rate", "1e-20"}, {"--weight-decay", "0"},
		{"--loss", "0"}, {"--loss", "1"}, {"--seed", "0"}, {"--seed", "18446744073709551615"}, {"--partition", "draw:5:10"},
		{"--partition", "dirichlet:0.001"}, {"--topology", "regular:3"}, {"--topology", "star"}, {"--topology", "random:1"},
	} {
		var out, err bytes.Buffer
		args = append([]string{"learn", "sim", "--nodes", "4", "--rounds", "1", "--model", "softmax", "--json"}, args...)
		if code := run(args, stdio{in: strings.NewReader(""), out: &out, err: &err}); code != 0 || err.Len() > 0 || out.Len() == 0 {
			t.Errorf("%v: exit code %d, stderr %q", args, code, err.String())
		}
	}
}
