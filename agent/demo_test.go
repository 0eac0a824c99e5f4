// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/vecino-edge/vecino/agent/broker"
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
	code, out, text := runVerb(t, "unused", "demo", "--nodes", "2", "--rounds", "1", "--json", "--broker", "mqtt://"+b.Addr().String())
	var info demoInfo
	if err := json.Unmarshal([]byte(out), &info); code != 0 || text != "" || err != nil {
		t.Fatalf("exit code %d, stdout %q, stderr %q, %v", code, out, text, err)
	}
	if got := b.Stats(); got.MessagesReceived < info.Messages || info.Messages == 0 {
		t.Errorf("the demo tells of %d messages, the broker got %d", info.Messages, got.MessagesReceived)
	}
	if info.Worst > info.Together {
		t.Errorf("the worst device, %v, is better than the mean, %v", info.Worst, info.Together)
	}
}
