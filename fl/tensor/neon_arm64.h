// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Instructions on four float32 that Go's assembler does not know. As in Go, the
// last operand is the result.

// FMULE multiplies register n by the first element of register m.
#define FMULE(m, n, d) WORD $(0x4f809000 | (m)<<16 | (n)<<5 | (d))
#define FMUL4(m, n, d) WORD $(0x6e20dc00 | (m)<<16 | (n)<<5 | (d))
#define FADD4(m, n, d) WORD $(0x4e20d400 | (m)<<16 | (n)<<5 | (d))

// FSUB4 takes m from n.
#define FSUB4(m, n, d) WORD $(0x4ea0d400 | (m)<<16 | (n)<<5 | (d))
#define FMAX4(m, n, d) WORD $(0x4e20f400 | (m)<<16 | (n)<<5 | (d))

// POSITIVE sets all bits of an element that is above zero as an integer, or none.
#define POSITIVE(n, d) WORD $(0x4ea08800 | (n)<<5 | (d))

// CMGT4 and FCMGT4 set all bits of an element where n is above m, or none.
#define CMGT4(m, n, d) WORD $(0x4ea03400 | (m)<<16 | (n)<<5 | (d))
#define FCMGT4(m, n, d) WORD $(0x6ea0e400 | (m)<<16 | (n)<<5 | (d))
#define FCMEQ4(m, n, d) WORD $(0x4e20e400 | (m)<<16 | (n)<<5 | (d))

// FCVTZS4 makes integers, cut off, SCVTF4 floats.
#define FCVTZS4(n, d) WORD $(0x4ea1b800 | (n)<<5 | (d))
#define SCVTF4(n, d) WORD $(0x4e21d800 | (n)<<5 | (d))
