// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"crypto/subtle"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Offer returns the message by which a device of pseudonym own asks another for
// an edge, and gives its half of the secret. Places, 1 to [MaxPairs], is how many
// free edges it has; the caller keeps one of them for the answer. The offer of an
// epoch is the same each time but for the places, and may be repeated.
func (p *Pairs) Offer(epoch uint32, own, other [32]byte, places int) []byte {
	return wire.MustMarshal(pairMessage{Kind: pairOffer, Places: clampPlaces(places), Half: p.half(epoch, own, other)})
}

// Exchange is what came of a pair message.
type Exchange struct {
	Answer   []byte   // to be sent to the same device; nil where nothing is to be said
	Handle   Handle   // of the other, where Paired
	Paired   bool     // a secret is shared with the other from now on
	Declined bool     // the other had no free place
	Places   int      // free edges of the other
	Dropped  []Handle // pairs that made room
}

// Handle takes a pair message, signcrypted by other, at the device of pseudonym
// own in the same epoch; places is how many edges it has free. An offer is
// accepted while a place is free, or where the two are paired in this epoch
// already, so that repeated and crossing offers end with one secret. What does
// not decode, or answers what was not said, fails with [ErrPair].
func (p *Pairs) Handle(rand io.Reader, epoch uint32, own, other [32]byte, msg []byte, places int) (Exchange, error) {
	var m pairMessage
	if err := pairDecoder.Unmarshal(msg, &m); err != nil || !m.wellFormed() || own == other {
		return Exchange{}, ErrPair
	}
	half := p.half(epoch, own, other)
	if m.Kind != pairOffer && subtle.ConstantTimeCompare(m.Echo[:], half[:]) != 1 {
		return Exchange{}, ErrPair // an answer by one that never had our offer
	}
	e := Exchange{Places: int(m.Places)}
	switch {
	case m.Kind == pairDecline:
		e.Declined = true
		return e, nil
	case m.Kind == pairOffer && places <= 0 && !p.here(epoch, other):
		e.Answer = decline(&m)
		return e, nil
	}
	var err error
	e.Handle, e.Dropped, err = p.set(rand, epoch, other, pairSecret(half, m.Half))
	if err == errPairsFull {
		if m.Kind == pairOffer {
			e.Answer = decline(&m)
		}
		return e, nil
	}
	if err != nil {
		return Exchange{}, err
	}
	e.Paired = true
	if m.Kind == pairOffer {
		e.Answer = wire.MustMarshal(pairMessage{Kind: pairAccept, Places: clampPlaces(places), Half: half, Echo: m.Half})
	}
	return e, nil
}

func decline(m *pairMessage) []byte {
	return wire.MustMarshal(pairMessage{Kind: pairDecline, Echo: m.Half})
}

// here reports whether a pair of this epoch belongs to a pseudonym.
func (p *Pairs) here(epoch uint32, other [32]byte) bool {
	for i := range p.pairs {
		if p.pairs[i].Seen == epoch && p.pairs[i].As == other {
			return true
		}
	}
	return false
}

func clampPlaces(n int) uint8 { return uint8(min(max(n, 0), MaxPairs)) }
