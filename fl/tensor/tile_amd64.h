// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// What the kernels of all widths of vectors share. In all of them AX is the tile.

// START lets a kernel begin with the first row.
#define START \
	MOVQ tile_c(AX), R8  \
	MOVQ tile_a(AX), R9  \
	MOVQ tile_m(AX), R10 \
	MOVQ R8, cAt-8(SP)   \
	MOVQ R9, aAt-16(SP)  \
	MOVQ R10, left-24(SP)

// ROW sets next to the row after the one at BX bytes from it, or to the same row
// where there are only i rows (CX): the tile then computes its last row again.
#define ROW(i, at, next) \
	CMPQ    CX, $i \
	CMOVQLE DX, BX \
	LEAQ    (at)(BX*1), next

// ROWS8 sets R8 to R15 to eight rows, the first of which is in R8.
#define ROWS8 \
	XORL DX, DX          \
	MOVQ left-24(SP), CX \
	ROW(1, R8, R9)       \
	ROW(2, R9, R10)      \
	ROW(3, R10, R11)     \
	ROW(4, R11, R12)     \
	ROW(5, R12, R13)     \
	ROW(6, R13, R14)     \
	ROW(7, R14, R15)
