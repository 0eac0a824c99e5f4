// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dirs returns the files of folders below one, each given as the lines "file: contents"
// separated by commas.
func dirs(below string, folders map[string]string) map[string]string {
	contents := make(map[string]string)
	for dir, text := range folders {
		for part := range strings.SplitSeq(text, ", ") {
			name, data, _ := strings.Cut(part, ": ")
			contents[below+"/"+dir+"/"+name] = data
		}
	}
	return contents
}

func TestPower(t *testing.T) {
	const none = -1
	tests := []struct {
		name     string
		supplies map[string]string
		want     string // mains, battery or unknown
		level    float64
	}{
		{"nothing", nil, "unknown", none},
		{"mains alone", map[string]string{"AC": "type: Mains, online: 1"}, "mains", none},
		{"port that supplies nothing", map[string]string{"usb": "type: USB, online: 0"}, "unknown", none},
		{"programmable supply", map[string]string{"usb": "type: USB, online: 2"}, "mains", none},
		{"unplugged", map[string]string{"AC": "type: Mains, online: 0", "BAT": "type: Battery, status: Discharging, capacity: 40"}, "battery", 0.4},
		{"plugged in", map[string]string{"AC": "type: Mains, online: 1", "BAT": "type: Battery, status: Charging, capacity: 40"}, "mains", 0.4},
		{"full a moment after unplugging", map[string]string{"AC": "type: Mains, online: 0", "BAT": "type: Battery, status: Full, capacity: 100"}, "battery", 1},
		{"full and plugged in", map[string]string{"AC": "type: Mains, online: 1", "BAT": "type: Battery, status: Full, capacity: 100"}, "mains", 1},
		{"kept from charging", map[string]string{"usb": "type: USB, online: 0", "BAT": "type: Battery, status: Not charging, capacity: 80"}, "mains", 0.8},
		{"charged by what is not listed", map[string]string{"usb": "type: USB, online: 0", "BAT": "type: Battery, status: Charging, capacity: 80"}, "mains", 0.8},
		{"supply too weak", map[string]string{"usb": "type: USB, online: 1", "BAT": "type: Battery, status: Discharging, capacity: 12"}, "battery", 0.12},
		{"battery that says nothing", map[string]string{"BAT": "type: Battery, status: Unknown"}, "unknown", none},
		{"battery that says nothing, unplugged", map[string]string{"AC": "type: Mains, online: 0", "BAT": "type: Battery, status: Unknown"}, "battery", none},
		{"two", map[string]string{"A": "type: Battery, status: Discharging, capacity: 20", "B": "type: Battery, status: Unknown, capacity: 100"}, "battery", 0.6},
		{"two, of which one has no level", map[string]string{"A": "type: Battery, status: Discharging, capacity: 20", "B": "type: Battery, status: Unknown"}, "battery", none},
		{"of a mouse", map[string]string{"hid": "type: Battery, scope: Device, status: Discharging, capacity: 3"}, "unknown", none},
		{"of the system", map[string]string{"BAT": "type: Battery, scope: System, status: Discharging, capacity: 3"}, "battery", 0.03},
		{"taken out", map[string]string{"AC": "type: Mains, online: 1", "BAT": "type: Battery, present: 0, status: Discharging, capacity: 0"}, "mains", none},
		{"uninterruptible", map[string]string{"ups": "type: UPS, status: Discharging, capacity: 90"}, "battery", 0.9},
		{"another kind", map[string]string{"x": "type: Hamster, online: 0"}, "unknown", none},
	}
	for _, tt := range tests {
		power, err := NewProbe(files(dirs(supplyDir, tt.supplies))).power()
		level := power.Level.X
		if !power.Level.Known {
			level = none
		}
		if err != nil || source(power) != tt.want || level != tt.level {
			t.Errorf("%s: %s at %v, error %v, want %s at %v", tt.name, source(power), level, err, tt.want, tt.level)
		}
	}
}

