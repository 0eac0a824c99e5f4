/*
 * A model that Vecino trained: linear for regression, 4 features, 5 parameters.
 *
 * Predicts: "état"
 * Measured by the device: r2 -0.5
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 36 bytes of numbers, and the code. RAM: 16 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int linear_predict(const float *x, float *out)
 *   returns 0, or -1 if a result is not finite
 *   out: (1) the number, in the unit of the target
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 *     x[3] "sensor 3"
 */

#ifndef LINEAR_VECINO_H
#define LINEAR_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LINEAR_FEATURES 4
#define LINEAR_OUTPUTS 1

#ifndef LINEAR_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define LINEAR_ROM PROGMEM
#define LINEAR_READ(p) pgm_read_float(p)
#else
#define LINEAR_ROM
#define LINEAR_READ(p) (*(p))
#endif
#endif

static const float linear_fill[4] LINEAR_ROM = {
	1.0f, -2.5f, 0.0f, 0.001f,
};

static const float linear_dense1_weight[4] LINEAR_ROM = {
	0.36846694f, 0.54620606f, -0.66096f, 0.5832183f,
};

static const float linear_dense1_bias[1] LINEAR_ROM = {
	-0.07124279f,
};

static float linear_a[4];

static inline float linear_scale(const float *x, size_t i)
{
	const float v = x[i];
	return (v != v ? LINEAR_READ(linear_fill + i) : v) / 255.0f;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void linear_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = LINEAR_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * LINEAR_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

static inline int linear_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

static inline int linear_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < LINEAR_FEATURES; i++)
		linear_a[i] = linear_scale(x, i);
	linear_dense(out, linear_a, linear_dense1_weight, linear_dense1_bias, 4, 1, 0);
	out[0] = out[0] * 7.5f + -3.25f;
	return linear_finite(out, 1) ? 0 : -1;
}

#endif
