// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// planAhead is how many generations ahead of the charter shares are dealt, so that
// members who join meanwhile do not upset it.
const planAhead = 4

// ceremonyTries is how often a ceremony begins anew where others have only
// forgotten it, as after a restart.
const ceremonyTries = 5

// Change is what the owner of an issuer wants of the issuers.
type Change struct {
	New       bool     // a new key of all; otherwise the present one is handed on
	Threshold int      // 0: the present one where that is possible, else more than half
	With      []string // members that come; with New and none named, all that offer themselves
	Without   []string // issuers that go, by name or index
}

// ceremony is a change of the issuers on its way.
type ceremony struct {
	change   Change
	plan     *issuer.Plan
	proposal []byte
	dealt    *issuer.Dealt
	tries    int
	unfit    []uint8 // issuers that refused the plan, such as with an old share
	done     chan struct{}
	err      error
}

// OfferError says that a member, or where none is named any member, has not
// offered itself as an issuer.
type OfferError struct {
	Name string
}

func (e *OfferError) Error() string {
	if e.Name == "" {
		return "no member has offered to be an issuer, or has been heard"
	}
	return fmt.Sprintf("%s has not offered to be an issuer, or has not been heard", e.Name)
}

// ErrChanging refuses a change of the issuers while another is on its way.
var ErrChanging = errors.New("the issuers are being changed already")

// ErrStale refuses what an issuer cannot do whose share is an old one.
var ErrStale = errors.New("this device's share of the issuers' key is an old one, as from an old state folder; another issuer has to deal new shares")

// ChangeIssuers has new shares dealt and the charter that names them signed. It
// returns when that is done or cannot be. When ctx ends it gives up, where others
// kept it waiting with an [*issuer.SilentError].
func (m *Member) ChangeIssuers(ctx context.Context, change Change) error {
	d := m.desk
	if d == nil {
		return ErrNotIssuer
	}
	for {
		var c *ceremony
		var err error
		if e := d.do(ctx, func() { c, err = d.beginCeremony(change) }); e != nil {
			return e
		}
		var missing *OfferError
		if errors.As(err, &missing) {
			if sleep(ctx, m.Wait(deskEvery)) == nil {
				continue // it may offer itself yet
			}
			return err
		}
		if err != nil {
			return err
		}
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			return d.abandon(c, ctx.Err())
		}
	}
}

// abandon ends a ceremony that has lasted too long, and says who was waited for.
func (d *desk) abandon(c *ceremony, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := d.do(ctx, func() {
		if d.ceremony != c {
			return
		}
		if d.running != nil && d.running.of == c {
			d.council.Withdraw()
			d.ended()
		}
		if d.ceremony == c {
			d.endCeremony(why)
		}
	})
	if err != nil {
		return why // the device ends
	}
	return c.err
}

func (d *desk) beginCeremony(change Change) (*ceremony, error) {
	switch {
	case d.stale != nil:
		return nil, ErrStale
	case d.officeOf == nil:
		return nil, ErrNotIssuer
	case d.ceremony != nil:
		return nil, ErrChanging
	}
	if _, err := d.draft(change); err != nil {
		return nil, err
	}
	d.ceremony = &ceremony{change: change, done: make(chan struct{})}
	return d.ceremony, nil
}

// nextOfCeremony begins the dealing of the ceremony, or then the signing of its
// charter.
func (d *desk) nextOfCeremony() bool {
	y := d.ceremony
	if y == nil {
		return false
	}
	c := d.m.Charter()
	if y.dealt != nil && y.plan.Gen <= c.Gen {
		y.dealt = nil // too many joined meanwhile
	}
	if y.dealt == nil {
		return d.deal(y)
	}
	next, err := y.dealt.Charter(c)
	if err != nil {
		d.endCeremony(err)
		return false
	}
	d.startOf(y, func() ([][]byte, error) { return d.council.ProposeCharter(next, y.dealt) }, func(r *issuer.Result) {
		d.note(r)
		if r.Err != nil {
			d.retryCeremony(r)
			return
		}
		d.m.adoptCharter(r.Charter, next)
		if mine, _ := d.m.current(); mine.Hash() != r.Charter.Hash() {
			d.retryCeremony(&issuer.Result{Err: errors.New("another charter came before; change the issuers again")})
			return
		}
		if err := d.follow(); err != nil {
			d.endCeremony(err)
			return
		}
		d.show()
		d.endCeremony(nil)
	})
	return true
}

// startOf begins a session of a ceremony.
func (d *desk) startOf(y *ceremony, letters func() ([][]byte, error), end func(*issuer.Result)) {
	d.start(issuer.CouncilLifetime, letters, end)
	if d.running != nil {
		d.running.of = y
	}
}

func (d *desk) deal(y *ceremony) bool {
	plan, err := d.draft(y.change)
	if err != nil {
		d.endCeremony(err)
		return false
	}
	y.plan, y.proposal = plan, wire.MustMarshal(plan)
	d.startOf(y, func() ([][]byte, error) { return d.council.Deal(plan) }, func(r *issuer.Result) {
		d.note(r)
		if r.Err != nil {
			d.retryCeremony(r)
			return
		}
		y.dealt = r.Dealt
	})
	return true
}

// retryCeremony begins a ceremony anew that others have only forgotten, whose
// generation was signed for in an earlier one that did not end, or to which one did
// not fit as a dealer, such as with an old share; others deal then, whatever other
// sessions end meanwhile. It ends it where they refuse, cheat or are silent.
func (d *desk) retryCeremony(r *issuer.Result) {
	y := d.ceremony
	if y == nil {
		return
	}
	for _, f := range r.Refused {
		if f.Reason == issuer.ReasonBound { // one that may never be completed: go beyond it
			d.bound = max(d.bound, y.plan.Gen)
		}
		if f.Reason == issuer.ReasonCharter && y.dealt == nil && !slices.Contains(y.unfit, f.Index) {
			y.unfit = append(y.unfit, f.Index)
		}
	}
	passes := func(f issuer.Refusal) bool {
		return f.Reason == issuer.ReasonBound || f.Reason == issuer.ReasonForgotten || f.Reason == issuer.ReasonLater || f.Reason == issuer.ReasonCharter && y.dealt == nil
	}
	if y.tries++; y.tries < ceremonyTries && len(r.Cheats) == 0 && len(r.Refused) > 0 && !slices.ContainsFunc(r.Refused, func(f issuer.Refusal) bool { return !passes(f) }) {
		y.dealt = nil
		return
	}
	d.endCeremony(r.Err)
}

func (d *desk) endCeremony(err error) {
	y := d.ceremony
	if y == nil {
		return
	}
	d.ceremony, y.err = nil, err
	close(y.done)
	if err != nil {
		d.m.o.Log.Warn("the issuers are not changed", "err", err)
	}
}
