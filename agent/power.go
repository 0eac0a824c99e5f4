// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/linux"
	"github.com/vecino-edge/vecino/fl/node"
)

// power is what the device knows of its board, and whether it may train now.
type power struct {
	probe     board.Probe
	meter     board.Meter
	onlyMains bool
	log       *slog.Logger

	mu   sync.Mutex // a gate belongs to one goroutine, and tasks ask from several
	gate *board.Gate
}

// thisMachine returns what measures the machine that the program runs on. The meter
// counts the thread that trains, so that tasks which train at a time are told apart.
func thisMachine() (board.Probe, board.Meter) {
	root := os.DirFS("/")
	return linux.NewProbe(root), linux.NewMeter(root, linux.Thread)
}

func newPower(c *config.Power, probe board.Probe, meter board.Meter, log *slog.Logger) (*power, error) {
	policy, err := powerPolicy(c)
	if err != nil {
		return nil, err
	}
	gate, err := board.NewGate(policy)
	if err != nil {
		return nil, err
	}
	return &power{probe: probe, meter: meter, onlyMains: c.OnlyMains == config.MainsAlone, log: log, gate: gate}, nil
}

// powerPolicy returns the settings as package board takes them.
func powerPolicy(c *config.Power) (p board.Policy, err error) {
	if p.Window, err = board.ParseWindow(c.Window); err != nil {
		return p, fmt.Errorf("power.window: %w", err)
	}
	for _, f := range []struct {
		name, text string
		to         *float64
		unit       float64
	}{
		{"max_temperature", c.MaxTemperature, &p.MaxCelsius, 1},
		{"min_battery", c.MinBattery, &p.MinBattery, 100},
		{"max_load", c.MaxLoad, &p.MaxLoad, 100},
	} {
		v, err := strconv.ParseFloat(cmp.Or(f.text, "0"), 64) // 0 is no limit
		if err != nil {
			return p, fmt.Errorf("power.%s: %w", f.name, err)
		}
		*f.to = v / f.unit
	}
	return p, nil
}

// allowed reports whether the device may train now, and why not.
func (p *power) allowed() (ok bool, why string) {
	c := p.probe.Read()
	p.mu.Lock()
	ok, why = p.gate.Decide(c, time.Now())
	p.mu.Unlock()
	if ok && why != "" { // what the board does not tell, once
		p.log.Info("a limit does not count", "why", why)
		why = ""
	}
	if p.onlyMains && c.Power.Known && c.Power.OnBattery {
		ok, why = false, strings.TrimSuffix("on battery; "+why, "; ")
	}
	return ok, why
}

// begin begins to measure work, on the thread that calls it.
func (p *power) begin() (end func() node.Cost) {
	done := p.meter.Begin(context.Background())
	return func() node.Cost {
		c := done()
		cost := node.Cost{CPU: c.CPU, Wall: c.Wall, Joules: math.NaN(), Counter: c.Counter}
		if c.Joules != nil {
			cost.Joules = *c.Joules
		}
		return cost
	}
}

// boardNow returns the board with what it tells of itself now.
func boardNow(probe board.Probe) boardInfo {
	b := thisBoard()
	c := probe.Read()
	b.Temperature, b.Load, b.Battery = known(c.Temperature), known(c.Load), known(c.Power.Level)
	if c.Power.Known {
		b.OnBattery = &c.Power.OnBattery
	}
	if c.Throttled.Known && c.Throttled.Now {
		b.Throttled = c.Throttled.Why
	}
	return b
}

func known(q board.Quantity) *float64 {
	if !q.Known {
		return nil
	}
	return &q.X
}
