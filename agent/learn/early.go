// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// early keeps what comes under a roster of which this device has not heard yet:
// the others may agree on it, and deal, before a lost announcement is repeated.
// The zero early is empty.
type early struct {
	messages []earlyMessage
	bytes    int
	of       map[signcrypt.PID]int // messages of each
}

type earlyMessage struct {
	typ  uint8
	from signcrypt.PID
	msg  []byte
}

// Bounds of what is kept: the share and the upload of each member, once more.
const (
	maxEarlyOf    = 4
	maxEarlyBytes = 4 << 20
)

// keep keeps a message that was refused, if that may be for its being early, and
// reports whether it did.
func (e *early) keep(m earlyMessage, err error) bool {
	if !errors.Is(err, homomorphic.ErrScope) || e.of[m.from] >= maxEarlyOf || e.bytes+len(m.msg) > maxEarlyBytes {
		return false
	}
	if e.of == nil {
		e.of = map[signcrypt.PID]int{}
	}
	e.of[m.from]++
	e.bytes += len(m.msg)
	e.messages = append(e.messages, m)
	return true
}

// take returns all that is kept, and forgets it.
func (e *early) take() []earlyMessage {
	m := e.messages
	*e = early{}
	return m
}
