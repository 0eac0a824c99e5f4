// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "textflag.h"

// All functions take n elements, n > 0 and a multiple of 8, and need AVX2. Each
// loop has four vectors a turn in Y0 to Y3, then one a turn. AX is how many
// elements are left, BX the offset in bytes.

// func axpy(a float32, x, y *float32, n int)
TEXT ·axpy(SB), NOSPLIT, $0-32
	VBROADCASTSS a+0(FP), Y15
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DI
	MOVQ n+24(FP), AX
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMULPS (SI)(BX*1), Y15, Y0
	VMULPS 32(SI)(BX*1), Y15, Y1
	VMULPS 64(SI)(BX*1), Y15, Y2
	VMULPS 96(SI)(BX*1), Y15, Y3
	VADDPS (DI)(BX*1), Y0, Y0
	VADDPS 32(DI)(BX*1), Y1, Y1
	VADDPS 64(DI)(BX*1), Y2, Y2
	VADDPS 96(DI)(BX*1), Y3, Y3
	VMOVUPS Y0, (DI)(BX*1)
	VMOVUPS Y1, 32(DI)(BX*1)
	VMOVUPS Y2, 64(DI)(BX*1)
	VMOVUPS Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMULPS (SI)(BX*1), Y15, Y0
	VADDPS (DI)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET

// func scaleTo(dst *float32, a float32, x *float32, n int)
TEXT ·scaleTo(SB), NOSPLIT, $0-32
	VBROADCASTSS a+8(FP), Y15
	MOVQ dst+0(FP), DI
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), AX
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMULPS (SI)(BX*1), Y15, Y0
	VMULPS 32(SI)(BX*1), Y15, Y1
	VMULPS 64(SI)(BX*1), Y15, Y2
	VMULPS 96(SI)(BX*1), Y15, Y3
	VMOVUPS Y0, (DI)(BX*1)
	VMOVUPS Y1, 32(DI)(BX*1)
	VMOVUPS Y2, 64(DI)(BX*1)
	VMOVUPS Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMULPS (SI)(BX*1), Y15, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET

// func sub(dst, x, y *float32, n int)
TEXT ·sub(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), AX
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMOVUPS (SI)(BX*1), Y0
	VMOVUPS 32(SI)(BX*1), Y1
	VMOVUPS 64(SI)(BX*1), Y2
	VMOVUPS 96(SI)(BX*1), Y3
	VSUBPS (DX)(BX*1), Y0, Y0
	VSUBPS 32(DX)(BX*1), Y1, Y1
	VSUBPS 64(DX)(BX*1), Y2, Y2
	VSUBPS 96(DX)(BX*1), Y3, Y3
	VMOVUPS Y0, (DI)(BX*1)
	VMOVUPS Y1, 32(DI)(BX*1)
	VMOVUPS Y2, 64(DI)(BX*1)
	VMOVUPS Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMOVUPS (SI)(BX*1), Y0
	VSUBPS (DX)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET

// func addScaledDifference(dst *float32, w float32, a, b *float32, n int)
TEXT ·addScaledDifference(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	VBROADCASTSS w+8(FP), Y15
	MOVQ a+16(FP), SI
	MOVQ b+24(FP), DX
	MOVQ n+32(FP), AX
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMOVUPS (SI)(BX*1), Y0
	VMOVUPS 32(SI)(BX*1), Y1
	VMOVUPS 64(SI)(BX*1), Y2
	VMOVUPS 96(SI)(BX*1), Y3
	VSUBPS (DX)(BX*1), Y0, Y0
	VSUBPS 32(DX)(BX*1), Y1, Y1
	VSUBPS 64(DX)(BX*1), Y2, Y2
	VSUBPS 96(DX)(BX*1), Y3, Y3
	VMULPS Y0, Y15, Y0
	VMULPS Y1, Y15, Y1
	VMULPS Y2, Y15, Y2
	VMULPS Y3, Y15, Y3
	VADDPS (DI)(BX*1), Y0, Y0
	VADDPS 32(DI)(BX*1), Y1, Y1
	VADDPS 64(DI)(BX*1), Y2, Y2
	VADDPS 96(DI)(BX*1), Y3, Y3
	VMOVUPS Y0, (DI)(BX*1)
	VMOVUPS Y1, 32(DI)(BX*1)
	VMOVUPS Y2, 64(DI)(BX*1)
	VMOVUPS Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMOVUPS (SI)(BX*1), Y0
	VSUBPS (DX)(BX*1), Y0, Y0
	VMULPS Y0, Y15, Y0
	VADDPS (DI)(BX*1), Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET

// func relu(x *float32, n int)
//
// The maximum is the element, so that NaN stays, unless zero is above it; the sum
// makes -0 to 0.
TEXT ·relu(SB), NOSPLIT, $0-16
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), AX
	VXORPS Y15, Y15, Y15
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMAXPS (DI)(BX*1), Y15, Y0
	VMAXPS 32(DI)(BX*1), Y15, Y1
	VMAXPS 64(DI)(BX*1), Y15, Y2
	VMAXPS 96(DI)(BX*1), Y15, Y3
	VADDPS Y15, Y0, Y0
	VADDPS Y15, Y1, Y1
	VADDPS Y15, Y2, Y2
	VADDPS Y15, Y3, Y3
	VMOVUPS Y0, (DI)(BX*1)
	VMOVUPS Y1, 32(DI)(BX*1)
	VMOVUPS Y2, 64(DI)(BX*1)
	VMOVUPS Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMAXPS (DI)(BX*1), Y15, Y0
	VADDPS Y15, Y0, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET

// func reluGrad(d, h *float32, n int)
//
// The bits of a positive float32 are a positive integer.
TEXT ·reluGrad(SB), NOSPLIT, $0-24
	MOVQ d+0(FP), DI
	MOVQ h+8(FP), SI
	MOVQ n+16(FP), AX
	VPXOR Y15, Y15, Y15
	XORL BX, BX
	SUBQ $32, AX
	JLT  rest

four:
	VMOVDQU (SI)(BX*1), Y0
	VMOVDQU 32(SI)(BX*1), Y1
	VMOVDQU 64(SI)(BX*1), Y2
	VMOVDQU 96(SI)(BX*1), Y3
	VPCMPGTD Y15, Y0, Y0
	VPCMPGTD Y15, Y1, Y1
	VPCMPGTD Y15, Y2, Y2
	VPCMPGTD Y15, Y3, Y3
	VPAND (DI)(BX*1), Y0, Y0
	VPAND 32(DI)(BX*1), Y1, Y1
	VPAND 64(DI)(BX*1), Y2, Y2
	VPAND 96(DI)(BX*1), Y3, Y3
	VMOVDQU Y0, (DI)(BX*1)
	VMOVDQU Y1, 32(DI)(BX*1)
	VMOVDQU Y2, 64(DI)(BX*1)
	VMOVDQU Y3, 96(DI)(BX*1)
	ADDQ $128, BX
	SUBQ $32, AX
	JGE  four

rest:
	ADDQ $32, AX
	JZ   done

one:
	VMOVDQU (SI)(BX*1), Y0
	VPCMPGTD Y15, Y0, Y0
	VPAND (DI)(BX*1), Y0, Y0
	VMOVDQU Y0, (DI)(BX*1)
	ADDQ $32, BX
	SUBQ $8, AX
	JNZ  one

done:
	VZEROUPPER
	RET
