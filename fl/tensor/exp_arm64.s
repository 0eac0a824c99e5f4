// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// TERM goes on with the polynomial: y becomes y*r + c, rounded twice.
#define TERM(c) \
	FMUL4(3, 4, 4) \
	FADD4(c, 4, 4)

// CONSTANT loads one constant, which t holds in this order, into all lanes.
#define CONSTANT(v) VLD1R.P 4(R2), [v.S4]

// func exp(x *float32, n int, t *expTable)
//
// Exp32 of four elements a turn, n > 0 and a multiple of 4.
// V0: x. V1: n, the exponent. V3: r. V4: y. V8 to V25: the constants.
TEXT ·exp(SB), NOSPLIT, $0-24
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	MOVD t+16(FP), R2
	CONSTANT(V8) // log2e
	CONSTANT(V9) // round
	CONSTANT(V10) // ln2High
	CONSTANT(V11) // ln2Low
	CONSTANT(V12) // c7
	CONSTANT(V13) // c6
	CONSTANT(V14) // c5
	CONSTANT(V15) // c4
	CONSTANT(V16) // c3
	CONSTANT(V17) // c2
	CONSTANT(V18) // c0
	CONSTANT(V19) // underflow
	CONSTANT(V20) // overflow
	CONSTANT(V21) // inf
	CONSTANT(V22) // bias
	CONSTANT(V23) // lowest
	CONSTANT(V24) // raise
	CONSTANT(V25) // highest

four:
	VLD1    (R0), [V0.S4]
	FMUL4(8, 0, 1)
	FADD4(9, 1, 1)
	FCVTZS4(1, 1)
	VSUB    V22.S4, V1.S4, V1.S4
	SCVTF4(1, 2)
	FMUL4(10, 2, 3)
	FSUB4(3, 0, 3)
	FMUL4(11, 2, 2)
	FSUB4(2, 3, 3)

	VORR    V12.B16, V12.B16, V4.B16
	TERM(13)
	TERM(14)
	TERM(15)
	TERM(16)
	TERM(17)
	FMUL4(3, 3, 5)
	FMUL4(5, 4, 4)
	FADD4(3, 4, 4)
	FADD4(18, 4, 4)

	// Times 2**n in two steps, the second of which is 2**-64, 1 or 2.
	CMGT4(25, 1, 5) // -1 where n is too high
	CMGT4(1, 23, 6)  // -1 where n is too low
	VAND    V24.B16, V6.B16, V6.B16
	VADD    V5.S4, V6.S4, V6.S4
	VADD    V6.S4, V1.S4, V1.S4
	VSHL    $23, V1.S4, V1.S4
	VADD    V18.S4, V1.S4, V1.S4 // the bits of 1 are those of exponent 0
	VSHL    $23, V6.S4, V6.S4
	VSUB    V6.S4, V18.S4, V6.S4
	FMUL4(1, 4, 4)
	FMUL4(6, 4, 4)

	FCMGT4(0, 19, 5)
	VEOR    V6.B16, V6.B16, V6.B16
	VBIT    V5.B16, V6.B16, V4.B16
	FCMGT4(20, 0, 5)
	VBIT    V5.B16, V21.B16, V4.B16
	FCMEQ4(0, 0, 5) // not NaN
	VBIF    V5.B16, V0.B16, V4.B16
	VST1.P  [V4.S4], 16(R0)
	SUBS    $4, R1
	BNE     four
	RET
