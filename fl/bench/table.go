// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "slices"

// Rates and batches of the data sets, the same in every row unless a row says why.
const (
	mnist      = "--data DATA/mnist10k --rate 0.2 --batch 32 "
	airquality = "--data DATA/airquality --rate 0.02 "
	synthetic  = "--data DATA/synthetic_1_1 --rate 0.02 --batch 10 --model softmax --topology regular:4 --nodes 30 --partition column:device --rounds 50"
)

// groups say what the rows of a group have in common.
var groups = map[string]string{
	"centralised": "One node has all rows: what can be learned at all.",
	"uneven":      "Nodes that see few classes each. K-GT against plain averaging, and what eight bits or lost exchanges cost.",
	"sums":        "Ten nodes that all see each other. In the modes of sums nobody sees a single update.",
	"loss":        "32 nodes that meet four others, drawn anew in each round; exchanges are lost, nodes stay away, messages are lost one way.",
	"compression": "Updates that leave out what is small or say it coarsely, and make up for it later.",
	"robust": "Nodes that lie. They know what all honest ones send and work together. `auto` is not told how many there are, nor what they do. " +
		"Accuracies are the honest nodes'.",
	"privacy":  "Noise that hides each row of each node: epsilon at delta 1e-5, by the moments of the sampled Gaussian mechanism.",
	"personal": "What all learned, trained further on a node's own rows, against what it learned alone in as many rounds: on rows of its own that nobody learned from, of air quality whole days.",
	"scale":    "Many nodes of 20 rows and two classes each, of which three in ten exchanges are lost.",
}

const (
	ring     = "--topology ring --nodes 10 --partition dirichlet:0.1"
	mesh     = "--topology full --nodes 10 --partition dirichlet:0.5"
	meeting  = "--topology random:4 --nodes 32 --partition dirichlet:0.1 --rounds 100"
	squeezed = "--topology ring --nodes 10 --partition dirichlet:0.5 --rounds 200"
	wide     = "--topology regular:4 --nodes 32 --partition dirichlet:0.5 --rounds 150"
	crowd    = "--topology full --nodes 20 --partition dirichlet:0.5 --rounds 60"
	street   = "--topology regular:8 --nodes 20 --partition dirichlet:0.5 --rounds 40"
	many     = "--model softmax --partition draw:20:2 --batch 20 --rate 1.0 --topology random:4 --loss 0.3"
)

