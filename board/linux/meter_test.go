// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/board"
)

func TestTally(t *testing.T) {
	type reading struct {
		after time.Duration
		x     float64
		err   error
	}
	const second, broken = time.Second, -1
	tests := []struct {
		name     string
		tally    tally
		readings []reading
		want     float64 // joules, or broken
	}{
		{"nothing read", tally{}, nil, 0},
		{"one reading", tally{}, []reading{{0, 1e6, nil}}, 0},
		{"energy", tally{}, []reading{{0, 100, nil}, {second, 107.5, nil}, {second, 107.5, nil}, {time.Hour, 110, nil}}, 10},
		{"counter starts again", tally{top: 1000}, []reading{{0, 990, nil}, {second, 5, nil}}, 15},
		{"counter starts again without a top", tally{}, []reading{{0, 990, nil}, {second, 5, nil}}, broken},
		{"counter set back by sleep", tally{top: 262143}, []reading{{0, 131072, nil}, {second, 0, nil}}, broken},
		{"counter above its top", tally{top: 10}, []reading{{0, 990, nil}, {second, 5, nil}}, broken},
		{"counter that may have gone round", tally{top: 1000}, []reading{{0, 1, nil}, {maxEnergyGap + 1, 2, nil}}, broken},
		{"counter just in time", tally{top: 1000}, []reading{{0, 1, nil}, {maxEnergyGap, 2, nil}}, 1},
		{"energy in batteries", tally{}, []reading{{0, -5000, nil}, {second, -4990, nil}}, 10},
		{"batteries charged", tally{}, []reading{{0, -5000, nil}, {second, -5001, nil}}, broken},
		{"power", tally{power: true}, []reading{{0, 10, nil}, {second, 20, nil}, {2 * second, 20, nil}, {second / 2, 0, nil}}, 15 + 40 + 5},
		{"power with a gap", tally{power: true}, []reading{{0, 10, nil}, {maxPowerGap + 1, 10, nil}}, broken},
		{"power below zero", tally{power: true}, []reading{{0, -10, nil}}, broken},
		{"failure at first", tally{}, []reading{{0, 0, errors.New("x")}}, broken},
		{"failure between", tally{}, []reading{{0, 1, nil}, {second, 0, errors.New("x")}, {second, 3, nil}}, broken},
	}
	for _, tt := range tests {
		now := time.Unix(1e9, 0)
		for _, r := range tt.readings {
			now = now.Add(r.after)
			tt.tally.add(now, r.x, r.err)
		}
		got := tt.tally.joules
		if tt.tally.broken {
			got = broken
		}
		if math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v J, want %v", tt.name, got, tt.want)
		}
	}
}

