// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "textflag.h"

// All functions take n elements, n > 0, in groups of four registers, fewer in
// the last. X5: elements left, X6: how many a group takes.

// func axpy(a float32, x, y *float32, n int)
TEXT ·axpy(SB), NOSPLIT, $0-32
	MOVF a+0(FP), F10
	MOV x+8(FP), X11
	MOV y+16(FP), X10
	MOV n+24(FP), X5

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X11), V8
	VLE32V (X10), V12
	VFMULVF F10, V8, V8
	VFADDVV V8, V12, V12
	VSE32V V12, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	ADD X6, X11
	BNEZ X5, group
	RET

// func scaleTo(dst *float32, a float32, x *float32, n int)
TEXT ·scaleTo(SB), NOSPLIT, $0-32
	MOVF a+8(FP), F10
	MOV dst+0(FP), X10
	MOV x+16(FP), X11
	MOV n+24(FP), X5

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X11), V8
	VFMULVF F10, V8, V8
	VSE32V V8, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	ADD X6, X11
	BNEZ X5, group
	RET

// func sub(dst, x, y *float32, n int)
TEXT ·sub(SB), NOSPLIT, $0-32
	MOV dst+0(FP), X10
	MOV x+8(FP), X11
	MOV y+16(FP), X12
	MOV n+24(FP), X5

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X11), V8
	VLE32V (X12), V12
	VFSUBVV V12, V8, V8
	VSE32V V8, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	ADD X6, X11
	ADD X6, X12
	BNEZ X5, group
	RET

// func addScaledDifference(dst *float32, w float32, a, b *float32, n int)
TEXT ·addScaledDifference(SB), NOSPLIT, $0-40
	MOV dst+0(FP), X10
	MOVF w+8(FP), F10
	MOV a+16(FP), X11
	MOV b+24(FP), X12
	MOV n+32(FP), X5

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X11), V8
	VLE32V (X12), V12
	VLE32V (X10), V16
	VFSUBVV V12, V8, V8
	VFMULVF F10, V8, V8
	VFADDVV V8, V16, V16
	VSE32V V16, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	ADD X6, X11
	ADD X6, X12
	BNEZ X5, group
	RET

// func relu(x *float32, n int)
//
// The maximum of this architecture would hide NaN. The sum makes -0 to 0.
TEXT ·relu(SB), NOSPLIT, $0-16
	MOV x+0(FP), X10
	MOV n+8(FP), X5
	FMVWX ZERO, F10

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X10), V8
	VMFLTVF F10, V8, V0
	VMERGEVIM $0, V8, V0, V8
	VFADDVF F10, V8, V8
	VSE32V V8, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	BNEZ X5, group
	RET

// func reluGrad(d, h *float32, n int)
//
// The bits of a positive float32 are a positive integer.
TEXT ·reluGrad(SB), NOSPLIT, $0-24
	MOV d+0(FP), X10
	MOV h+8(FP), X11
	MOV n+16(FP), X5

group:
	VSETVLI X5, E32, M4, TA, MA, X6
	VLE32V (X11), V8
	VLE32V (X10), V12
	VMSLEVI $0, V8, V0
	VMERGEVIM $0, V12, V0, V12
	VSE32V V12, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	ADD X6, X11
	BNEZ X5, group
	RET