// table is all rows, in their order.
var table = slices.Concat(
	group("centralised",
		row{name: "digits-softmax", what: "digits, softmax", args: "--model softmax --nodes 1 --rounds 50", bars: []bar{atLeast(mean, 95.5)}},
		row{name: "digits-mlp", what: "digits, perceptron of 64", args: "--nodes 1 --rounds 50", bars: []bar{atLeast(mean, 96)}},
		row{name: "air-linear", what: "air quality, linear", args: airquality + "--model linear --nodes 1 --rounds 50", bars: []bar{atLeast(mean, 87.5)}},
		row{name: "air-mlp", what: "air quality, perceptron of 64", args: airquality + "--nodes 1 --rounds 50", bars: []bar{atLeast(mean, 89.5)}},
		row{name: "mnist-softmax", what: "MNIST, softmax", args: mnist + "--model softmax --nodes 1 --rounds 30", bars: []bar{atLeast(mean, 91.5)}},
		row{name: "mnist-mlp", what: "MNIST, perceptron of 64", args: mnist + "--nodes 1 --rounds 30", bars: []bar{atLeast(mean, 94)}},
		row{name: "occupancy-softmax", what: "occupancy, softmax", args: "--data DATA/occupancy --rate 0.02 --model softmax --nodes 1 --rounds 20",
			bars: []bar{atLeast(mean, 97)}},
	),
	group("uneven",
		row{name: "mnist-kgt", what: "MNIST, ring of 10, K-GT", args: mnist + "--model softmax " + ring + " --rounds 50", plot: true,
			bars: []bar{atLeast(mean, 85), aboveRow(4, "mnist-dpsgd")}},
		row{name: "mnist-dpsgd", what: "the same, D-PSGD", args: mnist + "--model softmax " + ring + " --rounds 50 --algorithm dpsgd", plot: true},
		row{name: "synthetic-kgt", what: "Synthetic(1,1), 30 devices with their own rows", args: synthetic, plot: true,
			bars: []bar{atLeast(mean, 88)}},
		row{name: "ring-kgt", what: "digits, ring of 10, K-GT", args: ring + " --rounds 100"},
		row{name: "ring-dpsgd", what: "D-PSGD", args: ring + " --rounds 100 --algorithm dpsgd"},
		row{name: "ring-q8", what: "K-GT in 8 bits", args: ring + " --rounds 100 --compress q8"},
		row{name: "ring-loss", what: "30 % of the exchanges lost", args: ring + " --rounds 100 --loss 0.3"},
		row{name: "ring-alone", what: "all lost: each alone", args: ring + " --rounds 100 --loss 1"},
	),
	group("sums",
		row{name: "mesh-q8", what: "updates that neighbours read", args: mesh + " --rounds 100 --compress q8"},
		row{name: "mesh-private", what: "added under encryption", args: mesh + " --rounds 100 --compress q8 --mode private"},
		row{name: "mesh-hybrid", what: "added under encryption in groups", args: mesh + " --rounds 100 --compress q8 --mode hybrid"},
		row{name: "mesh-mask", what: "added under masks", args: mesh + " --rounds 100 --compress q8 --mode mask"},
	),
	group("loss",
		row{name: "meet-clean", what: "nothing is lost", args: meeting, plot: true},
		row{name: "meet-loss", what: "30 % of the exchanges", args: meeting + " --loss 0.3"},
		row{name: "meet-loss-churn", what: "30 % of the exchanges, 20 % of the nodes", args: meeting + " --loss 0.3 --churn 0.2", plot: true,
			bars: []bar{belowRow(0.8, "meet-clean"), neverDiverges()}},
		row{name: "meet-oneway", what: "30 % of the messages, one way", args: meeting + " --loss-oneway 0.3",
			bars: []bar{belowRow(1.5, "meet-clean"), neverDiverges()}},
		row{name: "meet-dpsgd", what: "nothing is lost, D-PSGD", args: meeting + " --algorithm dpsgd"},
		row{name: "wide-fixed", what: "four fixed neighbours instead", args: "--topology regular:4 --nodes 32 --partition dirichlet:0.1 --rounds 100"},
	),
	compressionRows(),
	robustRows(),
	group("privacy",
		row{name: "dp-none", what: "MNIST, softmax, no noise", args: mnist + "--model softmax --topology random:4 --nodes 10 --rounds 10"},
		row{name: "dp-sigma-2", what: "sigma 2, a tenth of the rows, 100 steps", plot: true,
			args: "--data DATA/mnist10k --rate 1.5 --model softmax --topology random:4 --nodes 10 --rounds 100 --dp-sigma 2 --dp-q 0.1 --dp-delta 1e-5",
			bars: []bar{atMost(epsilon, 2.59), atLeast(mean, 84)}},
	),
	group("personal",
		row{name: "own-blocks", what: "air quality, ten runs of days", args: airquality + "--topology ring --nodes 10 --partition blocks --rounds 50 --personalize 5",
			bars: []bar{above0(onAlone), above0(onShared)}},
		row{name: "own-days", what: "20 nodes with days of their own", args: airquality + "--topology ring --nodes 20 --partition column:day --rounds 50 --personalize 5",
			bars: []bar{above0(onAlone), above0(onShared)}},
		row{name: "own-digits", what: "digits, Dirichlet(0.5)", args: "--topology ring --nodes 10 --partition dirichlet:0.5 --rounds 50 --personalize 5",
			bars: []bar{above0(onAlone), above0(onShared)}},
		row{name: "own-devices", what: "Synthetic(1,1), where each device has a law of its own", args: synthetic + " --personalize 5"},
	),
	group("scale",
		row{name: "nodes-10000", what: "10,000 nodes, 300 rounds", args: many + " --nodes 10000 --rounds 300",
			bars: []bar{atLeast(mean, 95), atMost(seconds, 60), atMost(memory, 300)}},
		row{name: "nodes-100000", what: "100,000 nodes, 30 rounds only", args: many + " --nodes 100000 --rounds 30", once: true,
			bars: []bar{neverDiverges(), atMost(memory, 3000)}},
	),
)

