// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"maps"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/board"
)

func TestMemoryAndQuota(t *testing.T) {
	const meminfo, MB = "MemTotal: 2048 kB\nMemAvailable: 1024 kB\n", 1 << 20
	tests := []struct {
		name         string
		files        map[string]string
		memory, cpus float64 // -1 where it is not known
	}{
		{"no group", nil, MB, 2},
		{"without limits", map[string]string{"proc/self/cgroup": "0::/a/b", cgroupDir + "/a/b/memory.max": "max", cgroupDir + "/a/b/cpu.max": "max 100000"}, MB, 2},
		{"a limit far above", map[string]string{"proc/self/cgroup": "0::/a/b", cgroupDir + "/a/b/memory.max": "1073741824", cgroupDir + "/a/b/memory.current": "5", cgroupDir + "/a/b/memory.stat": "inactive_file 0"}, MB, 2},
		{"a limit above its own group", map[string]string{"proc/self/cgroup": "0::/a/b", cgroupDir + "/a/memory.max": "1000000", cgroupDir + "/a/memory.current": "700000", cgroupDir + "/a/memory.stat": "inactive_file 200000", cgroupDir + "/a/cpu.max": "150000 100000"}, 500000, 1.5},
		{"a container that sees its group as the uppermost", map[string]string{"proc/self/cgroup": "0::/", cgroupDir + "/memory.max": "1000000", cgroupDir + "/memory.current": "1000001", cgroupDir + "/memory.stat": "inactive_file 0", cgroupDir + "/cpu.max": "50000 100000"}, 0, 0.5},
		{"more cache than use", map[string]string{"proc/self/cgroup": "0::/", cgroupDir + "/memory.max": "1000000", cgroupDir + "/memory.current": "5", cgroupDir + "/memory.stat": "inactive_file 200000"}, 1000000, 2},
		{"version 1", map[string]string{"proc/self/cgroup": "4:memory:/x\n2:cpu,cpuacct:/x\n1:name=systemd:/x",
			cgroupDir + "/memory/x/memory.limit_in_bytes": "1000000", cgroupDir + "/memory/x/memory.usage_in_bytes": "500000", cgroupDir + "/memory/x/memory.stat": "total_inactive_file 1000",
			cgroupDir + "/cpu/x/cpu.cfs_quota_us": "25000", cgroupDir + "/cpu/x/cpu.cfs_period_us": "100000"}, 501000, 0.25},
		{"version 1 without limits", map[string]string{"proc/self/cgroup": "4:memory:/\n2:cpu:/", cgroupDir + "/memory/memory.limit_in_bytes": "9223372036854771712", cgroupDir + "/cpu/cpu.cfs_quota_us": "-1", cgroupDir + "/cpu/cpu.cfs_period_us": "100000"}, MB, 2},
		{"both, of which 2 has no controllers", map[string]string{"proc/self/cgroup": "4:memory:/\n0::/x", cgroupDir + "/unified/x/cgroup.procs": "", cgroupDir + "/x/memory.max": "5", cgroupDir + "/memory/memory.limit_in_bytes": "1000", cgroupDir + "/memory/memory.usage_in_bytes": "0", cgroupDir + "/memory/memory.stat": "total_inactive_file 0"}, 1000, 2},
		{"a quota beyond the CPUs", map[string]string{"proc/self/cgroup": "0::/", cgroupDir + "/cpu.max": "800000 100000"}, MB, 2},
	}
	for _, tt := range tests {
		root := files(map[string]string{"proc/meminfo": meminfo, "proc/stat": "cpu 1 2 3 4\ncpu0\ncpu1\n", "proc/self/stat": "1 (v) S 1 1 1 0 -1 0 0 0 0 0 0 0"})
		maps.Copy(root, files(tt.files))
		c := NewProbe(root).Read()
		if c.Problem != nil || c.Memory != board.Known(tt.memory) || c.CPUs != board.Known(tt.cpus) {
			t.Errorf("%s: memory %+v, CPUs %+v, problem %v", tt.name, c.Memory, c.CPUs, c.Problem)
		}
	}
}

// TestMemoryWithoutMeminfo has no more to go by than a limit that is none.
func TestMemoryWithoutMeminfo(t *testing.T) {
	c := NewProbe(files(map[string]string{"proc/self/cgroup": "4:memory:/", cgroupDir + "/memory/memory.limit_in_bytes": "9223372036854771712",
		cgroupDir + "/memory/memory.usage_in_bytes": "1", cgroupDir + "/memory/memory.stat": "total_inactive_file 0"})).Read()
	if c.Memory.Known || c.Problem != nil {
		t.Errorf("%+v", c)
	}
}

// TestGroupsLimit holds the control groups to a number, however long and deep
// their file is.
func TestGroupsLimit(t *testing.T) {
	deep := "0::/" + strings.Repeat("a/", 1000) + "\n"
	p := NewProbe(files(map[string]string{"proc/self/cgroup": deep}))
	if groups, err := p.groups(); len(groups) != MaxDepth || err != nil {
		t.Errorf("%d groups of one path, error %v", len(groups), err)
	}
	p = NewProbe(files(map[string]string{"proc/self/cgroup": strings.Repeat(deep, 20)}))
	if groups, err := p.groups(); len(groups) != maxGroups || err != nil {
		t.Errorf("%d groups, error %v", len(groups), err)
	}
}
