// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/sim"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// simFlags are the flags of `learn sim`.
type simFlags struct {
	data, model, partition, topology, algorithm, schedule, compress, mode, split string
	aggregate, attack, weights, curve, plot                                      string

	nodes, rounds, epochs, batch, malicious, personalize int
	rate, decay, momentum                                float32
	links                                                sim.Links
	sigma, clip, q, delta                                float32
	keepHead                                             bool
	seed                                                 uint64
	asJSON                                               bool

	asked func(flag string) bool // it was given
}

func (f *simFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.data, "data", "digits", "data folder, or digits for the built-in set")
	flags.StringVar(&f.model, "model", "mlp:64", "softmax, linear, mlp:H[:H…], conv[:FxW…][:H…][@C], gru[:H][@C] or autoencoder[:H…]")
	flags.IntVar(&f.nodes, "nodes", 10, "number of nodes")
	flags.StringVar(&f.partition, "partition", "iid", "iid, dirichlet:A, column:NAME, blocks or draw:ROWS:CLASSES")
	flags.StringVar(&f.topology, "topology", "ring", "full, star, ring, regular:K or random:K")
	flags.IntVar(&f.rounds, "rounds", 100, "number of rounds")
	flags.IntVar(&f.epochs, "epochs", 1, "local epochs of a round; with noise, steps")
	flags.IntVar(&f.batch, "batch", 16, "rows of a step")
	flags.Float32Var(&f.rate, "rate", 0.3, "learning rate")
	flags.Float32Var(&f.decay, "weight-decay", 1e-4, "weight decay")
	flags.Float32Var(&f.momentum, "momentum", 0, "momentum of local steps")
	flags.StringVar(&f.schedule, "schedule", "trapezoid", "trapezoid lowers the rate in the last 30 % of the rounds, constant does not")
	flags.StringVar(&f.weights, "class-weights", "none", "none, or balanced: a class counts as much as any other")
	flags.StringVar(&f.algorithm, "algorithm", "kgt", "kgt or dpsgd")
	flags.StringVar(&f.compress, "compress", "none", "none, q8, q4, sign, topk:F:1bit or topk:F:4bit")
	flags.StringVar(&f.mode, "mode", "robust", "robust shows updates to neighbours; private, hybrid and mask show sums only (with --topology full --compress q8)")
	flags.StringVar(&f.aggregate, "aggregate", "mean", "auto, mean, trimmed, median, nnm-trimmed, nna or clip; with --malicious auto unless it is said")
	flags.IntVar(&f.malicious, "malicious", 0, "number of hostile nodes, of which accuracies do not speak")
	flags.StringVar(&f.attack, "attack", "none", "what they do: none, signflip:X, noise:X, labelflip, alie:Z, ipm:X or dissensus")
	flags.Float64Var(&f.links.Loss, "loss", 0, "share of exchanges that are lost, both ways")
	flags.Float64Var(&f.links.OneWay, "loss-oneway", 0, "share of messages that are lost, each way for itself")
	flags.Float64Var(&f.links.Churn, "churn", 0, "share of nodes that are away in a round")
	flags.Float64Var(&f.links.Delay, "delay", 0, "mean time that a message takes, in rounds; what comes after its round is lost")
	flags.StringVar(&f.split, "split", "", "rounds `FROM:TO` in which the nodes fall in two halves that do not hear each other")
	flags.Float32Var(&f.sigma, "dp-sigma", 0, "noise multiplier; 0 hides nothing")
	flags.Float32Var(&f.clip, "dp-clip", 1, "largest norm of the gradient of a row")
	flags.Float32Var(&f.q, "dp-q", 0.1, "share of the rows in a noisy step")
	flags.Float32Var(&f.delta, "dp-delta", 1e-5, "delta of the epsilon that is told")
	flags.IntVar(&f.personalize, "personalize", 0, "epochs of training on a node's own rows after the last round, to be compared on rows of its own")
	flags.BoolVar(&f.keepHead, "keep-head", false, "keep the last layer of each node to itself")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of everything random")
	flags.StringVar(&f.curve, "curve", "", "write the curve of every round to this CSV `FILE`")
	flags.StringVar(&f.plot, "plot", "", "draw the curve as a picture into this SVG `FILE`")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

