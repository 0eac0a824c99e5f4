/*
 * A model that Vecino trained: mlp:5:3 for classification, 4 features, 55 parameters.
 *
 * Predicts: "état"
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 220 bytes of numbers, and the code. RAM: 36 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int mlp_predict(const float *x, float *out)
 *   returns the class, 0 to 2, or -1 if a result is not finite
 *   out: (3) the probability of each class
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 *     x[3] "sensor 3"
 */

#ifndef MLP_VECINO_H
#define MLP_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MLP_FEATURES 4
#define MLP_OUTPUTS 3
#define MLP_CLASSES 3

#ifndef MLP_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define MLP_ROM PROGMEM
#define MLP_READ(p) pgm_read_float(p)
#else
#define MLP_ROM
#define MLP_READ(p) (*(p))
#endif
#endif

static const float mlp_dense1_weight[20] MLP_ROM = {
	0.15014571f, 0.3920707f, -0.47933182f, -0.4321383f, 0.6755435f, -0.19246201f, 0.425887f, -0.32313022f,
	0.1318146f, -0.11436293f, 0.425592f, -0.0443534f, 0.5173824f, 0.68620676f, 0.5139661f, 0.5302652f,
	0.042050194f, 0.55410165f, 0.26799387f, 0.24852087f,
};

static const float mlp_dense1_bias[5] MLP_ROM = {
	-0.31150195f, 0.6842027f, 0.39050066f, -0.59371185f, 0.6260318f,
};

static const float mlp_dense2_weight[15] MLP_ROM = {
	-0.3001387f, 0.5792786f, 0.6380364f, -0.5356682f, 0.3485789f, 0.51939446f, 0.32215607f, -0.1895574f,
	-0.07193222f, -0.32943442f, 0.55660474f, 0.11247462f, -0.36073557f, 0.11637074f, -0.5410058f,
};

static const float mlp_dense2_bias[3] MLP_ROM = {
	-0.5397256f, 0.69810903f, -0.02702924f,
};

static const float mlp_dense3_weight[9] MLP_ROM = {
	-0.15212439f, -0.19701193f, -0.50698286f, -0.2082773f, 0.6089862f, -0.6403173f, 0.59795845f, -0.54456043f,
	0.48217216f,
};

static const float mlp_dense3_bias[3] MLP_ROM = {
	0.17849256f, -0.10919834f, -0.5974876f,
};

static float mlp_a[4];
static float mlp_b[5];

static inline float mlp_scale(const float *x, size_t i)
{
	const float v = x[i];
	return v != v ? 0.0f : v;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void mlp_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = MLP_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * MLP_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

static inline float mlp_from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* 2 to the power of n, -126 to 127. */
static inline float mlp_pow2(int32_t n)
{
	return mlp_from_bits((uint32_t)(n + 127) << 23);
}

/* e to the power of x, with a relative error below 2e-7, after Cephes by S. L. Moshier. */
static inline float mlp_exp(float x)
{
	int32_t n;
	float r, y;
	if (x != x)
		return x;
	if (x > 88.72284f)
		return mlp_from_bits(0x7f800000);
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
		return y * mlp_pow2(127) * mlp_pow2(n - 127);
	if (n < -126)
		return y * mlp_pow2(n + 64) * mlp_pow2(-64);
	return y * mlp_pow2(n);
}

static inline int mlp_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

/* Makes probabilities of x (n) and returns the index of the first largest. */
static inline int mlp_softmax(float *x, size_t n)
{
	size_t i, best = 0;
	float top, sum = 0.0f;
	for (i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	top = x[best];
	for (i = 0; i < n; i++) {
		x[i] = mlp_exp(x[i] - top);
		sum += x[i];
	}
	sum = 1.0f / sum;
	for (i = 0; i < n; i++)
		x[i] *= sum;
	return (int)best;
}

static inline int mlp_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < MLP_FEATURES; i++)
		mlp_a[i] = mlp_scale(x, i);
	mlp_dense(mlp_b, mlp_a, mlp_dense1_weight, mlp_dense1_bias, 4, 5, 1);
	mlp_dense(mlp_a, mlp_b, mlp_dense2_weight, mlp_dense2_bias, 5, 3, 1);
	mlp_dense(out, mlp_a, mlp_dense3_weight, mlp_dense3_bias, 3, 3, 0);
	return mlp_finite(out, MLP_CLASSES) ? mlp_softmax(out, MLP_CLASSES) : -1;
}

#endif
