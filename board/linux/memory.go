// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"bytes"
	"errors"
	"math"
	"path"
	"strconv"

	"github.com/vecino-edge/vecino/board"
)

// memory returns the bytes that are available to this process: of the machine, or
// of the control group that leaves least.
func (p *Probe) memory(groups []group) (board.Quantity, error) {
	const file = "proc/meminfo"
	available := board.Quantity{}
	b, err := p.read(file)
	if err == nil {
		var kilobytes uint64
		if kilobytes, err = keyed(b, "MemAvailable:"); err == nil {
			available = board.Known(float64(kilobytes) * 1024)
		} else {
			err = fail(file, err)
		}
	}
	var errs problems
	errs.add(err)
	for _, g := range groups {
		left, err := p.groupMemory(g)
		errs.add(err)
		if left.Known && (!available.Known || left.X < available.X) {
			available = left
		}
	}
	return available, errs.join()
}

// groupMemory returns what the limit of one control group leaves, of which page
// cache that is not in use can be had back at once. It is unknown without a limit.
func (p *Probe) groupMemory(g group) (board.Quantity, error) {
	names := memoryFiles[g.version]
	if g.memory == "" {
		return board.Quantity{}, nil
	}
	limit, err := p.limit(path.Join(g.memory, names.limit))
	if err != nil || math.IsInf(limit, 1) {
		return board.Quantity{}, err
	}
	used, err := p.number(path.Join(g.memory, names.used))
	if err != nil {
		return board.Quantity{}, err
	}
	file := path.Join(g.memory, "memory.stat")
	b, err := p.read(file)
	if err != nil {
		return board.Quantity{}, err
	}
	cache, err := keyed(b, names.cache)
	if err != nil {
		return board.Quantity{}, fail(file, err)
	}
	return board.Known(min(max(limit-used+float64(cache), 0), limit)), nil
}

// memoryFiles are the names in the versions of control groups.
var memoryFiles = map[int]struct{ limit, used, cache string }{
	1: {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	2: {"memory.max", "memory.current", "inactive_file"},
}

// limit returns the number of a file, infinite where it says that there is none:
// max, or in version 1 nearly all that 63 bits can say.
func (t tree) limit(file string) (float64, error) {
	text, err := t.word(file)
	if err != nil || text == "max" {
		return math.Inf(1), err
	}
	x, err := parseNumber(text)
	if err != nil {
		return 0, fail(file, err)
	}
	if x < 0 || x >= 1<<62 {
		x = math.Inf(1)
	}
	return x, nil
}

// keyed returns the whole number behind a key at the beginning of a line.
func keyed(b []byte, key string) (uint64, error) {
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != key {
			continue
		}
		n, err := strconv.ParseUint(string(fields[1]), 10, 62)
		if err != nil {
			return 0, errors.New(key + " is not followed by a number")
		}
		return n, nil
	}
	return 0, errors.New("there is no " + key)
}
