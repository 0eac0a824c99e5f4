// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

// What the firmware of a Raspberry Pi says of now in get_throttled, whose higher
// half is about what has ever been.
var piFlags = [...]string{"under-voltage", "the frequency is capped", "throttled", "the soft temperature limit is reached"}

// coolers are what the types of cooling devices begin with that make the CPU
// slower: of the cpufreq driver, new and old, of ACPI and of Intel.
var coolers = []string{"cpufreq-", "thermal-cpufreq-", "Processor", "intel_powerclamp"}

// throttled asks the firmware of a Raspberry Pi, or where it does not tell the
// kernel's driver for its voltage, and the cooling devices of all boards.
func (p *Probe) throttled() (board.Throttle, error) {
	var all board.Throttle
	var whys []string
	var errs problems
	for i, ask := range []func() (board.Throttle, error){p.piFirmware, p.piVoltage, p.cooling} {
		if i == 1 && all.Known {
			continue // the firmware has said more than its driver does
		}
		t, err := ask()
		errs.add(err)
		all.Known = all.Known || t.Known
		if all.Now = all.Now || t.Now; t.Why != "" {
			whys = append(whys, t.Why)
		}
	}
	all.Why = strings.Join(whys, ", ")
	return all, errs.join()
}

// piFirmware reads the flags of the firmware, a hexadecimal number. Its folder is
// soc/soc:firmware up to Raspberry Pi 4, and has an address in its name on 5.
func (p *Probe) piFirmware() (board.Throttle, error) {
	const dir = "sys/devices/platform"
	chips, err := p.list(dir, "soc")
	for _, soc := range chips {
		file := path.Join(dir, soc, soc+":firmware", "get_throttled")
		text, wordErr := p.word(file)
		if missing(wordErr) {
			continue
		}
		if wordErr != nil {
			return board.Throttle{}, wordErr
		}
		flags, parseErr := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32)
		if parseErr != nil {
			return board.Throttle{}, fail(file, fmt.Errorf("%.32q is not a hexadecimal number", text))
		}
		return piThrottle(flags), nil
	}
	return board.Throttle{}, err
}

func piThrottle(flags uint64) board.Throttle {
	t := board.Throttle{Known: true}
	var whys []string
	for bit, why := range piFlags {
		if flags>>bit&1 == 1 {
			t.Now = true
			whys = append(whys, why)
		}
	}
	t.Why = strings.Join(whys, ", ")
	return t
}

// piVoltage reads the alarm of the driver raspberrypi-hwmon.
func (p *Probe) piVoltage() (board.Throttle, error) {
	chips, err := p.list(hwmonDir, "hwmon")
	for _, chip := range chips {
		if name, err := p.word(path.Join(hwmonDir, chip, "name")); err != nil || name != "rpi_volt" {
			continue
		}
		alarm, err := p.number(path.Join(hwmonDir, chip, "in0_lcrit_alarm"))
		if err != nil {
			return board.Throttle{}, err
		}
		return piThrottle(uint64(min(max(alarm, 0), 1))), nil
	}
	return board.Throttle{}, err
}

// cooling tells whether the kernel makes the CPU slower against heat.
func (p *Probe) cooling() (t board.Throttle, err error) {
	const dir = "sys/class/thermal"
	devices, err := p.list(dir, "cooling_device")
	for _, device := range devices {
		kind, err := p.word(path.Join(dir, device, "type"))
		if err != nil || !hasAnyPrefix(kind, coolers) {
			continue
		}
		state, err := p.number(path.Join(dir, device, "cur_state"))
		if err != nil {
			return t, err
		}
		t.Known = true
		if state > 0 { // it is -1 where the device is not in use
			t.Now, t.Why = true, "the kernel cools the CPU"
		}
	}
	return t, err
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
