// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

// Limits on what is detected.
const (
	MaxSensors  = 256
	MaxChannels = 128 // of a sensor
)

// device is what was found in a class, before it has its name.
type device struct {
	class string // thermal, hwmon or iio
	base  string // of the name: what the driver or the device tree calls it
	place string // where on the buses it is, empty where that is not known
	found []channel
}

// Detect returns the sensors of a board, sorted by name: zones of the class
// thermal, chips of hwmon and devices of iio. Names come from what the drivers
// and the device tree say, never from the order in which the kernel found things.
// Where several devices of a class have the same name, all get the place on the
// bus behind it, as in hwmon/lm75-1-0048, or a number where it has no place; so
// the first one changes its name when the second is added, rather than that their
// values change places.
//
// Devices that cannot be listed are left out, as is what is beyond the limits.
func Detect(root fs.FS) []board.Sensor {
	t := tree{root}
	zones := t.zones()
	devices := append(zones, t.chips(zones)...)
	devices = append(devices, t.converters()...)
	devices = slices.DeleteFunc(devices, func(d device) bool { return len(d.found) == 0 })
	if len(devices) > MaxSensors {
		devices = devices[:MaxSensors]
	}
	names := nameAll(devices)
	sensors := make([]board.Sensor, len(devices))
	for i, d := range devices {
		sensors[i] = newSensor(t, names[i], d.found)
	}
	slices.SortFunc(sensors, func(a, b board.Sensor) int { return strings.Compare(a.Name(), b.Name()) })
	return sensors
}

// newSensor returns a sensor of the channels found, but for those whose names
// are the same in the letters of names.
func newSensor(t tree, name string, found []channel) *sensor {
	s := &sensor{tree: t, name: name}
	taken := make(map[string]bool)
	for _, c := range found {
		if c.Name = join(name, c.Name); !taken[c.Name] && len(s.channels) < MaxChannels {
			taken[c.Name] = true
			s.channels = append(s.channels, c)
		}
	}
	s.last = make([]board.Value, len(s.channels))
	return s
}

// join returns the name of a channel. That of a sensor which has but one may be
// empty.
func join(sensor, channel string) string {
	if channel == "" {
		return sensor
	}
	return sensor + "/" + channel
}

// nameAll returns a name for each device, no two alike.
func nameAll(devices []device) []string {
	count := make(map[string]int)
	for _, d := range devices {
		count[d.class+"/"+slug(d.base)]++
	}
	names := make([]string, len(devices))
	taken := make(map[string]bool)
	for i, d := range devices {
		name := d.class + "/" + slug(d.base)
		if count[name] > 1 && d.place != "" {
			name += "-" + slug(d.place)
		}
		numbered := name
		for n := 1; taken[numbered] || numbered == name && count[name] > 1; n++ {
			numbered = name + "-" + strconv.Itoa(n)
		}
		names[i], taken[numbered] = numbered, true
	}
	return names
}

// slug returns a name in the letters that names of sensors have.
func slug(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, "-."); s == "" {
		return "unnamed"
	}
	return s
}

// zones returns those of the class thermal.
func (t tree) zones() (zones []device) {
	const dir = "sys/class/thermal"
	names, _ := t.list(dir, "thermal_zone")
	for _, name := range names {
		kind, _ := t.word(path.Join(dir, name, "type"))
		c := newChannel("", board.Celsius, 1000)
		c.file = path.Join(dir, name, "temp")
		zones = append(zones, device{class: "thermal", base: kind, found: []channel{c}})
	}
	return zones
}

// newChannel returns a channel of a unit, of which what the file holds is a part.
func newChannel(name, unit string, parts float64) channel {
	c := channel{Channel: board.Channel{Name: name, Unit: unit}, times: 1, over: parts, low: -1e300, high: 1e300}
	switch unit {
	case board.Celsius: // the kernel's word for no temperature is -274 °C
		c.low, c.high = -270, 3000
	case board.Percent:
		c.low, c.high = 0, 105 // a wet sensor says a bit more than 100
	}
	return c
}

// place returns the name of the device on its bus that a link of a class points
// to, or of the one up so many levels from there.
func (t tree) place(link string, up int) string {
	to, err := fs.ReadLink(t.root, link)
	if err != nil {
		return ""
	}
	for range up {
		to = path.Dir(to)
	}
	if to = path.Base(to); to == "." || to == ".." || to == "/" {
		return ""
	}
	return to
}