func TestThrottled(t *testing.T) {
	const pi = "sys/devices/platform/soc/soc:firmware/get_throttled"
	volt := func(alarm string) map[string]string {
		return map[string]string{hwmonDir + "/hwmon1/name": "rpi_volt", hwmonDir + "/hwmon1/in0_lcrit_alarm": alarm}
	}
	cooler := func(kind, state string) map[string]string {
		return dirs("sys/class/thermal", map[string]string{"cooling_device0": "type: pwm-fan, cur_state: 3", "cooling_device1": "type: " + kind + ", cur_state: " + state})
	}
	and := func(a, b map[string]string) map[string]string { maps.Copy(a, b); return a }
	tests := []struct {
		name  string
		files map[string]string
		want  string // unknown, no, or why
	}{
		{"nothing", nil, "unknown"},
		{"Pi, never", map[string]string{pi: "0\n"}, "no"},
		{"Pi, in the past", map[string]string{pi: "f0000\n"}, "no"},
		{"Pi, under-voltage", map[string]string{pi: "50001"}, "under-voltage"},
		{"Pi, capped", map[string]string{pi: "2"}, "the frequency is capped"},
		{"Pi, throttled", map[string]string{pi: "4"}, "throttled"},
		{"Pi, warm", map[string]string{pi: "80008"}, "the soft temperature limit is reached"},
		{"Pi, as vcgencmd writes it", map[string]string{pi: "0x5"}, "under-voltage, throttled"},
		{"Pi 5", map[string]string{"sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "1"}, "under-voltage"},
		{"a folder of another chip before", map[string]string{"sys/devices/platform/soc/uevent": "", "sys/devices/platform/soc@1/soc@1:firmware/get_throttled": "2"}, "the frequency is capped"},
		{"Pi, driver of the kernel alone", volt("1"), "under-voltage"},
		{"Pi, its driver says no", volt("0"), "no"},
		{"Pi, its driver is asked after the firmware only", and(volt("1"), map[string]string{pi: "0"}), "no"},
		{"cooled", cooler("cpufreq-cpu0", "1"), "the kernel cools the CPU"},
		{"cooled, older kernel", cooler("thermal-cpufreq-0", "12"), "the kernel cools the CPU"},
		{"not cooled", cooler("Processor", "0"), "no"},
		{"out of use", cooler("intel_powerclamp", "-1"), "no"},
		{"a fan is no brake", cooler("Fan", "1"), "unknown"},
		{"both", and(cooler("cpufreq-cpu0", "1"), map[string]string{pi: "1"}), "under-voltage, the kernel cools the CPU"},
	}
	for _, tt := range tests {
		got, err := NewProbe(files(tt.files)).throttled()
		text := got.Why
		if !got.Now {
			text = map[bool]string{true: "no", false: "unknown"}[got.Known]
		}
		if err != nil || text != tt.want {
			t.Errorf("%s: %s, error %v, want %s", tt.name, text, err, tt.want)
		}
	}
}

func TestTemperature(t *testing.T) {
	const unknown = -300
	tests := []struct {
		name  string
		zones map[string]string // of the class thermal
		chips map[string]string // of hwmon
		want  float64
	}{
		{"nothing", nil, nil, unknown},
		{"hottest of the CPU", map[string]string{"thermal_zone0": "type: cpu0-thermal, temp: 41000", "thermal_zone1": "type: cpu1-thermal, temp: 43500", "thermal_zone2": "type: gpu-thermal, temp: 90000", "thermal_zone3": "type: soc-gpu, temp: 91000"}, nil, 43.5},
		{"zone and chip", map[string]string{"thermal_zone0": "type: x86_pkg_temp, temp: 41000"}, map[string]string{"hwmon0": "name: coretemp, temp1_input: 44000, temp1_max: 99000"}, 44},
		{"chip alone", nil, map[string]string{"hwmon0": "name: k10temp, temp1_input: 61250", "hwmon1": "name: nvme, temp1_input: 70000", "hwmon2": "name: soc_gpu, temp1_input: 80000"}, 61.25},
		{"chip before unnamed zones", map[string]string{"thermal_zone0": "type: acpitz, temp: 90000"}, map[string]string{"hwmon0": "name: k10temp, temp1_input: 61000"}, 61},
		{"unnamed zones", map[string]string{"thermal_zone0": "type: acpitz, temp: 38000", "thermal_zone1": "type: tsens_tz_sensor4, temp: 39000", "thermal_zone2": "type: iwlwifi_1, temp: 77000", "thermal_zone3": "type: battery, temp: 55000"}, nil, 39},
		{"of other things only", map[string]string{"thermal_zone0": "type: iwlwifi_1, temp: 77000"}, map[string]string{"hwmon0": "name: nvme, temp1_input: 70000"}, unknown},
		{"below zero", map[string]string{"thermal_zone0": "type: soc_thermal, temp: -21000"}, nil, -21},
	}
	for _, tt := range tests {
		root := dirs("sys/class/thermal", tt.zones)
		maps.Copy(root, dirs(hwmonDir, tt.chips))
		got, err := NewProbe(files(root)).temperature()
		if !got.Known {
			got.X = unknown
		}
		if err != nil || got.X != tt.want {
			t.Errorf("%s: %v, error %v, want %v", tt.name, got.X, err, tt.want)
		}
	}
}

func TestParseStat(t *testing.T) {
	tests := []struct {
		in   string
		want ticks
		cpus int // 0 for an error
	}{
		{"cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5", ticks{total: 36, busy: 27}, 1},
		{"cpu  1 2 3 4\ncpu0 0 0 0 0\ncpu3 0 0 0 0", ticks{total: 10, busy: 6}, 2},
		{"cpu  1 2 3\ncpu0 1 2 3", ticks{}, 0},
		{"cpu  1 2 3 4\nintr 7", ticks{}, 0},
		{"cpu  -1 2 3 4\ncpu0 1 2 3 4", ticks{}, 0},
		{"cpu  1 2 3 99999999999999999999\ncpu0", ticks{}, 0},
		{"intr 5", ticks{}, 0},
		{"", ticks{}, 0},
	}
	for _, tt := range tests {
		got, cpus, err := parseStat([]byte(tt.in))
		if got != tt.want || cpus != tt.cpus || (err == nil) != (cpus > 0) {
			t.Errorf("%q: %+v, %d CPUs, error %v", tt.in, got, cpus, err)
		}
	}
}

func TestParseOwn(t *testing.T) {
	const head, tail = " S 1 1 1 0 -1 0 0 0 0 0 ", " 0 0 20"
	tests := []struct {
		in   string
		want uint64
		ok   bool
	}{
		{"1 (vecino)" + head + "12 3" + tail, 15, true},
		{"1 (a) S 9 9 (b)" + head + "12 3" + tail, 15, true},
		{"1 (vecino)" + head + "12", 0, false},
		{"1 (vecino)" + head + "12 -3" + tail, 0, false},
		{"1 (vecino)" + head + "x 3" + tail, 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		if got, err := parseOwn([]byte(tt.in)); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %d, error %v", tt.in, got, err)
		}
	}
}

// TestOthers follows the share of others over time, on two CPUs of which a tick
// is a hundredth of a second.
func TestOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := files(map[string]string{"proc/stat": "", "proc/self/stat": ""})
		set := func(idle, busy, own int) {
			root["proc/stat"].Data = fmt.Appendf(nil, "cpu %d 0 0 %d 0 0 0 0\ncpu0\ncpu1\n", busy, idle)
			root["proc/self/stat"].Data = fmt.Appendf(nil, "1 (vecino) S 1 1 1 0 -1 0 0 0 0 0 %d 0", own)
		}
		p := NewProbe(root)
		steps := []struct {
			after           time.Duration
			idle, busy, own int
			want            float64 // -1 where it is not known
		}{
			{0, 1000, 1000, 500, -1},
			{999 * time.Millisecond, 1000, 1199, 500, -1},     // too short an interval
			{9001 * time.Millisecond, 2000, 2000, 1200, 0.15}, // of 2000 ticks 1000 busy, 700 own
			{500 * time.Millisecond, 2000, 2100, 1200, 0.15},  // the one before still holds
			{9500 * time.Millisecond, 4000, 2000, 1200, 0},    // all idle
			{10 * time.Second, 4000, 4000, 3200, 0},           // all own
			{10 * time.Second, 4000, 6000, 3200, 1},           // all of others
			{10 * time.Second, 5000, 7000, 4201, 0},           // own ahead by a tick
			{10 * time.Second, 5000, 6000, 4201, -1},          // a CPU was taken out
			{10 * time.Second, 6000, 7000, 4701, 0.25},        // and the next interval counts again
			{10 * time.Second, 9000, 6990, 4701, -1},          // only what was busy went back
			{10 * time.Second, 10000, 7990, 4701, 0.5},
			{24 * time.Hour, 10000 + 2e6, 7990 + 1e6, 4701, 1. / 3}, // a day
		}
		for i, s := range steps {
			time.Sleep(s.after)
			set(s.idle, s.busy, s.own)
			c := p.Read()
			got := c.Others.X
			if !c.Others.Known {
				got = -1
			}
			if math.Abs(got-s.want) > 1e-9 || c.Problem != nil {
				t.Errorf("step %d: %v, problem %v, want %v", i, got, c.Problem, s.want)
			}
		}
	})
}

