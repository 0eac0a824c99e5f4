// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/web"
	"github.com/vecino-edge/vecino/fl/node"
	"golang.org/x/sync/errgroup"
)

// demoFlags are the flags of the demo.
type demoFlags struct {
	nodes, rounds        int
	data, broker, listen string
	keep, asJSON         bool
}

// demoInfo is what `vecino demo --json` prints. Accuracies are fractions, or R2
// where the data are a regression.
type demoInfo struct {
	Nodes        int               `json:"nodes"`
	Rounds       int               `json:"rounds"`
	Alone        float64           `json:"alone_accuracy"`
	Together     float64           `json:"together_accuracy"`
	Worst        float64           `json:"worst_accuracy"`
	BytesPerNode float64           `json:"bytes_per_node"`
	Messages     int64             `json:"messages"`
	Refused      map[string]uint64 `json:"refused"`
	Seconds      float64           `json:"seconds"`
}

// Limits of a demo, which runs every device in one process.
const (
	maxDemoNodes  = 32
	maxDemoRounds = 10_000
)

func demoCommand(std stdio) *cobra.Command {
	f := &demoFlags{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a few devices learn together, in one process",
		Long: "Run a broker and some devices in one process, each with its own keys, state folder and MQTT session.\n" +
			"Each device has an uneven share of the data; at the end you see what they learned together and what each learns alone.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), std) },
	}
	flags := c.Flags()
	flags.IntVar(&f.nodes, "nodes", 5, "number of devices")
	flags.IntVar(&f.rounds, "rounds", 20, "number of rounds")
	flags.StringVar(&f.data, "data", "digits", "data folder, or digits for the built-in set")
	flags.StringVar(&f.broker, "broker", "", "use the broker at this `URL` instead of the built-in one")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "address of the built-in broker")
	flags.BoolVar(&f.keep, "keep", false, "keep running afterwards, with the page of the first device")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

func (f *demoFlags) check() error {
	switch {
	case f.nodes < 1 || f.nodes > maxDemoNodes:
		return usage("demo: --nodes %d: 1 to %d are possible", f.nodes, maxDemoNodes)
	case f.rounds < 1 || f.rounds > maxDemoRounds:
		return usage("demo: --rounds %d: 1 to %d are possible", f.rounds, maxDemoRounds)
	}
	if err := checkSetting("demo: --broker", "broker.url", f.broker); err != nil {
		return err
	}
	return checkSetting("demo: --listen", "broker.listen", f.listen)
}

func (f *demoFlags) run(ctx context.Context, std stdio) error {
	if err := f.check(); err != nil {
		return err
	}
	began := time.Now()
	shares, err := shareData(f.data, f.nodes)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vecino-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	screen := newScreen(std, f, shares)
	log := slog.New(slog.NewTextHandler(screen.beside(std.err), &slog.HandlerOptions{Level: slog.LevelWarn}))
	url := f.broker
	if url == "" {
		b, err := broker.Start(broker.Options{Listen: f.listen, Logger: log})
		if err != nil {
			return err
		}
		defer b.Close(context.WithoutCancel(ctx))
		url = "mqtt://" + b.Addr().String()
	}
	town := &town{std: std, log: log, dir: dir, url: url, shares: shares, screen: screen}
	return town.live(ctx, f, began)
}

// town is the demo's devices and what is seen of them.
type town struct {
	std     stdio
	log     *slog.Logger
	dir     string
	url     string
	shares  []*learn.Data
	screen  *screen
	devices []*resident
	group   *errgroup.Group
}

