// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "textflag.h"

// QUADS loads four elements of row lo into the lower half of a register and
// four of row hi, which lies four rows further down, into the upper half.
#define QUADS(lo, hi, x, y) \
	VMOVUPS     (lo)(BX*1), x \
	VINSERTF128 $1, (hi)(BX*1), y, y

// func transposeAVX2(dst, src *float32, depth, srcRow, dstRow int)
//
// Eight rows by four elements at a time; the last four overlap with those before
// where depth is not a multiple of four.
// R8 to R15: the rows of src, BX: from there to the elements, CX: of the last
// four. DI: dst, SI: dst for the elements at BX, DX: dstRow, AX: a step of four.
TEXT ·transposeAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), R8
	MOVQ depth+16(FP), CX
	MOVQ srcRow+24(FP), AX
	MOVQ dstRow+32(FP), DX
	LEAQ (R8)(AX*1), R9
	LEAQ (R8)(AX*2), R10
	LEAQ (R9)(AX*2), R11
	LEAQ (R8)(AX*4), R12
	LEAQ (R9)(AX*4), R13
	LEAQ (R10)(AX*4), R14
	LEAQ (R11)(AX*4), R15
	SUBQ $4, CX
	SHLQ $2, CX
	XORL BX, BX

four:
	MOVQ  BX, SI
	SHRQ  $2, SI
	IMULQ DX, SI
	ADDQ  DI, SI
	QUADS(R8, R12, X0, Y0)
	QUADS(R9, R13, X1, Y1)
	QUADS(R10, R14, X2, Y2)
	QUADS(R11, R15, X3, Y3)
	VUNPCKLPS Y1, Y0, Y4  // elements 0 and 1 of rows 0 and 1, and 4 and 5
	VUNPCKHPS Y1, Y0, Y5  // elements 2 and 3
	VUNPCKLPS Y3, Y2, Y6  // of rows 2 and 3, and 6 and 7
	VUNPCKHPS Y3, Y2, Y7
	VUNPCKLPD Y6, Y4, Y0
	VUNPCKHPD Y6, Y4, Y1
	VUNPCKLPD Y7, Y5, Y2
	VUNPCKHPD Y7, Y5, Y3
	VMOVUPS Y0, (SI)
	VMOVUPS Y1, (SI)(DX*1)
	LEAQ    (SI)(DX*2), SI
	VMOVUPS Y2, (SI)
	VMOVUPS Y3, (SI)(DX*1)
	CMPQ    BX, CX
	JEQ     done
	ADDQ    $16, BX
	CMPQ    BX, CX
	CMOVQGT CX, BX
	JMP     four

done:
	VZEROUPPER
	RET
