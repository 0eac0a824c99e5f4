// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// MaxPairs bounds the pairs of a device: one with each other member of a full
// neighbourhood. It leaves at least one random tag in every hello.
const MaxPairs = Tags - 1

// PairLife is how many epochs a pair lasts that is not seen, 30 days of an hour each.
const PairLife = 720

// Handle is a device's own name for another that it recognises: replicas and
// reputation are kept under it. It is random, never sent, and the two sides of
// a pair have different ones.
type Handle [16]byte

// pair is one that this device recognises.
type pair struct {
	_      struct{} `cbor:",toarray"`
	Handle Handle
	Secret [32]byte
	Since  uint32   // epoch in which the secret was made
	Seen   uint32   // last epoch in which the other was recognised
	As     [32]byte // U_sig under which it was, in that epoch
}

// Pairs are the pair secrets of a device. They outlive epochs and restarts, and
// are as secret as the identity: whoever has them can recognise both sides in
// every epoch since the pair was made. A device that wants to be unlinkable even
// for its neighbours keeps Pairs too, and never offers or answers: its hello then
// holds random tags, drawn once for the epoch like everybody's.
//
// The caller saves what [Pairs.Encode] returns after every method that takes a
// source of randomness or reports a change, and before what the method returned
// is sent. Pairs are not safe for concurrent use; take them from [NewPairs] or
// [DecodePairs].
type Pairs struct {
	seed  [32]byte // from which halves are derived
	own   ownTags
	pairs []pair
}

// ownTags are the tags of the present epoch. They are drawn once: two hellos of
// one pseudonym that differ in the random ones would show how many are not.
type ownTags struct {
	_      struct{} `cbor:",toarray"`
	Epoch  uint32
	Sender [32]byte // all zeros: no tags were drawn
	Tags   []Tag
}

// NewPairs returns an empty book.
func NewPairs(rand io.Reader) (*Pairs, error) {
	p := &Pairs{}
	if _, err := io.ReadFull(rand, p.seed[:]); err != nil {
		return nil, fmt.Errorf("pseudonym: draw pairs: %w", err)
	}
	return p, nil
}

// Len returns the number of pairs.
func (p *Pairs) Len() int { return len(p.pairs) }

// Known reports whether a handle is still in use.
func (p *Pairs) Known(h Handle) bool {
	return slices.ContainsFunc(p.pairs, func(o pair) bool { return o.Handle == h })
}

// Tags returns the tags of this device's hello in an epoch: one for each pair
// made in an earlier epoch, random ones, sorted. For one epoch and U_sig they
// stay the same, whatever happens to the pairs meanwhile.
func (p *Pairs) Tags(rand io.Reader, epoch uint32, sender [32]byte) ([Tags]Tag, error) {
	if len(p.own.Tags) == Tags && p.own.Epoch == epoch && p.own.Sender == sender {
		return [Tags]Tag(p.own.Tags), nil
	}
	var known []Tag
	for i := range p.pairs {
		if p.pairs[i].Since < epoch {
			known = append(known, pairTag(&p.pairs[i].Secret, epoch, sender))
		}
	}
	tags, err := RandomTags(rand, known)
	if err != nil {
		return tags, err
	}
	p.own = ownTags{Epoch: epoch, Sender: sender, Tags: slices.Clone(tags[:])}
	return tags, nil
}

// Recognition is what [Pairs.Recognise] makes of a hello.
type Recognition struct {
	Handle  Handle   // of the sender, where Known
	Known   bool     // the sender is one with whom a secret is shared
	Dropped []Handle // pairs that are no more: what is kept under them no longer belongs to anybody
}

