// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/vecino-edge/vecino/crypto/issuer"
)

// maxGenAhead is how many generations ahead a charter may be, as the door has it.
const maxGenAhead = 16

// draft makes the plan of a change under the present charter.
func (d *desk) draft(change Change) (*issuer.Plan, error) {
	c := d.m.Charter()
	d.standing.meet(d.keys.Public().Ed25519, d.m.o.Identity.Ed25519())
	receivers, err := d.staying(c, change.Without)
	if err != nil {
		return nil, err
	}
	coming, err := d.coming(c, change)
	if err != nil {
		return nil, err
	}
	index := uint8(1)
	for _, y := range coming {
		for c.Issuer(index) != nil {
			index++
		}
		if index > issuer.MaxIssuers {
			return nil, fmt.Errorf("there can be %d issuers", issuer.MaxIssuers)
		}
		receivers = append(receivers, issuer.Receiver{Index: index, Offer: y})
		index++
	}
	n, t := len(receivers), change.Threshold
	if t == 0 {
		if t = int(c.T); t > n || 2*t <= n || change.New {
			t = n/2 + 1
		}
	}
	if t > n || 2*t <= n {
		return nil, fmt.Errorf("%d of %d issuers cannot be: more than half sign, and at most all", t, n)
	}
	gen := max(c.Gen+planAhead, d.bound+1)
	if gen > c.Gen+maxGenAhead {
		gen = c.Gen + planAhead // it is as good as any: too many are bound
	}
	if change.New {
		return issuer.NewPlan(c, gen, uint8(t), nil, receivers), nil
	}
	return issuer.NewPlan(c, gen, uint8(t), d.dealers(c, receivers), receivers), nil
}

// staying returns the present issuers as receivers, without those that go.
func (d *desk) staying(c *issuer.Charter, without []string) (out []issuer.Receiver, err error) {
	for _, who := range without {
		if !slices.ContainsFunc(c.Issuers, func(s issuer.Issuer) bool { return d.is(c, s, who) }) {
			return nil, fmt.Errorf("there is no issuer %q; name it by its index", who)
		}
	}
	for _, s := range c.Issuers {
		if !slices.ContainsFunc(without, func(who string) bool { return d.is(c, s, who) }) {
			out = append(out, issuer.Stays(s))
		}
	}
	return out, nil
}

// is reports whether an issuer is meant by a name or an index.
func (d *desk) is(c *issuer.Charter, s issuer.Issuer, who string) bool {
	return who == strconv.Itoa(int(s.Index)) || who == d.standing.name(c, s.Ed25519)
}

// coming returns the offers of those who are to become issuers.
func (d *desk) coming(c *issuer.Charter, change Change) (out []issuer.Candidacy, err error) {
	offers := d.council.Candidates()
	if change.New && len(change.With) == 0 {
		if len(offers) == 0 {
			return nil, &OfferError{}
		}
		return offers, nil
	}
	for _, name := range change.With {
		i := slices.IndexFunc(offers, func(y issuer.Candidacy) bool {
			m := c.Member(y.Member)
			return m != nil && m.Name == name
		})
		if i < 0 {
			return nil, &OfferError{Name: name}
		}
		out = append(out, offers[i])
	}
	return out, nil
}

// dealers chooses the t issuers that hand the key on: this one, then those that
// stay, have answered of late and have not refused in this ceremony, then the others.
func (d *desk) dealers(c *issuer.Charter, receivers []issuer.Receiver) (out []uint8) {
	self := d.keys.Share.Index
	rank := func(s issuer.Issuer) int {
		switch {
		case s.Index == self:
			return 0
		case !slices.Contains(receivers, issuer.Stays(s)):
			return 3
		case d.last.unhelpful(s.Index), d.ceremony != nil && slices.Contains(d.ceremony.unfit, s.Index):
			return 2
		}
		return 1
	}
	order := slices.Clone(c.Issuers)
	slices.SortStableFunc(order, func(a, b issuer.Issuer) int { return rank(a) - rank(b) })
	for _, s := range order[:c.T] {
		out = append(out, s.Index)
	}
	return out
}
