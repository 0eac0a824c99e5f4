// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// TERM goes on with the polynomial: y becomes y*r + c, rounded twice.
#define TERM(c) \
	VFMULVV V8, V10, V10 \
	VFADDVF c, V10, V10

// func exp(x *float32, n int, t *expTable)
//
// Exp32 of n elements, n > 0, in groups of two registers.
// V2: x. V4: n, the exponent. V8: r. V10: y. V0: masks. F10 to F23, X14 to X18:
// the constants. X5: elements left, X6: how many a group takes.
TEXT ·exp(SB), NOSPLIT, $0-24
	MOV x+0(FP), X10
	MOV n+8(FP), X5
	MOV t+16(FP), X11
	MOVF expTable_log2e(X11), F10
	MOVF expTable_round(X11), F11
	MOVF expTable_ln2High(X11), F12
	MOVF expTable_ln2Low(X11), F13
	MOVF expTable_c7(X11), F14
	MOVF expTable_c6(X11), F15
	MOVF expTable_c5(X11), F16
	MOVF expTable_c4(X11), F17
	MOVF expTable_c3(X11), F18
	MOVF expTable_c2(X11), F19
	MOVF expTable_c0(X11), F20
	MOVF expTable_underflow(X11), F21
	MOVF expTable_overflow(X11), F22
	MOVF expTable_inf(X11), F23
	MOVW expTable_bias(X11), X14
	MOVW expTable_lowest(X11), X15
	MOVW expTable_raise(X11), X16
	MOVW expTable_highest(X11), X17
	FMVXW F20, X18
	NEG X14, X14

group:
	VSETVLI X5, E32, M2, TA, MA, X6
	VLE32V (X10), V2
	VFMULVF F10, V2, V4
	VFADDVF F11, V4, V4
	VFCVTRTZXFV V4, V4
	VADDVX X14, V4, V4
	VFCVTFXV V4, V6
	VFMULVF F12, V6, V8
	VFSUBVV V8, V2, V8
	VFMULVF F13, V6, V6
	VFSUBVV V6, V8, V8

	VFMULVF F14, V8, V10
	VFADDVF F15, V10, V10
	TERM(F16)
	TERM(F17)
	TERM(F18)
	TERM(F19)
	VFMULVV V8, V8, V12
	VFMULVV V12, V10, V10
	VFADDVV V8, V10, V10
	VFADDVF F20, V10, V10

	// Times 2**n in two steps, the second of which is 2**-64, 1 or 2.
	VMVVI $0, V12
	VMSGTVX X17, V4, V0
	VMERGEVIM $-1, V12, V0, V12
	VMSLTVX X15, V4, V0
	VMERGEVXM X16, V12, V0, V12
	VADDVV V12, V4, V4
	VSLLVI $23, V4, V4
	VADDVX X18, V4, V4 // the bits of 1 are those of exponent 0
	VSLLVI $23, V12, V12
	VRSUBVX X18, V12, V12
	VFMULVV V4, V10, V10
	VFMULVV V12, V10, V10

	VMFLTVF F21, V2, V0
	VMERGEVIM $0, V10, V0, V10
	VMFGTVF F22, V2, V0
	VFMERGEVFM F23, V10, V0, V10
	VMFNEVV V2, V2, V0 // NaN
	VMERGEVVM V2, V10, V0, V10
	VSE32V V10, (X10)
	SUB X6, X5
	SLL $2, X6
	ADD X6, X10
	BNEZ X5, group
	RET
