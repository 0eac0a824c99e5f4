// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// All kernels multiply and add in two steps, never fused, so that each product
// is rounded before it is added. The number of columns is the length of vectors,
// so that none is left over.

// ROW sets next to the row after the one at X19 bytes from it, or to the same row
// where there are only i rows (X6): the tile then computes its last row again.
#define ROW(i, at, next) \
	ADD $-(i), X6, X20 \
	SLT X20, ZERO, X20 \
	NEG X20, X20       \
	AND X20, X19, X19  \
	ADD X19, at, next

// STEP adds to an accumulator the product of the vector of B with the element of
// A that row is at, and moves row on.
#define STEP(row, f, product, acc) \
	MOVF    (row), f        \
	ADD     X9, row         \
	VFMULVF f, V16, product \
	VFADDVV product, acc, acc

// func tileRVV(t *tile)
//
// Rows by four, t.cols columns in groups of four registers.
// V0, V4, V8, V12: C. V16: B. V20, V24, V28: products.
// X10 to X13: the rows of C, X14 to X17: those of A, the first also in X21.
// X7: the row of B, X8, X9: steps of B and A, X5: terms left, X6: rows left.
TEXT ·tileRVV(SB), NOSPLIT, $0-8
	MOV t+0(FP), X18
	MOV tile_m(X18), X6
	MOV tile_bRow(X18), X8
	MOV tile_aCol(X18), X9
	MOV tile_c(X18), X10
	MOV tile_a(X18), X21
	MOV tile_cols(X18), X5
	VSETVLI X5, E32, M4, TA, MA, X5

rows:
	MOV tile_cRow(X18), X19
	ROW(1, X10, X11)
	ROW(2, X11, X12)
	ROW(3, X12, X13)
	MOV X21, X14
	MOV tile_aRow(X18), X19
	ROW(1, X14, X15)
	ROW(2, X15, X16)
	ROW(3, X16, X17)
	VLE32V (X10), V0
	VLE32V (X11), V4
	VLE32V (X12), V8
	VLE32V (X13), V12
	MOV tile_b(X18), X7
	MOV tile_k(X18), X5

terms:
	VLE32V (X7), V16
	ADD X8, X7
	ADD $-1, X5
	STEP(X14, F10, V20, V0)
	STEP(X15, F11, V24, V4)
	STEP(X16, F12, V28, V8)
	STEP(X17, F13, V20, V12)
	BNEZ X5, terms

	VSE32V V0, (X10)
	VSE32V V4, (X11)
	VSE32V V8, (X12)
	VSE32V V12, (X13)
	MOV tile_cRow(X18), X19
	SLL $2, X19
	ADD X19, X10
	MOV tile_aRow(X18), X19
	SLL $2, X19
	ADD X19, X21
	ADD $-4, X6
	BGTZ X6, rows
	RET

// func rowRVV(t *tile)
//
// One row, 64 columns in as many groups of eight registers as they fill.
// V0: C. V8: B. V16: products. X10, X21: rows of C and B, X6: columns left,
// X14, X7: A and B, X9, X8: their steps, X5: terms left, X20: columns of a group.
TEXT ·rowRVV(SB), NOSPLIT, $0-8
	MOV t+0(FP), X18
	MOV tile_bRow(X18), X8
	MOV tile_aCol(X18), X9
	MOV tile_c(X18), X10
	MOV tile_b(X18), X21
	MOV $64, X6

group:
	VSETVLI X6, E32, M8, TA, MA, X20
	MOV tile_a(X18), X14
	MOV tile_k(X18), X5
	MOV X21, X7
	VLE32V (X10), V0

terms:
	VLE32V (X7), V8
	MOVF (X14), F10
	ADD X8, X7
	ADD X9, X14
	ADD $-1, X5
	VFMULVF F10, V8, V16
	VFADDVV V16, V0, V0
	BNEZ X5, terms

	VSE32V V0, (X10)
	SUB X20, X6
	SLL $2, X20
	ADD X20, X10
	ADD X20, X21
	BNEZ X6, group
	RET

// func transposeRVV(dst, src *float32, depth, srcRow, dstRow int)
//
// Eight rows, one column of them at a time: X10: dst, X11: src, X5: columns left.
TEXT ·transposeRVV(SB), NOSPLIT, $0-40
	MOV dst+0(FP), X10
	MOV src+8(FP), X11
	MOV depth+16(FP), X5
	MOV srcRow+24(FP), X6
	MOV dstRow+32(FP), X7
	VSETIVLI $8, E32, M2, TA, MA, X8

column:
	VLSE32V (X11), X6, V8
	VSE32V V8, (X10)
	ADD $4, X11
	ADD X7, X10
	ADD $-1, X5
	BNEZ X5, column
	RET

// func vlenb() int
//
// The length of a vector register in bytes.
TEXT ·vlenb(SB), NOSPLIT, $0-8
	WORD $0xc2202573 // csrr x10, vlenb
	MOV X10, ret+0(FP)
	RET
