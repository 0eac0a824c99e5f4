// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"fmt"
	"path"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

// What the types of thermal zones and the names of hwmon chips contain that
// measure the CPU or the chip it is on. There is no standard for them; these are
// of Raspberry Pi, Rockchip, Allwinner, Amlogic, MediaTek, Qualcomm, NXP,
// Marvell, TI, StarFive, Intel and AMD.
var (
	cpuZones = []string{"cpu", "soc", "core", "pkg", "cluster", "imx_thermal", "armada", "main0", "main1"}
	cpuChips = []string{"cpu", "soc", "coretemp", "k10temp", "k8temp", "zenpower"}

	// otherZones are surely of something else, and not asked where no zone has a
	// name of the CPU.
	otherZones = []string{"iwlwifi", "wifi", "wlan", "bat", "charg", "int3400", "nvme", "modem", "skin"}
)

// Between these a temperature of a CPU can be, °C.
const (
	coldest = -50
	hottest = 150
)

// temperature returns that of the hottest zone or chip of the CPU, or where none
// has such a name of the hottest zone that is not of something else.
func (p *Probe) temperature() (board.Quantity, error) {
	const dir = "sys/class/thermal"
	var named, unnamed heat
	var others []string
	zones, err := p.list(dir, "thermal_zone")
	named.errs.add(err)
	for _, zone := range zones {
		kind, err := p.word(path.Join(dir, zone, "type"))
		kind = strings.ToLower(kind)
		switch {
		case err != nil:
			named.errs.add(err)
		case containsAny(kind, cpuZones) && !strings.Contains(kind, "gpu"):
			named.take(p, path.Join(dir, zone, "temp"))
		case !containsAny(kind, otherZones):
			others = append(others, path.Join(dir, zone, "temp"))
		}
	}
	p.chipHeat(&named)
	if !named.Known {
		for _, file := range others {
			unnamed.take(p, file)
		}
		return unnamed.Quantity, append(named.errs, unnamed.errs...).join()
	}
	return named.Quantity, named.errs.join()
}

// chipHeat takes in the temperatures of chips that measure the CPU.
func (p *Probe) chipHeat(h *heat) {
	chips, err := p.list(hwmonDir, "hwmon")
	h.errs.add(err)
	for _, chip := range chips {
		dir := path.Join(hwmonDir, chip)
		name, err := p.word(path.Join(dir, "name"))
		h.errs.add(err)
		if !containsAny(name, cpuChips) || strings.Contains(name, "gpu") {
			continue
		}
		files, err := p.list(dir, "temp")
		h.errs.add(err)
		for _, file := range files {
			if strings.HasSuffix(file, "_input") {
				h.take(p, path.Join(dir, file))
			}
		}
	}
}

// heat is the highest temperature of several files.
type heat struct {
	board.Quantity
	errs problems
}

// take reads a file of thousandths of a degree.
func (h *heat) take(p *Probe, file string) {
	x, err := p.number(file)
	if x /= 1000; err == nil && !(x >= coldest && x <= hottest) {
		err = fail(file, fmt.Errorf("%v °C cannot be", x))
	}
	if err != nil {
		h.errs.add(err)
		return
	}
	if !h.Known || x > h.X {
		h.Quantity = board.Known(x)
	}
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
