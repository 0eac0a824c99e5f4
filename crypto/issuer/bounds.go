// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// chunkPayload is the one size of a chunk's payload (crypto/chunk).
const chunkPayload = 4096

// check holds a charter against the bounds of charter.cddl.
func (c *Charter) check() error {
	switch {
	case c.Label != wire.LabelCharter:
		return errors.New("another label")
	case c.Epoch0 > MaxEpoch0:
		return fmt.Errorf("epoch 0 at %d s", c.Epoch0)
	case c.EpochLen < MinEpoch || c.EpochLen > MaxEpoch:
		return fmt.Errorf("epochs of %d s", c.EpochLen)
	case c.Chunk != chunkPayload:
		return fmt.Errorf("chunks of %d bytes", c.Chunk)
	case c.ChunksPerMinute == 0:
		return errors.New("no chunks")
	case 2*uint32(c.D) >= c.EpochLen: // entering late and leaving early must leave time between
		return fmt.Errorf("a spread of %d s at the edges of epochs of %d s", c.D, c.EpochLen)
	}
	if err := c.checkIssuers(); err != nil {
		return err
	}
	return c.checkMembers()
}

// checkIssuers wants t to be more than half of the issuers: with fewer, two sets
// of t that share no issuer could give a member two pseudonyms in one epoch.
func (c *Charter) checkIssuers() error {
	n := len(c.Issuers)
	if n == 0 || n > MaxIssuers {
		return fmt.Errorf("%d issuers", n)
	}
	if int(c.T) > n || 2*int(c.T) <= n {
		return fmt.Errorf("%d of %d issuers", c.T, n)
	}
	keys := map[Pub]bool{}
	for i, s := range c.Issuers {
		if s.Index == 0 || s.Index > MaxIssuers || i > 0 && s.Index <= c.Issuers[i-1].Index {
			return errors.New("issuers out of order")
		}
		// Somebody who is two issuers has two votes.
		for _, key := range []Pub{s.Y, s.POPRF, s.HPKE, s.Ed25519} {
			if keys[key] {
				return fmt.Errorf("issuer %d: a key for the second time", s.Index)
			}
			keys[key] = true
		}
		if group.WeakEd25519(s.Ed25519) || group.WeakX25519(s.HPKE) {
			return fmt.Errorf("issuer %d: a weak key", s.Index)
		}
		for _, point := range []Pub{s.Y, s.POPRF} {
			if _, err := group.DecodePoint(point); err != nil {
				return fmt.Errorf("issuer %d: %w", s.Index, err)
			}
		}
	}
	return nil
}

func (c *Charter) checkMembers() error {
	if n := len(c.Members); n == 0 || n > MaxMembers {
		return fmt.Errorf("%d members", n)
	}
	names, keys := map[string]bool{}, map[Pub]bool{}
	for _, m := range c.Members {
		if !ValidName(m.Name) || names[m.Name] || keys[m.Ed25519] || keys[m.X25519] {
			return fmt.Errorf("member %q", m.Name)
		}
		if group.WeakEd25519(m.Ed25519) || group.WeakX25519(m.X25519) {
			return fmt.Errorf("member %q: a weak key", m.Name)
		}
		names[m.Name], keys[m.Ed25519], keys[m.X25519] = true, true, true
	}
	return nil
}
