// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

// acquaintance is a device as its pairs see it: in each epoch another U_sig.
type acquaintance struct {
	id   byte
	rand io.Reader
	*Pairs
}

func newAcquaintance(t testing.TB, id byte) *acquaintance {
	t.Helper()
	rand := newStream("acquaintance " + string(rune('a'+id)))
	return &acquaintance{id: id, rand: rand, Pairs: must(NewPairs(rand))(t)}
}

func (a *acquaintance) as(epoch uint32) [32]byte {
	return [32]byte{'U', a.id, byte(epoch), byte(epoch >> 8), byte(epoch >> 16), byte(epoch >> 24)}
}

// restart keeps what is on the disk.
func (a *acquaintance) restart(t interface{ Fatal(...any) }) {
	p, err := DecodePairs(a.Encode())
	if err != nil {
		t.Fatal(err)
	}
	a.Pairs = p
}

func (a *acquaintance) hello(t testing.TB, epoch uint32) *[Tags]Tag {
	t.Helper()
	tags := must(a.Tags(a.rand, epoch, a.as(epoch)))(t)
	return &tags
}

func (a *acquaintance) sees(t testing.TB, b *acquaintance, epoch uint32) Recognition {
	t.Helper()
	return a.Recognise(b.hello(t, epoch), b.as(epoch), epoch)
}

// meet pairs two devices in an epoch.
func meet(t testing.TB, a, b *acquaintance, epoch uint32) (atA, atB Exchange) {
	t.Helper()
	offer := a.Offer(epoch, a.as(epoch), b.as(epoch), 3)
	atB = must(b.Handle(b.rand, epoch, b.as(epoch), a.as(epoch), offer, 1))(t)
	atA = must(a.Handle(a.rand, epoch, a.as(epoch), b.as(epoch), atB.Answer, 2))(t)
	if !atA.Paired || !atB.Paired || atB.Places != 3 || atA.Places != 1 || atA.Answer != nil {
		t.Fatalf("an offer that is accepted ends with %+v and %+v", atA, atB)
	}
	return atA, atB
}

// TestRecognise has two devices meet once, restart between, and know each other
// under the same handles in every epoch after; a third knows neither.
func TestRecognise(t *testing.T) {
	a, b, c := newAcquaintance(t, 0), newAcquaintance(t, 1), newAcquaintance(t, 2)
	if r := a.sees(t, b, 5); r.Known {
		t.Fatal("a stranger is recognised")
	}
	atA, atB := meet(t, a, b, 5)
	if atA.Handle == atB.Handle {
		t.Error("both sides have one handle, by which others could link them")
	}
	for _, epoch := range []uint32{5, 5, 6, 7, 7, 100} {
		a.restart(t)
		b.restart(t)
		if r := a.sees(t, b, epoch); !r.Known || r.Handle != atA.Handle || r.Dropped != nil {
			t.Errorf("epoch %d: a sees %+v", epoch, r)
		}
		if r := b.sees(t, a, epoch); !r.Known || r.Handle != atB.Handle {
			t.Errorf("epoch %d: b sees %+v", epoch, r)
		}
		if r := c.sees(t, a, epoch); r.Known {
			t.Errorf("epoch %d: a third recognises %+v", epoch, r)
		}
	}
	if r := a.sees(t, b, 99); !r.Known { // a clock that went back
		t.Error("an earlier epoch is not recognised")
	}
	if r := a.sees(t, b, 100); !r.Known || r.Dropped != nil {
		t.Errorf("after a clock that went back: %+v", r)
	}
}

// TestTagsTellNothing holds that the tags of an epoch stay as they are, whatever
// happens to the pairs, and that those of two epochs share nothing.
func TestTagsTellNothing(t *testing.T) {
	a, b, c := newAcquaintance(t, 0), newAcquaintance(t, 1), newAcquaintance(t, 2)
	atA, _ := meet(t, a, b, 1)
	before := *a.hello(t, 2)
	meet(t, a, c, 2)
	a.Forget(atA.Handle)
	a.restart(t)
	if after := *a.hello(t, 2); after != before {
		t.Error("a pair that comes or goes shows in the hello")
	}
	next := *a.hello(t, 3)
	for _, tag := range next {
		if slices.Contains(before[:], tag) {
			t.Errorf("tag %x comes in two epochs", tag)
		}
	}
	if _, err := a.Tags(bytes.NewReader(nil), 4, a.as(4)); err == nil {
		t.Error("a source that ends gives tags")
	}
	if again := *a.hello(t, 3); again != next {
		t.Error("a failed draw changes the tags")
	}
}

