// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/neighbour"
)

type removeArgs struct {
	Who string `json:"who"`
}

// removeInfo is what `vecino peers remove --json` prints: one of the two.
type removeInfo struct {
	Removed string `json:"removed,omitempty"` // a member's name
	At      string `json:"at,omitempty"`      // when the others have another key
	Denied  string `json:"denied,omitempty"`  // a pseudonym
}

// denyPatience is how long the issuers may take to sign a deny list.
const denyPatience = 30 * time.Second

// remove removes a member by its name, or else denies a pseudonym.
func (d *device) remove(ctx context.Context, a removeArgs) (any, error) {
	if slices.Contains(d.members(), a.Who) {
		if a.Who == d.memberName() {
			return nil, control.Errorf(control.Usage, "%s is this device", a.Who).WithHint("vecino peers leave leaves the neighbourhood")
		}
		at, err := d.member.Evict(a.Who)
		if err != nil {
			return nil, asRefused(err)
		}
		return removeInfo{Removed: a.Who, At: at.Format(time.RFC3339)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, denyPatience)
	defer cancel()
	for {
		pid, err := d.member.Deny(a.Who)
		if err != nil {
			return nil, asRefused(err)
		}
		if pid != "" {
			return removeInfo{Denied: pid}, nil
		}
		select {
		case <-ctx.Done():
			return nil, control.Errorf(control.Busy, "the other issuers have not signed yet; try again")
		case <-time.After(time.Second):
		}
	}
}

// memberName is this device's name in the charter, which its configuration may
// have changed since.
func (d *device) memberName() string {
	if m := d.member.Charter().Member(d.member.Identity()); m != nil {
		return m.Name
	}
	return ""
}

func asRefused(err error) error {
	if errors.Is(err, neighbour.ErrNotIssuer) {
		return errNotIssuer
	}
	return err
}