func TestModel(t *testing.T) {
	tests := []struct {
		files map[string]string
		want  string
	}{
		{nil, ""},
		{map[string]string{"proc/device-tree/model": "BeagleBoard.org BeaglePlay\x00", "sys/class/dmi/id/product_name": "x"}, "BeagleBoard.org BeaglePlay"},
		{map[string]string{"tmp/sysinfo/model": "GL.iNet GL-MT3000\n"}, "GL.iNet GL-MT3000"},
		{map[string]string{"sys/class/dmi/id/product_name": "VirtualBox\n"}, "VirtualBox"},
		{map[string]string{"sys/class/dmi/id/sys_vendor": "PC Engines\n", "sys/class/dmi/id/product_name": "apu2\n"}, "PC Engines apu2"},
		{map[string]string{"proc/cpuinfo": "processor : 0\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi Zero W\n"}, "Raspberry Pi Zero W"},
		{map[string]string{"proc/cpuinfo": "processor : 0\nmodel name : x\n"}, ""},
	}
	for _, tt := range tests {
		if got := Model(files(tt.files)); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.files, got, tt.want)
		}
	}
}

// TestThisMachine reads the machine that the tests run on, whatever it is.
func TestThisMachine(t *testing.T) {
	if _, err := os.Stat("/proc/stat"); err != nil {
		t.Skip("left out: there is no /proc")
	}
	root := os.DirFS("/")
	for _, s := range Detect(root) {
		if _, err := s.Read(t.Context()); err != nil {
			t.Log(err)
		}
	}
	c := NewProbe(root).Read()
	checkConditions(t, c)
	if !c.Load.Known || !c.CPUs.Known || !c.Memory.Known || c.Memory.X == 0 {
		t.Errorf("%+v", c)
	}
	t.Logf("%q: %+v", Model(root), c)
}
