// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"fmt"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"time"
)

// OfferSelf offers this device as an issuer until the issuers take it, or until it
// is called with false. Its keys are made where there are none.
func (m *Member) OfferSelf(ctx context.Context, offers bool) error {
	d := m.desk
	if d == nil {
		return ErrNotIssuer
	}
	var err error
	if e := d.do(ctx, func() { err = d.offerSelf(offers) }); e != nil {
		return e
	}
	return err
}

func (d *desk) offerSelf(offers bool) error {
	if d.officeOf != nil {
		return nil // it is one
	}
	if d.council == nil && offers {
		keys, err := issuer.NewKeys(d.m.o.Rand)
		if err != nil {
			return err
		}
		if err := d.SaveKeys(keys); err != nil {
			return fmt.Errorf("keep keys: %w", err)
		}
		if err := d.sit(keys); err != nil {
			return err
		}
	}
	d.standing.Offers, d.offered = offers, time.Time{}
	d.saveStanding()
	if offers {
		d.offer()
	}
	return nil
}

// Serve is the owner's word to what waits for it: yes to all that is there, or
// that this device takes no part until it is called again. It returns what it said
// yes to.
func (m *Member) Serve(ctx context.Context, stop bool) (agreed []string, err error) {
	d := m.desk
	if d == nil {
		return nil, ErrNotIssuer
	}
	err = d.do(ctx, func() {
		if d.standing.Stopped != stop {
			d.standing.Stopped = stop
			d.saveStanding()
		}
		for _, q := range d.questions {
			if !stop && !q.yes {
				q.yes = true
				agreed = append(agreed, q.about)
			}
		}
	})
	return agreed, err
}
