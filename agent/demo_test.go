// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// TestDemoOverABroker holds that a demo needs nothing but the broker that it is
// given.
func TestDemoOverABroker(t *testing.T) {
	if testing.Short() || !broker.Available {
		t.Skip("takes seconds, and a build with a broker")
	}
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	t.Setenv("TMPDIR", t.TempDir())
	code, out, text := runVerb(t, "unused", "demo", "--nodes", "3", "--rounds", "2", "--compress", "topk:0.1:1bit", "--topology", "ring", "--json", "--broker", "mqtt://"+b.Addr().String())
	var info demoInfo
	if err := json.Unmarshal([]byte(out), &info); code != 0 || text != "" || err != nil {
		t.Fatalf("exit code %d, stdout %q, stderr %q, %v", code, out, text, err)
	}
	got := b.Stats()
	if got.MessagesReceived < info.Messages || info.Messages == 0 {
		t.Errorf("the demo tells of %d messages, the broker got %d", info.Messages, got.MessagesReceived)
	}
	sameBytes(t, &info, got.BytesReceived)
	accounted(t, &info)
	if info.Worst > info.Together {
		t.Errorf("the worst device, %v, is better than the mean, %v", info.Worst, info.Together)
	}
}

// sameBytes holds that a broker received, within a tenth, what the devices report
// as sent, cover and joining included.
func sameBytes(t *testing.T, info *demoInfo, received int64) {
	t.Helper()
	said := float64(info.Nodes) * info.BytesPerNode
	t.Logf("%s on %s: %d devices say they sent %.0f bytes, the broker received %d", info.Compress, info.Topology, info.Nodes, said, received)
	if ratio := said / float64(received); !(ratio > 0.9 && ratio < 1.1) {
		t.Errorf("the devices report %.1f %% of the bytes that the broker received", 100*ratio)
	}
}

// accounted holds that every copy of a chunk was received or lost for a reason.
func accounted(t *testing.T, info *demoInfo) {
	t.Helper()
	sum := info.Received + info.Unexplained
	for _, n := range info.Lost {
		sum += n
	}
	if info.Copies == 0 || sum != info.Copies {
		t.Errorf("%d copies of chunks, and %d accounted for: %+v", info.Copies, sum, info)
	}
	if info.Unexplained != 0 {
		t.Errorf("%d copies are lost, and nobody knows why: %v", info.Unexplained, info.Lost)
	}
}

// TestDemoTown has 66 devices in three neighbourhoods over one broker: all end
// their rounds, and no message is lost that is not counted.
func TestDemoTown(t *testing.T) {
	if testing.Short() || !broker.Available {
		t.Skip("takes a minute, and a build with a broker")
	}
	t.Setenv("TMPDIR", t.TempDir())
	code, out, text := runVerb(t, "unused", "demo", "--nodes", "66", "--rounds", "3", "--json")
	var info demoInfo
	if err := json.Unmarshal([]byte(out), &info); code != 0 || err != nil {
		t.Fatalf("exit code %d, stdout %q, stderr %q, %v", code, out, text, err)
	}
	if info.Nodes != 66 || info.Hoods != 3 || info.Rounds != 3 {
		t.Errorf("%d devices, %d neighbourhoods, %d rounds; want 66, 3, 3", info.Nodes, info.Hoods, info.Rounds)
	}
	accounted(t, &info)
	t.Log(out)
}

func TestPlanDemo(t *testing.T) {
	const update = 6 // chunks
	for _, nodes := range []int{1, 2, 5, 32, 33, 64, 65, 66, 70, 97, 512, maxDemoNodes} {
		for _, cores := range []float64{0.25, 1, 2, 16} {
			p := planDemo(nodes, update, cores)
			if sum := sumOf(p.sizes); sum != nodes || slices.Max(p.sizes) > issuer.MaxMembers || slices.Max(p.sizes)-slices.Min(p.sizes) > 1 {
				t.Errorf("%d devices in neighbourhoods of %v", nodes, p.sizes)
			}
			if need := learn.RoundFor(update, int(p.chunks)); p.round < need || p.round < demoRound {
				t.Errorf("%d devices, %v processors: rounds of %v, an update takes %v", nodes, cores, p.round, need)
			}
			if p.chunks < 60*demoLeast || p.chunks > 60*demoMost {
				t.Errorf("%d devices, %v processors: %d chunks a minute", nodes, cores, p.chunks)
			}
		}
	}
	if p, q := planDemo(512, update, 2), planDemo(512, update, 1); p.round >= q.round || p.chunks <= q.chunks {
		t.Errorf("with half the processors rounds of %v for %v, %d chunks for %d", q.round, p.round, q.chunks, p.chunks)
	}
}

func sumOf(n []int) (sum int) {
	for _, x := range n {
		sum += x
	}
	return sum
}

// TestEnoughFiles holds that a demo says beforehand where it may not open as many
// files as it needs, and how that is mended.
func TestEnoughFiles(t *testing.T) {
	have, err := maxFiles()
	if err == nil {
		err = enoughFiles(1, true, have)
	}
	if err != nil {
		t.Error(err)
	}
	if err := enoughFiles(512, false, 2112); err != nil {
		t.Error(err)
	}
	err = enoughFiles(512, true, 2112)
	var f *failure
	if !errors.As(err, &f) || !strings.Contains(f.Error(), "open files") || !strings.Contains(f.hint, "ulimit -n") {
		t.Errorf("%v", err)
	}
}
