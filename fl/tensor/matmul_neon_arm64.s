// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// All kernels multiply and add in two steps, never fused, so that each product
// is rounded before it is added. In all of them R0 is the tile and
//
//	R1: the row of B, R2: the same for the second vector
//	R3: terms left, R4: the offset in A, R5: rows left
//	R6, R7: steps of B and A, R8: t.last, R9: the stride of the rows
//	R10 to R17: the rows of C, R19 to R26: those of A

// ROW sets next to the row after the one at R9 bytes from it, or to the same row
// where there are only i rows: the tile then computes its last row again.
#define ROW(i, at, next) \
	CMP  $i, R5         \
	CSEL GT, R9, ZR, R9 \
	ADD  R9, at, next

// func wideNEON(t *tile)
//
// Rows by four, two vectors of columns, the second at t.last.
// V0 to V7: C, two for each row. V8, V9: B. V10 to V13: A. V16 to V23: products.
TEXT ·wideNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD tile_m(R0), R5
	MOVD tile_bRow(R0), R6
	MOVD tile_aCol(R0), R7
	MOVD tile_last(R0), R8
	MOVD tile_c(R0), R10
	MOVD tile_a(R0), R19

rows:
	MOVD tile_cRow(R0), R9
	ROW(1, R10, R11)
	ROW(2, R11, R12)
	ROW(3, R12, R13)
	MOVD tile_aRow(R0), R9
	ROW(1, R19, R20)
	ROW(2, R20, R21)
	ROW(3, R21, R22)
	ADD  R8, R10, R4
	VLD1 (R10), [V0.S4]
	VLD1 (R4), [V1.S4]
	ADD  R8, R11, R4
	VLD1 (R11), [V2.S4]
	VLD1 (R4), [V3.S4]
	ADD  R8, R12, R4
	VLD1 (R12), [V4.S4]
	VLD1 (R4), [V5.S4]
	ADD  R8, R13, R4
	VLD1 (R13), [V6.S4]
	VLD1 (R4), [V7.S4]
	MOVD tile_b(R0), R1
	ADD  R8, R1, R2
	MOVD tile_k(R0), R3
	MOVD ZR, R4

terms:
	VLD1.P (R1)(R6), [V8.S4]
	FMOVS  (R19)(R4), F10
	VLD1.P (R2)(R6), [V9.S4]
	FMOVS  (R20)(R4), F11
	FMOVS  (R21)(R4), F12
	FMOVS  (R22)(R4), F13
	ADD    R7, R4
	SUB    $1, R3
	FMULE(10, 8, 16)
	FMULE(10, 9, 17)
	FMULE(11, 8, 18)
	FMULE(11, 9, 19)
	FMULE(12, 8, 20)
	FMULE(12, 9, 21)
	FMULE(13, 8, 22)
	FMULE(13, 9, 23)
	FADD4(16, 0, 0)
	FADD4(17, 1, 1)
	FADD4(18, 2, 2)
	FADD4(19, 3, 3)
	FADD4(20, 4, 4)
	FADD4(21, 5, 5)
	FADD4(22, 6, 6)
	FADD4(23, 7, 7)
	CBNZ   R3, terms

	ADD  R8, R10, R4
	VST1 [V0.S4], (R10)
	VST1 [V1.S4], (R4)
	ADD  R8, R11, R4
	VST1 [V2.S4], (R11)
	VST1 [V3.S4], (R4)
	ADD  R8, R12, R4
	VST1 [V4.S4], (R12)
	VST1 [V5.S4], (R4)
	ADD  R8, R13, R4
	VST1 [V6.S4], (R13)
	VST1 [V7.S4], (R4)
	MOVD tile_cRow(R0), R9
	ADD  R9<<2, R10
	MOVD tile_aRow(R0), R9
	ADD  R9<<2, R19
	SUBS $4, R5
	BGT  rows
	RET

// func narrowNEON(t *tile)
//
// Rows by eight, one vector of columns.
// V0 to V7: C. V8: B. V16 to V23: A. V24 to V31: products.
TEXT ·narrowNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD tile_m(R0), R5
	MOVD tile_bRow(R0), R6
	MOVD tile_aCol(R0), R7
	MOVD tile_c(R0), R10
	MOVD tile_a(R0), R19

