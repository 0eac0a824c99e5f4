// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/fl/dataset"
)

// TestOverBrokers has a sample that a client publishes come back as a score that
// Home Assistant would find, over real brokers and a real plane.
func TestOverBrokers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{
		"mosquitto": func(t *testing.T) string { return mosquitto(t) },
		"embedded": func(t *testing.T) string {
			if !broker.Available {
				t.Skip("this build has no broker")
			}
			b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close(context.Background()) })
			return "mqtt://" + b.Addr().String()
		},
	} {
		t.Run(name, func(t *testing.T) { overBroker(t, start(t)) })
	}
}

func overBroker(t *testing.T, url string) {
	o, _, _, _ := options("mqtt:garden/sensor")
	plane, err := bus.NewPlane(bus.Options{URL: url}, o.Site, o.Device)
	if err != nil {
		t.Fatal(err)
	}
	o.Plane = plane
	s := New(o)
	s.Offer(largerTask("larger"))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { plane.Run(ctx) })
	defer running.Wait()
	defer run(t, s)()
	defer cancel()

	// Home Assistant, which comes later than the device
	eventually(t, "the source", func() bool { return s.Status().State == stateRunning })
	home, err := bus.Dial(ctx, bus.Options{URL: url, CleanSession: true})
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close(ctx)
	got := make(chan bus.Message, 16)
	for _, filter := range []string{"homeassistant/#", "vecino/#"} {
		if err := home.Subscribe(filter, 1, func(m bus.Message) { got <- m }); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bus.Message{}
	take := func() { m := <-got; seen[m.Topic] = m }
	for len(seen) < 2 {
		take()
	}
	var said discovery
	config := seen["homeassistant/device/vecino-home-kitchen/config"]
	if err := json.Unmarshal(config.Payload, &said); err != nil || !config.Retain {
		t.Fatalf("%v: %+v", err, seen)
	}
	if got := string(seen[said.Availability].Payload); got != "online" {
		t.Errorf("%s is %q", said.Availability, got)
	}
	if err := home.Publish("garden/sensor", []byte(`{"a":0.2,"b":0.7,"battery":"ok"}`), 0, false); err != nil {
		t.Fatal(err)
	}
	take()
	score := decode(t, seen[said.Components["larger"].State].Payload)
	if score.Class == nil || *score.Class != 0 || *score.Confidence < 0.8 || score.Latency <= 0 || score.Latency > 1000 {
		t.Errorf("%+v", score)
	}
}

// TestDiscoveryGolden holds what Home Assistant is told of each kind of task.
func TestDiscoveryGolden(t *testing.T) {
	o, p, _, _ := options("board")
	s := New(o)
	for _, c := range []struct {
		name, spec string
		rows       *dataset.Table
	}{
		{"Who is it?", "softmax", table(dataset.Classification, 2, 40, larger)},
		{"heating", "linear", table(dataset.Regression, 0, 40, larger)},
		{"pump", "autoencoder:1", table(dataset.Anomaly, 2, 40, func(_, _ float32) float32 { return 0 })},
	} {
		task, scaled := taskOf(c.name, c.spec, dataset.Scale{}, c.rows)
		s.Offer(task, learn(task, scaled, 1), scaled)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, p.kept["homeassistant/device/vecino-home-kitchen/config"], "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	path := filepath.Join("testdata", "discovery.json")
	if *updateGolden {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error("(-want +got):", d)
	}
	o.Discovery = ""
	quiet := New(o)
	clear(p.kept)
	quiet.Offer(largerTask("task"))
	if len(p.kept) > 0 {
		t.Error("something is announced where nothing is to be")
	}
}
