// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/node"
)

// Acquaintances is the device among those whom it knows again when they have new
// pseudonyms.
type Acquaintances interface {
	// Epoch returns the number of the epoch to which the pseudonyms of Present
	// belong; ok is false while the device has none.
	Epoch() (epoch uint32, ok bool)
	// Steady reports whether nobody enters or leaves for the sake of an epoch's edge
	// between two times; all members find the same.
	Steady(from, to time.Time) bool
	// Recognised returns the lasting name of one who is there, which is never sent,
	// and false where the device does not recognise it.
	Recognised(id signcrypt.PID) (handle [16]byte, ok bool)
}

var _ node.Acquaintances = (*transport)(nil)

func (t *transport) Epoch() (uint32, bool) { return t.o.Member.Epoch() }

func (t *transport) Steady(from, to time.Time) bool { return t.o.Member.Steady(from, to) }

// Recognised returns the handle under which the runner keeps what it has with a
// neighbour. What is sent goes to pseudonyms, and what comes is checked against
// them, all the same.
func (t *transport) Recognised(id node.PeerID) (node.PeerID, bool) {
	handle, ok := t.o.Member.Recognised(signcrypt.PID(id))
	return node.PeerID(handle), ok
}
