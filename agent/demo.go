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
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/web"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
	"golang.org/x/sync/errgroup"
)

// demoFlags are the flags of the demo.
type demoFlags struct {
	nodes, rounds        int
	data, broker, listen string
	topology, compress   string
	keep, asJSON         bool
}

// demoInfo is what `vecino demo --json` prints. Accuracies are fractions, or R2
// where the data are a regression. A chunk has a copy for each device that is to
// have it: all of these are received, or lost for a reason, or unexplained.
type demoInfo struct {
	Nodes        int               `json:"nodes"`
	Hoods        int               `json:"neighbourhoods"`
	Topology     string            `json:"topology"`
	Compress     string            `json:"compress"`
	Rounds       int               `json:"rounds"`
	Alone        float64           `json:"alone_accuracy"`
	Together     float64           `json:"together_accuracy"`
	Worst        float64           `json:"worst_accuracy"`
	BytesPerNode float64           `json:"bytes_per_node"`
	Messages     int64             `json:"messages"`
	Refused      map[string]uint64 `json:"refused"`
	Copies       int64             `json:"copies"` // of chunks
	Received     int64             `json:"copies_received"`
	Lost         map[string]int64  `json:"lost"`
	Unexplained  int64             `json:"unexplained"`
	Missed       int               `json:"updates_missed"`  // that were not there at the end of a round, of all rounds, devices and their neighbours
	LeftOut      int               `json:"rounds_left_out"` // by devices that were too late, of all rounds and devices
	RoundSeconds float64           `json:"round_seconds"`
	PeakRSS      int64             `json:"peak_rss_bytes"`
	Seconds      float64           `json:"seconds"`
}

// Limits of a demo, which runs every device in one process.
const (
	maxDemoNodes  = 1024
	maxDemoRounds = 10_000
)