rows:
	MOVD tile_cRow(R0), R9
	ROW(1, R10, R11)
	ROW(2, R11, R12)
	ROW(3, R12, R13)
	ROW(4, R13, R14)
	ROW(5, R14, R15)
	ROW(6, R15, R16)
	ROW(7, R16, R17)
	MOVD tile_aRow(R0), R9
	ROW(1, R19, R20)
	ROW(2, R20, R21)
	ROW(3, R21, R22)
	ROW(4, R22, R23)
	ROW(5, R23, R24)
	ROW(6, R24, R25)
	ROW(7, R25, R26)
	VLD1 (R10), [V0.S4]
	VLD1 (R11), [V1.S4]
	VLD1 (R12), [V2.S4]
	VLD1 (R13), [V3.S4]
	VLD1 (R14), [V4.S4]
	VLD1 (R15), [V5.S4]
	VLD1 (R16), [V6.S4]
	VLD1 (R17), [V7.S4]
	MOVD tile_b(R0), R1
	MOVD tile_k(R0), R3
	MOVD ZR, R4

terms:
	VLD1.P (R1)(R6), [V8.S4]
	FMOVS  (R19)(R4), F16
	FMOVS  (R20)(R4), F17
	FMOVS  (R21)(R4), F18
	FMOVS  (R22)(R4), F19
	FMOVS  (R23)(R4), F20
	FMOVS  (R24)(R4), F21
	FMOVS  (R25)(R4), F22
	FMOVS  (R26)(R4), F23
	ADD    R7, R4
	SUB    $1, R3
	FMULE(16, 8, 24)
	FMULE(17, 8, 25)
	FMULE(18, 8, 26)
	FMULE(19, 8, 27)
	FMULE(20, 8, 28)
	FMULE(21, 8, 29)
	FMULE(22, 8, 30)
	FMULE(23, 8, 31)
	FADD4(24, 0, 0)
	FADD4(25, 1, 1)
	FADD4(26, 2, 2)
	FADD4(27, 3, 3)
	FADD4(28, 4, 4)
	FADD4(29, 5, 5)
	FADD4(30, 6, 6)
	FADD4(31, 7, 7)
	CBNZ   R3, terms

	VST1 [V0.S4], (R10)
	VST1 [V1.S4], (R11)
	VST1 [V2.S4], (R12)
	VST1 [V3.S4], (R13)
	VST1 [V4.S4], (R14)
	VST1 [V5.S4], (R15)
	VST1 [V6.S4], (R16)
	VST1 [V7.S4], (R17)
	MOVD tile_cRow(R0), R9
	ADD  R9<<3, R10
	MOVD tile_aRow(R0), R9
	ADD  R9<<3, R19
	SUBS $8, R5
	BGT  rows
	RET

// func rowNEON(t *tile)
//
// One row, 32 columns. V0 to V7: C. V8 to V15: B. V16: A. V24 to V31: products.
TEXT ·rowNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R0
	MOVD tile_bRow(R0), R6
	MOVD tile_aCol(R0), R7
	MOVD tile_c(R0), R10
	MOVD tile_a(R0), R19
	MOVD tile_b(R0), R1
	MOVD tile_k(R0), R3
	ADD  $64, R10, R11
	VLD1 (R10), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R11), [V4.S4, V5.S4, V6.S4, V7.S4]

terms:
	ADD   $64, R1, R2
	FMOVS (R19), F16
	VLD1  (R1), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1  (R2), [V12.S4, V13.S4, V14.S4, V15.S4]
	ADD   R7, R19
	ADD   R6, R1
	SUB   $1, R3
	FMULE(16, 8, 24)
	FMULE(16, 9, 25)
	FMULE(16, 10, 26)
	FMULE(16, 11, 27)
	FMULE(16, 12, 28)
	FMULE(16, 13, 29)
	FMULE(16, 14, 30)
	FMULE(16, 15, 31)
	FADD4(24, 0, 0)
	FADD4(25, 1, 1)
	FADD4(26, 2, 2)
	FADD4(27, 3, 3)
	FADD4(28, 4, 4)
	FADD4(29, 5, 5)
	FADD4(30, 6, 6)
	FADD4(31, 7, 7)
	CBNZ  R3, terms

	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R10)
	VST1 [V4.S4, V5.S4, V6.S4, V7.S4], (R11)
	RET
