// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// TERM goes on with the polynomial: y becomes y*r + c, rounded twice.
#define TERM(c) \
	VMULPS       Y3, Y4, Y4 \
	VBROADCASTSS c(DX), Y5  \
	VADDPS       Y5, Y4, Y4

// func exp(x *float32, n int, t *expTable)
//
// Exp32 of eight elements a turn, n > 0 and a multiple of 8, by AVX2.
// Y0: x. Y1: n, the exponent. Y3: r. Y4: y. Y8 to Y15: constants.
TEXT ·exp(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ t+16(FP), DX
	VBROADCASTSS expTable_log2e(DX), Y8
	VBROADCASTSS expTable_round(DX), Y9
	VBROADCASTSS expTable_ln2High(DX), Y10
	VBROADCASTSS expTable_ln2Low(DX), Y11
	VPBROADCASTD expTable_bias(DX), Y12
	VPBROADCASTD expTable_lowest(DX), Y13
	VPBROADCASTD expTable_highest(DX), Y14
	VBROADCASTSS expTable_c0(DX), Y15

eight:
	VMOVUPS    (DI), Y0
	VMULPS     Y8, Y0, Y1
	VADDPS     Y9, Y1, Y1
	VCVTTPS2DQ Y1, Y1
	VPSUBD     Y12, Y1, Y1
	VCVTDQ2PS  Y1, Y2
	VMULPS     Y10, Y2, Y3
	VSUBPS     Y3, Y0, Y3
	VMULPS     Y11, Y2, Y2
	VSUBPS     Y2, Y3, Y3

	VBROADCASTSS expTable_c7(DX), Y4
	TERM(expTable_c6)
	TERM(expTable_c5)
	TERM(expTable_c4)
	TERM(expTable_c3)
	TERM(expTable_c2)
	VMULPS Y3, Y3, Y5
	VMULPS Y5, Y4, Y4
	VADDPS Y3, Y4, Y4
	VADDPS Y15, Y4, Y4

	// Times 2**n in two steps, the second of which is 2**-64, 1 or 2.
	VPCMPGTD     Y14, Y1, Y5 // -1 where n is too high
	VPCMPGTD     Y1, Y13, Y6 // -1 where n is too low
	VPBROADCASTD expTable_raise(DX), Y7
	VPAND        Y7, Y6, Y6
	VPADDD       Y5, Y1, Y1
	VPADDD       Y6, Y1, Y1
	VPSLLD       $23, Y1, Y1
	VPADDD       Y15, Y1, Y1 // the bits of 1 are those of exponent 0
	VPADDD       Y5, Y6, Y5
	VPSLLD       $23, Y5, Y5
	VPSUBD       Y5, Y15, Y5
	VMULPS       Y1, Y4, Y4
	VMULPS       Y5, Y4, Y4

	VBROADCASTSS expTable_underflow(DX), Y5
	VCMPPS       $0x11, Y5, Y0, Y5 // x below underflow
	VANDNPS      Y4, Y5, Y4
	VBROADCASTSS expTable_overflow(DX), Y5
	VCMPPS       $0x1e, Y5, Y0, Y5 // x above overflow
	VBROADCASTSS expTable_inf(DX), Y6
	VBLENDVPS    Y5, Y6, Y4, Y4
	VCMPPS       $0x03, Y0, Y0, Y5 // NaN
	VBLENDVPS    Y5, Y0, Y4, Y4
	VMOVUPS      Y4, (DI)
	ADDQ         $32, DI
	SUBQ         $8, CX
	JNZ          eight
	VZEROUPPER
	RET
