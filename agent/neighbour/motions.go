// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxMotions bounds what waits to be signed, and motionKept is for how long a
// signature is kept that nobody has fetched.
const (
	maxMotions = 8
	motionKept = 15 * time.Minute
)

// states of a motion.
const (
	waiting = iota
	underWay
	over
)

// motion is something that the keeper or the owner wants signed by the issuers.
type motion struct {
	matter   issuer.Matter
	proposal []byte
	charter  *issuer.Charter // of issuer.MatterCharter
	state    int
	since    time.Time
	signed   *issuer.SignedCharter
	sig      *issuer.Signature
	err      error
}

// Sign has the issuers sign a charter, as [door.Council] says.
func (d *desk) Sign(c *issuer.Charter, _ []byte) (*issuer.SignedCharter, error) {
	b := wire.MustMarshal(c)
	d.mu.Lock()
	if bytes.Equal(d.signed.Charter, b) {
		defer d.mu.Unlock()
		return d.signed, nil
	}
	d.mu.Unlock()
	m, err := d.move(issuer.MatterCharter, b, c)
	if m == nil {
		return nil, err
	}
	return m.signed, nil
}

// Attest has the issuers sign a rekey or a deny list, as [door.Notary] says.
func (d *desk) Attest(statement []byte) (*issuer.Signature, error) {
	matter := issuer.MatterDeny
	if bytes.HasPrefix(statement[min(1, len(statement)):], wire.MustMarshal(wire.LabelRekey)) {
		matter = issuer.MatterRekey
	}
	m, err := d.move(matter, statement, nil)
	if m == nil {
		return nil, err
	}
	return m.sig, nil
}

// move finds or makes a motion. It returns the motion once it is signed, an error
// once where it will not be, and neither while the issuers are at it.
func (d *desk) move(matter issuer.Matter, proposal []byte, c *issuer.Charter) (*motion, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.motions, func(m *motion) bool { return m.matter == matter && bytes.Equal(m.proposal, proposal) })
	if i < 0 {
		if len(d.motions) < maxMotions {
			d.motions = append(d.motions, &motion{matter: matter, proposal: proposal, charter: c, since: time.Now()})
			d.rouse()
		}
		return nil, nil
	}
	switch m := d.motions[i]; {
	case m.state != over:
		return nil, nil
	case m.err != nil:
		d.motions = slices.Delete(d.motions, i, i+1)
		return nil, m.err
	default:
		return m, nil
	}
}

// nextMotion begins to have the oldest motion signed that waits.
func (d *desk) nextMotion() bool {
	d.mu.Lock()
	d.motions = slices.DeleteFunc(d.motions, func(m *motion) bool { return m.state == over && time.Since(m.since) > motionKept })
	i := slices.IndexFunc(d.motions, func(m *motion) bool { return m.state == waiting })
	var next *motion
	if i >= 0 {
		next = d.motions[i]
		next.state = underWay
	}
	d.mu.Unlock()
	if next == nil {
		return false
	}
	d.start(issuer.CouncilLifetime, func() ([][]byte, error) {
		if next.charter != nil {
			return d.council.ProposeCharter(next.charter, nil)
		}
		return d.council.Propose(next.matter, next.proposal)
	}, func(r *issuer.Result) { d.carried(next, r) })
	return true
}

// carried notes how a motion has ended, and has the keeper go on.
func (d *desk) carried(m *motion, r *issuer.Result) {
	d.note(r)
	d.mu.Lock()
	m.state, m.since, m.err = over, time.Now(), r.Err
	if r.Err == nil {
		m.signed, m.sig = r.Charter, &r.Sig
	}
	d.mu.Unlock()
	if r.Err != nil {
		d.m.o.Log.Warn("the issuers have not signed", "err", r.Err)
	}
	d.m.wakeEnact()
	keeper := d.m.Keeper()
	if keeper == nil || m.matter != issuer.MatterCharter {
		return
	}
	signed, err := keeper.Settle()
	if err != nil {
		d.m.o.Log.Warn("nobody is let in by this charter; another is proposed", "err", err)
	}
	if signed != nil {
		d.m.keeperCharter(keeper)
		d.show()
	}
}

// own reports whether this device wants something signed itself.
func (d *desk) own(matter issuer.Matter, proposal []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.motions, func(m *motion) bool {
		return m.state != over && m.matter == matter && bytes.Equal(m.proposal, proposal)
	})
}

// dropMotions ends what waits to be signed.
func (d *desk) dropMotions(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.motions {
		if m.state != over {
			m.state, m.since, m.err = over, time.Now(), why
		}
	}
}

// told is what the other issuers know of an invite.
type told struct {
	guest []byte
	by    map[uint8]bool
	next  time.Time // zero: it was not told yet
}

// tell has an invite registered that is new or has changed, or, where again is
// set, one that not all have registered. It reports whether there was one.
func (d *desk) tell(again bool) bool {
	guests := d.m.Keeper().Guests()
	maps.DeleteFunc(d.told, func(j [16]byte, _ *told) bool {
		return !slices.ContainsFunc(guests, func(g door.Guest) bool { return g.J == j })
	})
	for _, g := range guests {
		t, b := d.told[g.J], g.Encode()
		if t == nil || !bytes.Equal(t.guest, b) {
			t = &told{guest: b, by: map[uint8]bool{}}
			d.told[g.J] = t
		}
		late := again && !d.known(t) && time.Now().After(t.next)
		if !t.next.IsZero() && !late {
			continue
		}
		t.next = time.Now().Add(d.m.Wait(tellAgain))
		d.start(d.m.Wait(tellWait), func() ([][]byte, error) { return d.council.Register(b) }, func(r *issuer.Result) {
			for _, i := range r.Noted {
				t.by[i] = true
			}
			if r.Err != nil && !onlySilence(r.Err) {
				d.m.o.Log.Warn("an invite is not told to the other issuers", "err", r.Err)
			}
		})
		return true
	}
	return false
}

// known reports whether all issuers have registered an invite.
func (d *desk) known(t *told) bool {
	return !slices.ContainsFunc(d.m.Charter().Issuers, func(s issuer.Issuer) bool { return !t.by[s.Index] })
}

func onlySilence(err error) bool {
	var silent *issuer.SilentError
	return errors.As(err, &silent)
}
