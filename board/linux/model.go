// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"bytes"
	"io/fs"
	"strings"
)

// Model returns the name of the board as its maker gives it, such as Raspberry Pi
// 4 Model B Rev 1.4: by the device tree, by OpenWrt, by the firmware of a PC, or
// by /proc/cpuinfo as on routers of MIPS. It is empty where none of them tells.
func Model(root fs.FS) string {
	t := tree{root}
	for _, file := range []string{"proc/device-tree/model", "tmp/sysinfo/model"} {
		if model, err := t.word(file); err == nil && model != "" {
			return model
		}
	}
	vendor, _ := t.word("sys/class/dmi/id/sys_vendor")
	product, _ := t.word("sys/class/dmi/id/product_name")
	if product != "" {
		return strings.TrimSpace(vendor + " " + product)
	}
	b, _, _ := t.head("proc/cpuinfo")
	for _, key := range []string{"machine", "Model", "system type", "Hardware"} {
		for line := range bytes.Lines(b) {
			name, value, ok := bytes.Cut(line, []byte(":"))
			if ok && string(bytes.TrimSpace(name)) == key {
				return printable(value)
			}
		}
	}
	return ""
}
