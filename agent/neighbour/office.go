// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// Office is what a device does as an issuer, under one set of keys. All of it is
// nil at a device that is none.
type Office struct {
	Keeper     *door.Keeper
	Signer     *issuer.Signer
	Mint       *token.Mint
	Timekeeper *door.Timekeeper
	Notary     door.Notary
}

// Issuing is the disk of a device that is an issuer, or may become one.
type Issuing interface {
	issuer.Ledger
	// Keys returns the issuer's keys, nil where there are none.
	Keys() (*issuer.Keys, error)
	// Open returns the office of keys that hold a share, but for its notary. It is
	// called again when the keys change, with the office before, whose keeper and
	// books go on; nil: this device was no issuer.
	Open(k *issuer.Keys, before *Office) (*Office, error)
}

// office returns what the device does as an issuer.
func (m *Member) office() *Office {
	if m.o.Issuing == nil {
		o := &m.o
		return &Office{Keeper: o.Keeper, Signer: o.Signer, Mint: o.Mint, Timekeeper: o.Timekeeper, Notary: o.Notary}
	}
	return m.held.Load()
}

// hold gives the device an office, or takes it away.
func (m *Member) hold(o *Office) {
	m.held.Store(o)
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	m.clock.door.Self = indexOf(o.Signer)
}

// Keeper returns the keeper of the door where this device is an issuer, else nil.
func (m *Member) Keeper() *door.Keeper { return m.office().Keeper }
