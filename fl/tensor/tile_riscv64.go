// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

package tensor

import "golang.org/x/sys/cpu"

const (
	narrowest     = 1  // columns that the kernels take
	rowWidth      = 64 // columns that rowKernel adds to
	transposeRows = 8  // rows that transposeKernel takes
	vectorLanes   = 8  // from which on vectors are worth a kernel
)

// available lists the kernels of this processor, the fastest first. Linux tells
// of the ratified vectors since 6.5; before that a board may have others.
func available() []kernel {
	if cpu.RISCV64.HasV {
		return []kernel{rvv, generic}
	}
	return []kernel{generic}
}

// lanes is half the number of columns of a tile: the elements of two registers,
// which have 16 bytes or more, but at most 32.
func (k kernel) lanes() int { return min(vlenb()/2, 32) }

// wideKernel adds to a tile of any width.
func wideKernel(t *tile) { tileRVV(t) }

// narrowKernel adds to a tile of any width.
func narrowKernel(t *tile) { tileRVV(t) }

// rowKernel adds to rowWidth columns of one row.
func rowKernel(t *tile) { rowRVV(t) }

// transposeKernel transposes eight rows of src, depth elements each, into depth
// rows of dst; the strides are in bytes.
func transposeKernel(dst, src *float32, depth, srcRow, dstRow int) {
	transposeRVV(dst, src, depth, srcRow, dstRow)
}

//go:noescape
func tileRVV(t *tile)

//go:noescape
func rowRVV(t *tile)

//go:noescape
func transposeRVV(dst, src *float32, depth, srcRow, dstRow int)

//go:noescape
func vlenb() int
