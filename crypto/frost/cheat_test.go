// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"errors"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
)

// cheats are the ways in which a dealer can break the rules of round one. Each
// changes the deal of dealer 2, who still knows its polynomial.
var cheats = map[string]func(d *Dealing, p *Polynomial, deal *Deal, others []Deal){
	"wrong proof":      func(_ *Dealing, _ *Polynomial, deal *Deal, _ []Deal) { deal.Proof[5] ^= 1 },
	"response too big": func(_ *Dealing, _ *Polynomial, deal *Deal, _ []Deal) { deal.Proof[63] = 0xff },
	"another's deal":   func(_ *Dealing, _ *Polynomial, deal *Deal, others []Deal) { *deal = others[0]; deal.Dealer = 2 },
	"proof of another session": func(d *Dealing, p *Polynomial, deal *Deal, _ []Deal) {
		other := *d
		other.Session[0] ^= 1
		deal.Proof = other.prove(deal, p.coefficients[0], group.Reduce([64]byte{9}))
	},
	"another's constant term": func(_ *Dealing, _ *Polynomial, deal *Deal, others []Deal) {
		deal.Commitments[0] = others[0].Commitments[0]
	},
	"its negative, to cancel": func(_ *Dealing, _ *Polynomial, deal *Deal, others []Deal) {
		p, _ := group.DecodePoint(others[0].Commitments[0])
		deal.Commitments[0] = group.EncodePoint(group.Mul(group.Neg(one()), p))
	},
	"a coefficient too few": func(d *Dealing, p *Polynomial, deal *Deal, _ []Deal) {
		deal.Commitments = deal.Commitments[:len(deal.Commitments)-1]
		deal.Proof = d.prove(deal, p.coefficients[0], group.Reduce([64]byte{9}))
	},
	"a coefficient too many": func(d *Dealing, p *Polynomial, deal *Deal, _ []Deal) {
		deal.Commitments = append(deal.Commitments, deal.Commitments[0])
		deal.Proof = d.prove(deal, p.coefficients[0], group.Reduce([64]byte{9}))
	},
	"identity for a coefficient": func(d *Dealing, p *Polynomial, deal *Deal, _ []Deal) {
		deal.Commitments[1] = [32]byte{}
		deal.Proof = d.prove(deal, p.coefficients[0], group.Reduce([64]byte{9}))
	},
	"no point": func(d *Dealing, p *Polynomial, deal *Deal, _ []Deal) {
		deal.Commitments[1][31] |= 0x80
		deal.Proof = d.prove(deal, p.coefficients[0], group.Reduce([64]byte{9}))
	},
}

// dealt runs round one of all dealers.
func dealt(t testing.TB, d *Dealing, old map[uint8]Share) (polys []*Polynomial, deals []Deal) {
	t.Helper()
	rand := newStream("dealt")
	for _, i := range d.Dealers {
		share := Share{Index: i}
		if old != nil {
			share = old[i]
		}
		p, one, err := d.Deal(rand, share)
		if err != nil {
			t.Fatal(err)
		}
		polys, deals = append(polys, p), append(deals, *one)
	}
	return polys, deals
}

func named(t testing.TB, err error, want uint8) {
	t.Helper()
	var who *DealError
	if !errors.As(err, &who) || who.Dealer != want {
		t.Errorf("error %v, want one that names dealer %d", err, want)
	}
}

// TestCheatInRoundOne has dealer 2 break each rule, of a new key and of one that
// is handed on.
func TestCheatInRoundOne(t *testing.T) {
	all := indices(3)
	fresh := &Dealing{T: 2, Dealers: all, Receivers: all}
	old := run(t, newStream("old"), fresh, nil)
	on := &Dealing{Session: [32]byte{7}, T: 2, Dealers: []uint8{2, 3}, Receivers: all, Old: old.public}
	for name, cheat := range cheats {
		for i, d := range []*Dealing{fresh, on} {
			polys, deals := dealt(t, d, old.shares)
			at := slices.Index(d.Dealers, 2)
			others := slices.Delete(slices.Clone(deals), at, at+1)
			cheat(d, polys[at], &deals[at], others)
			_, err := d.Public(deals)
			named(t, err, 2)
			if t.Failed() {
				t.Fatalf("%s, dealing %d", name, i)
			}
		}
	}
	t.Run("constant term of its own", func(t *testing.T) {
		_, deals := dealt(t, on, old.shares)
		_, own := dealt(t, &Dealing{Session: on.Session, T: 2, Dealers: all, Receivers: all}, nil)
		deals[0] = own[1]
		_, err := on.Public(deals)
		named(t, err, 2)
	})
	t.Run("constant term of the old share itself", func(t *testing.T) {
		polys, deals := dealt(t, on, old.shares)
		polys[0].coefficients[0] = old.shares[2].Secret
		deals[0].Commitments[0] = group.EncodePoint(old.shares[2].Public())
		deals[0].Proof = on.prove(&deals[0], old.shares[2].Secret, group.Reduce([64]byte{3}))
		_, err := on.Public(deals)
		named(t, err, 2)
	})
}

// TestCheatInRoundTwo sends a wrong share to one receiver after another.
func TestCheatInRoundTwo(t *testing.T) {
	all := indices(4)
	d := &Dealing{T: 3, Dealers: all, Receivers: all}
	polys, deals := dealt(t, d, nil)
	for bad := range all {
		for _, j := range all {
			for name, wrong := range map[string]*group.Scalar{
				"for another": polys[bad].At(j%4 + 1),
				"another's":   polys[(bad+1)%4].At(j),
				"zero":        group.Reduce([64]byte{}),
			} {
				var values []*group.Scalar
				for _, p := range polys {
					values = append(values, p.At(j))
				}
				values[bad] = wrong
				_, _, err := d.Receive(j, deals, values)
				named(t, err, all[bad])
				if t.Failed() {
					t.Fatalf("a share %s to %d", name, j)
				}
			}
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	all := indices(3)
	d := &Dealing{T: 2, Dealers: all, Receivers: all}
	polys, deals := dealt(t, d, nil)
	var values []*group.Scalar
	for _, p := range polys {
		values = append(values, p.At(1))
	}
	swapped := slices.Clone(deals)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	for name, tc := range map[string]struct {
		index  uint8
		deals  []Deal
		values []*group.Scalar
	}{
		"a stranger":      {4, deals, values},
		"a deal too few":  {1, deals[:2], values[:2]},
		"a value too few": {1, deals, values[:2]},
		"deals exchanged": {1, swapped, values},
		"one deal twice":  {1, []Deal{deals[0], deals[0], deals[2]}, values},
		"no deals at all": {1, nil, nil},
	} {
		if _, _, err := d.Receive(tc.index, tc.deals, tc.values); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := d.Receive(1, deals, values); err != nil {
		t.Error(err)
	}
}
