// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
)

// offsetFile is the name of the last offset of the neighbourhood's time from the
// machine's, such as "-1m50.2s". A device whose clock is wrong by as much at the
// next start need not ask for the time where everybody can see that it asks.
const offsetFile = "clock"

// offsetChange is by how much an offset changes before it is kept anew: the wear
// of a flash counts more than a second does.
const offsetChange = time.Second

// SaveOffset keeps what a device learned of the time when it joined.
func SaveOffset(state KeyStore, offset time.Duration) error {
	return state.Save(offsetFile, []byte(offset.Round(time.Millisecond).String()))
}

// loadOffset returns the offset that was kept, 0 where there is none or it makes
// no sense: the issuers know better.
func loadOffset(state KeyStore) time.Duration {
	b, err := state.Load(offsetFile)
	if err != nil {
		return 0
	}
	d, err := time.ParseDuration(string(b))
	if err != nil || d.Abs() > door.MaxOffset {
		return 0
	}
	return d
}

// keepOffset keeps the offset if it is another.
func (m *Member) keepOffset(offset time.Duration) {
	if d := offset - loadOffset(m.o.State); d.Abs() < offsetChange {
		return
	}
	if err := SaveOffset(m.o.State, offset); err != nil {
		m.o.Log.Warn("the clock's offset is not kept", "err", err)
	}
}