func demoCommand(std stdio) *cobra.Command {
	f := &demoFlags{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a few devices learn together, in one process",
		Long: "Run a broker and some devices in one process, each with its own keys, state folder and MQTT session.\n" +
			"Each device has an uneven share of the data; at the end you see what they learned together and what each learns alone.\n" +
			"More than 32 devices form several neighbourhoods. Each of these learns a model of its own, from all of the data, and the summary is over all.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), std) },
	}
	flags := c.Flags()
	flags.IntVar(&f.nodes, "nodes", 5, "number of devices")
	flags.IntVar(&f.rounds, "rounds", 20, "number of rounds")
	flags.StringVar(&f.data, "data", "digits", "data folder, or digits for the built-in set")
	flags.StringVar(&f.topology, "topology", "full", "who hears whom: full, star, ring, regular:K or random:K")
	flags.StringVar(&f.compress, "compress", "q8", "form of the updates: none, q8, q4, sign, topk:F:1bit or topk:F:4bit")
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
	if _, err := topology.Parse(f.topology); err != nil {
		return usage("demo: --topology: %w", err)
	}
	if _, err := update.ParseCompression(f.compress); err != nil {
		return usage("demo: --compress: %w", err)
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
	files, err := maxFiles()
	if err != nil {
		return err
	}
	if err := enoughFiles(f.nodes, f.broker == "", files); err != nil {
		return err
	}
	data, err := demoData(f.data)
	if err != nil {
		return err
	}
	task := f.task(data)
	chunks, err := task.Chunks(data)
	if err != nil {
		return err
	}
	plan := planDemo(f.nodes, chunks, coresNow())
	task.RoundLen = plan.round
	shares, err := shareData(data, plan.sizes)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vecino-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	screen := newScreen(std, f, data.Train.Kind)
	log := slog.New(slog.NewTextHandler(screen.beside(std.err), &slog.HandlerOptions{Level: slog.LevelWarn}))
	broker, err := openBroker(ctx, f, log)
	if err != nil {
		return err
	}
	defer broker.close(context.WithoutCancel(ctx))
	t := &town{std: std, log: log, dir: dir, url: broker.url, broker: broker, ledger: newLedger(), plan: plan, task: task, screen: screen}
	t.people(shares)
	return t.live(ctx, f, began)
}

// town is the demo's devices and what is seen of them.
type town struct {
	std     stdio
	log     *slog.Logger
	dir     string
	url     string
	broker  *demoBroker
	ledger  *ledger
	plan    *demoPlan
	task    *learn.Plan
	screen  *screen
	devices []*resident
	hoods   []*neighbourhood
	group   *errgroup.Group
}

// people makes the town's devices, not yet set up.
func (t *town) people(shares [][]*learn.Data) {
	for _, of := range shares {
		n := &neighbourhood{town: t}
		for _, share := range of {
			i := len(t.devices)
			r := &resident{name: deviceName(i), seed: uint64(i + 1), share: share}
			t.devices, n.devices = append(t.devices, r), append(n.devices, r)
		}
		t.hoods = append(t.hoods, n)
	}
}

// live founds the neighbourhoods, lets the others join, has them learn and sums
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
	if n := len(t.hoods); n == 1 {
		t.screen.say("%d devices, broker %s", f.nodes, t.url)
	} else {
		t.screen.say("%d devices in %d neighbourhoods, broker %s", f.nodes, n, t.url)
		t.screen.say("each neighbourhood learns a model of its own; sums and means are over all")
	}
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
	info, err := t.sum(ctx, f)
	if err != nil {
		return t.reason(ctx, err)
	}
	if !f.keep {
		stop()
		t.group.Wait()
	}
	alone, err := t.alone(ctx, f.rounds)
	if err != nil {
		return err
	}
	info.Alone, info.Seconds, info.PeakRSS = alone, time.Since(began).Seconds(), peakRSS()
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

// task is what the devices learn.
func (f *demoFlags) task(data *learn.Data) *learn.Plan {
	return &learn.Plan{
		Name: "demo", Model: "mlp:64", Algorithm: node.KGT, Topology: f.topology, Compress: f.compress, Aggregate: "mean", Rate: demoRate(data),
		Decay: 1e-4, Batch: 16, Epochs: 1, Rounds: f.rounds, RoundLen: demoRound, Seed: demoSeed,
	}
}

// learn starts the task on the first device of each neighbourhood and waits until
// all have ended it.
func (t *town) learn(ctx context.Context, rounds int) error {
	for _, n := range t.hoods {
		if _, err := n.devices[0].device.learner.Start(*t.task); err != nil {
			return err
		}
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Duration(rounds+30)*t.task.RoundLen + t.plan.patience)
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
			t.screen.show(t.hoods)
			if done == len(t.devices) {
				return nil
			}
			if now.After(deadline) {
				return fmt.Errorf("only %d of %d devices ended the task in time", done, len(t.devices))
			}
		}
	}
}

// sum adds up what the devices report, when the last chunks have come.
func (t *town) sum(ctx context.Context, f *demoFlags) (*demoInfo, error) {
	account, err := t.ledger.settle(ctx, t.broker.dropped)
	if err != nil {
		return nil, err
	}
	info := &demoInfo{
		Nodes: f.nodes, Hoods: len(t.hoods), Topology: f.topology, Compress: f.compress, Rounds: f.rounds, Worst: 2, Refused: map[string]uint64{},
		Copies: account.copies, Received: account.received, Lost: account.lost, Unexplained: account.unexplained,
		RoundSeconds: t.task.RoundLen.Seconds(),
	}
	for _, r := range t.devices {
		s := r.device.learner.Status()
		v := result(s)
		info.Together += v
		info.Worst = min(info.Worst, v)
		info.Missed += s.Missed
		info.LeftOut += int(s.LeftOut)
		c := r.counters()
		info.BytesPerNode += float64(c.BytesSent) / float64(len(t.devices))
		info.Messages += c.MessagesSent
		for reason, n := range r.device.member.Refused() {
			info.Refused[reason] += n
		}
	}
	// The mean may come out a hair below the least of its numbers.
	info.Together = max(info.Together/float64(len(t.devices)), info.Worst)
	return info, nil
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
