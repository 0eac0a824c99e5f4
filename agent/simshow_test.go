// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSimFiles holds the curve of a simulation, which is the same on every machine,
// and that its picture is well-formed and holds a point for each round.
func TestSimFiles(t *testing.T) {
	folder := t.TempDir()
	curve, plot := filepath.Join(folder, "curve.csv"), filepath.Join(folder, "plot.svg")
	args := []string{
		"learn", "sim", "--nodes", "3", "--rounds", "3", "--model", "softmax", "--topology", "full", "--partition", "dirichlet:0.5",
		"--malicious", "1", "--attack", "labelflip", "--curve", curve, "--plot", plot, "--json",
	}
	var out, errs bytes.Buffer
	if code := run(args, stdio{in: strings.NewReader(""), out: &out, err: &errs}); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d, stderr %q", code, errs.String())
	}
	got, err := os.ReadFile(curve)
	if err != nil {
		t.Fatal(err)
	}
	const want = `round,mean,worst,average_model,consensus,train_loss
1,0.317549,0.309192,0.32312,0.0133212,1.37225
2,0.324513,0.32312,0.32312,0.00364101,0.993534
3,0.324513,0.32312,0.328691,0.00180352,0.821372
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("curve, -want +got:\n%s", d)
	}
	picture, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	elements, text := map[string]int{}, ""
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			text += string(token) + "\n"
		}
	}
	if elements["svg"] != 1 || elements["path"]+elements["polyline"] < 2 {
		t.Errorf("the picture holds %v", elements)
	}
	for _, want := range []string{"digits, softmax, 3 nodes, full, dirichlet:0.5", "round", "accuracy", "mean, down to the worst node", "the mean of all models"} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture does not say %q: %q", want, text)
		}
	}
}
