// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// TestStale follows a channel through failures: the last good value stands in for
// a minute, unless the chip says that it is broken.
func TestStale(t *testing.T) {
	const file, fault = "sys/class/hwmon/hwmon0/temp1_input", "sys/class/hwmon/hwmon0/temp1_fault"
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		root := files(map[string]string{file: "", fault: "0", "sys/class/hwmon/hwmon0/name": "dht11"})
		s := Detect(root)[0]
		steps := []struct {
			after      time.Duration
			text, flag string
			want       float64
			quality    board.Quality
			age        time.Duration
		}{
			{0, "", "0", math.NaN(), board.Bad, 0},
			{time.Second, "21500", "0", 21.5, board.Good, 0},
			{time.Second, "?", "0", 21.5, board.Stale, time.Second},
			{59 * time.Second, "?", "0", 21.5, board.Stale, time.Minute},
			{1, "?", "0", math.NaN(), board.Bad, 0},
			{time.Second, "22000", "0", 22, board.Good, 0},
			{time.Second, "-999000", "0", -999, board.Bad, 0},
			{time.Second, "?", "0", 22, board.Stale, 2 * time.Second},
			{time.Second, "23000", "1", math.NaN(), board.Bad, 0},
			{time.Second, "23000", "0", 23, board.Good, 0},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			root[file].Data, root[fault].Data = []byte(step.text), []byte(step.flag)
			values, err := s.Read(t.Context())
			if len(values) != 1 || (err == nil) != (step.quality == board.Good) {
				t.Fatalf("step %d: %v, error %v", i, values, err)
			}
			v := values[0]
			same := v.X == step.want || math.IsNaN(v.X) && math.IsNaN(step.want)
			if !same || v.Quality != step.quality || time.Since(v.Time) != step.age || v.Name != "hwmon/dht11/temp1" || v.Unit != "°C" {
				t.Errorf("step %d, %v after the begin: %+v", i, time.Since(begin), v)
			}
		}
	})
}

// TestVanished takes a device away and brings it back.
func TestVanished(t *testing.T) {
	const file = "sys/class/thermal/thermal_zone0/temp"
	root := files(map[string]string{file: "40000", "sys/class/thermal/thermal_zone0/type": "usb-stick"})
	s := Detect(root)[0]
	was := root[file]
	delete(root, file)
	values, err := s.Read(t.Context())
	if errorText(err) != "/sys/class/thermal/thermal_zone0/temp: file does not exist" || len(values) != 1 || values[0].Quality != board.Bad {
		t.Errorf("%v, error %v", values, err)
	}
	root[file] = was
	if values, err := s.Read(t.Context()); err != nil || values[0].X != 40 {
		t.Errorf("%v, error %v", values, err)
	}
}

func TestReadCancelled(t *testing.T) {
	root, _ := newTree(t, "laptop")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, s := range Detect(root) {
		if values, err := s.Read(ctx); values != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, error %v", s.Name(), values, err)
		}
	}
}

func TestReadAtOnce(t *testing.T) {
	root, _ := newTree(t, "pi4")
	probe, sensors := NewProbe(root), Detect(root)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, s := range sensors {
				if _, err := s.Read(context.Background()); err != nil {
					t.Error(err)
				}
			}
			if c := probe.Read(); c.Problem != nil {
				t.Error(c.Problem)
			}
		})
	}
	wg.Wait()
}

