// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"path"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

const hwmonDir = "sys/class/hwmon"

// hwmonKinds are the quantities of hwmon: their unit, and which part of it a file
// counts in.
var hwmonKinds = map[string]struct {
	unit  string
	parts float64
}{
	"temp":     {board.Celsius, 1e3},
	"in":       {board.Volt, 1e3},
	"curr":     {board.Ampere, 1e3},
	"power":    {board.Watt, 1e6},
	"energy":   {board.Joule, 1e6},
	"humidity": {board.Percent, 1e3},
	"fan":      {board.RPM, 1},
}

// chips returns those of the class hwmon, but for the ones through which the
// kernel shows thermal zones a second time.
func (t tree) chips(zones []device) (chips []device) {
	mirrored := make(map[string]bool)
	for _, z := range zones {
		mirrored[strings.ReplaceAll(z.base, "-", "_")] = true // as thermal_hwmon.c names them
	}
	names, _ := t.list(hwmonDir, "hwmon")
	for _, name := range names {
		dir := path.Join(hwmonDir, name)
		d := device{class: "hwmon", found: t.chipChannels(dir), place: t.place(path.Join(dir, "device"), 0)}
		d.base, _ = t.word(path.Join(dir, "name"))
		if d.base == "" || !mirrored[d.base] || !onlyTemperatures(d.found) {
			chips = append(chips, d)
		}
	}
	return chips
}

func onlyTemperatures(channels []channel) bool {
	for _, c := range channels {
		if c.Unit != board.Celsius {
			return false
		}
	}
	return true
}

// chipChannels returns the channels of a chip: each xN_input, and xN_average
// where there is no input.
func (t tree) chipChannels(dir string) (channels []channel) {
	names, _ := t.list(dir, "")
	has := make(map[string]bool, len(names))
	for _, name := range names {
		has[name] = true
	}
	for _, name := range names {
		id, input := strings.CutSuffix(name, "_input")
		if !input {
			var average bool
			if id, average = strings.CutSuffix(name, "_average"); !average || has[id+"_input"] {
				continue
			}
		}
		kind, ok := hwmonKinds[strings.TrimRight(id, "0123456789")]
		if !ok || len(id) > maxWord || !isDigit(id[len(id)-1]) {
			continue
		}
		c := newChannel(id, kind.unit, kind.parts)
		c.file = path.Join(dir, name)
		if has[id+"_label"] {
			c.Label, _ = t.word(path.Join(dir, id+"_label"))
		}
		if has[id+"_fault"] {
			c.fault = path.Join(dir, id+"_fault")
		}
		channels = append(channels, c)
	}
	return channels
}
