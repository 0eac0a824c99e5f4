// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"golang.org/x/sync/errgroup"
)

// resident is one of the demo's devices.
type resident struct {
	name   string
	seed   uint64
	home   *home
	share  *learn.Data
	device *device
	joined bus.Counters // of the connection over which it joined
}

func (r *resident) close() {
	if r.device != nil {
		r.device.close()
	}
	if r.home != nil {
		r.home.dir.Close()
	}
}

// counters is what went over all of the device's connections.
func (r *resident) counters() bus.Counters { return addCounters(r.joined, r.device.links.counters()) }

// neighbourhood is those of the demo's devices that learn together.
type neighbourhood struct {
	*town
	devices []*resident // the first founds it
}

// settle makes the neighbourhoods, a few at a time. Running is how long their
// devices live.
func (t *town) settle(running context.Context) error {
	g, ctx := errgroup.WithContext(running)
	g.SetLimit(t.plan.settling)
	for _, n := range t.hoods {
		g.Go(func() error { return n.settle(ctx, running) })
	}
	return g.Wait()
}

// settle founds the neighbourhood on the first device and lets the others join
// it by an invite each, over the broker, as devices in different houses do. They
// come to life when all are members: each that comes later makes a new charter,
// and the others say hello anew.
func (n *neighbourhood) settle(ctx, running context.Context) error {
	for i, r := range n.devices {
		if err := n.build(ctx, r); err != nil {
			return fmt.Errorf("device %s: %w", r.name, err)
		}
		if i == 0 {
			n.group.Go(func() error { return r.device.run(running) })
			if err := n.present(ctx, n.devices[:1]); err != nil {
				return err
			}
		}
	}
	entering, inside := errgroup.WithContext(ctx)
	entering.SetLimit(demoEntering)
	for _, r := range n.devices[1:] {
		entering.Go(func() error {
			n.group.Go(func() error { return r.device.run(running) })
			return n.entered(inside, r)
		})
	}
	if err := entering.Wait(); err != nil {
		return err
	}
	return n.present(ctx, n.devices)
}

// entered waits until a device has its keys.
func (n *neighbourhood) entered(ctx context.Context, r *resident) error {
	return n.await(ctx, fmt.Sprintf("%s gets no keys", r.name), func() bool {
		_, in := r.device.member.Epoch()
		return in
	})
}

// build makes a device's state folder and puts the device together.
func (n *neighbourhood) build(ctx context.Context, r *resident) error {
	dir, err := store.Open(filepath.Join(n.dir, r.name))
	if err != nil {
		return err
	}
	r.home = &home{dir: dir} // its secrets of an epoch stay in the process
	cfg := config.Default()
	cfg.Name, cfg.Broker.URL, cfg.HTTP.Listen, cfg.FL.CheckpointEvery = r.name, n.url, "", n.plan.saves
	cfg.Power.MaxTemperature = "" // a demo is short, and whoever watches it waits
	if n.plan.alone {
		cfg.Neighbours.Unlinkable = config.FromNeighbours
	}
	id, err := r.home.newIdentity()
	if err != nil {
		return err
	}
	if r == n.devices[0] {
		f := &initFlags{epoch: demoEpoch, chunks: n.plan.chunks, spread: n.plan.spread}
		if err := f.foundHere(r.home, cfg, id); err != nil {
			return err
		}
	} else if err := n.join(ctx, r, cfg); err != nil {
		return err
	}
	r.device, err = newDevice(cfg, r.home, n.log.With("device", r.name), deviceOptions{
		load: func() (*learn.Data, error) { return r.share.Clone(), nil }, seed: r.seed,
	})
	if err == nil {
		r.device.links.ledger, r.device.links.options.MaxQueue = n.ledger, demoQueue
	}
	return err
}

