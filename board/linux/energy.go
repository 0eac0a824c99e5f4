// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

// energy is what is counted for one piece of work: several counters that add up.
type energy struct {
	title string
	parts []*tally
	every time.Duration // between readings
}

// How often counters are read: often enough that power is known, and that no
// counter starts again twice unseen.
const (
	powerInterval  = time.Second
	energyInterval = 30 * time.Second
)

// counter returns the counters that can be read now, nil where there are none.
func (m *Meter) counter() *energy {
	for _, find := range []func() *energy{m.rapl, m.batteryEnergy, m.powerMeter} {
		if e := find(); e != nil && e.read() {
			return e
		}
	}
	return nil
}

func (e *energy) name() string {
	if e == nil {
		return ""
	}
	return e.title
}

// read reads all counters once and reports whether all have been read so far.
func (e *energy) read() (ok bool) {
	ok = true
	for _, t := range e.parts {
		x, err := t.source()
		t.add(time.Now(), x, err)
		ok = ok && !t.broken
	}
	return ok
}

// watch reads the counters until ctx is done and then a last time. It closes the
// channel after that.
func (e *energy) watch(ctx context.Context) <-chan struct{} {
	stopped := make(chan struct{})
	if e == nil {
		close(stopped)
		return stopped
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(e.every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				e.read()
				return
			case <-tick.C:
				if !e.read() {
					return
				}
			}
		}
	}()
	return stopped
}

// total returns the joules that were counted, and whether all of them were.
func (e *energy) total() (joules float64, ok bool) {
	if e == nil {
		return 0, false
	}
	for _, t := range e.parts {
		if t.broken {
			return 0, false
		}
		joules += t.joules
	}
	return joules, true
}

// rapl returns the counters of the CPU packages and of their memory, which is not
// in the former, by the class powercap. What sits in the packages besides is.
func (m *Meter) rapl() *energy {
	const dir = "sys/class/powercap"
	e := &energy{every: energyInterval}
	zones, _ := m.list(dir, "intel-rapl:")
	var names []string
	for _, zone := range zones {
		name, err := m.word(path.Join(dir, zone, "name"))
		uppermost := strings.Count(zone, ":") == 1
		if err != nil || !(uppermost && strings.HasPrefix(name, "package-") || !uppermost && name == "dram") {
			continue
		}
		t := &tally{source: m.micro(path.Join(dir, zone, "energy_uj"))}
		if top, err := m.number(path.Join(dir, zone, "max_energy_range_uj")); err == nil {
			t.top = top / 1e6
		}
		e.parts = append(e.parts, t)
		names = append(names, name)
	}
	if len(e.parts) == 0 {
		return nil
	}
	e.title = "powercap/" + strings.Join(names, "+")
	return e
}

// micro returns a source that reads a file of millionths.
func (m *Meter) micro(file string) func() (float64, error) {
	return func() (float64, error) {
		x, err := m.number(file)
		return x / 1e6, err
	}
}

var errNotDrained = errors.New("the batteries do not supply the board")

// batteryEnergy returns what all batteries give: their power, or where they do
// not tell that the energy that is left in them.
func (m *Meter) batteryEnergy() *energy {
	if s, err := m.supplies(); err != nil || len(s.batteries) == 0 {
		return nil
	}
	power := &tally{power: true, source: m.drained(m.batteryWatts)}
	if _, err := power.source(); err == nil {
		return &energy{title: "power_supply/power", every: powerInterval, parts: []*tally{power}}
	}
	left := &tally{source: m.drained(m.batteryJoules)}
	return &energy{title: "power_supply/energy", every: energyInterval, parts: []*tally{left}}
}

// drained returns a source that sums over the batteries, while one of them is
// drained and none charged.
func (m *Meter) drained(read func(dir string) (float64, error)) func() (float64, error) {
	return func() (sum float64, err error) {
		s, err := m.supplies()
		if err != nil {
			return 0, err
		}
		if s.discharging == 0 || s.charging > 0 {
			return 0, errNotDrained
		}
		for _, dir := range s.batteries {
			x, err := read(dir)
			if err != nil {
				return 0, err
			}
			sum += x
		}
		return sum, nil
	}
}

// batteryWatts returns the power of a battery, some of which give it a sign.
func (m *Meter) batteryWatts(dir string) (float64, error) {
	if power, err := m.number(path.Join(dir, "power_now")); !missing(err) {
		return math.Abs(power) / 1e6, err
	}
	current, err := m.number(path.Join(dir, "current_now")) // µA
	if err != nil {
		return 0, err
	}
	voltage, err := m.number(path.Join(dir, "voltage_now")) // µV
	return math.Abs(current) * voltage / 1e12, err
}

// batteryJoules returns the energy in a battery, negative so that it rises while
// it is drained.
func (m *Meter) batteryJoules(dir string) (float64, error) {
	left, err := m.number(path.Join(dir, "energy_now")) // µWh
	return -left * 3600 / 1e6, err
}

// powerMeter returns the hwmon channel that counts energy or averages power, if
// there is one alone: of several nobody knows which measures the board. Those of
// graphics cards never do.
func (m *Meter) powerMeter() *energy {
	chips, _ := m.list(hwmonDir, "hwmon")
	var found []*energy
	for _, chip := range chips {
		dir := path.Join(hwmonDir, chip)
		name, err := m.word(path.Join(dir, "name"))
		if err != nil || slices.Contains([]string{"amdgpu", "radeon", "nouveau", "i915", "xe"}, name) {
			continue
		}
		files, _ := m.list(dir, "")
		for _, file := range files {
			id, counts := strings.CutSuffix(file, "_input")
			id, averages := strings.CutSuffix(id, "_average")
			counts = counts && strings.HasPrefix(id, "energy")
			averages = averages && strings.HasPrefix(id, "power")
			if counts || averages {
				e := &energy{title: "hwmon/" + slug(name) + "/" + slug(id), every: energyInterval}
				if averages {
					e.every = powerInterval
				}
				e.parts = []*tally{{power: averages, source: m.micro(path.Join(dir, file))}}
				found = append(found, e)
			}
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
