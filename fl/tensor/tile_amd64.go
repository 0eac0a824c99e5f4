// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

package tensor

import "golang.org/x/sys/cpu"

const (
	narrowest     = 1  // columns that the kernels take
	rowWidth      = 64 // columns that rowKernel adds to
	transposeRows = 8  // rows that transposeKernel takes
	vectorLanes   = 8  // of the kernels for vectors
)

// available lists the kernels of this processor, the fastest first.
func available() []kernel {
	list := []kernel{generic}
	if cpu.X86.HasAVX2 {
		list = append([]kernel{avx2}, list...)
		if cpu.X86.HasAVX512F {
			list = append([]kernel{avx512}, list...)
		}
	}
	return list
}

// lanes is how many float32 a register of the kernel holds.
func (k kernel) lanes() int {
	if k == avx512 {
		return 16
	}
	return 8
}

// wideKernel adds to a tile of two vectors of columns.
func wideKernel(t *tile) {
	if active == avx512 {
		wideAVX512(t)
		return
	}
	wideAVX2(t)
}

// narrowKernel adds to a tile of one vector of columns or less.
func narrowKernel(t *tile) {
	if active == avx512 {
		narrowAVX512(t)
		return
	}
	narrowAVX2(t)
}

// rowKernel adds to rowWidth columns of one row.
func rowKernel(t *tile) {
	if active == avx512 {
		rowAVX512(t)
		return
	}
	rowAVX2(t)
}

// transposeKernel transposes eight rows of src, depth elements each, at least
// 4, into depth rows of dst; the strides are in bytes.
func transposeKernel(dst, src *float32, depth, srcRow, dstRow int) {
	transposeAVX2(dst, src, depth, srcRow, dstRow)
}

//go:noescape
func wideAVX512(t *tile)

//go:noescape
func narrowAVX512(t *tile)

//go:noescape
func rowAVX512(t *tile)

//go:noescape
func wideAVX2(t *tile)

//go:noescape
func narrowAVX2(t *tile)

//go:noescape
func rowAVX2(t *tile)

//go:noescape
func transposeAVX2(dst, src *float32, depth, srcRow, dstRow int)
