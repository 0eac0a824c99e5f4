// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/fl/node"
)

// planOf returns the plan that a task file makes, by way of the JSON in which it
// goes to the agent.
func planOf(t *testing.T, text string) (*learn.Plan, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "air.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := readTask(path)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), ""))
	}
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var again taskArgs
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	return again.plan()
}

// everything is a task file with all keys, as the README has them.
const everything = `
name = "Luft"
model = "mlp:64:32"
algorithm = "dpsgd"
topology = "regular:4"
compress = "topk:0.1:4bit"
aggregate = "trimmed"
mode = "robust"
rate = 0.25
schedule = "constant"
weight_decay = 0.5
batch = 32
epochs = 2
rounds = 50
round = "90s"
seed = 7
class_weights = [1, 2.5]

[privacy]
sigma = 1.5
clip = 2.0
q = 0.125
delta = 1e-5
epsilon = 8.0

[personal]
tune = 3
head = true

[budget]
bytes = 5000000000
seconds = 3600
joules = 100

[features]
channels = ["x", "y"]
length = 64
step = 32
bands = 4
period = "20ms"
`

func TestTaskFile(t *testing.T) {
	unexported := cmpopts.IgnoreUnexported(node.Privacy{}, node.Personal{}, node.Budget{}, node.Features{})
	plain := learn.Plan{
		Name: "air", Model: "softmax", Algorithm: node.KGT, Topology: "full", Compress: "q8", Aggregate: "mean", Rate: 0.1, Decay: 1e-4,
		Batch: 16, Epochs: 1, Rounds: 100, RoundLen: time.Minute, Seed: 1, Weights: []float32{},
	}
	with := func(change func(*learn.Plan)) learn.Plan {
		p := plain
		change(&p)
		return p
	}
	for name, tt := range map[string]struct {
		text string
		want learn.Plan
	}{
		"nothing": {"", plain},
		"everything": {everything, learn.Plan{
			Name: "Luft", Model: "mlp:64:32", Algorithm: node.DPSGD, Topology: "regular:4", Compress: "topk:0.1:4bit", Aggregate: "trimmed", Rate: 0.25, Schedule: node.Constant, Decay: 0.5,
			Batch: 32, Epochs: 2, Rounds: 50, RoundLen: 90 * time.Second, Seed: 7, Weights: []float32{1, 2.5},
			Privacy:  &node.Privacy{Sigma: 1.5, Clip: 2, Q: 0.125, Delta: 1e-5, Epsilon: 8},
			Personal: node.Personal{Tune: 3, Head: true}, Budget: node.Budget{Bytes: 5_000_000_000, Seconds: 3600, Joules: 100},
			Features: &node.Features{Channels: []string{"x", "y"}, Length: 64, Step: 32, Bands: 4, Period: 20},
		}},
		"balanced":             {`class_weights = "balanced"`, with(func(p *learn.Plan) { p.Balanced = true })},
		"kgt":                  {`algorithm = "kgt"`, plain},
		"the mean":             {`aggregate = "mean"`, plain},
		"the mean, with dpsgd": {"aggregate = \"mean\"\nalgorithm = \"dpsgd\"", with(func(p *learn.Plan) { p.Algorithm = node.DPSGD })},
		"sums":                 {`mode = "mask"`, with(func(p *learn.Plan) { p.Mode = node.Mask })},
		"what has changed":     {`compress = "sign"`, with(func(p *learn.Plan) { p.Compress = "sign" })},
		"four bits":            {`compress = "q4"`, with(func(p *learn.Plan) { p.Compress = "q4" })},
		"a rule":               {`aggregate = "median"`, with(func(p *learn.Plan) { p.Aggregate, p.Algorithm = "median", node.DPSGD })},
	} {
		got, err := planOf(t, tt.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(&tt.want, got, unexported); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
}

// TestReadme holds that the task file of the README has all keys, can be read, and
// says, but for the tables, what is the default.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "of which only a name is needed:\n\n")
	text, _, _ = strings.Cut(text, "\n\nNeighbours are averaged")
	var f taskFile
	meta, err := toml.Decode(text, &f)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range taskKeys {
		_, keys, _ = strings.Cut(keys, " has ")
		for key := range strings.SplitSeq(keys, ", ") {
			if key = strings.Trim(key, "[]"); !strings.Contains(text, "\n    "+key+" = ") && !strings.Contains(text, "["+key+"]") && !strings.HasPrefix(text, "    "+key) {
				t.Errorf("the README says nothing of %s", key)
			}
		}
	}
	if len(meta.Undecoded()) > 0 {
		t.Errorf("unknown: %v", meta.Undecoded())
	}
	if _, err := planOf(t, text); err != nil {
		t.Error(err)
	}
	head, _, _ := strings.Cut(text, "[privacy]")
	got, err := planOf(t, head)
	if err != nil {
		t.Fatal(err)
	}
	want, err := planOf(t, `name = "digits"`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-default +README:\n%s", d)
	}
}

// TestTaskFileRefused holds that an error names the file and the key, and says what
// is possible.
func TestTaskFileRefused(t *testing.T) {
	for text, want := range map[string]string{
		`rond = "1s"`:                                `air.toml: rond: unknown key; a task has name, model, algorithm, `,
		"[privacy]\nsgima = 1.0":                     `air.toml: privacy.sgima: unknown key; [privacy] has sigma, clip, q, delta, epsilon`,
		"[features]\nwidth = 3\nperiod = \"1s\"":     `air.toml: features.width: unknown key; [features] has channels, length, step, bands, period`,
		"[extra]\na = 1":                             `air.toml: extra: unknown key; a task has `,
		`round = "soon"`:                             `air.toml: round: "soon" is no duration; write it like 30s or 5m`,
		"[features]\nperiod = \"x\"":                 `air.toml: features.period: "x" is no duration`,
		`mode = "open"`:                              `air.toml: mode: mode "open" is unknown; it is robust, private, hybrid or mask`,
		`model = "forest"`:                           `air.toml: model: model "forest" is unknown`,
		`topology = "mesh"`:                          `air.toml: topology: topology "mesh" is unknown`,
		`compress = "q3"`:                            `air.toml: compress: compression "q3" is unknown; possible: none, q8, q4, sign, topk:F:1bit, topk:F:4bit`,
		`schedule = "steep"`:                         `air.toml: schedule: schedule "steep" is unknown; it is trapezoid or constant`,
		`aggregate = "krum"`:                         `air.toml: aggregate: `,
		`algorithm = "fedavg"`:                       `air.toml: algorithm: algorithm "fedavg" is unknown; it is kgt or dpsgd`,
		"algorithm = \"kgt\"\naggregate = \"nna\"":   `air.toml: algorithm: kgt goes with aggregate = "mean", and it is "nna"; use that, or algorithm = "dpsgd"`,
		`class_weights = "even"`:                     `air.toml: class_weights: it is "balanced" or a list of numbers, one for each class`,
		`class_weights = ["a"]`:                      `air.toml: class_weights: it is "balanced" or a list`,
		"[personal]\ntune = -1":                      `air.toml: personal.tune: -1; it is 0 to `,
		"[budget]\nbytes = -1":                       `air.toml: budget.bytes: -1; it is 0 to `,
		"[budget]\njoules = 4294967296":              `air.toml: budget.joules: 4294967296; it is 0 to 4294967295`,
		"[features]\nlength = 4097\nperiod = \"1s\"": `air.toml: features.length: 4097; it is 0 to 4096`,
		`rounds = "many"`:                            `air.toml: toml: line 1 (last key "rounds"): `,
		`rounds = [`:                                 `air.toml: toml: line 1`,
	} {
		if p, err := planOf(t, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %+v\n%v\nwant %s", text, p, err, want)
		}
	}
}

// TestInTaskFile holds that what the agent says of a task is put in words of the
// file.
func TestInTaskFile(t *testing.T) {
	for about, want := range map[string]string{
		"task refused: weight decay: 2; it is 0 or more": "a.toml: weight_decay: 2; it is 0 or more",
		"task refused: compression: q8: no":              "a.toml: compress: q8: no",
		"task refused: batch: 0":                         "a.toml: batch: 0",
		"no agent is running":                            "no agent is running",
	} {
		err := inTaskFile("a.toml", &failure{code: exitUsage, err: errors.New(about), hint: "so"})
		var f *failure
		if !errors.As(err, &f) || f.Error() != want || f.code != exitUsage || f.hint != "so" {
			t.Errorf("%q: %v", about, err)
		}
	}
	if err := inTaskFile("a.toml", nil); err != nil {
		t.Error(err)
	}
	other := errors.New("other")
	if err := inTaskFile("a.toml", other); err != other {
		t.Error(err)
	}
}
