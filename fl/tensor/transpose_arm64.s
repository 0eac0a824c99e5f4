// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "textflag.h"

// func transposeNEON(dst, src *float32, depth, srcRow, dstRow int)
//
// Four rows by four elements at a time; the last four overlap with those before
// where depth is not a multiple of four.
// R0: dst, R1: dst for the elements at R5, R2: dstRow. R8 to R11: the rows of
// src, R5: from there to the elements, R6: of the last four.
TEXT ·transposeNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R8
	MOVD depth+16(FP), R6
	MOVD srcRow+24(FP), R3
	MOVD dstRow+32(FP), R2
	ADD  R3, R8, R9
	ADD  R3, R9, R10
	ADD  R3, R10, R11
	SUB  $4, R6
	LSL  $2, R6
	MOVD ZR, R5

four:
	LSR  $2, R5, R1
	MADD R2, R0, R1, R1 // dst + index*dstRow
	ADD  R5, R8, R12
	ADD  R5, R9, R13
	ADD  R5, R10, R14
	ADD  R5, R11, R15
	VLD1 (R12), [V0.S4]
	VLD1 (R13), [V1.S4]
	VLD1 (R14), [V2.S4]
	VLD1 (R15), [V3.S4]
	VZIP1 V1.S4, V0.S4, V4.S4 // elements 0 and 1 of rows 0 and 1
	VZIP2 V1.S4, V0.S4, V5.S4 // elements 2 and 3
	VZIP1 V3.S4, V2.S4, V6.S4 // of rows 2 and 3
	VZIP2 V3.S4, V2.S4, V7.S4
	VZIP1 V6.D2, V4.D2, V0.D2
	VZIP2 V6.D2, V4.D2, V1.D2
	VZIP1 V7.D2, V5.D2, V2.D2
	VZIP2 V7.D2, V5.D2, V3.D2
	VST1.P [V0.S4], (R1)(R2)
	VST1.P [V1.S4], (R1)(R2)
	VST1.P [V2.S4], (R1)(R2)
	VST1   [V3.S4], (R1)
	CMP  R6, R5
	BEQ  done
	ADD  $16, R5
	CMP  R6, R5
	CSEL GT, R6, R5, R5
	B    four

done:
	RET
