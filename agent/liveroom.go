// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/live"
	"github.com/vecino-edge/vecino/board/linux"
	"github.com/vecino-edge/vecino/fl/node"
	"golang.org/x/sync/errgroup"
)

// Bounds of the time from one writing of live rows to the next, which goes by
// fl.checkpoint_every within them.
const (
	leastLiveSave = time.Minute
	mostLiveSave  = time.Hour
)

// openLive makes the device score samples as they come, where a source is named.
func (d *device) openLive() error {
	c := &d.cfg.Live
	if c.Source == "" {
		return nil
	}
	spec, err := live.ParseSpec(c.Source)
	if err != nil {
		return fmt.Errorf("live.source: %w", err)
	}
	log := d.log.With("room", "live")
	plane := d.links.options
	plane.Logger = log
	if d.plane, err = bus.NewPlane(plane, d.cfg.Site, d.cfg.Name); err != nil {
		return err
	}
	o := live.Options{
		Source: spec, Period: c.Period, Target: c.Target, Site: d.cfg.Site, Device: d.cfg.Name, Version: release, Name: c.Name, Discovery: c.Discovery,
		Plane: d.plane, Files: d.home.dir, SaveEvery: min(max(d.cfg.FL.CheckpointEvery, leastLiveSave), mostLiveSave), Log: log,
	}
	o.Kind, o.Classes = c.Kind()
	if spec.Kind == live.KindFile {
		o.Source.What = config.ResolvePath(d.home.dir.Root(), spec.What)
	}
	if spec.Kind == live.KindBoard {
		o.Sensors = linux.Detect(os.DirFS("/"))
	}
	d.live = live.New(o)
	return nil
}

// hookLive has the learner offer its models to live scores and train beside them,
// and learn from their rows where there are no others.
func (d *device) hookLive(o *learn.Options, rows bool) {
	if d.live == nil {
		return
	}
	o.OnModel, o.Aside = d.live.Offer, live.Aside
	if rows {
		o.LoadFor = d.liveData
		o.Load = func() (*learn.Data, error) { return d.liveData(nil) }
	}
}

// liveData returns what the device has gathered for a task, or for one that is to be
// made, of which only name and features are known.
func (d *device) liveData(t *node.Task) (*learn.Data, error) {
	if t != nil && len(t.Columns) == 0 {
		draft, err := d.live.Draft(t.Name, *t.Features)
		if err != nil {
			return nil, fmt.Errorf("%w: features: %w", node.ErrTask, err)
		}
		t = draft
	}
	train, test, err := d.live.Tables(t)
	if errors.Is(err, live.ErrFewRows) {
		return nil, control.Errorf(control.Busy, "%v", err).WithHint("rows come with the samples of live.source; vecino status counts them")
	}
	if err != nil {
		return nil, err
	}
	return &learn.Data{Train: train, Test: test}, nil
}

// runLive adds what scores to what runs.
func (d *device) runLive(ctx context.Context, g *errgroup.Group) {
	if d.live == nil {
		return
	}
	live.Threads()
	g.Go(func() error { return d.plane.Run(ctx) })
	g.Go(func() error { return d.live.Run(ctx) })
}

// liveStatus is nil where nothing is scored live.
func (d *device) liveStatus() *live.Status {
	if d.live == nil {
		return nil
	}
	return d.live.Status()
}

// liveLines show live scores to people.
func liveLines(s *live.Status) (lines []string) {
	if s == nil {
		return nil
	}
	source := s.Source + ", " + s.State
	if s.Problem != "" {
		source += ": " + s.Problem
	}
	lines = append(lines, fmt.Sprintf("live\t%s; %d samples, %d scored, %d published, %d rows to learn from", source, s.Samples, s.Scored, s.Published, s.Rows))
	for _, l := range s.Scores {
		lines = append(lines, fmt.Sprintf("  %s\t%s, %.0f s ago", l.Name, sayScore(&l.Score), l.Age))
	}
	return lines
}

func sayScore(s *live.Score) string {
	said := "nothing"
	switch {
	case s.Class != nil:
		said = fmt.Sprintf("class %d", *s.Class)
	case s.Value != nil && s.Low != nil && s.High != nil:
		said = fmt.Sprintf("%.4g (%.4g to %.4g)", *s.Value, *s.Low, *s.High)
	case s.Value != nil:
		said = fmt.Sprintf("%.4g", *s.Value)
	case s.Anomalous != nil && *s.Anomalous:
		said = fmt.Sprintf("anomalous, %.3g where %.3g is normal", *s.Anomaly, *s.Threshold)
	case s.Anomaly != nil:
		said = fmt.Sprintf("normal, %.3g", *s.Anomaly)
	}
	if s.Confidence != nil {
		said += ", confidence " + percent(s.Confidence)
	}
	return said
}
