// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

// kernel says how products and vectors are computed. The results are the same
// bits with each: an element is the sum in ascending k, from the value that was
// there, with every product rounded to float32 before it is added. A kernel
// therefore has its lanes along a row of C, never along k.
type kernel uint8

const (
	generic kernel = iota // Go, on every architecture
	avx2                  // amd64, 8 lanes
	avx512                // amd64, 16 lanes
	neon                  // arm64, 4 lanes
	rvv                   // riscv64 with vectors 1.0, 4 lanes or more
)

// active is the fastest kernel that this processor has. Only tests change it.
var active = available()[0]

// Kernel names the kernel in use: generic, avx2, avx512, neon or rvv.
func Kernel() string { return active.String() }

func (k kernel) String() string {
	return [...]string{generic: "generic", avx2: "avx2", avx512: "avx512", neon: "neon", rvv: "rvv"}[k]
}
