// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// goldenBudget is an entry of testdata/budgets.json: a budget and its bytes.
type goldenBudget struct {
	Name    string        `json:"name"`
	Target  float64       `json:"epsilon"`
	Delta   float64       `json:"delta"`
	Spent   []goldenSpent `json:"spent"`
	Epsilon float64       `json:"epsilon_spent"` // to six digits behind the point
	Bytes   string        `json:"bytes"`
}

type goldenSpent struct {
	Q     float64 `json:"q"`
	Sigma float64 `json:"sigma"`
	Steps int     `json:"steps"`
}

// savedBudgets are budgets of every form.
func savedBudgets() []goldenBudget {
	return []goldenBudget{
		{Name: "nothing spent", Target: 1, Delta: 1e-5, Spent: []goldenSpent{}},
		{Name: "one mechanism", Target: 2.6, Delta: 1e-5, Spent: []goldenSpent{{0.1, 2, 100}}},
		{Name: "several, more than the target", Target: 4, Delta: 1e-6, Spent: []goldenSpent{
			{MinRate, MinSigma, MaxSteps}, {0.00390625, 1.1, 14062}, {0.1, 1.5, 100}, {0.1, 2, 1}, {1, MaxSigma, 7},
		}},
	}
}

func (g goldenBudget) saved() saved {
	s := saved{Version: budgetVersion, Unit: unit, Epsilon: g.Target, Delta: g.Delta}
	for _, m := range g.Spent {
		s.Spent = append(s.Spent, Spent{Q: m.Q, Sigma: m.Sigma, Steps: m.Steps})
	}
	return s
}

// TestBudgetGolden holds the format.
func TestBudgetGolden(t *testing.T) {
	made := savedBudgets()
	for i, g := range made {
		b, err := DecodeBudget(wire.MustMarshal(g.saved()))
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		made[i].Bytes = hex.EncodeToString(b.Encode())
		made[i].Epsilon = math.Round(b.Epsilon()*1e6) / 1e6
	}
	path := filepath.Join("testdata", "budgets.json")
	if *updateGolden {
		b, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []goldenBudget
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("-golden +made:\n%s", d)
	}
}

func TestDecodeBudgetRefuses(t *testing.T) {
	refuses := func(name string, b []byte) {
		t.Helper()
		if _, err := DecodeBudget(b); !errors.Is(err, ErrBudget) {
			t.Errorf("%s: %v, want ErrBudget", name, err)
		}
	}
	plain := savedBudgets()[2].saved()
	good := wire.MustMarshal(plain)
	for n := range good {
		refuses("truncated", good[:n])
	}
	refuses("longer", append(slices.Clone(good), 0))
	refuses("too long", make([]byte, MaxBudget+1))
	refuses("a target in double precision that half holds", bytes.Replace(good, []byte{0xf9, 0x44, 0}, []byte{0xfb, 0x40, 0x10, 0, 0, 0, 0, 0, 0}, 1))
	refuses("an integer target", bytes.Replace(good, []byte{0xf9, 0x44, 0}, []byte{4}, 1))
	nan, inf := math.NaN(), math.Inf(1)
	for name, change := range map[string]func(s *saved){
		"other version":          func(s *saved) { s.Version++ },
		"other unit":             func(s *saved) { s.Unit = "device" },
		"no unit":                func(s *saved) { s.Unit = "" },
		"epsilon of 0":           func(s *saved) { s.Epsilon = 0 },
		"infinite epsilon":       func(s *saved) { s.Epsilon = inf },
		"epsilon of NaN":         func(s *saved) { s.Epsilon = nan },
		"delta of 1":             func(s *saved) { s.Delta = 1 },
		"negative delta":         func(s *saved) { s.Delta = -1e-5 },
		"rate of 0":              func(s *saved) { s.Spent[0].Q = 0 },
		"rate below the least":   func(s *saved) { s.Spent[0].Q = MinRate / 2 },
		"rate above 1":           func(s *saved) { s.Spent[4].Q = 1.5 },
		"rate of NaN":            func(s *saved) { s.Spent[4].Q = nan },
		"no noise":               func(s *saved) { s.Spent[0].Sigma = 0 },
		"too much noise":         func(s *saved) { s.Spent[4].Sigma = inf },
		"noise of NaN":           func(s *saved) { s.Spent[2].Sigma = nan },
		"no steps":               func(s *saved) { s.Spent[3].Steps = 0 },
		"negative steps":         func(s *saved) { s.Spent[3].Steps = -1 },
		"too many steps":         func(s *saved) { s.Spent[3].Steps = MaxSteps + 1 },
		"a mechanism twice":      func(s *saved) { s.Spent[3].Sigma = s.Spent[2].Sigma },
		"rates out of order":     func(s *saved) { s.Spent[0], s.Spent[1] = s.Spent[1], s.Spent[0] },
		"noise out of order":     func(s *saved) { s.Spent[2], s.Spent[3] = s.Spent[3], s.Spent[2] },
		"more than the limit is": func(s *saved) { s.Spent = slices.Repeat(s.Spent, 13) },
	} {
		s := plain
		s.Spent = slices.Clone(s.Spent)
		change(&s)
		refuses(name, wire.MustMarshal(s))
	}
	if _, err := DecodeBudget(good); err != nil {
		t.Errorf("the unchanged one: %v", err)
	}
}

// FuzzDecodeBudget holds that what is taken has one encoding and numbers that
// can be counted on.
func FuzzDecodeBudget(f *testing.F) {
	for _, g := range savedBudgets() {
		f.Add(wire.MustMarshal(g.saved()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeBudget(data)
		if err != nil {
			if !errors.Is(err, ErrBudget) {
				t.Errorf("%v is not ErrBudget", err)
			}
			return
		}
		if again := b.Encode(); !bytes.Equal(again, data) {
			t.Errorf("%x encodes to %x", data, again)
		}
		if e := b.Epsilon(); !(e >= 0) || math.IsInf(e, 1) || (e > 0) != (len(b.Spent()) > 0) {
			t.Errorf("epsilon %v of %+v", e, b.Spent())
		}
	})
}

func BenchmarkDecodeBudget(b *testing.B) {
	data := wire.MustMarshal(savedBudgets()[1].saved())
	for b.Loop() {
		if _, err := DecodeBudget(data); err != nil {
			b.Fatal(err)
		}
	}
}
