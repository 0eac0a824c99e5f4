// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// The share of the machine's memory that the Go heap may grow to before the
// collector works harder, and the least that this is.
const (
	memoryShare = 4 // a quarter
	memoryFloor = 24 << 20
)

// limitMemory sets the soft memory limit from the machine's memory, or that of
// the control group it runs in, unless GOMEMLIMIT says otherwise.
func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if total := machineMemory(); total > 0 {
		debug.SetMemoryLimit(max(total/memoryShare, memoryFloor))
	}
}

// machineMemory returns the bytes of memory that there are for this process, 0
// where nobody says.
func machineMemory() int64 {
	total := memTotal("/proc/meminfo")
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	return total
}

func memTotal(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "MemTotal:" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}
