// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build purego || !(amd64 || arm64 || riscv64)

package tensor

const narrowest = 1 // columns that kernels take

// available lists the generic kernel, the only one here. The functions below are
// those that others accelerate, and do nothing where that is a part of the work.
func available() []kernel { return []kernel{generic} }

func fastProduct(c, a, b []float32, m, k, n int, s strides) { genericProduct(c, a, b, k, n, s) }

func fastProductTB(c, a, b []float32, m, k, n int) { genericProductTB(c, a, b, m, k, n) }

func fastAxpy(_ float32, _, _ []float32) int { return 0 }

func fastScaleTo(_ []float32, _ float32, _ []float32) int { return 0 }

func fastSub(_, _, _ []float32) int { return 0 }

func fastAddScaledDifference(_ []float32, _ float32, _, _ []float32) int { return 0 }

func fastReLU(_ []float32) int { return 0 }

func fastReLUGrad(_, _ []float32) int { return 0 }

func fastExp(_ []float32) int { return 0 }
