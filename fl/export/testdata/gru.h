/*
 * A model that Vecino trained: gru:3@2 for regression, 8 features, 67 parameters.
 *
 * Predicts: "état"
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 332 bytes of numbers, and the code. RAM: 116 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int gru_predict(const float *x, float *out)
 *   returns 0, or -1 if a result is not finite
 *   out: (1) the number, in the unit of the target
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 *     x[3] "sensor 3"
 *     x[4] "sensor 4"
 *     x[5] "sensor 5"
 *     x[6] "sensor 6"
 *     x[7] "sensor 7"
 */

#ifndef GRU_VECINO_H
#define GRU_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GRU_FEATURES 8
#define GRU_OUTPUTS 1

#ifndef GRU_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define GRU_ROM PROGMEM
#define GRU_READ(p) pgm_read_float(p)
#else
#define GRU_ROM
#define GRU_READ(p) (*(p))
#endif
#endif

static const float gru_mean[8] GRU_ROM = {
	9.698154f, 6.7657337f, 2.409854f, 4.098065f, -0.05911231f, -7.0714116f, 5.870862f, -4.4819283f,
};

static const float gru_deviation[8] GRU_ROM = {
	1.2616386f, 3.4657042f, 1.9743152f, 3.4343846f, 2.918881f, 4.44274f, 2.8391156f, 3.8715785f,
};

static const float gru_gru1_weight_input[18] GRU_ROM = {
	0.28724414f, 0.14700145f, 0.036174726f, 0.16396478f, -0.4224882f, -0.6431289f, -0.28460947f, -0.17770424f,
	-0.347734f, -0.6435835f, 0.0055525303f, 0.592238f, 0.17553248f, -0.31151497f, 0.48796067f, -0.3238823f,
	-0.13457409f, 0.57101023f,
};

static const float gru_gru1_weight_state[27] GRU_ROM = {
	0.16693114f, -0.50865173f, 0.33906883f, 0.049452733f, 0.66875863f, 0.2704542f, -0.5631995f, 0.10188317f,
	-0.36135814f, 0.03641981f, 0.47465596f, -0.61059874f, -0.25892583f, 0.070944965f, 0.33222982f, -0.46681708f,
	0.4093394f, -0.053704582f, -0.4805901f, 0.19013436f, -0.50114423f, 0.057171952f, -0.33999792f, -0.14113098f,
	0.51577115f, -0.31363893f, -0.043154776f,
};

static const float gru_gru1_bias_input[9] GRU_ROM = {
	-0.39444727f, -0.48379955f, -0.08617445f, -0.4133328f, -0.5770952f, -0.3458064f, 0.2200576f, 0.058044802f,
	-0.68647766f,
};

static const float gru_gru1_bias_state[9] GRU_ROM = {
	0.5401918f, -0.4093847f, 0.28778636f, -0.2109087f, 0.09274678f, 0.49492005f, 0.41528f, 0.3709106f,
	0.023489023f,
};

static const float gru_dense1_weight[3] GRU_ROM = {
	0.22016458f, 0.0922567f, 0.35517585f,
};

static const float gru_dense1_bias[1] GRU_ROM = {
	-0.6924164f,
};

static float gru_a[8];
static float gru_b[3];
static float gru_gates[9];
static float gru_recurrent[9];

static inline float gru_scale(const float *x, size_t i)
{
	const float z = (x[i] - GRU_READ(gru_mean + i)) / GRU_READ(gru_deviation + i);
	if (z != z)
		return 0.0f; /* the mean */
	return z < -6.0f ? -6.0f : z > 6.0f ? 6.0f : z;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void gru_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = GRU_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * GRU_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

static inline float gru_from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* 2 to the power of n, -126 to 127. */
static inline float gru_pow2(int32_t n)
{
	return gru_from_bits((uint32_t)(n + 127) << 23);
}

/* e to the power of x, with a relative error below 2e-7, after Cephes by S. L. Moshier. */
static inline float gru_exp(float x)
{
	int32_t n;
	float r, y;
	if (x != x)
		return x;
	if (x > 88.72284f)
		return gru_from_bits(0x7f800000);
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
		return y * gru_pow2(127) * gru_pow2(n - 127);
	if (n < -126)
		return y * gru_pow2(n + 64) * gru_pow2(-64);
	return y * gru_pow2(n);
}

static inline float gru_sigmoid(float x)
{
	return 1.0f / (1.0f + gru_exp(-x));
}

static inline float gru_tanh(float x)
{
	return 1.0f - 2.0f / (1.0f + gru_exp(2.0f * x));
}

/* h (units): the last state over x (steps, channels); gates and recurrent are (3, units), reset, update, candidate. */
static inline void gru_gru(float *h, float *gates, float *recurrent, const float *x, const float *w, const float *u, const float *b, const float *c, size_t steps, size_t channels, size_t units)
{
	size_t t, j;
	for (j = 0; j < units; j++)
		h[j] = 0.0f;
	for (t = 0; t < steps; t++) {
		gru_dense(gates, x + t * channels, w, b, channels, 3 * units, 0);
		gru_dense(recurrent, h, u, c, units, 3 * units, 0);
		for (j = 0; j < units; j++) {
			const float r = gru_sigmoid(gates[j] + recurrent[j]);
			const float z = gru_sigmoid(gates[units + j] + recurrent[units + j]);
			const float n = gru_tanh(gates[2 * units + j] + r * recurrent[2 * units + j]);
			h[j] = (1.0f - z) * n + z * h[j];
		}
	}
}

static inline int gru_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

static inline int gru_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < GRU_FEATURES; i++)
		gru_a[i] = gru_scale(x, i);
	gru_gru(gru_b, gru_gates, gru_recurrent, gru_a, gru_gru1_weight_input, gru_gru1_weight_state, gru_gru1_bias_input, gru_gru1_bias_state, 4, 2, 3);
	gru_dense(out, gru_b, gru_dense1_weight, gru_dense1_bias, 3, 1, 0);
	out[0] = out[0] * 7.5f + -3.25f;
	return gru_finite(out, 1) ? 0 : -1;
}

#endif
