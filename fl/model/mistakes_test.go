// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"
	"testing"
)

func TestMistakesPanic(t *testing.T) {
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	other := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta, ws := make([]float32, m.Size()), m.NewWorkspace(2)
	tests := map[string]func(){
		"workspace of no rows":      func() { m.NewWorkspace(0) },
		"workspace of many rows":    func() { m.NewWorkspace(MaxBatch + 1) },
		"short parameters":          func() { m.Predict(theta[1:], make([]float32, 2), ws) },
		"short gradient":            func() { m.Gradient(theta[1:], theta, Batch{}, 0, ws) },
		"no rows":                   func() { m.Predict(theta, nil, ws) },
		"half a row":                func() { m.Predict(theta, make([]float32, 3), ws) },
		"more rows than workspace":  func() { m.Predict(theta, make([]float32, 6), ws) },
		"another model's workspace": func() { other.Predict(theta, make([]float32, 2), ws) },
		"init of a short vector":    func() { m.Init(theta[1:], 1) },
	}
	for name, f := range tests {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "model: ") {
					t.Errorf("%s: panic %v", name, text)
				}
			}()
			f()
		}()
	}
}
