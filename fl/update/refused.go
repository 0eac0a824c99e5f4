// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Reason says why an update, or a part of one, is refused. It is a word to
// count by.
type Reason string

// The reasons of this package. Whoever uses it has more, such as that an update
// comes late.
const (
	ReasonMalformed Reason = "malformed" // not what update.cddl describes
	ReasonTask      Reason = "task"      // of another task
	ReasonBase      Reason = "base"      // from another initial model
	ReasonSender    Reason = "sender"    // under an id that is not its sender's, as a copy of another's header is
	ReasonShape     Reason = "shape"     // other vectors than the model's
	ReasonSize      Reason = "size"      // not as many bytes as the vectors take
	ReasonShards    Reason = "shards"    // an impossible code, or a shard that does not match its hash
	ReasonHash      Reason = "hash"      // the whole does not match the hash in the header
	ReasonOpen      Reason = "open"      // the header's key does not open it
	ReasonFinite    Reason = "finite"    // a number is NaN or infinite
	ReasonNorm      Reason = "norm"      // too large
	ReasonDuplicate Reason = "duplicate" // came already
)

// Refused is the error for an update that is not taken.
type Refused struct {
	Reason Reason
	Detail string   // what was found
	From   [16]byte // the sender who signed it, zero where that is not known
}

// Error returns reason and detail.
func (r *Refused) Error() string {
	if r.Detail == "" {
		return "update refused: " + string(r.Reason)
	}
	return "update refused: " + string(r.Reason) + ": " + r.Detail
}

func refuse(reason Reason, format string, args ...any) error {
	return &Refused{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// CheckNorm refuses a vector whose Euclidean norm is above the limit.
func CheckNorm(v []float32, limit float64) error {
	if norm := tensor.Norm(v); !(norm <= limit) {
		return refuse(ReasonNorm, "%.4g, at most %.4g", norm, limit)
	}
	return nil
}