// check names the flag whose value cannot be.
func (f *simFlags) check() error {
	const most = math.MaxFloat32
	share := func(v float64) bool { return v >= 0 && v <= 1 }
	for _, c := range []struct {
		flag     string
		value    any
		possible bool
		bounds   string
	}{
		{"nodes", f.nodes, f.nodes >= 1 && f.nodes <= sim.MaxNodes, fmt.Sprintf("1 to %d", sim.MaxNodes)},
		{"rounds", f.rounds, f.rounds >= 1 && f.rounds <= node.MaxRounds, fmt.Sprintf("1 to %d", node.MaxRounds)},
		{"epochs", f.epochs, f.epochs >= 1 && f.epochs <= model.MaxEpochs, fmt.Sprintf("1 to %d", model.MaxEpochs)},
		{"batch", f.batch, f.batch >= 1 && f.batch <= model.MaxBatch, fmt.Sprintf("1 to %d", model.MaxBatch)},
		{"rate", f.rate, f.rate > 0 && f.rate <= most, "numbers above 0"},
		{"weight-decay", f.decay, f.decay >= 0 && f.decay <= most, "0 and numbers above"},
		{"momentum", f.momentum, f.momentum >= 0 && f.momentum < 1, "0 and numbers below 1"},
		{"loss", f.links.Loss, share(f.links.Loss), "0 to 1"},
		{"loss-oneway", f.links.OneWay, share(f.links.OneWay), "0 to 1"},
		{"churn", f.links.Churn, share(f.links.Churn), "0 to 1"},
		{"delay", f.links.Delay, f.links.Delay >= 0 && f.links.Delay <= sim.MaxDelay, fmt.Sprintf("0 to %d rounds", sim.MaxDelay)},
		{"malicious", f.malicious, f.malicious >= 0 && f.malicious < max(f.nodes, 1), "0 and numbers below --nodes"},
		{"dp-sigma", f.sigma, f.sigma >= 0 && f.sigma <= most, "0 and numbers above"},
		{"dp-clip", f.clip, f.clip > 0 && f.clip <= most, "numbers above 0"},
		{"dp-q", f.q, f.q >= 1e-9 && f.q <= 1, "1e-9 to 1"},
		{"dp-delta", f.delta, f.delta > 0 && f.delta < 1, "numbers above 0 and below 1"},
		{"personalize", f.personalize, f.personalize >= 0 && f.personalize <= model.MaxEpochs, fmt.Sprintf("0 to %d", model.MaxEpochs)},
	} {
		if !c.possible {
			return usage("learn sim: --%s %v: %s are possible", c.flag, c.value, c.bounds)
		}
	}
	// Nobody wants to hear of it when the rounds are over.
	for flag, path := range map[string]string{"curve": f.curve, "plot": f.plot} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return usage("learn sim: --%s %s: there is no folder %s", flag, path, filepath.Dir(path))
		}
	}
	return nil
}

// settings turns the flags into a simulation. What a flag cannot mean is wrong
// usage.
func (f *simFlags) settings() (*sim.Settings, error) {
	s := &sim.Settings{
		Nodes: f.nodes, Rounds: f.rounds, Links: f.links, Malicious: f.malicious, Personalize: f.personalize, KeepHead: f.keepHead, Seed: f.seed,
		SGD: model.SGD{Rate: f.rate, Decay: f.decay, Momentum: f.momentum, Batch: f.batch, Epochs: f.epochs},
	}
	rule := f.aggregate
	if f.malicious > 0 && !f.asked("aggregate") {
		rule = aggregate.Auto.String()
	}
	balanced := false
	for _, p := range []struct {
		flag  string
		parse func() error
	}{
		{"model", func() (err error) { s.Spec, err = model.ParseSpec(f.model); return }},
		{"partition", func() (err error) { s.Partition, err = dataset.ParsePartition(f.partition); return }},
		{"topology", func() (err error) { s.Topology, err = topology.Parse(f.topology); return }},
		{"algorithm", func() (err error) { s.Algorithm, err = node.ParseAlgorithm(f.algorithm); return }},
		{"schedule", func() (err error) { s.Schedule, err = node.ParseSchedule(f.schedule); return }},
		{"split", func() (err error) { s.Links.Split, err = parseSplit(f.split); return }},
		{"compress", func() (err error) { s.Compression, err = update.ParseCompression(f.compress); return }},
		{"aggregate", func() (err error) { s.Aggregate, err = aggregate.Parse(rule); return }},
		{"attack", func() (err error) { s.Attack, err = sim.ParseAttack(f.attack); return }},
		{"class-weights", func() (err error) { balanced, err = parseWeights(f.weights); return }},
		{"mode", func() (err error) { s.Mode, err = node.ParseMode(f.mode); return }},
	} {
		if err := p.parse(); err != nil {
			return nil, usage("learn sim: --%s: %w", p.flag, err)
		}
	}
	if f.sigma > 0 {
		s.Privacy = &node.Privacy{Sigma: f.sigma, Clip: f.clip, Q: f.q, Delta: f.delta}
	}
	if err := f.readData(s); err != nil {
		return nil, err
	}
	if balanced && s.Train.Kind == dataset.Classification {
		s.SGD.ClassWeight = model.BalancedWeights(model.CountClasses(s.Train, nil))
	}
	return s, nil
}

// readData reads the rows and scales them.
func (f *simFlags) readData(s *sim.Settings) error {
	data, err := namedData(f.data)
	if err != nil {
		return err
	}
	scaler, err := dataset.Fit(data.Scale, data.Train)
	if err != nil {
		return err
	}
	for _, t := range []*dataset.Table{data.Train, data.Test} {
		if err := scaler.Apply(t); err != nil {
			return err
		}
	}
	s.Train, s.Test = data.Train, data.Test
	return nil
}

func parseWeights(s string) (balanced bool, err error) {
	if s != "none" && s != "balanced" {
		return false, fmt.Errorf("class weights %q are unknown; they are none or balanced", s)
	}
	return s == "balanced", nil
}

// parseSplit reads FROM:TO, or nothing.
func parseSplit(text string) (split sim.Split, err error) {
	if text == "" {
		return split, nil
	}
	from, to, _ := strings.Cut(text, ":")
	if split.From, err = strconv.Atoi(from); err == nil {
		split.To, err = strconv.Atoi(to)
	}
	if err != nil || split.From < 0 || split.To <= split.From {
		return split, fmt.Errorf("%q is no FROM:TO; write it like 20:40 for the rounds 20 to 39", text)
	}
	return split, nil
}

// namedData reads a data folder, or the set that is built in.
func namedData(name string) (*learn.Data, error) {
	if name != "digits" {
		return loadData(name)
	}
	train, test, schema := digits.Load()
	return &learn.Data{Train: train, Test: test, Scale: schema.Scale}, nil
}
