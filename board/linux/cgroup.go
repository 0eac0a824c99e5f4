// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vecino-edge/vecino/board"
)

const (
	cgroupDir = "sys/fs/cgroup"
	maxGroups = 4 * MaxDepth
)

// group is a control group that this process is in, directly or through others.
type group struct {
	version     int    // 1 or 2
	memory, cpu string // folders of its controllers, empty where it has none
}

// groups returns the control groups whose limits hold for this process, each with
// those above it. Where the path is not below the usual mounts, as in a container
// that shows its own group as the uppermost, that one is left.
func (p *Probe) groups() ([]group, error) {
	const file = "proc/self/cgroup"
	b, err := p.read(file)
	if err != nil {
		return nil, err
	}
	var groups []group
	for line := range bytes.Lines(b) {
		// hierarchy:controllers:path, where version 2 has hierarchy 0 and no controllers.
		parts := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(parts) < 3 {
			return groups, fail(file, fmt.Errorf("%.32q is not a control group", line))
		}
		for at := range upwards(parts[2]) {
			for _, top := range p.mounts(parts[0], parts[1]) {
				if len(groups) == maxGroups {
					return groups, nil
				}
				groups = append(groups, top.below(at))
			}
		}
	}
	return groups, nil
}

// mounts returns the uppermost groups of a hierarchy.
func (p *Probe) mounts(hierarchy, controllers string) []group {
	if hierarchy == "0" && controllers == "" {
		mount := cgroupDir
		if unified := path.Join(cgroupDir, "unified"); p.exists(unified) { // beside those of version 1
			mount = unified
		}
		return []group{{version: 2, memory: mount, cpu: mount}}
	}
	var tops []group
	list := strings.Split(controllers, ",")
	if slices.Contains(list, "memory") {
		tops = append(tops, group{version: 1, memory: path.Join(cgroupDir, "memory")})
	}
	if slices.Contains(list, "cpu") {
		tops = append(tops, group{version: 1, cpu: path.Join(cgroupDir, "cpu")})
	}
	return tops
}

// below returns the group at a path below this one.
func (g group) below(at string) group {
	if g.memory != "" {
		g.memory = path.Join(g.memory, at)
	}
	if g.cpu != "" {
		g.cpu = path.Join(g.cpu, at)
	}
	return g
}

// upwards yields a path and those above it up to the root, MaxDepth at most. None
// of them leads out of the root.
func upwards(at string) iter.Seq[string] {
	return func(yield func(string) bool) {
		at = path.Clean("/" + at)
		for range MaxDepth {
			if !yield(at) || at == "/" {
				return
			}
			at = path.Dir(at)
		}
	}
}

// quota returns how many CPUs this process may use at a time: those that run, or
// the fraction that the strictest control group leaves.
func (p *Probe) quota(groups []group, cpus int) (board.Quantity, error) {
	var errs problems
	least := math.Inf(1)
	if cpus > 0 {
		least = float64(cpus)
	}
	for _, g := range groups {
		quota, err := p.groupQuota(g)
		errs.add(err)
		if err == nil && quota < least {
			least = quota
		}
	}
	if math.IsInf(least, 1) {
		return board.Quantity{}, errs.join()
	}
	return board.Known(least), errs.join()
}

// groupQuota returns the CPUs that one control group leaves, infinite where it
// has no limit.
func (p *Probe) groupQuota(g group) (float64, error) {
	switch {
	case g.cpu == "":
		return math.Inf(1), nil
	case g.version == 1:
		quota, err := p.number(path.Join(g.cpu, "cpu.cfs_quota_us"))
		if err != nil || quota < 0 {
			return math.Inf(1), err
		}
		file := path.Join(g.cpu, "cpu.cfs_period_us")
		period, err := p.number(file)
		if err != nil {
			return 0, err
		}
		return share(file, quota, period)
	}
	file := path.Join(g.cpu, "cpu.max")
	text, err := p.word(file)
	if err != nil {
		return 0, err
	}
	first, second, _ := strings.Cut(text, " ")
	if first == "max" {
		return math.Inf(1), nil
	}
	quota, err := parseNumber(first)
	period, err2 := parseNumber(second)
	if err != nil || err2 != nil {
		return 0, fail(file, fmt.Errorf("%.32q is not a quota and a period", text))
	}
	return share(file, quota, period)
}

// share returns the CPUs of a quota, both in microseconds.
func share(file string, quota, period float64) (float64, error) {
	if !(quota > 0 && period > 0 && quota/period > 0 && !math.IsInf(quota/period, 0)) {
		return 0, fail(file, fmt.Errorf("a quota of %v in %v µs cannot be", quota, period))
	}
	return quota / period, nil
}
