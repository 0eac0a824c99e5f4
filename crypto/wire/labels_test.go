// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestLabelsApart(t *testing.T) {
	for i, a := range wire.Labels {
		if a == "" {
			t.Errorf("label %d is empty", i)
		}
		for j, b := range wire.Labels {
			if i != j && bytes.HasPrefix(wire.LV([]byte(b)), wire.LV([]byte(a))) {
				t.Errorf("label %q is a prefix of %q", a, b)
			}
		}
	}
}

// TestLabelsComplete holds the list against the constants of the source.
func TestLabelsComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "labels.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, l := range wire.Labels {
		listed[string(l)] = true
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		label, err := strconv.Unquote(lit.Value)
		if err != nil || !listed[label] {
			t.Errorf("label %s of constant %s is not in Labels", lit.Value, spec.Names[0])
		}
		found++
		return true
	})
	if found != len(wire.Labels) {
		t.Errorf("%d constants and %d labels in the list", found, len(wire.Labels))
	}
}
