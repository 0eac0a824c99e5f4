// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"path"

	"github.com/vecino-edge/vecino/board"
)

const supplyDir = "sys/class/power_supply"

// supplies counts what the power supplies of a board say.
type supplies struct {
	online, offline                int // sources other than batteries
	batteries                      []string
	charging, discharging, resting int     // batteries; a resting one is plugged in and not charging
	level                          float64 // sum over those that know it, 0..1 each
	levels                         int
}

// power returns where the power comes from. A battery that is being drained
// decides, even where a source is online which does not suffice; after it one
// that is charging, or could be; and only then what the sources say.
func (p *Probe) power() (board.Power, error) {
	s, err := p.supplies()
	var power board.Power
	switch {
	case s.discharging > 0:
		power = board.Power{Known: true, OnBattery: true}
	case s.charging > 0 || s.resting > 0 || s.online > 0:
		power.Known = true
	case len(s.batteries) > 0 && s.offline > 0:
		power = board.Power{Known: true, OnBattery: true}
	}
	if s.levels > 0 && s.levels == len(s.batteries) {
		power.Level = board.Known(s.level / float64(s.levels))
	}
	return power, err
}

// supplies asks all that supply the board, and not a mouse or another device.
func (t tree) supplies() (s supplies, err error) {
	var errs problems
	names, err := t.list(supplyDir, "")
	errs.add(err)
	for _, name := range names {
		dir := path.Join(supplyDir, name)
		kind, err := t.word(path.Join(dir, "type"))
		if err != nil {
			errs.add(err)
			continue
		}
		if scope, err := t.word(path.Join(dir, "scope")); err == nil && scope == "Device" {
			continue
		}
		switch kind {
		case "Battery", "UPS":
			if present, err := t.number(path.Join(dir, "present")); err == nil && present == 0 {
				continue
			}
			s.addBattery(t, dir, &errs)
		case "Mains", "USB", "Wireless":
			online, err := t.number(path.Join(dir, "online"))
			switch {
			case err != nil:
				errs.add(err)
			case online > 0:
				s.online++
			default:
				s.offline++
			}
		}
	}
	return s, errs.join()
}

func (s *supplies) addBattery(t tree, dir string, errs *problems) {
	s.batteries = append(s.batteries, dir)
	status, err := t.word(path.Join(dir, "status"))
	errs.add(err)
	switch status {
	case "Discharging":
		s.discharging++
	case "Charging":
		s.charging++
	case "Not charging":
		s.resting++
	}
	capacity := path.Join(dir, "capacity")
	level, err := t.number(capacity)
	switch {
	case err != nil:
		errs.add(err)
	case level < 0 || level > 100:
		errs.add(fail(capacity, fmt.Errorf("a battery at %v %% cannot be", level)))
	default:
		s.level += level / 100
		s.levels++
	}
}
