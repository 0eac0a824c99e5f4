// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

// The parts of a C header, in the order in which they appear. NAME_ and name_
// stand for the name of the model. Each computes in the order of fl/model and
// fl/tensor, so that the bits agree where the compiler rounds each product
// before it adds it.

const cMemory = `
#ifndef NAME_ROM /* define both to keep the numbers elsewhere */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define NAME_ROM PROGMEM
#define NAME_READ(p) pgm_read_float(p)
#else
#define NAME_ROM
#define NAME_READ(p) (*(p))
#endif
#endif
`

// cDense takes the inputs one after the other, as they lie in w.
const cDense = `
/* out (n) = x (k) by w (k, n) plus b (n), and 0 for what is below it if relu. */
static inline void name_dense(float *out, const float *x, const float *w, const float *b, size_t k, size_t n, int relu)
{
	size_t i, j;
	for (j = 0; j < n; j++)
		out[j] = NAME_READ(b + j);
	for (i = 0; i < k; i++)
		for (j = 0; j < n; j++)
			out[j] += x[i] * NAME_READ(w + i * n + j);
	for (j = 0; relu && j < n; j++)
		if (out[j] < 0.0f)
			out[j] = 0.0f;
}
`

const cConv = `
/* out (steps, filters): filters w (width, channels, filters) over x (steps, channels), zeros beyond its ends. */
static inline void name_conv(float *out, const float *x, const float *w, const float *b, size_t steps, size_t channels, size_t width, size_t filters)
{
	size_t t, k, c, f;
	const size_t before = (width - 1) / 2;
	for (t = 0; t < steps; t++, out += filters) {
		for (f = 0; f < filters; f++)
			out[f] = NAME_READ(b + f);
		for (k = 0; k < width; k++) {
			const size_t from = t + k; /* too far by before */
			if (from < before || from - before >= steps)
				continue;
			for (c = 0; c < channels; c++)
				for (f = 0; f < filters; f++)
					out[f] += x[(from - before) * channels + c] * NAME_READ(w + (k * channels + c) * filters + f);
		}
		for (f = 0; f < filters; f++)
			if (out[f] < 0.0f)
				out[f] = 0.0f;
	}
}
`

const cPool = `
/* Keeps of every two steps of x (steps, channels) the larger numbers, in place. */
static inline void name_pool(float *x, size_t steps, size_t channels)
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
`

// cExp is tensor.Exp32.
const cExp = `
static inline float name_from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* 2 to the power of n, -126 to 127. */
static inline float name_pow2(int32_t n)
{
	return name_from_bits((uint32_t)(n + 127) << 23);
}

/* e to the power of x, with a relative error below 2e-7, after Cephes by S. L. Moshier. */
static inline float name_exp(float x)
{
	int32_t n;
	float r, y;
	if (x != x)
		return x;
	if (x > 88.72284f)
		return name_from_bits(0x7f800000);
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
		return y * name_pow2(127) * name_pow2(n - 127);
	if (n < -126)
		return y * name_pow2(n + 64) * name_pow2(-64);
	return y * name_pow2(n);
}
`

const cGRU = `
static inline float name_sigmoid(float x)
{
	return 1.0f / (1.0f + name_exp(-x));
}

static inline float name_tanh(float x)
{
	return 1.0f - 2.0f / (1.0f + name_exp(2.0f * x));
}

/* h (units): the last state over x (steps, channels); gates and recurrent are (3, units), reset, update, candidate. */
static inline void name_gru(float *h, float *gates, float *recurrent, const float *x, const float *w, const float *u, const float *b, const float *c, size_t steps, size_t channels, size_t units)
{
	size_t t, j;
	for (j = 0; j < units; j++)
		h[j] = 0.0f;
	for (t = 0; t < steps; t++) {
		name_dense(gates, x + t * channels, w, b, channels, 3 * units, 0);
		name_dense(recurrent, h, u, c, units, 3 * units, 0);
		for (j = 0; j < units; j++) {
			const float r = name_sigmoid(gates[j] + recurrent[j]);
			const float z = name_sigmoid(gates[units + j] + recurrent[units + j]);
			const float n = name_tanh(gates[2 * units + j] + r * recurrent[2 * units + j]);
			h[j] = (1.0f - z) * n + z * h[j];
		}
	}
}
`

const cFinite = `
static inline int name_finite(const float *x, size_t n)
{
	size_t i;
	for (i = 0; i < n; i++)
		if (!(x[i] - x[i] == 0.0f))
			return 0;
	return 1;
}
`

// cSoftmax returns the class before it makes probabilities, which may be equal
// where the numbers that they come from are not.
const cSoftmax = `
/* Makes probabilities of x (n) and returns the index of the first largest. */
static inline int name_softmax(float *x, size_t n)
{
	size_t i, best = 0;
	float top, sum = 0.0f;
	for (i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	top = x[best];
	for (i = 0; i < n; i++) {
		x[i] = name_exp(x[i] - top);
		sum += x[i];
	}
	sum = 1.0f / sum;
	for (i = 0; i < n; i++)
		x[i] *= sum;
	return (int)best;
}
`

// Feature i of a row as it was measured, for the model: one of these.

const cScaleZScore = `
static inline float name_scale(const float *x, size_t i)
{
	const float z = (x[i] - NAME_READ(name_mean + i)) / NAME_READ(name_deviation + i);
	if (z != z)
		return 0.0f; /* the mean */
	return z < -6.0f ? -6.0f : z > 6.0f ? 6.0f : z;
}
`

const cScaleFill = `
static inline float name_scale(const float *x, size_t i)
{
	const float v = x[i];
	return (v != v ? NAME_READ(name_fill + i) : v)DIVIDE;
}
`

const cScaleZero = `
static inline float name_scale(const float *x, size_t i)
{
	const float v = x[i];
	return v != v ? 0.0f : vDIVIDE;
}
`

// cScore is model.AnomalyScores, which sums in 64 bits.
const cScore = `
/* The mean square of y, what the model made of a row, less the row. */
static inline float name_score(const float *y, const float *x)
{
	size_t i;
	double sum = 0.0;
	for (i = 0; i < NAME_FEATURES; i++) {
		const double d = (double)y[i] - (double)name_scale(x, i);
		sum += d * d;
	}
	return (float)(sum / NAME_FEATURES);
}
`