// Recognise looks for a pair that the sender of a verified hello belongs to.
// Where two senders show the tag of one pair in one epoch, both are new and the
// pair is dropped: one of them has a copy of a secret that should be in one
// place. A sender that shows the tags of several pairs is one device, and the
// oldest pair stays. The same hello may be shown again.
func (p *Pairs) Recognise(tags *[Tags]Tag, sender [32]byte, epoch uint32) Recognition {
	var r Recognition
	best := -1
	for i := range p.pairs {
		switch p.match(i, tags, sender, epoch) {
		case matchOther:
			r.Dropped = append(r.Dropped, p.pairs[i].Handle)
		case matchThis:
			if best >= 0 {
				if older(&p.pairs[i], &p.pairs[best]) {
					best, i = i, best
				}
				r.Dropped = append(r.Dropped, p.pairs[i].Handle)
			} else {
				best = i
			}
		}
	}
	if best >= 0 {
		q := &p.pairs[best]
		if epoch >= q.Seen { // a clock may have gone back
			q.Seen, q.As = epoch, sender
		}
		r.Handle, r.Known = q.Handle, true
	}
	p.drop(r.Dropped)
	return r
}

const (
	matchNone  = iota
	matchThis  // the sender belongs to the pair
	matchOther // it does too, and so did another
)

// match holds a hello against pair i.
func (p *Pairs) match(i int, tags *[Tags]Tag, sender [32]byte, epoch uint32) int {
	q := &p.pairs[i]
	seen := q.Seen == epoch
	if seen && q.As == sender {
		return matchThis
	}
	tag := pairTag(&q.Secret, epoch, sender)
	if _, ok := slices.BinarySearchFunc(tags[:], tag, compareTags); !ok {
		return matchNone
	}
	if seen {
		return matchOther
	}
	return matchThis
}

// older orders pairs alike on both sides: by the epoch in which they were made,
// then by what both know.
func older(a, b *pair) bool {
	if a.Since != b.Since {
		return a.Since < b.Since
	}
	return bytes.Compare(a.Secret[:], b.Secret[:]) < 0
}

func (p *Pairs) drop(handles []Handle) {
	if len(handles) > 0 {
		p.pairs = slices.DeleteFunc(p.pairs, func(q pair) bool { return slices.Contains(handles, q.Handle) })
	}
}

// Prune drops the pairs that were not seen for [PairLife] epochs and returns
// their handles. The epoch must come from a clock that is known to be right.
func (p *Pairs) Prune(epoch uint32) (dropped []Handle) {
	for _, q := range p.pairs {
		if epoch > q.Seen && epoch-q.Seen > PairLife {
			dropped = append(dropped, q.Handle)
		}
	}
	p.drop(dropped)
	return dropped
}

// Forget drops one pair, for a neighbour that the owner does not want.
func (p *Pairs) Forget(h Handle) { p.drop([]Handle{h}) }

// half is what this device gives towards the secret with another. It follows
// from the seed, so that it stays the same for the two pseudonyms however often
// it is sent and whatever is lost between, and nobody else can tell it from
// random bytes.
func (p *Pairs) half(epoch uint32, own, other [32]byte) [32]byte {
	return wire.Key(p.seed[:], wire.LabelPair, wire.U32(epoch), own[:], other[:])
}

// errPairsFull refuses a pair while all others were seen in this epoch.
var errPairsFull = errors.New("pseudonym: all pairs are in use")

// set makes the pair with one that is there in this epoch. A pair of this epoch
// gets a new secret where the other lost its half and came with another; an older
// one keeps its own, for which both have tags in this epoch already.
func (p *Pairs) set(rand io.Reader, epoch uint32, sender, secret [32]byte) (h Handle, dropped []Handle, err error) {
	for i := range p.pairs {
		q := &p.pairs[i]
		if q.Seen == epoch && q.As == sender {
			if q.Secret != secret && q.Since == epoch {
				q.Secret = secret
			}
			return q.Handle, nil, nil
		}
	}
	if len(p.pairs) >= MaxPairs {
		oldest := slices.MinFunc(p.pairs, func(a, b pair) int { return cmp.Compare(a.Seen, b.Seen) })
		if oldest.Seen >= epoch {
			return h, nil, errPairsFull
		}
		dropped = []Handle{oldest.Handle}
	}
	if _, err := io.ReadFull(rand, h[:]); err != nil {
		return h, nil, fmt.Errorf("pseudonym: draw handle: %w", err)
	}
	p.drop(dropped)
	p.pairs = append(p.pairs, pair{Handle: h, Secret: secret, Since: epoch, Seen: epoch, As: sender})
	return h, dropped, nil
}
