// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "tile_amd64.h"

// All kernels here multiply and add in two steps, never fused, so that each
// product is rounded before it is added.

// STEP4 adds to two accumulators the products of one element of A with the
// two vectors of B in Z8 and Z9.
#define STEP4(row, z, acc0, acc1) \
	VBROADCASTSS (row)(BX*1), z  \
	VMULPS       Z8, z, Z14      \
	VMULPS       Z9, z, Z15      \
	VADDPS       Z14, acc0, acc0 \
	VADDPS       Z15, acc1, acc1

// func wideAVX512(t *tile)
//
// Rows by four, two vectors of columns, the second at t.last.
// Z0 to Z7: C, two for each row. Z8, Z9: B. Z10 to Z13: A. Z14, Z15: products.
// R8 to R11: the rows of C, then of A, BX: from there to the column of A.
// DI: the row of B, SI: from there to its second vector, R12, R13: steps of A, B.
TEXT ·wideAVX512(SB), NOSPLIT, $24-8
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
	VMOVUPS (R8), Z0
	VMOVUPS (R8)(SI*1), Z1
	VMOVUPS (R9), Z2
	VMOVUPS (R9)(SI*1), Z3
	VMOVUPS (R10), Z4
	VMOVUPS (R10)(SI*1), Z5
	VMOVUPS (R11), Z6
	VMOVUPS (R11)(SI*1), Z7
	MOVQ aAt-16(SP), R8
	MOVQ tile_aRow(AX), BX
	ROW(1, R8, R9)
	ROW(2, R9, R10)
	ROW(3, R10, R11)
	XORL BX, BX
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX

terms:
	VMOVUPS (DI), Z8
	VMOVUPS (DI)(SI*1), Z9
	STEP4(R8, Z10, Z0, Z1)
	STEP4(R9, Z11, Z2, Z3)
	STEP4(R10, Z12, Z4, Z5)
	STEP4(R11, Z13, Z6, Z7)
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
	VMOVUPS Z0, (R8)
	VMOVUPS Z1, (R8)(SI*1)
	VMOVUPS Z2, (R9)
	VMOVUPS Z3, (R9)(SI*1)
	VMOVUPS Z4, (R10)
	VMOVUPS Z5, (R10)(SI*1)
	VMOVUPS Z6, (R11)
	VMOVUPS Z7, (R11)(SI*1)
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

#define STEP8(row, z, acc) \
	VMULPS.BCST (row)(BX*1), Z8, z \
	VADDPS      z, acc, acc

// func narrowAVX512(t *tile)
//
// Rows by eight, one vector of t.cols columns, masked by K1.
// Z0 to Z7: C. Z8: B. Z9 to Z16: products.
// R8 to R15: the rows, BX: from there to the column of A. DI: the row of B,
// SI, DX: steps of A and B.
TEXT ·narrowAVX512(SB), NOSPLIT, $24-8
	MOVQ  t+0(FP), AX
	MOVQ  tile_cols(AX), CX
	MOVL  $1, BX
	SHLL  CX, BX
	DECL  BX
	KMOVW BX, K1
	START

rows:
	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROWS8
	VMOVUPS.Z (R8), K1, Z0
	VMOVUPS.Z (R9), K1, Z1
	VMOVUPS.Z (R10), K1, Z2
	VMOVUPS.Z (R11), K1, Z3
	VMOVUPS.Z (R12), K1, Z4
	VMOVUPS.Z (R13), K1, Z5
	VMOVUPS.Z (R14), K1, Z6
	VMOVUPS.Z (R15), K1, Z7
	MOVQ aAt-16(SP), R8
	MOVQ tile_aRow(AX), BX
	ROWS8
	XORL BX, BX
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX
	MOVQ tile_aCol(AX), SI
	MOVQ tile_bRow(AX), DX

terms:
	VMOVUPS.Z (DI), K1, Z8
	STEP8(R8, Z9, Z0)
	STEP8(R9, Z10, Z1)
	STEP8(R10, Z11, Z2)
	STEP8(R11, Z12, Z3)
	STEP8(R12, Z13, Z4)
	STEP8(R13, Z14, Z5)
	STEP8(R14, Z15, Z6)
	STEP8(R15, Z16, Z7)
	ADDQ SI, BX
	ADDQ DX, DI
	DECQ CX
	JNZ  terms

	MOVQ cAt-8(SP), R8
	MOVQ tile_cRow(AX), BX
	ROWS8
	VMOVUPS Z0, K1, (R8)
	VMOVUPS Z1, K1, (R9)
	VMOVUPS Z2, K1, (R10)
	VMOVUPS Z3, K1, (R11)
	VMOVUPS Z4, K1, (R12)
	VMOVUPS Z5, K1, (R13)
	VMOVUPS Z6, K1, (R14)
	VMOVUPS Z7, K1, (R15)
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

// func rowAVX512(t *tile)
//
// One row, 64 columns. Z0 to Z3: C. Z4: A. Z5 to Z8: products.
// SI, DI: A and B, R12, R13: their steps.
TEXT ·rowAVX512(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), AX
	MOVQ tile_c(AX), DX
	MOVQ tile_a(AX), SI
	MOVQ tile_b(AX), DI
	MOVQ tile_k(AX), CX
	MOVQ tile_aCol(AX), R12
	MOVQ tile_bRow(AX), R13
	VMOVUPS (DX), Z0
	VMOVUPS 64(DX), Z1
	VMOVUPS 128(DX), Z2
	VMOVUPS 192(DX), Z3

terms:
	VBROADCASTSS (SI), Z4
	VMULPS (DI), Z4, Z5
	VMULPS 64(DI), Z4, Z6
	VMULPS 128(DI), Z4, Z7
	VMULPS 192(DI), Z4, Z8
	VADDPS Z5, Z0, Z0
	VADDPS Z6, Z1, Z1
	VADDPS Z7, Z2, Z2
	VADDPS Z8, Z3, Z3
	ADDQ R12, SI
	ADDQ R13, DI
	DECQ CX
	JNZ  terms

	VMOVUPS Z0, (DX)
	VMOVUPS Z1, 64(DX)
	VMOVUPS Z2, 128(DX)
	VMOVUPS Z3, 192(DX)
	VZEROUPPER
	RET