// live founds the neighbourhood, lets the others join, has them learn and sums
// up.
func (t *town) live(ctx context.Context, f *demoFlags, began time.Time) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	t.group, running = errgroup.WithContext(running)
	defer func() {
		stop()
		t.group.Wait()
		for _, r := range t.devices {
			r.close()
		}
	}()
	t.screen.say("%d devices, broker %s", f.nodes, t.url)
	if err := t.settle(running); err != nil {
		return t.reason(ctx, err)
	}
	if f.keep {
		if err := t.openPage(running); err != nil {
			return err
		}
	}
	t.screen.say("all are admitted and see each other after %.1f s", time.Since(began).Seconds())
	if err := t.learn(running, f.rounds); err != nil {
		return t.reason(ctx, err)
	}
	info := t.sum(f)
	alone, err := t.alone(ctx, f.rounds)
	if err != nil {
		return err
	}
	info.Alone, info.Seconds = alone, time.Since(began).Seconds()
	if f.asJSON {
		if err := writeJSON(t.std.out, info); err != nil {
			return err
		}
	} else {
		t.screen.summary(info)
	}
	if f.keep {
		<-ctx.Done()
	}
	return nil
}

// reason prefers the error of a device over the wait that it broke off.
func (t *town) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if errors.Is(err, context.Canceled) {
		if cause := t.group.Wait(); cause != nil {
			return cause
		}
	}
	return err
}

// openPage serves the first device's page, on port 8080 where it is free.
func (t *town) openPage(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("open page: %w", err)
		}
	}
	server := &web.Server{Table: &t.devices[0].device.table, Log: t.log}
	t.group.Go(func() error { return server.Serve(ctx, l) })
	t.screen.say("page of the first device: http://%s (end with Ctrl-C)", l.Addr())
	return nil
}

// The demo's numbers: short rounds and chunks to match, so that it ends
// while one looks on.
const (
	demoEpoch    = 24 * time.Hour
	demoChunks   = 2400 // a minute
	demoSpread   = time.Second
	demoRound    = 600 * time.Millisecond
	demoPerRound = 8 // devices for which a round of that length is enough
	demoSeed     = 1
)

// learn starts the task on the first device and waits until all have ended it.
func (t *town) learn(ctx context.Context, rounds int) error {
	round := max(demoRound, demoRound*time.Duration(len(t.devices))/demoPerRound)
	p := learn.Plan{
		Name: "demo", Model: "mlp:64", Algorithm: node.KGT, Topology: "full", Compress: "q8", Aggregate: "mean", Rate: demoRate(t.shares[0]),
		Decay: 1e-4, Batch: 16, Epochs: 1, Rounds: rounds, RoundLen: round, Seed: demoSeed,
	}
	if _, err := t.devices[0].device.learner.Start(p); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Duration(rounds+30) * round)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			done := 0
			for _, r := range t.devices {
				s := r.device.learner.Status()
				if s != nil && s.State == learn.Failed {
					return fmt.Errorf("device %s: %s", r.name, s.Error)
				}
				if s != nil && s.State == learn.Done {
					done++
				}
			}
			t.screen.show(t.devices)
			if done == len(t.devices) {
				return nil
			}
			if now.After(deadline) {
				return fmt.Errorf("only %d of %d devices ended the task in time", done, len(t.devices))
			}
		}
	}
}

// sum adds up what the devices report.
func (t *town) sum(f *demoFlags) demoInfo {
	info := demoInfo{Nodes: f.nodes, Rounds: f.rounds, Worst: 2, Refused: map[string]uint64{}}
	for _, r := range t.devices {
		v := result(r.device.learner.Status())
		info.Together += v
		info.Worst = min(info.Worst, v)
		c := r.counters()
		info.BytesPerNode += float64(c.BytesSent) / float64(len(t.devices))
		info.Messages += c.MessagesSent
		for reason, n := range r.device.member.Refused() {
			info.Refused[reason] += n
		}
	}
	// The mean may come out a hair below the least of its numbers.
	info.Together = max(info.Together/float64(len(t.devices)), info.Worst)
	return info
}

// result is a task's accuracy, or its R2.
func result(s *learn.Status) float64 {
	switch {
	case s == nil:
		return 0
	case s.Accuracy != nil:
		return *s.Accuracy
	case s.R2 != nil:
		return *s.R2
	}
	return 0
}