// TestStolenTags shows the tags of one device in the hello of another: they mean
// nothing there.
func TestStolenTags(t *testing.T) {
	a, b, c := newAcquaintance(t, 0), newAcquaintance(t, 1), newAcquaintance(t, 2)
	meet(t, a, b, 1)
	if r := a.Recognise(b.hello(t, 2), c.as(2), 2); r.Known {
		t.Error("copied tags are recognised")
	}
	if r := a.Recognise(a.hello(t, 2), b.as(2), 2); r.Known {
		t.Error("a device's own tags are recognised as another's")
	}
	if r := a.sees(t, b, 2); !r.Known || r.Dropped != nil {
		t.Errorf("afterwards: %+v", r)
	}
}

// TestTwoWithOneSecret has a copy of a device come beside it: both are new.
func TestTwoWithOneSecret(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	atA, _ := meet(t, a, b, 1)
	thief := newAcquaintance(t, 7)
	thief.Pairs = must(DecodePairs(b.Encode()))(t)
	if r := a.sees(t, b, 2); !r.Known {
		t.Fatal("the first hello is not recognised")
	}
	a.restart(t)
	if r := a.sees(t, thief, 2); r.Known || !slices.Equal(r.Dropped, []Handle{atA.Handle}) || a.Known(atA.Handle) {
		t.Errorf("the second hello: %+v", r)
	}
	for _, epoch := range []uint32{2, 3} {
		if a.sees(t, b, epoch).Known || a.sees(t, thief, epoch).Known {
			t.Errorf("epoch %d: a dropped pair is recognised", epoch)
		}
	}
}

// TestMetTwice has one device meet another that does not recognise it, twice:
// the older pair stays on both sides.
func TestMetTwice(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	firstA, firstB := meet(t, a, b, 1)
	secondA, secondB := meet(t, a, b, 2) // without hellos between
	if firstA.Handle == secondA.Handle || a.Len() != 2 {
		t.Fatal("a stranger got the handle of another")
	}
	a.hello(t, 3) // both say hello before they hear one
	if r := a.sees(t, b, 3); r.Handle != firstA.Handle || !slices.Equal(r.Dropped, []Handle{secondA.Handle}) {
		t.Errorf("a sees %+v", r)
	}
	if r := b.sees(t, a, 3); r.Handle != firstB.Handle || !slices.Equal(r.Dropped, []Handle{secondB.Handle}) {
		t.Errorf("b sees %+v", r)
	}
}

// TestPairsAreBounded meets more devices than there is place for.
func TestPairsAreBounded(t *testing.T) {
	a := newAcquaintance(t, 0)
	var first Exchange
	for n := range byte(MaxPairs) {
		atA, _ := meet(t, a, newAcquaintance(t, n+1), 1)
		if n == 0 {
			first = atA
		}
	}
	if size := len(a.Encode()); size > MaxSavedPairs {
		t.Errorf("full pairs have %d bytes", size)
	}
	tags := *a.hello(t, 2)
	late := newAcquaintance(t, 100)
	offer := func(epoch uint32) (Exchange, error) {
		return a.Handle(a.rand, epoch, a.as(epoch), late.as(epoch), late.Offer(epoch, late.as(epoch), a.as(epoch), 1), 1)
	}
	if e := must(offer(1))(t); e.Paired || e.Answer == nil {
		t.Errorf("while all are there: %+v", e)
	}
	for i := range a.pairs {
		if a.pairs[i].Handle != first.Handle {
			a.pairs[i].Seen = 2 // all but one are recognised
		}
	}
	if e := must(offer(2))(t); !e.Paired || !slices.Equal(e.Dropped, []Handle{first.Handle}) || a.Len() != MaxPairs {
		t.Errorf("the one that was away makes no room: %+v", e)
	}
	if *a.hello(t, 2) != tags {
		t.Error("tags changed")
	}
}

func TestPrune(t *testing.T) {
	a, b, c := newAcquaintance(t, 0), newAcquaintance(t, 1), newAcquaintance(t, 2)
	ab, _ := meet(t, a, b, 10)
	ac, _ := meet(t, a, c, 10)
	a.sees(t, c, 20)
	for _, tc := range []struct {
		epoch uint32
		want  []Handle
	}{{0, nil}, {10 + PairLife, nil}, {11 + PairLife, []Handle{ab.Handle}}, {20 + PairLife, nil}, {0xffffffff, []Handle{ac.Handle}}} {
		if got := a.Prune(tc.epoch); !slices.Equal(got, tc.want) {
			t.Errorf("epoch %d: %x, want %x", tc.epoch, got, tc.want)
		}
	}
}