// TestCounter chooses what counts on each board.
func TestCounter(t *testing.T) {
	const laptop = "power_supply/power"
	rapl := dirs("sys/class/powercap", map[string]string{"intel-rapl:0": "name: package-0, energy_uj: 5"})
	hwmon := func(chips map[string]string) map[string]string { return dirs(hwmonDir, chips) }
	battery := func(text string) map[string]string {
		return dirs(supplyDir, map[string]string{"BAT0": "type: Battery, " + text})
	}
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, ""},
		{"package", rapl, "powercap/package-0"},
		{"package without leave to read", dirs("sys/class/powercap", map[string]string{"intel-rapl:0": "name: package-0"}), ""},
		{"two packages", dirs("sys/class/powercap", map[string]string{"intel-rapl:1": "name: package-1, energy_uj: 5", "intel-rapl:0": "name: package-0, energy_uj: 5", "intel-rapl:0:1": "name: dram, energy_uj: 5"}), "powercap/package-0+dram+package-1"},
		{"one of two without leave", dirs("sys/class/powercap", map[string]string{"intel-rapl:1": "name: package-1, energy_uj: 5", "intel-rapl:0": "name: package-0"}), ""},
		{"parts and the whole are not added", dirs("sys/class/powercap", map[string]string{"intel-rapl:0:0": "name: core, energy_uj: 5", "intel-rapl:1": "name: psys, energy_uj: 5"}), ""},
		{"battery", battery("status: Discharging, power_now: 1000"), laptop},
		{"battery by current and voltage", battery("status: Discharging, current_now: -1000, voltage_now: 3"), laptop},
		{"battery by energy", battery("status: Discharging, energy_now: 1000"), "power_supply/energy"},
		{"battery by charge alone", battery("status: Discharging, charge_now: 1000"), ""},
		{"battery at rest", battery("status: Full, power_now: 0"), ""},
		{"battery charged", battery("status: Charging, power_now: 1000"), ""},
		{"batteries of which one is charged", dirs(supplyDir, map[string]string{"A": "type: Battery, status: Discharging, power_now: 1000", "B": "type: Battery, status: Charging, power_now: 1000"}), ""},
		{"average of a chip", hwmon(map[string]string{"hwmon0": "name: power_meter, power1_average: 9000000", "hwmon1": "name: amdgpu, power1_average: 3"}), "hwmon/power_meter/power1"},
		{"energy of a chip", hwmon(map[string]string{"hwmon0": "name: ina238, energy1_input: 9000000"}), "hwmon/ina238/energy1"},
		{"several averages", hwmon(map[string]string{"hwmon0": "name: occ, power1_average: 1, power2_average: 2"}), ""},
		{"power of some rail", hwmon(map[string]string{"hwmon0": "name: ina226, power1_input: 1"}), ""},
	}
	for _, tt := range tests {
		if got := NewMeter(files(tt.files), Process).counter().name(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for name, want := range map[string]string{"laptop": "powercap/package-0+dram", "solar": laptop, "pi4": "", "router": "", "broken": ""} {
		root, _ := newTree(t, name)
		if got := NewMeter(root, Process).counter().name(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// changing is a tree that may change while it is read.
type changing struct {
	mu sync.Mutex
	fstest.MapFS
}

func (c *changing) Open(name string) (fs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.MapFS.Open(name)
}

// set puts another file in the place of one, which whoever reads it keeps.
func (c *changing) set(name, data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.MapFS[name] = &fstest.MapFile{Data: []byte(data)}
}

func (c *changing) remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.MapFS, name)
}

// joules renders those of a cost.
func joules(c board.Cost) float64 {
	if c.Joules == nil {
		return -1
	}
	return *c.Joules
}

// TestMeter measures over time, with counters that change.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const energy, dram = "sys/class/powercap/intel-rapl:0/energy_uj", "sys/class/powercap/intel-rapl:0:2/energy_uj"
		tree, _ := newTree(t, "laptop")
		root := &changing{MapFS: tree}
		end := NewMeter(root, Process).Begin(t.Context())
		time.Sleep(10 * time.Minute)
		root.set(energy, "163287451209")
		root.set(dram, "20002500000")
		time.Sleep(time.Minute)
		root.set(energy, "163297451209")
		c := end()
		if c.Wall != 11*time.Minute || joules(c) != 12.5 || c.Counter != "powercap/package-0+dram" {
			t.Errorf("%v, %v J of %s", c.Wall, joules(c), c.Counter)
		}
		time.Sleep(time.Minute)
		root.set(energy, "163397451209")
		if again := end(); again != c {
			t.Errorf("%+v, then %+v", c, again)
		}

		end = NewMeter(root, Process).Begin(t.Context())
		root.remove(dram)
		if c := end(); c.Joules != nil || c.Counter == "" {
			t.Errorf("%v J of %s when a counter is gone", joules(c), c.Counter)
		}
		ctx, cancel := context.WithCancel(t.Context())
		root.set(dram, "1")
		end = NewMeter(root, Process).Begin(ctx)
		cancel()
		if c := end(); c.Joules != nil {
			t.Errorf("%v J of work that nobody watched to its end", joules(c))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		const power, status = "sys/class/power_supply/BAT/power_now", "sys/class/power_supply/BAT/status"
		root := &changing{MapFS: files(dirs(supplyDir, map[string]string{"BAT": "type: Battery, status: Discharging, power_now: 8000000"}))}
		m := NewMeter(root, Process)
		end := m.Begin(t.Context())
		time.Sleep(10*time.Second + time.Second/2)
		root.set(power, "4000000")
		time.Sleep(10 * time.Second)
		c := end()
		// 10 s of 8 W, a second in which it falls to 4 W, 9.5 s of 4 W.
		if want := 80 + 6 + 4*9.5; math.Abs(joules(c)-want) > 1e-9 || c.Counter != "power_supply/power" {
			t.Errorf("%v J of %s, want %v", joules(c), c.Counter, want)
		}
		end = m.Begin(t.Context())
		time.Sleep(10 * time.Second)
		root.set(status, "Charging")
		time.Sleep(10 * time.Second)
		root.set(status, "Discharging")
		time.Sleep(10 * time.Second)
		if c := end(); c.Joules != nil {
			t.Errorf("%v J although it was plugged in meanwhile", joules(c))
		}
	})
}

// TestMeterCPU burns CPU time on another thread: the process has it, the thread
// that measures has not.
func TestMeterCPU(t *testing.T) {
	empty := files(nil)
	process := NewMeter(empty, Process).Begin(t.Context())
	thread := NewMeter(empty, Thread).Begin(t.Context())
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		for begin := cpuTime(Thread); cpuTime(Thread)-begin < 50*time.Millisecond; {
		}
	}()
	<-done
	a, b := process(), thread()
	if a.CPU < 50*time.Millisecond || b.CPU >= 50*time.Millisecond || a.Wall < 0 || b.Wall < 0 {
		t.Errorf("process %+v, thread %+v", a, b)
	}
	if a.Joules != nil || a.Counter != "" {
		t.Errorf("%v J of %q without a counter", joules(a), a.Counter)
	}
}

func TestMeterMisuse(t *testing.T) {
	done := make(chan any)
	end := NewMeter(files(nil), Thread).Begin(t.Context())
	defer runtime.UnlockOSThread()
	go func() {
		defer func() { done <- recover() }()
		end()
	}()
	if text, _ := (<-done).(string); !strings.HasPrefix(text, "linux: ") {
		t.Errorf("ended by another goroutine: %q", text)
	}
	defer func() {
		if text, _ := recover().(string); text != "linux: scope(2)" {
			t.Errorf("unknown scope: %q", text)
		}
	}()
	NewMeter(files(nil), 2)
}
