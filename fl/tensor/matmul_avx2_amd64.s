// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "tile_amd64.h"

// All kernels here multiply and add in two steps, never fused, so that each
// product is rounded before it is added.

// STEP4 adds to two accumulators the products of one element of A with the
// two vectors of B in Y8 and Y9.
#define STEP4(row, y, acc0, acc1) \
	VBROADCASTSS (row)(BX*1), y  \
	VMULPS       Y8, y, Y14      \
	VMULPS       Y9, y, Y15      \
	VADDPS       Y14, acc0, acc0 \
	VADDPS       Y15, acc1, acc1

// func wideAVX2(t *tile)
//
// Rows by four, two vectors of columns, the second at t.last.
// Y0 to Y7: C, two for each row. Y8, Y9: B. Y10 to Y13: A. Y14, Y15: products.
// R8 to R11: the rows of C, then of A, BX: from there to the column of A.
// DI: the row of B, SI: from there to its second vector, R12, R13: steps of A, B.
TEXT ·wideAVX2(SB), NOSPLIT, $24-8
	MOVQ t+0(FP), AX
	MOVQ tile_last(AX), SI
	MOVQ tile_aCol(AX), R12
	MOVQ tile_bRow(AX), R13
	START

rows:
	XORL DX, DX
	MOVQ left-24(SP), CX
	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROW(1, R8, R9)
	ROW(2, R9, R10)
	ROW(3, R10, R11)
	VMOVUPS (R8), Y0
	VMOVUPS (R8)(SI*1), Y1
	VMOVUPS (R9), Y2
	VMOVUPS (R9)(SI*1), Y3
	VMOVUPS (R10), Y4
	VMOVUPS (R10)(SI*1), Y5
	VMOVUPS (R11), Y6
	VMOVUPS (R11)(SI*1), Y7
	MOVQ aAt-16(SP), R8
	MOVQ tile_aRow(AX), BX
	ROW(1, R8, R9)
	ROW(2, R9, R10)
	ROW(3, R10, R11)
	XORL BX, BX
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX

terms:
	VMOVUPS (DI), Y8
	VMOVUPS (DI)(SI*1), Y9
	STEP4(R8, Y10, Y0, Y1)
	STEP4(R9, Y11, Y2, Y3)
	STEP4(R10, Y12, Y4, Y5)
	STEP4(R11, Y13, Y6, Y7)
	ADDQ R12, BX
	ADDQ R13, DI
	DECQ CX
	JNZ  terms

	MOVQ left-24(SP), CX
	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROW(1, R8, R9)
	ROW(2, R9, R10)
	ROW(3, R10, R11)
	VMOVUPS Y0, (R8)
	VMOVUPS Y1, (R8)(SI*1)
	VMOVUPS Y2, (R9)
	VMOVUPS Y3, (R9)(SI*1)
	VMOVUPS Y4, (R10)
	VMOVUPS Y5, (R10)(SI*1)
	VMOVUPS Y6, (R11)
	VMOVUPS Y7, (R11)(SI*1)
	MOVQ tile_cRow(AX), BX
	LEAQ (R8)(BX*4), R8
	MOVQ R8, cAt-8(SP)
	MOVQ tile_aRow(AX), BX
	SHLQ $2, BX
	ADDQ BX, aAt-16(SP)
	SUBQ $4, CX
	MOVQ CX, left-24(SP)
	JG   rows
	VZEROUPPER
	RET

// mask<> holds eight lanes that are chosen, then eight that are not.
DATA mask<>+0(SB)/8, $-1
DATA mask<>+8(SB)/8, $-1
DATA mask<>+16(SB)/8, $-1
DATA mask<>+24(SB)/8, $-1
DATA mask<>+32(SB)/8, $0
DATA mask<>+40(SB)/8, $0
DATA mask<>+48(SB)/8, $0
DATA mask<>+56(SB)/8, $0
GLOBL mask<>(SB), RODATA|NOPTR, $64

#define STEP8(row, y, acc) \
	VBROADCASTSS (row)(BX*1), y \
	VMULPS       Y8, y, y       \
	VADDPS       y, acc, acc

