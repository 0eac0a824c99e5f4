// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"path"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

// iioKinds are the quantities of iio: the unit that they get here, and what the
// unit of the kernel is multiplied with and divided by for it.
var iioKinds = map[string]struct {
	unit        string
	times, over float64
}{
	"temp":                   {board.Celsius, 1, 1e3},
	"humidityrelative":       {board.Percent, 1, 1e3},
	"pressure":               {board.Hectopascal, 10, 1}, // from kPa
	"voltage":                {board.Volt, 1, 1e3},
	"current":                {board.Ampere, 1, 1e3},
	"power":                  {board.Watt, 1, 1e3},
	"energy":                 {board.Joule, 1, 1},
	"illuminance":            {board.Lux, 1, 1},
	"concentration":          {board.PPM, 1e4, 1}, // from %
	"massconcentration":      {board.Microgram, 1, 1},
	"distance":               {board.Metre, 1, 1},
	"resistance":             {board.Ohm, 1, 1},
	"electricalconductivity": {board.Siemens, 1, 1},
	"capacitance":            {board.Nanofarad, 1, 1},
	"ph":                     {board.PH, 1, 1},
	"accel":                  {board.Acceleration, 1, 1},
	"gravity":                {board.Acceleration, 1, 1},
	"anglvel":                {board.AngularSpeed, 1, 1},
	"angl":                   {board.Radian, 1, 1},
	"incli":                  {board.Degree, 1, 1},
	"magn":                   {board.Microtesla, 100, 1}, // from gauss
}

// converters returns the devices of the bus iio. A quantity that is not in the
// table, and one that is raw without a scale, comes as the driver gives it and
// without a unit.
func (t tree) converters() (converters []device) {
	const bus = "sys/bus/iio/devices"
	names, _ := t.list(bus, "iio:device")
	for _, name := range names {
		dir := path.Join(bus, name)
		d := device{class: "iio", found: t.iioChannels(dir), place: t.place(dir, 1)}
		if d.base, _ = t.word(path.Join(dir, "label")); d.base == "" {
			d.base, _ = t.word(path.Join(dir, "name"))
		}
		converters = append(converters, d)
	}
	return converters
}

func (t tree) iioChannels(dir string) (channels []channel) {
	names, _ := t.list(dir, "in_")
	has := make(map[string]bool, len(names))
	for _, name := range names {
		has[name] = true
	}
	for _, name := range names {
		id, scaled := strings.CutSuffix(name, "_input")
		if !scaled {
			var raw bool
			if id, raw = strings.CutSuffix(name, "_raw"); !raw || has[id+"_input"] {
				continue
			}
		}
		id = strings.TrimPrefix(id, "in_")
		if id == "" || len(id) > maxWord || history(id) {
			continue
		}
		c := iioChannel(dir, id, scaled, has)
		c.file = path.Join(dir, name)
		if label := "in_" + id + "_label"; has[label] {
			c.Label, _ = t.word(path.Join(dir, label))
		}
		channels = append(channels, c)
	}
	return channels
}

// history reports whether a channel is not a measurement of now.
func history(id string) bool {
	return strings.HasSuffix(id, "_peak") || strings.HasSuffix(id, "_trough") || strings.HasSuffix(id, "_mean")
}

// iioChannel returns a channel whose value is (raw + offset) * scale in the
// kernel's unit, unless the driver has scaled it already.
func iioChannel(dir, id string, scaled bool, has map[string]bool) channel {
	kind, known := iioKinds[kindOf(id)]
	c := newChannel(slug(id), board.NoUnit, 1)
	if !scaled {
		c.scale = shared(dir, id, "_scale", has)
		c.offset = shared(dir, id, "_offset", has)
	}
	if known && (scaled || c.scale != "") {
		file, offset, scale := c.file, c.offset, c.scale
		c = newChannel(c.Name, kind.unit, kind.over)
		c.times, c.file, c.offset, c.scale = kind.times, file, offset, scale
	}
	return c
}

// kindOf returns the letters that a channel begins with: voltage of voltage0-voltage1.
func kindOf(id string) string {
	return id[:len(id)-len(strings.TrimLeft(id, "abcdefghijklmnopqrstuvwxyz"))]
}

// shared returns the file of a scale or offset: the channel's own, or one that
// all channels of its kind share, and those that measure differences, apart from
// the rest. It is empty where there is none.
func shared(dir, id, suffix string, has map[string]bool) string {
	kind := kindOf(id)
	candidates := []string{"in_" + id, "in_" + kind}
	if strings.Contains(id, "-"+kind) {
		candidates = []string{"in_" + id, "in_" + kind + "-" + kind, "in_" + kind}
	}
	if rest := strings.TrimLeft(id[len(kind):], "0123456789"); rest != id[len(kind):] && strings.HasPrefix(rest, "_") {
		candidates = append(candidates, "in_"+kind+rest) // in_voltage_q_scale of in_voltage0_q_raw
	}
	for _, c := range candidates {
		if has[c+suffix] {
			return path.Join(dir, c+suffix)
		}
	}
	return ""
}
