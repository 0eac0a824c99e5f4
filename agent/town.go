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
)

// resident is one of the demo's devices.
type resident struct {
	name   string
	home   *home
	share  *learn.Data
	device *device
	joined bus.Counters // of the connection over which it joined
}

func (r *resident) close() {
	if r.device != nil {
		r.device.close()
	}
	r.home.dir.Close()
}

// counters is what went over all of the device's connections.
func (r *resident) counters() bus.Counters { return addCounters(r.joined, r.device.links.counters()) }

// settle founds the neighbourhood on the first device and lets the others join
// it by an invite each, over the broker, as devices in different houses do.
func (t *town) settle(ctx context.Context) error {
	for i, share := range t.shares {
		r, err := t.build(ctx, i, share)
		if err != nil {
			return fmt.Errorf("device %d: %w", i+1, err)
		}
		t.group.Go(func() error { return r.device.run(ctx) })
		if i == 0 {
			if err := t.present(ctx, 1); err != nil {
				return err
			}
		}
	}
	return t.present(ctx, len(t.shares))
}

// build makes a device's state folder and puts the device together.
func (t *town) build(ctx context.Context, i int, share *learn.Data) (*resident, error) {
	r := &resident{name: deviceName(i), share: share}
	path := filepath.Join(t.dir, r.name)
	dir, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	r.home = &home{dir: dir} // its secrets of an epoch stay in the process
	t.devices = append(t.devices, r)
	cfg := config.Default()
	cfg.Name, cfg.Broker.URL, cfg.HTTP.Listen, cfg.FL.CheckpointEvery = r.name, t.url, "", 0
	cfg.Power.MaxTemperature = "" // a demo is short, and whoever watches it waits
	id, err := r.home.newIdentity()
	if err != nil {
		return nil, err
	}
	if i == 0 {
		f := &initFlags{epoch: demoEpoch, chunks: demoChunks, spread: demoSpread}
		if err := f.foundHere(r.home, cfg, id); err != nil {
			return nil, err
		}
	} else if err := t.join(ctx, r, cfg); err != nil {
		return nil, err
	}
	r.device, err = newDevice(cfg, r.home, t.log.With("device", r.name), deviceOptions{
		load: func() (*learn.Data, error) { return share.Clone(), nil }, seed: uint64(i + 1),
	})
	return r, err
}

func (t *town) join(ctx context.Context, r *resident, cfg *config.Config) error {
	i, err := t.devices[0].device.member.Keeper().Invite(time.Hour)
	if err != nil {
		return err
	}
	id, err := r.home.identity()
	if err != nil {
		return err
	}
	links := newLinks(bus.Options{URL: cfg.Broker.URL}, t.log)
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

// present waits until every device sees n.
func (t *town) present(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if !slices.ContainsFunc(t.devices, func(r *resident) bool { all, _ := r.device.member.Present(); return len(all) < n }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the devices do not find each other over %s: %w", t.url, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
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

// shareData splits the rows of the data among the devices.
func shareData(name string, nodes int) ([]*learn.Data, error) {
	data, err := namedData(name)
	if err != nil {
		return nil, err
	}
	p := dataset.Partition{Way: dataset.Dirichlet, Alpha: demoAlpha}
	if data.Train.Kind == dataset.Regression {
		p = dataset.Partition{Way: dataset.Blocks}
	}
	rows, err := p.Split(data.Train, nodes, demoSeed)
	if err != nil {
		return nil, err
	}
	// All devices of a task scale alike, by the numbers that it carries. Those of
	// one device's uneven share would be poor ones.
	scaler, err := dataset.Fit(data.Scale, data.Train)
	if err != nil {
		return nil, err
	}
	shares := make([]*learn.Data, nodes)
	for i := range shares {
		shares[i] = &learn.Data{Train: data.Train.Subset(rows[i]), Test: data.Test, Scale: data.Scale, Scaler: scaler}
	}
	return shares, nil
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
	for i, r := range t.devices {
		v, err := learnAlone(ctx, t.devices[0].device.learner.Task(), r.share, rounds, uint64(i+1))
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
