// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"testing"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// eachFlip calls f with every bit of b changed in turn, and puts it back. The
// short form, which emulated processors run, changes every 67th: another bit of
// every eighth or ninth byte.
func eachFlip(b []byte, f func(bit int)) {
	step := 1
	if testing.Short() {
		step = 67
	}
	for bit := 0; bit < 8*len(b); bit += step {
		b[bit/8] ^= 1 << (bit % 8)
		f(bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// TestPacketFlips changes every bit of the four packets of an exchange. None is
// accepted, and the untouched packet is afterwards.
func TestPacketFlips(t *testing.T) {
	w := newPlace(t, "flips", 1, 1)
	a := w.asking(t, w.members[0], 100, w.secrets(t))
	var keys *signcrypt.KeyPair
	for round := range 2 {
		request := a.Pending()[0]
		eachFlip(request, func(bit int) {
			if _, err := w.signers[0].Answer(request); err != ErrRefused {
				t.Errorf("round %d: request with bit %d of byte %d changed: %v", round, bit%8, bit/8, err)
			}
		})
		answer := must(w.signers[0].Answer(request))(t)
		eachFlip(answer, func(bit int) {
			if keys, err := a.Handle(answer); err != ErrRefused || keys != nil {
				t.Errorf("round %d: answer with bit %d of byte %d changed: %v", round, bit%8, bit/8, err)
			}
		})
		keys = must(a.Handle(answer))(t)
	}
	if keys == nil {
		t.Fatal("no keys at the end")
	}
}

// TestPlaintextFlips changes every byte of what is inside the packets, or in the
// short form every fifth, and seals it again, as anybody can towards the issuer, and as a cheating issuer can
// towards the member.
func TestPlaintextFlips(t *testing.T) {
	w := newPlace(t, "plaintext", 1, 1)
	s, a := w.signers[0], w.asking(t, w.members[0], 100, w.secrets(t))
	step := 1
	if testing.Short() {
		step = 5
	}
	for round := uint8(0); round < 2; round++ {
		request := must(decodePacket(a.Pending()[0]))(t)
		info := requestInfo(a.rid, round, 1)
		plain := must(OpenWith(s.Keys.HPKE, info, request.Sealed))(t)
		for i := 0; i < len(plain); i += step {
			plain[i] ^= 1 << (i % 8)
			sealed := must(SealTo(w.charter.Issuers[0].HPKE, info, plain))(t)
			msg := wire.MustMarshal(packet{Round: round, RID: a.rid, Index: 1, Sealed: sealed})
			if _, err := s.Answer(msg); err != ErrRefused {
				t.Errorf("round %d: request with byte %d changed inside: %v", round, i, err)
			}
			plain[i] ^= 1 << (i % 8)
		}
		msg := must(s.Answer(a.Pending()[0]))(t)
		answer := must(decodePacket(msg))(t)
		info = answerInfo(a.rid, 1, a.y[1])
		if round == roundA {
			must(a.Handle(msg))(t) // changed commitments are other commitments: the parts will not fit
			continue
		}
		plain = must(OpenWith(a.reply, info, answer.Sealed))(t)
		for i := 0; i < len(plain); i += step {
			plain[i] ^= 1 << (i % 8)
			sealed := must(SealTo(a.ask.Reply, info, plain))(t)
			keys, err := a.Handle(wire.MustMarshal(packet{Round: round, RID: a.rid, Index: 1, Sealed: sealed}))
			var cheat *CheatError
			if keys != nil || err != ErrRefused && !errors.As(err, &cheat) {
				t.Errorf("answer with byte %d changed inside: %v", i, err)
			}
			plain[i] ^= 1 << (i % 8)
		}
		if must(a.Handle(msg))(t) == nil {
			t.Error("no keys at the end")
		}
	}
}

// TestCharterFlips changes every bit of a signed charter.
func TestCharterFlips(t *testing.T) {
	w := newPlace(t, "charter flips", 1, 1)
	b := must(w.keys[0].SignCharter(w.rand, w.charter))(t).Encode()
	eachFlip(b, func(bit int) {
		if _, _, err := DecodeCharter(b); !errors.Is(err, ErrCharter) {
			t.Errorf("charter with bit %d of byte %d changed: %v", bit%8, bit/8, err)
		}
	})
	if _, _, err := DecodeCharter(b); err != nil {
		t.Error(err)
	}
}
