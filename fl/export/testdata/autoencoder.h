/*
 * A model that Vecino trained: autoencoder:3:2 for anomaly, 5 features, 55 parameters.
 *
 * Predicts: "état"
 *
 * Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.
 *
 * ROM: 260 bytes of numbers, and the code. RAM: 32 bytes of static arrays, and a small stack.
 * C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it
 * in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.
 *
 * int autoencoder_predict(const float *x, float *out)
 *   returns 1 for an anomaly, 0 for a normal row, or -1 if a result is not finite
 *   out: (2) the score of the row, and the threshold above which it is an anomaly
 *   x: features as they are measured, NaN for one that is missing, in this order:
 *     x[0] "sensor 0"
 *     x[1] "sensor 1"
 *     x[2] "sensor 2"
 *     x[3] "sensor 3"
 *     x[4] "sensor 4"
 */

#ifndef AUTOENCODER_VECINO_H
#define AUTOENCODER_VECINO_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AUTOENCODER_FEATURES 5
#define AUTOENCODER_OUTPUTS 2
#define AUTOENCODER_THRESHOLD 0.75f

#ifndef AUTOENCODER_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define AUTOENCODER_ROM PROGMEM
#define AUTOENCODER_READ(p) pgm_read_float(p)
#else
#define AUTOENCODER_ROM
#define AUTOENCODER_READ(p) (*(p))
#endif
#endif

static const float autoencoder_mean[5] AUTOENCODER_ROM = {
	5.813613f, 4.230964f, 9.665309f, 7.688366f, 2.4218f,
};

static const float autoencoder_deviation[5] AUTOENCODER_ROM = {
	1.5353267f, 0.8420961f, 0.734524f, 2.109392f, 0.7445073f,
};

static const float autoencoder_dense1_weight[15] AUTOENCODER_ROM = {
	0.15014571f, 0.3920707f, -0.47933182f, -0.4321383f, 0.6755435f, -0.19246201f, 0.425887f, -0.32313022f,
	0.1318146f, -0.11436293f, 0.425592f, -0.0443534f, 0.5173824f, 0.68620676f, 0.5139661f,
};

static const float autoencoder_dense1_bias[3] AUTOENCODER_ROM = {
	0.5302652f, 0.042050194f, 0.55410165f,
};

static const float autoencoder_dense2_weight[6] AUTOENCODER_ROM = {
	0.26799387f, 0.24852087f, -0.31150195f, 0.6842027f, 0.39050066f, -0.59371185f,
};

static const float autoencoder_dense2_bias[2] AUTOENCODER_ROM = {
	0.6260318f, -0.3001387f,
};

static const float autoencoder_dense3_weight[6] AUTOENCODER_ROM = {
	0.5792786f, 0.6380364f, -0.5356682f, 0.3485789f, 0.51939446f, 0.32215607f,
};

static const float autoencoder_dense3_bias[3] AUTOENCODER_ROM = {
	-0.1895574f, -0.07193222f, -0.32943442f,
};

static const float autoencoder_dense4_weight[15] AUTOENCODER_ROM = {
	0.55660474f, 0.11247462f, -0.36073557f, 0.11637074f, -0.5410058f, -0.5397256f, 0.69810903f, -0.02702924f,
	-0.15212439f, -0.19701193f, -0.50698286f, -0.2082773f, 0.6089862f, -0.6403173f, 0.59795845f,
};

static const float autoencoder_dense4_bias[5] AUTOENCODER_ROM = {
	-0.54456043f, 0.48217216f, 0.17849256f, -0.10919834f, -0.5974876f,
};

static float autoencoder_a[5];
static float autoencoder_b[3];

static inline float autoencoder_scale(const float *x, size_t i)
{
	const float z = (x[i] - AUTOENCODER_READ(autoencoder_mean + i)) / AUTOENCODER_READ(autoencoder_deviation + i);
	if (z != z)
		return 0.0f; /* the mean */
	return z < -6.0f ? -6.0f : z > 6.0f ? 6.0f : z;
}

/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void autoencoder_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = AUTOENCODER_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * AUTOENCODER_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}

static inline int autoencoder_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}

/* The mean square of y, what the model made of a row, less the row. */
static inline float autoencoder_score(const float *y, const float *x)
{
	size_t i;
	double sum = 0.0;
	for (i = 0; i < AUTOENCODER_FEATURES; i++) {
		const double d = (double)y[i] - (double)autoencoder_scale(x, i);
		sum += d * d;
	}
	return (float)(sum / AUTOENCODER_FEATURES);
}

static inline int autoencoder_predict(const float *x, float *out)
{
	size_t i;
	for (i = 0; i < AUTOENCODER_FEATURES; i++)
		autoencoder_a[i] = autoencoder_scale(x, i);
	autoencoder_dense(autoencoder_b, autoencoder_a, autoencoder_dense1_weight, autoencoder_dense1_bias, 5, 3, 1);
	autoencoder_dense(autoencoder_a, autoencoder_b, autoencoder_dense2_weight, autoencoder_dense2_bias, 3, 2, 1);
	autoencoder_dense(autoencoder_b, autoencoder_a, autoencoder_dense3_weight, autoencoder_dense3_bias, 2, 3, 1);
	autoencoder_dense(autoencoder_a, autoencoder_b, autoencoder_dense4_weight, autoencoder_dense4_bias, 3, 5, 0);
	out[0] = autoencoder_score(autoencoder_a, x);
	out[1] = AUTOENCODER_THRESHOLD;
	return !autoencoder_finite(out, 1) ? -1 : out[0] > AUTOENCODER_THRESHOLD;
}

#endif
