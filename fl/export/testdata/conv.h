/*
 * A model that Vecino trained: conv:3x4:2x3:4@2 for classification, 14 features, 82 parameters.
 *
 * Predicts: "état"
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 440 bytes of numbers, and the code. RAM: 140 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int conv_predict(const float *x, float *out)
 *   returns the class, 0 to 2, or -1 if a result is not finite
 *   out: (3) the probability of each class
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 *     x[3] "sensor 3"
 *     x[4] "sensor 4"
 *     x[5] "sensor 5"
 *     x[6] "sensor 6"
 *     x[7] "sensor 7"
 *     x[8] "sensor 8"
 *     x[9] "sensor 9"
 *     x[10] "sensor 10"
 *     x[11] "sensor 11"
 *     x[12] "sensor 12"
 *     x[13] "sensor 13"
 */

#ifndef CONV_VECINO_H
#define CONV_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CONV_FEATURES 14
#define CONV_OUTPUTS 3
#define CONV_CLASSES 3

#ifndef CONV_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define CONV_ROM PROGMEM
#define CONV_READ(p) pgm_read_float(p)
#else
#define CONV_ROM
#define CONV_READ(p) (*(p))
#endif
#endif

static const float conv_mean[14] CONV_ROM = {
	-6.6688385f, -9.047395f, 7.3308277f, -7.185463f, -9.090399f, 7.303957f, 1.1691749f, 4.007492f,
	7.4419665f, -1.204946f, -0.41439056f, 5.595833f, -1.1893761f, -7.32726f,
};

static const float conv_deviation[14] CONV_ROM = {
	2.2630832f, 1.5371206f, 2.216831f, 4.1508694f, 2.7812304f, 2.8034532f, 1.904551f, 2.383672f,
	0.7515695f, 1.1809249f, 1.3460636f, 1.8123999f, 2.7575617f, 4.4968824f,
};

static const float conv_conv1_weight[24] CONV_ROM = {
	-0.09268002f, -0.39604735f, 0.6328235f, 0.42363676f, 0.11985596f, -0.29914978f, -0.51831824f, -0.4345994f,
	-0.10215963f, 0.49608836f, -0.09967351f, 0.15424836f, 0.29800048f, -0.6382354f, -0.42845747f, 0.36214587f,
	-0.0011453867f, 0.21114661f, -0.605433f, -0.67596704f, -0.3894146f, -0.42982316f, 0.4563186f, -0.42102107f,
};

static const float conv_conv1_bias[3] CONV_ROM = {
	-0.451272f, 0.15163097f, 0.30177543f,
};

static const float conv_conv2_weight[18] CONV_ROM = {
	0.34098962f, 0.4884122f, 0.28687128f, 0.3334765f, -0.2326087f, -0.5704437f, -0.23896617f, -0.3687832f,
	-0.52751964f, -0.3536417f, 0.4793833f, 0.48615766f, 0.37575766f, 0.007352054f, 0.19695486f, -0.62190324f,
	0.4491478f, -0.06727332f,
};

static const float conv_conv2_bias[2] CONV_ROM = {
	0.09294438f, -0.15677303f,
};

static const float conv_dense1_weight[16] CONV_ROM = {
	0.6762653f, 0.47404256f, -0.42033955f, -0.3199394f, 0.33011988f, 0.042423032f, -0.23169188f, 0.35267136f,
	-0.31269607f, -0.46530095f, -0.42083874f, 0.29529747f, -0.11397624f, -0.5297093f, 0.59249717f, -0.64950615f,
};

static const float conv_dense1_bias[4] CONV_ROM = {
	0.43897966f, -0.43239608f, 0.32384068f, 0.31005773f,
};

static const float conv_dense2_weight[12] CONV_ROM = {
	0.5940404f, -0.2955651f, -0.25959313f, 0.17263104f, 0.6440074f, -0.58650833f, 0.12370894f, 0.6664248f,
	-0.45325086f, -0.088287815f, -0.082036085f, -0.3525236f,
};

