// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"slices"
	"testing"
)

// receivers returns the members with the given indices as receivers.
func (h *house) receivers(t testing.TB, indices ...uint8) (out []Receiver) {
	t.Helper()
	for _, i := range indices {
		if s := h.charter.Issuer(i); s != nil {
			out = append(out, Stays(*s))
			continue
		}
		s := h.seats[i-1]
		out = append(out, Receiver{Index: i, Offer: Candidate(s.council.Keys(), s.id, h.charter.Nbhd)})
	}
	return out
}

// deals runs a dealing that issuer i begins, and the charter after it.
func (h *house) deals(t testing.TB, i int, threshold uint8, dealers []uint8, receivers ...uint8) *Charter {
	t.Helper()
	c := h.seats[i].council
	p := NewPlan(c.charter, c.charter.Gen+1, threshold, dealers, h.receivers(t, receivers...))
	h.send(c.Deal(p))(t)
	r := h.settle(t, i)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	next := must(r.Dealt.Charter(c.charter))(t)
	h.send(c.ProposeCharter(next, r.Dealt))(t)
	if r = h.settle(t, i); r.Err != nil {
		t.Fatal(r.Err)
	}
	h.adopt(t, r.Charter)
	return h.charter
}

// key interpolates the secret of the charter's key from the shares on the disks.
func (h *house) key(t testing.TB, c *Charter) Pub {
	t.Helper()
	var shares []Share
	for _, s := range c.Issuers[:c.T] {
		k := must(RestoreKeys(h.seats[s.Index-1].keys))(t)
		shares = append(shares, k.Share)
	}
	signing, parts := signWith(t, newStream("key"), c.P, []byte("key"), shares)
	if !signing.Join(parts).Verify(c.P, []byte("key")) {
		t.Fatal("the shares on the disks do not sign")
	}
	return c.P
}

func indicesOf(c *Charter) (out []uint8) {
	for _, s := range c.Issuers {
		out = append(out, s.Index)
	}
	return out
}

// TestCouncilFounds takes a founder, who is alone, to three issuers and on, and
// signs at each stage.
func TestCouncilFounds(t *testing.T) {
	h := newHouse(t, "founds", 1, 1, 4)
	p := h.charter.P
	h.signs(t, 0)
	for _, stage := range []struct {
		threshold          uint8
		dealers, receivers []uint8
	}{
		{2, []uint8{1}, []uint8{1, 2, 3}},          // from one to three
		{2, []uint8{1, 3}, []uint8{1, 2, 3}},       // refreshed
		{2, []uint8{1, 2}, []uint8{1, 2, 4}},       // 3 lost, 4 in its place
		{3, []uint8{1, 4}, []uint8{1, 2, 3, 4, 5}}, // two more
		{2, []uint8{1, 2, 3}, []uint8{1, 3}},       // dropped
	} {
		c := h.deals(t, 0, stage.threshold, stage.dealers, stage.receivers...)
		if c.P != p || c.T != stage.threshold || !slices.Equal(indicesOf(c), stage.receivers) {
			t.Fatalf("%v: got %d of %v", stage, c.T, indicesOf(c))
		}
		h.key(t, c)
		h.signs(t, 0)
		for i, s := range h.seats {
			k := must(RestoreKeys(s.keys))(t)
			if has := k.Share.Index != 0; has != slices.Contains(stage.receivers, uint8(i+1)) || len(k.Pending) != 0 {
				t.Errorf("%v: issuer %d holds a share: %v, pending: %d", stage, i+1, has, len(k.Pending))
			}
		}
	}
}

// TestCouncilNewKey deals a new key: its charter is signed under both keys.
func TestCouncilNewKey(t *testing.T) {
	h := newHouse(t, "new key", 2, 3, 2)
	old := h.charter
	c := h.deals(t, 1, 2, nil, 2, 4, 5)
	if c.P == old.P || c.Gen != old.Gen+1 {
		t.Fatalf("generation %d has the old key: %v", c.Gen, c.P == old.P)
	}
	signed, _, err := DecodeCharter(h.seats[0].charter)
	if err != nil || len(signed.Signatures) != 2 || !signed.Follows(c, old) {
		t.Fatalf("the charter does not follow the old one: %v", err)
	}
	h.key(t, c)
	h.signs(t, 1)
	if k := h.seats[0].council.Keys(); k.Share.Index != 0 {
		t.Error("one who is left out keeps its share")
	}
	if !bytes.Equal(h.seats[4].charter, h.seats[1].charter) {
		t.Error("there are two charters")
	}
}
