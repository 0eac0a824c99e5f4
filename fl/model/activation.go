// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/tensor"

// sigmoid returns 1/(1+e**-x).
func sigmoid(x float32) float32 { return 1 / (1 + tensor.Exp32(-x)) }

// tanh returns the hyperbolic tangent with an absolute error below 2e-7. A
// polynomial would be closer near zero, and the branch to it is mispredicted
// often.
func tanh(x float32) float32 { return 1 - 2/(1+tensor.Exp32(2*x)) }
