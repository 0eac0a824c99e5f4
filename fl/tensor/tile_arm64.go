// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

package tensor

const (
	narrowest     = 4  // columns that the kernels take
	rowWidth      = 32 // columns that rowKernel adds to
	transposeRows = 4  // rows that transposeKernel takes
	vectorLanes   = 4  // of the kernels for vectors
)

// available lists the kernels of this processor, the fastest first: every arm64
// for which Go compiles has NEON.
func available() []kernel { return []kernel{neon, generic} }

// lanes is how many float32 a register of the kernel holds.
func (k kernel) lanes() int { return 4 }

// wideKernel adds to a tile of two vectors of columns.
func wideKernel(t *tile) { wideNEON(t) }

// narrowKernel adds to a tile of one vector of columns.
func narrowKernel(t *tile) { narrowNEON(t) }

// rowKernel adds to rowWidth columns of one row.
func rowKernel(t *tile) { rowNEON(t) }

// transposeKernel transposes four rows of src, depth elements each, at least 4,
// into depth rows of dst; the strides are in bytes.
func transposeKernel(dst, src *float32, depth, srcRow, dstRow int) {
	transposeNEON(dst, src, depth, srcRow, dstRow)
}

//go:noescape
func wideNEON(t *tile)

//go:noescape
func narrowNEON(t *tile)

//go:noescape
func rowNEON(t *tile)

//go:noescape
func transposeNEON(dst, src *float32, depth, srcRow, dstRow int)