// TestNames gives devices of the same name others that do not depend on the order
// in which the kernel found them.
func TestNames(t *testing.T) {
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	tests := []struct {
		name  string
		files map[string]string
		links map[string]string
		want  []string
	}{
		{"alone", map[string]string{"sys/class/hwmon/hwmon3/name": "LM75", "sys/class/hwmon/hwmon3/temp1_input": "1"},
			map[string]string{"sys/class/hwmon/hwmon3/device": "../../../1-0048"}, []string{"hwmon/lm75"}},
		{"two on a bus", map[string]string{
			"sys/class/hwmon/hwmon3/name": "lm75", "sys/class/hwmon/hwmon3/temp1_input": "1",
			"sys/class/hwmon/hwmon0/name": "lm75", "sys/class/hwmon/hwmon0/temp1_input": "1",
		}, map[string]string{"sys/class/hwmon/hwmon3/device": "../../../1-0048", "sys/class/hwmon/hwmon0/device": "../../../1-004a"},
			[]string{"hwmon/lm75-1-0048", "hwmon/lm75-1-004a"}},
		{"two at one place", map[string]string{
			"sys/class/hwmon/hwmon3/name": "lm75", "sys/class/hwmon/hwmon3/temp1_input": "1",
			"sys/class/hwmon/hwmon0/name": "lm75", "sys/class/hwmon/hwmon0/temp1_input": "1",
		}, map[string]string{"sys/class/hwmon/hwmon3/device": "../x", "sys/class/hwmon/hwmon0/device": "../x"},
			[]string{"hwmon/lm75-x", "hwmon/lm75-x-1"}},
		{"a name as another is told apart by", map[string]string{
			"sys/class/hwmon/hwmon1/name": "a", "sys/class/hwmon/hwmon1/temp1_input": "1",
			"sys/class/hwmon/hwmon2/name": "a", "sys/class/hwmon/hwmon2/temp1_input": "1",
			"sys/class/hwmon/hwmon3/name": "a-1", "sys/class/hwmon/hwmon3/temp1_input": "1",
		}, nil, []string{"hwmon/a-1", "hwmon/a-1-1", "hwmon/a-2"}},
		{"a thermal zone shown a second time", map[string]string{
			"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "1",
			"sys/class/hwmon/hwmon0/name": "cpu_thermal", "sys/class/hwmon/hwmon0/temp1_input": "1",
		}, nil, []string{"thermal/cpu-thermal"}},
		{"a chip with the name of a zone and more than that", map[string]string{
			"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "1",
			"sys/class/hwmon/hwmon0/name": "cpu_thermal", "sys/class/hwmon/hwmon0/temp1_input": "1", "sys/class/hwmon/hwmon0/in0_input": "1",
		}, nil, []string{"hwmon/cpu_thermal", "thermal/cpu-thermal"}},
		{"label before name, and a parent", map[string]string{
			"sys/devices/i2c-1/1-0076/iio:device0/name": "bme280", "sys/devices/i2c-1/1-0076/iio:device0/in_temp_input": "1",
			"sys/devices/i2c-1/1-0077/iio:device1/name": "bme280", "sys/devices/i2c-1/1-0077/iio:device1/in_temp_input": "1",
			"sys/devices/i2c-1/1-0078/iio:device2/name": "bme280", "sys/devices/i2c-1/1-0078/iio:device2/in_temp_input": "1",
			"sys/devices/i2c-1/1-0078/iio:device2/label": "Cellar (old)",
		}, map[string]string{
			"sys/bus/iio/devices/iio:device0": "../../../devices/i2c-1/1-0076/iio:device0",
			"sys/bus/iio/devices/iio:device1": "../../../devices/i2c-1/1-0077/iio:device1",
			"sys/bus/iio/devices/iio:device2": "../../../devices/i2c-1/1-0078/iio:device2",
		}, []string{"iio/bme280-1-0076", "iio/bme280-1-0077", "iio/cellar--old"}},
	}
	for _, tt := range tests {
		root := files(tt.files)
		for from, to := range tt.links {
			root[from] = link(to)
		}
		sensors := Detect(root)
		var got []string
		for _, s := range sensors {
			got = append(got, s.Name())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		checkAll(t, sensors)
	}
}

// TestIIO converts the units of the kernel.
func TestIIO(t *testing.T) {
	const dir = "sys/bus/iio/devices/iio:device0/"
	tests := []struct {
		name  string
		files map[string]string
		want  float64
		unit  string
	}{
		{"temperature", map[string]string{"in_temp_input": "-7250"}, -7.25, "°C"},
		{"raw with offset and scale", map[string]string{"in_temp_raw": "20", "in_temp_offset": "-5", "in_temp_scale": "1000"}, 15, "°C"},
		{"input before raw", map[string]string{"in_temp_raw": "1", "in_temp_scale": "9", "in_temp_input": "5000"}, 5, "°C"},
		{"raw without scale", map[string]string{"in_temp_raw": "812"}, 812, ""},
		{"humidity", map[string]string{"in_humidityrelative_input": "45500"}, 45.5, "%"},
		{"pressure", map[string]string{"in_pressure_input": "101.325"}, 1013.25, "hPa"},
		{"carbon dioxide", map[string]string{"in_concentration_co2_raw": "415", "in_concentration_scale": "0.0001"}, 415, "ppm"},
		{"dust", map[string]string{"in_massconcentration_pm2p5_input": "12.5"}, 12.5, "µg/m³"},
		{"light", map[string]string{"in_illuminance_raw": "1000", "in_illuminance_scale": "0.5"}, 500, "lx"},
		{"axis with the scale of all", map[string]string{"in_accel_z_raw": "1000", "in_accel_scale": "0.009806"}, 9.806, "m/s²"},
		{"axis with its own scale", map[string]string{"in_magn_x_raw": "3", "in_magn_scale": "7", "in_magn_x_scale": "0.1"}, 30, "µT"},
		{"numbered with the scale of all", map[string]string{"in_voltage7_raw": "10", "in_voltage_scale": "5"}, 0.05, "V"},
		{"difference", map[string]string{"in_voltage0-voltage1_raw": "10", "in_voltage-voltage_scale": "2", "in_voltage_scale": "5"}, 0.02, "V"},
		{"modified", map[string]string{"in_voltage0_q_raw": "10", "in_voltage_q_scale": "3"}, 0.03, "V"},
		{"unknown quantity", map[string]string{"in_steps_input": "812"}, 812, ""},
	}
	for _, tt := range tests {
		root := make(fstest.MapFS)
		for name, data := range tt.files {
			root[dir+name] = &fstest.MapFile{Data: []byte(data)}
		}
		values, err := Detect(root)[0].Read(t.Context())
		if err != nil || len(values) != 1 || math.Abs(values[0].X-tt.want) > 1e-12 || values[0].Unit != tt.unit {
			t.Errorf("%s: %+v, error %v, want %v %s", tt.name, values, err, tt.want, tt.unit)
		}
	}
	for _, name := range []string{"in_accel_x_peak_raw", "in_temp_mean_raw", "in_temp_trough_raw", "in_temp_scale", "in__raw", "out_voltage0_raw", "in_temp_raw_available"} {
		if s := Detect(files(map[string]string{dir + name: "1"})); len(s) != 0 {
			t.Errorf("%s is a sensor", name)
		}
	}
}