// func narrowAVX2(t *tile)
//
// Rows by eight, one vector of t.cols columns, masked by Y9.
// Y0 to Y7: C. Y8: B. Y10 to Y13: A and products.
// R8 to R15: the rows, BX: from there to the column of A. DI: the row of B,
// SI, DX: steps of A and B.
TEXT ·narrowAVX2(SB), NOSPLIT, $24-8
	MOVQ  t+0(FP), AX
	MOVQ  tile_cols(AX), CX
	SHLQ  $2, CX
	LEAQ  mask<>+32(SB), BX
	SUBQ  CX, BX
	VMOVUPS (BX), Y9
	START

rows:
	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROWS8
	VMASKMOVPS (R8), Y9, Y0
	VMASKMOVPS (R9), Y9, Y1
	VMASKMOVPS (R10), Y9, Y2
	VMASKMOVPS (R11), Y9, Y3
	VMASKMOVPS (R12), Y9, Y4
	VMASKMOVPS (R13), Y9, Y5
	VMASKMOVPS (R14), Y9, Y6
	VMASKMOVPS (R15), Y9, Y7
	MOVQ aAt-16(SP), R8
	MOVQ tile_aRow(AX), BX
	ROWS8
	XORL BX, BX
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX
	MOVQ tile_aCol(AX), SI
	MOVQ tile_bRow(AX), DX

terms:
	VMASKMOVPS (DI), Y9, Y8
	STEP8(R8, Y10, Y0)
	STEP8(R9, Y11, Y1)
	STEP8(R10, Y12, Y2)
	STEP8(R11, Y13, Y3)
	STEP8(R12, Y10, Y4)
	STEP8(R13, Y11, Y5)
	STEP8(R14, Y12, Y6)
	STEP8(R15, Y13, Y7)
	ADDQ SI, BX
	ADDQ DX, DI
	DECQ CX
	JNZ  terms

	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROWS8
	VMASKMOVPS Y0, Y9, (R8)
	VMASKMOVPS Y1, Y9, (R9)
	VMASKMOVPS Y2, Y9, (R10)
	VMASKMOVPS Y3, Y9, (R11)
	VMASKMOVPS Y4, Y9, (R12)
	VMASKMOVPS Y5, Y9, (R13)
	VMASKMOVPS Y6, Y9, (R14)
	VMASKMOVPS Y7, Y9, (R15)
	MOVQ tile_cRow(AX), BX
	LEAQ (R8)(BX*8), R8
	MOVQ R8, cAt-8(SP)
	MOVQ tile_aRow(AX), BX
	SHLQ $3, BX
	ADDQ BX, aAt-16(SP)
	SUBQ $8, CX
	MOVQ CX, left-24(SP)
	JG   rows
	VZEROUPPER
	RET

// STEPROW adds to four accumulators the products of Y8 with four vectors of B.
#define STEPROW(at, acc0, acc1, acc2, acc3) \
	VMULPS at+0(DI), Y8, Y9   \
	VMULPS at+32(DI), Y8, Y10 \
	VMULPS at+64(DI), Y8, Y11 \
	VMULPS at+96(DI), Y8, Y12 \
	VADDPS Y9, acc0, acc0     \
	VADDPS Y10, acc1, acc1    \
	VADDPS Y11, acc2, acc2    \
	VADDPS Y12, acc3, acc3

// func rowAVX2(t *tile)
//
// One row, 64 columns. Y0 to Y7: C. Y8: A. Y9 to Y12: products.
// SI, DI: A and B, R12, R13: their steps.
TEXT ·rowAVX2(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), AX
	MOVQ tile_c(AX), DX
	MOVQ tile_a(AX), SI
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX
	MOVQ tile_aCol(AX), R12
	MOVQ tile_bRow(AX), R13
	VMOVUPS 0(DX), Y0
	VMOVUPS 32(DX), Y1
	VMOVUPS 64(DX), Y2
	VMOVUPS 96(DX), Y3
	VMOVUPS 128(DX), Y4
	VMOVUPS 160(DX), Y5
	VMOVUPS 192(DX), Y6
	VMOVUPS 224(DX), Y7

terms:
	VBROADCASTSS (SI), Y8
	STEPROW(0, Y0, Y1, Y2, Y3)
	STEPROW(128, Y4, Y5, Y6, Y7)
	ADDQ R12, SI
	ADDQ R13, DI
	DECQ CX
	JNZ  terms

	VMOVUPS Y0, 0(DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	VZEROUPPER
	RET
