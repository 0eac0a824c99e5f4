// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"slices"

	"github.com/vecino-edge/vecino/crypto/issuer"
)

// MaxDenied bounds the pseudonyms denied in an epoch: twice as many as it can have
// members. Lists are kept for the present epoch and those beside it.
const MaxDenied = 2 * issuer.MaxMembers

// Denials are the pseudonyms that the issuers' deny lists name, each until its
// epoch ends. Lists add up, in whatever order they come and how often. The zero
// Denials deny nobody; they are not safe for concurrent use.
type Denials struct {
	epochs []deniedEpoch // at most 3
}

type deniedEpoch struct {
	epoch uint32
	pids  [][16]byte
}

// Add takes a deny list that was verified (message type 15). Now is the present
// epoch: lists of epochs before the last or after the next are left aside, as
// are pseudonyms over the bound. It reports whether all are denied now.
func (d *Denials) Add(epoch uint32, pids [][16]byte, now uint32) bool {
	if !beside(epoch, now) {
		return false
	}
	d.epochs = slices.DeleteFunc(d.epochs, func(e deniedEpoch) bool { return !beside(e.epoch, now) })
	i := slices.IndexFunc(d.epochs, func(e deniedEpoch) bool { return e.epoch == epoch })
	if i < 0 {
		d.epochs = append(d.epochs, deniedEpoch{epoch: epoch})
		i = len(d.epochs) - 1
	}
	e := &d.epochs[i]
	for _, pid := range pids {
		if slices.Contains(e.pids, pid) {
			continue
		}
		if len(e.pids) >= MaxDenied {
			return false
		}
		e.pids = append(e.pids, pid)
	}
	return true
}

// Denied reports whether a pseudonym of an epoch is refused.
func (d *Denials) Denied(epoch uint32, pid [16]byte) bool {
	for _, e := range d.epochs {
		if e.epoch == epoch {
			return slices.Contains(e.pids, pid)
		}
	}
	return false
}

// beside reports whether two epochs are the same or neighbours.
func beside(a, b uint32) bool {
	distance := int64(a) - int64(b)
	return -1 <= distance && distance <= 1
}
