/*
 * A model that Vecino trained: softmax for classification, 3 features, 8 parameters.
 *
 * Task: "street noise"
 * Id of the task: ab000000000000000000000000000001
 * Rounds: 40
 * Rows learned from: 1200
 * Predicts: "état"
 * Created: 2026-02-03T04:05:06Z
 * Measured by the device: accuracy 0.9375
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 56 bytes of numbers, and the code. RAM: 12 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int softmax_predict(const float *x, float *out)
 *   returns the class, 0 to 1, or -1 if a result is not finite
 *   out: (2) the probability of each class
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 */

#ifndef SOFTMAX_VECINO_H
#define SOFTMAX_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SOFTMAX_FEATURES 3
#define SOFTMAX_OUTPUTS 2
#define SOFTMAX_CLASSES 2

#ifndef SOFTMAX_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define SOFTMAX_ROM PROGMEM
#define SOFTMAX_READ(p) pgm_read_float(p)
#else
#define SOFTMAX_ROM
#define SOFTMAX_READ(p) (*(p))
#endif
#endif

static const float softmax_mean[3] SOFTMAX_ROM = {
	2.1757066f, -1.8102229f, 3.889246f,
};

static const float softmax_deviation[3] SOFTMAX_ROM = {
	3.149292f, 3.3498044f, 3.611732f,
};

static const float softmax_dense1_weight[6] SOFTMAX_ROM = {
	0.3295817f, 0.69582415f, -0.46083888f, -0.4663801f, -0.38155872f, 0.6692451f,
};

static const float softmax_dense1_bias[2] SOFTMAX_ROM = {
	0.62161195f, -0.32945287f,
};

static float softmax_a[3];

static inline float softmax_scale(const float *x, size_t i)
{
	const float z = (x[i] - SOFTMAX_READ(softmax_mean + i)) / SOFTMAX_READ(softmax_deviation + i);
	if (z != z)
		return 0.0f; /* the mean */
	return z < -6.0f ? -6.0f : z > 6.0f ? 6.0f : z;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void softmax_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = SOFTMAX_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * SOFTMAX_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

static inline float softmax_from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* 2 to the power of n, -126 to 127. */
static inline float softmax_pow2(int32_t n)
{
	return softmax_from_bits((uint32_t)(n + 127) << 23);
}

/* e to the power of x, with a relative error below 2e-7, after Cephes by S. L. Moshier. */
static inline float softmax_exp(float x)
{
	int32_t n;
	float r, y;
	if (x != x)
		return x;
	if (x > 88.72284f)
		return softmax_from_bits(0x7f800000);
	if (x < -103.9721f)
		return 0.0f;
	n = (int32_t)(x * 1.44269504f + 150.5f) - 150;
	r = x - (float)n * 0.693359375f;
	r -= (float)n * -2.12194440e-4f;
	y = 1.9875691500e-4f * r + 1.3981999507e-3f;
	y = y * r + 8.3334519073e-3f;
	y = y * r + 4.1665795894e-2f;
	y = y * r + 1.6666665459e-1f;
	y = y * r + 5.0000001201e-1f;
	y = y * (r * r) + r + 1.0f;
	if (n > 127)
		return y * softmax_pow2(127) * softmax_pow2(n - 127);
	if (n < -126)
		return y * softmax_pow2(n + 64) * softmax_pow2(-64);
	return y * softmax_pow2(n);
}

static inline int softmax_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

/* Makes probabilities of x (n) and returns the index of the first largest. */
static inline int softmax_softmax(float *x, size_t n)
{
	size_t i, best = 0;
	float top, sum = 0.0f;
	for (i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	top = x[best];
	for (i = 0; i < n; i++) {
		x[i] = softmax_exp(x[i] - top);
		sum += x[i];
	}
	sum = 1.0f / sum;
	for (i = 0; i < n; i++)
		x[i] *= sum;
	return (int)best;
}

static inline int softmax_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < SOFTMAX_FEATURES; i++)
		softmax_a[i] = softmax_scale(x, i);
	softmax_dense(out, softmax_a, softmax_dense1_weight, softmax_dense1_bias, 3, 2, 0);
	return softmax_finite(out, SOFTMAX_CLASSES) ? softmax_softmax(out, SOFTMAX_CLASSES) : -1;
}

#endif
