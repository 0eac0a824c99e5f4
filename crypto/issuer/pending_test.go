// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestKeysOfBothForms saves and restores keys with and without what was added
// after the first release.
func TestKeysOfBothForms(t *testing.T) {
	rand := newStream("forms")
	founder, candidate := must(Found(rand))(t), must(NewKeys(rand))(t)
	withPending := founder.hold(Pending{Gen: 9, Share: Share{Index: 4, Secret: group.Reduce([64]byte{4})}, P: Pub{9}})
	later := *founder
	later.Gen = 7
	for name, tc := range map[string]struct {
		k    *Keys
		head byte // of the CBOR array
	}{
		"founder, as ever": {founder, 0x86},
		"candidate":        {candidate, 0x88},
		"pending":          {withPending, 0x88},
		"later share":      {&later, 0x88},
	} {
		b := tc.k.Save()
		if b[0] != tc.head {
			t.Errorf("%s: saved as an array %x", name, b[0])
		}
		back := must(RestoreKeys(b))(t)
		if string(back.Save()) != string(b) || back.Public() != tc.k.Public() || len(back.Pending) != len(tc.k.Pending) || back.Gen != tc.k.Gen {
			t.Errorf("%s: other keys come back", name)
		}
	}
	if (&later).Public().Y == (Pub{}) || candidate.Public().Y != (Pub{}) {
		t.Error("only one without a share has no Y")
	}
}

// TestRestoreKeysRefuses changes saved keys.
func TestRestoreKeysRefuses(t *testing.T) {
	good := savedPending{Index: 2, Pending: []savedShare{{Index: 3}}}
	for name, tc := range map[string]struct {
		change func(s *savedPending)
		want   string
	}{
		"index over 16":           {func(s *savedPending) { s.Index = 17 }, "no issuer 17"},
		"secret no scalar":        {func(s *savedPending) { s.Secret[31] = 0xff }, "canonical"},
		"token key no scalar":     {func(s *savedPending) { s.POPRF[31] = 0xff }, "canonical"},
		"pending index 0":         {func(s *savedPending) { s.Pending[0].Index = 0 }, "no issuer 0"},
		"pending index 17":        {func(s *savedPending) { s.Pending[0].Index = 17 }, "no issuer 17"},
		"pending share no scalar": {func(s *savedPending) { s.Pending[0].Secret[31] = 0xff }, "canonical"},
		"too many pending":        {func(s *savedPending) { s.Pending = make([]savedShare, MaxPending+1) }, "at most 4"},
	} {
		s := good
		s.Pending = append([]savedShare(nil), good.Pending...)
		tc.change(&s)
		if _, err := RestoreKeys(wire.MustMarshal(s)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if _, err := RestoreKeys(wire.MustMarshal(good)); err != nil {
		t.Error(err)
	}
	if _, err := RestoreKeys(wire.MustMarshal(savedKeys{})); err == nil {
		t.Error("the first form has an issuer 0")
	}
}

// TestAdoptShares holds which share an issuer has after a charter.
func TestAdoptShares(t *testing.T) {
	rand := newStream("adopt")
	k := must(Found(rand))(t)
	pending := Pending{Gen: 5, Share: Share{Index: 3, Secret: group.Reduce([64]byte{3})}, P: k.P}
	k = k.hold(pending).hold(Pending{Gen: 7, Share: Share{Index: 3, Secret: group.Reduce([64]byte{8})}, P: k.P})
	entry := func(index uint8, s Share) Issuer {
		e := k.Public()
		e.Index, e.Y = index, group.EncodePoint(s.Public())
		return e
	}
	other := Issuer{Index: 9, Ed25519: Pub{9}}
	for name, tc := range map[string]struct {
		c       Charter
		index   uint8
		pending int
	}{
		"nothing new":         {Charter{Gen: 4, P: k.P, Issuers: []Issuer{k.Public()}}, 1, 2},
		"the pending one":     {Charter{Gen: 5, P: k.P, Issuers: []Issuer{entry(3, pending.Share)}}, 3, 1},
		"of another P":        {Charter{Gen: 5, P: Pub{1}, Issuers: []Issuer{entry(3, pending.Share)}}, 1, 1},
		"another generation":  {Charter{Gen: 6, P: k.P, Issuers: []Issuer{entry(3, pending.Share)}}, 1, 1},
		"left out":            {Charter{Gen: 5, P: k.P, Issuers: []Issuer{other}}, 0, 1},
		"left out, and later": {Charter{Gen: 8, P: k.P, Issuers: []Issuer{other}}, 0, 0},
	} {
		next, changed := k.adopt(&tc.c)
		if next.Share.Index != tc.index || len(next.Pending) != tc.pending || changed != (tc.index != 1 || tc.pending != 2) {
			t.Errorf("%s: share %d, %d pending, changed: %v", name, next.Share.Index, len(next.Pending), changed)
		}
		if tc.index == 3 {
			old := Charter{Gen: 4, P: k.P, Issuers: []Issuer{other}}
			if again, changed := next.adopt(&old); changed || again.Share.Index != 3 {
				t.Error("an earlier charter takes the share away")
			}
		}
	}
	if len(k.Pending) != 2 || k.Share.Index != 1 {
		t.Error("the keys were changed in place")
	}
}