// group names the group of rows.
func group(name string, rows ...row) []row {
	for i := range rows {
		rows[i].group = name
	}
	return rows
}

func compressionRows() []row {
	const best, fine = " --compress topk:0.1:1bit", " --compress topk:0.2:4bit"
	rows := []row{
		{name: "whole", what: "digits, ring of 10, whole updates", args: squeezed, plot: true},
		{name: "q4", what: "4 bits", args: squeezed + " --compress q4", bars: []bar{timesFewer(payload, 7.5, "whole"), belowRow(0.3, "whole")}},
		{name: "topk-1bit", what: "a tenth of the numbers, signs only", args: squeezed + best, plot: true,
			bars: []bar{timesFewer(payload, 50, "whole"), timesFewer(headers, 45, "whole"), belowRow(0.7, "whole")}},
		{name: "uneven-whole", what: "Dirichlet(0.1), whole updates", args: ring + " --rounds 200"},
		{name: "uneven-topk-4bit", what: "a fifth of the numbers in 4 bits", args: ring + " --rounds 200" + fine,
			bars: []bar{timesFewer(payload, 20, "uneven-whole"), belowRow(1, "uneven-whole")}},
		{name: "wide-whole", what: "32 nodes, four fixed neighbours, whole updates", args: wide},
		{name: "wide-topk-1bit", what: "a tenth of the numbers, signs only", args: wide + best,
			bars: []bar{timesFewer(payload, 30, "wide-whole"), atLeast(mean, 95), neverDiverges()}},
	}
	for _, topology := range []string{"full", "ring", "star"} {
		rows = append(rows, row{name: topology + "-topk-1bit", what: "topology " + topology, bars: []bar{neverDiverges()},
			args: "--topology " + topology + " --nodes 32 --partition dirichlet:0.5 --rounds 150" + best})
	}
	return group("compression", rows...)
}

func robustRows() []row {
	rows := []row{
		{name: "crowd-mean", what: "20 nodes, full mesh, all honest, averaged", args: crowd + " --aggregate mean"},
		{name: "crowd-auto", what: "all honest, by the robust rule", args: crowd + " --aggregate auto --malicious 0", bars: []bar{belowRow(1, "crowd-mean")}},
	}
	for _, a := range []struct{ name, attack string }{
		{"signflip", "signflip:4"}, {"noise", "noise:0.5"}, {"labelflip", "labelflip"}, {"alie", "alie:1.5"}, {"alie-4", "alie:4"},
		{"ipm", "ipm:0.5"}, {"ipm-5", "ipm:5"}, {"dissensus", "dissensus"},
	} {
		rows = append(rows, row{name: "crowd-" + a.name, what: "4 of 20: `" + a.attack + "`", plot: a.name == "alie",
			args: crowd + " --aggregate auto --malicious 4 --attack " + a.attack, bars: []bar{atLeast(mean, 93.5)}})
	}
	return group("robust", append(rows,
		row{name: "street-signflip", what: "2 of 20, eight fixed neighbours: `signflip:4`", args: street + " --aggregate auto --malicious 2 --attack signflip:4",
			bars: []bar{atLeast(mean, 93), atLeast(worst, 90.5)}},
		row{name: "mean-signflip", what: "control: averaged under `signflip:4`", args: crowd + " --aggregate mean --malicious 4 --attack signflip:4",
			bars: []bar{atMost(mean, 30)}, plot: true},
		row{name: "mean-ipm-5", what: "control: averaged under `ipm:5`", args: crowd + " --aggregate mean --malicious 4 --attack ipm:5",
			bars: []bar{atMost(mean, 30)}},
	)...)
}