func (n *neighbourhood) join(ctx context.Context, r *resident, cfg *config.Config) error {
	i, err := n.devices[0].device.member.Keeper().Invite(time.Hour)
	if err != nil {
		return err
	}
	id, err := r.home.identity()
	if err != nil {
		return err
	}
	links := newLinks(bus.Options{URL: cfg.Broker.URL}, n.log)
	links.ledger = n.ledger
	ctx, cancel := context.WithTimeout(ctx, n.plan.patience)
	defer cancel()
	w, err := neighbour.Join(ctx, links.dial, rand.Reader, i, id, r.name, func(string) {})
	if err != nil {
		return err
	}
	r.joined = links.counters()
	if err := r.home.saveRing(door.NewKeyring(w.K, w.Charter.Gen, w.Charter.V)); err != nil {
		return err
	}
	return r.home.SaveCharter(w.Signed)
}

// present waits until all of the devices see one another.
func (n *neighbourhood) present(ctx context.Context, devices []*resident) error {
	blind := func(r *resident) bool { all, _ := r.device.member.Present(); return len(all) < len(devices) }
	return n.await(ctx, "the devices do not find each other", func() bool { return !slices.ContainsFunc(devices, blind) })
}

// await waits until something is so.
func (n *neighbourhood) await(ctx context.Context, not string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, n.plan.patience)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s over %s: %w", not, n.url, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

var deviceNames = []string{"kitchen", "attic", "cellar", "garden", "garage", "hall", "study", "porch"}

func deviceName(i int) string {
	name := deviceNames[i%len(deviceNames)]
	if i >= len(deviceNames) {
		name = fmt.Sprintf("%s-%d", name, i/len(deviceNames)+1)
	}
	return name
}

// demoAlpha makes the shares very uneven: most devices see few of the classes.
const demoAlpha = 0.1

// demoData reads the data of a demo, and how all scale them.
func demoData(name string) (*learn.Data, error) {
	data, err := namedData(name)
	if err != nil {
		return nil, err
	}
	// All devices of a task scale alike, by the numbers that it carries. Those of
	// one device's uneven share would be poor ones.
	data.Scaler, err = dataset.Fit(data.Scale, data.Train)
	return data, err
}

// shareData splits the rows among the devices of each neighbourhood: all rows are
// in each of them, and lie otherwise.
func shareData(data *learn.Data, sizes []int) ([][]*learn.Data, error) {
	p := dataset.Partition{Way: dataset.Dirichlet, Alpha: demoAlpha}
	if data.Train.Kind == dataset.Regression {
		p = dataset.Partition{Way: dataset.Blocks}
	}
	out := make([][]*learn.Data, len(sizes))
	for h, size := range sizes {
		rows, err := p.Split(data.Train, size, demoSeed+uint64(h))
		if err != nil {
			return nil, err
		}
		for _, mine := range rows {
			share := *data
			share.Train = data.Train.Subset(mine)
			out[h] = append(out[h], &share)
		}
	}
	return out, nil
}

// demoRate suits features of the size that the scale gives.
func demoRate(d *learn.Data) float32 {
	if d.Scale.Method == dataset.ZScore {
		return 0.05
	}
	return 0.3
}

// alone is the mean accuracy of the same devices, each with its own rows, as
// many rounds and no neighbours.
func (t *town) alone(ctx context.Context, rounds int) (float64, error) {
	var sum float64
	for _, r := range t.devices {
		v, err := learnAlone(ctx, r.device.learner.Task(), r.share, rounds, r.seed)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum / float64(len(t.devices)), nil
}

func learnAlone(ctx context.Context, task *node.Task, share *learn.Data, rounds int, seed uint64) (float64, error) {
	data := share.Clone()
	for _, table := range []*dataset.Table{data.Train, data.Test} {
		if err := task.Prepare(table); err != nil {
			return 0, err
		}
	}
	set, err := task.Settings()
	if err != nil {
		return 0, err
	}
	n := node.New(set, data.Train, nil, seed)
	ws := set.NewWorkspace()
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if _, err := n.Begin(uint32(round), nil, ws); err != nil {
			return 0, err
		}
		n.End(uint32(round), nil, nil)
	}
	score, err := n.Score(data.Test, ws)
	if set.Model.Loss() == model.MeanSquare {
		return score.R2, err
	}
	return score.Accuracy, err
}