static const float conv_dense2_bias[3] CONV_ROM = {
	-0.30681568f, 0.40179542f, 0.10888108f,
};

static float conv_a[14];
static float conv_b[21];

static inline float conv_scale(const float *x, size_t i)
{
	const float z = (x[i] - CONV_READ(conv_mean + i)) / CONV_READ(conv_deviation + i);
	if (z != z)
		return 0.0f; /* the mean */
	return z < -6.0f ? -6.0f : z > 6.0f ? 6.0f : z;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void conv_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = CONV_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * CONV_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

/* out (steps, filters): filters w (width, channels, filters) over x (steps, channels), zeros beyond its ends. */
static inline void conv_conv(float *out, const float *x, const float *w, const float *b, size_t steps, size_t channels, size_t width, size_t filters)
{
	size_t t, k, c, f;
	const size_t before = (width - 1) / 2;
	for (t = 0; t < steps; t++, out += filters) {
		for (f = 0; f < filters; f++)
			out[f] = CONV_READ(b + f);
		for (k = 0; k < width; k++) {
			const size_t from = t + k; /* too far by before */
			if (from < before || from - before >= steps)
				continue;
			for (c = 0; c < channels; c++)
				for (f = 0; f < filters; f++)
					out[f] += x[(from - before) * channels + c] * CONV_READ(w + (k * channels + c) * filters + f);
		}
		for (f = 0; f < filters; f++)
			if (out[f] < 0.0f)
				out[f] = 0.0f;
	}
}

/* Keeps of every two steps of x (steps, channels) the larger numbers, in place. */
static inline void conv_pool(float *x, size_t steps, size_t channels)
{
	size_t t, c;
	for (t = 0; t < (steps + 1) / 2; t++)
		for (c = 0; c < channels; c++) {
			float v = x[2 * t * channels + c];
			if (2 * t + 1 < steps) {
				const float second = x[(2 * t + 1) * channels + c];
				if (second > v || second != second)
					v = second;
			}
			x[t * channels + c] = v;
		}
}

static inline float conv_from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* 2 to the power of n, -126 to 127. */
static inline float conv_pow2(int32_t n)
{
	return conv_from_bits((uint32_t)(n + 127) << 23);
}

/* e to the power of x, with a relative error below 2e-7, after Cephes by S. L. Moshier. */
static inline float conv_exp(float x)
{
	int32_t n;
	float r, y;
	if (x != x)
		return x;
	if (x > 88.72284f)
		return conv_from_bits(0x7f800000);
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
		return y * conv_pow2(127) * conv_pow2(n - 127);
	if (n < -126)
		return y * conv_pow2(n + 64) * conv_pow2(-64);
	return y * conv_pow2(n);
}

static inline int conv_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

/* Makes probabilities of x (n) and returns the index of the first largest. */
static inline int conv_softmax(float *x, size_t n)
{
	size_t i, best = 0;
	float top, sum = 0.0f;
	for (i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	top = x[best];
	for (i = 0; i < n; i++) {
		x[i] = conv_exp(x[i] - top);
		sum += x[i];
	}
	sum = 1.0f / sum;
	for (i = 0; i < n; i++)
		x[i] *= sum;
	return (int)best;
}

static inline int conv_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < CONV_FEATURES; i++)
		conv_a[i] = conv_scale(x, i);
	conv_conv(conv_b, conv_a, conv_conv1_weight, conv_conv1_bias, 7, 2, 4, 3);
	conv_pool(conv_b, 7, 3);
	conv_conv(conv_a, conv_b, conv_conv2_weight, conv_conv2_bias, 4, 3, 3, 2);
	conv_pool(conv_a, 4, 2);
	conv_dense(conv_b, conv_a, conv_dense1_weight, conv_dense1_bias, 4, 4, 1);
	conv_dense(out, conv_b, conv_dense2_weight, conv_dense2_bias, 4, 3, 0);
	return conv_finite(out, CONV_CLASSES) ? conv_softmax(out, CONV_CLASSES) : -1;
}

#endif
