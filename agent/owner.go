// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"github.com/vecino-edge/vecino/crypto/cose"
)

// fileOwner holds the key by which the owner of a device signs: a secret, and none
// of the device's own, so that leaving a neighbourhood does not take it away.
const fileOwner = "owner"

// owner returns the owner's key, fs.ErrNotExist where there is none here.
func (h *home) owner() (*cose.Signer, error) {
	b, err := h.dir.Read(fileOwner, cose.MaxText)
	if err != nil {
		return nil, err
	}
	s, err := cose.DecodeKey(b)
	if err != nil {
		return nil, hint(fmt.Errorf("%s is damaged: %w", h.path(fileOwner), err),
			"put a copy of the file back; where there is none, remove it, and vecino key init makes another key, which nobody trusts yet")
	}
	return s, nil
}

// newOwner returns the owner's key, and makes one unless it is there.
func (h *home) newOwner() (*cose.Signer, error) {
	s, err := h.owner()
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if s, err = cose.NewSigner(rand.Reader); err != nil {
		return nil, err
	}
	return s, h.dir.Write(fileOwner, s.Encode())
}

// owners returns the public keys of those whose signed tasks the device joins.
func (d *device) owners() []ed25519.PublicKey {
	keys := d.cfg.FL.Owners()
	own, err := d.home.owner()
	switch {
	case err == nil:
		keys = append(keys, own.Public())
	case !errors.Is(err, fs.ErrNotExist):
		d.log.Error("this device's owner key is not trusted", "err", err)
	}
	return keys
}
