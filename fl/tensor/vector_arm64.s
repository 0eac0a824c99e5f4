// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// All functions take n elements, n > 0 and a multiple of 4. Each loop has four
// vectors a turn, then one a turn. R3 is how many elements are left.

// func axpy(a float32, x, y *float32, n int)
TEXT ·axpy(SB), NOSPLIT, $0-32
	FMOVS a+0(FP), F16
	MOVD  x+8(FP), R1
	MOVD  y+16(FP), R0
	MOVD  n+24(FP), R3
	SUBS $16, R3
	BLT  rest

four:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	FMULE(16, 0, 0)
	FMULE(16, 1, 1)
	FMULE(16, 2, 2)
	FMULE(16, 3, 3)
	FADD4(0, 4, 4)
	FADD4(1, 5, 5)
	FADD4(2, 6, 6)
	FADD4(3, 7, 7)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1.P 16(R1), [V0.S4]
	VLD1 (R0), [V4.S4]
	FMULE(16, 0, 0)
	FADD4(0, 4, 4)
	VST1.P [V4.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET

// func scaleTo(dst *float32, a float32, x *float32, n int)
TEXT ·scaleTo(SB), NOSPLIT, $0-32
	FMOVS a+8(FP), F16
	MOVD  dst+0(FP), R0
	MOVD  x+16(FP), R1
	MOVD  n+24(FP), R3
	SUBS $16, R3
	BLT  rest

four:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMULE(16, 0, 0)
	FMULE(16, 1, 1)
	FMULE(16, 2, 2)
	FMULE(16, 3, 3)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1.P 16(R1), [V0.S4]
	FMULE(16, 0, 0)
	VST1.P [V0.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET

// func sub(dst, x, y *float32, n int)
TEXT ·sub(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD y+16(FP), R2
	MOVD n+24(FP), R3
	SUBS $16, R3
	BLT  rest

four:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	FSUB4(4, 0, 0)
	FSUB4(5, 1, 1)
	FSUB4(6, 2, 2)
	FSUB4(7, 3, 3)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V4.S4]
	FSUB4(4, 0, 0)
	VST1.P [V0.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET

// func addScaledDifference(dst *float32, w float32, a, b *float32, n int)
TEXT ·addScaledDifference(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), R0
	FMOVS w+8(FP), F16
	MOVD  a+16(FP), R1
	MOVD  b+24(FP), R2
	MOVD  n+32(FP), R3
	SUBS $16, R3
	BLT  rest

four:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1 (R0), [V8.S4, V9.S4, V10.S4, V11.S4]
	FSUB4(4, 0, 0)
	FSUB4(5, 1, 1)
	FSUB4(6, 2, 2)
	FSUB4(7, 3, 3)
	FMULE(16, 0, 0)
	FMULE(16, 1, 1)
	FMULE(16, 2, 2)
	FMULE(16, 3, 3)
	FADD4(0, 8, 8)
	FADD4(1, 9, 9)
	FADD4(2, 10, 10)
	FADD4(3, 11, 11)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V4.S4]
	VLD1 (R0), [V8.S4]
	FSUB4(4, 0, 0)
	FMULE(16, 0, 0)
	FADD4(0, 8, 8)
	VST1.P [V8.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET

// func relu(x *float32, n int)
//
// FMAX keeps NaN and takes 0 for above -0.
TEXT ·relu(SB), NOSPLIT, $0-16
	MOVD x+0(FP), R0
	MOVD n+8(FP), R3
	VEOR V16.B16, V16.B16, V16.B16
	SUBS $16, R3
	BLT  rest

four:
	VLD1 (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMAX4(16, 0, 0)
	FMAX4(16, 1, 1)
	FMAX4(16, 2, 2)
	FMAX4(16, 3, 3)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1 (R0), [V0.S4]
	FMAX4(16, 0, 0)
	VST1.P [V0.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET

// func reluGrad(d, h *float32, n int)
//
// The bits of a positive float32 are a positive integer.
TEXT ·reluGrad(SB), NOSPLIT, $0-24
	MOVD d+0(FP), R0
	MOVD h+8(FP), R1
	MOVD n+16(FP), R3
	SUBS $16, R3
	BLT  rest

four:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	POSITIVE(0, 0)
	POSITIVE(1, 1)
	POSITIVE(2, 2)
	POSITIVE(3, 3)
	VAND V0.B16, V4.B16, V4.B16
	VAND V1.B16, V5.B16, V5.B16
	VAND V2.B16, V6.B16, V6.B16
	VAND V3.B16, V7.B16, V7.B16
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUBS $16, R3
	BGE  four

rest:
	ADDS $16, R3
	BEQ  done

one:
	VLD1.P 16(R1), [V0.S4]
	VLD1 (R0), [V4.S4]
	POSITIVE(0, 0)
	VAND V0.B16, V4.B16, V4.B16
	VST1.P [V4.S4], 16(R0)
	SUBS $4, R3
	BNE  one

done:
	RET
