// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// What the bytes of a fuzz target are: a packet as it comes from the network, or
// the plaintext of one, which the target seals as it should be, so that the
// decoders behind the encryption are reached.
const (
	wholePacket = 0
	insideA     = 1
	insideB     = 2
)

func FuzzDecodeCharter(f *testing.F) {
	w := newPlace(f, "vecino golden charter 1", 1, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, c, err := DecodeCharter(b)
		if (s == nil) != (err != nil) || (c == nil) != (err != nil) || err != nil && !errors.Is(err, ErrCharter) {
			t.Fatalf("got %v, %v, %v", s, c, err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(s.Encode(), b) || c.check() != nil || !s.Signatures[0].Verify(c.P, s.Charter) {
			t.Fatal("a charter that does not hold is decoded")
		}
		s.Follows(c, w.charter)
	})
}

func FuzzAnswer(f *testing.F) {
	w, a, _ := goldenRequest(f)
	w.restart(0)
	s := w.signers[0]
	must(s.Answer(a.Pending()[0]))(f) // a session, for what comes in round two
	f.Fuzz(func(t *testing.T, b []byte, what uint8) {
		if what == insideA || what == insideB {
			sealed := must(SealTo(w.charter.Issuers[0].HPKE, requestInfo(a.rid, what-insideA, 1), b))(t)
			b = wire.MustMarshal(packet{Round: what - insideA, RID: a.rid, Index: 1, Sealed: sealed})
		}
		answer, err := s.Answer(b)
		if (answer == nil) != (err != nil) || err != nil && err != ErrRefused {
			t.Fatalf("got %x, %v", answer, err)
		}
		if len(s.sessions) > 1 || len(w.books[0].bound) != 1 {
			t.Fatalf("%d sessions, %d keys in the book", len(s.sessions), len(w.books[0].bound))
		}
	})
}

func FuzzHandle(f *testing.F) {
	request := func(t testing.TB, what uint8) *Asking {
		w, a, _ := goldenRequest(t)
		if what == insideB {
			must(a.Handle(must(w.signers[0].Answer(a.Pending()[0]))(t)))(t)
		}
		return a
	}
	waiting := map[uint8]*Asking{}
	f.Fuzz(func(t *testing.T, b []byte, what uint8) {
		what %= 3
		a := waiting[what]
		if a == nil {
			a = request(t, what)
			waiting[what] = a
		}
		if what != wholePacket {
			sealed := must(SealTo(a.ask.Reply, answerInfo(a.rid, 1, a.y[1]), b))(t)
			b = wire.MustMarshal(packet{Round: what - insideA, RID: a.rid, Index: 1, Sealed: sealed})
		}
		keys, err := a.Handle(b)
		var cheat *CheatError
		if keys != nil && err != nil || err != nil && err != ErrRefused && !errors.As(err, &cheat) {
			t.Fatalf("got %v, %v", keys, err)
		}
		if err == nil {
			delete(waiting, what) // it went on: the next input finds a fresh request
		}
		if keys != nil && keys.Sig.U != a.sig.U {
			t.Fatal("keys of somebody else")
		}
	})
}

// TestSeeds writes the seeds of the fuzz targets where the flag -update is set.
func TestSeeds(t *testing.T) {
	c := newPlace(t, "vecino golden charter 1", 1, 1)
	charter := c.signAnyway(t, c.charter)
	twice := &SignedCharter{Charter: charter.Charter, Signatures: []Signature{charter.Signatures[0], charter.Signatures[0]}}
	short := copyOf(c.charter)
	short.EpochLen = 1
	for name, b := range map[string][]byte{
		"golden": charter.Encode(), "twice": twice.Encode(), "bounds": c.signAnyway(t, short).Encode(),
		"empty": {}, "claims_2_40": {0x82, 0x5b, 0, 0, 1, 0, 0, 0, 0, 0}, "null": {0x82, 0xf6, 0x80},
	} {
		writeSeed(t, "FuzzDecodeCharter", name, b)
	}

	w, a, _ := goldenRequest(t)
	s, y := w.signers[0], a.y[1]
	requestA := a.Pending()[0]
	answerA := must(s.Answer(requestA))(t)
	must(a.Handle(answerA))(t)
	requestB := a.Pending()[0]
	answerB := must(s.Answer(requestB))(t)
	sess := s.sessions[0]
	l := lists{Sig: []Commitment{sess.first.Sig}, Kem: []Commitment{sess.first.Kem}}
	long := lists{Sig: slices.Repeat(l.Sig, 17), Kem: l.Kem}
	wrong := *sess.parts
	wrong.Sig[0] ^= 1
	identity := sess.first
	identity.Sig.Hiding = [32]byte{}
	for name, seed := range map[string]seed{
		"packet_a": {wholePacket, requestA}, "packet_b": {wholePacket, requestB}, "packet_cut": {wholePacket, requestA[:40]},
		"request_a": {insideA, a.ask.request(y)}, "request_no_mac": {insideA, a.ask},
		"request_b": {insideB, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(y, l)}},
		"no_lists":  {insideB, signers{MAC: mac(y, lists{})}}, "long_lists": {insideB, signers{Sig: long.Sig, Kem: long.Kem, MAC: mac(y, long)}},
	} {
		writeSeed(t, "FuzzAnswer", name, seed.bytes(), seed.what)
	}
	for name, seed := range map[string]seed{
		"packet_a": {wholePacket, answerA}, "packet_b": {wholePacket, answerB}, "packet_cut": {wholePacket, answerA[:40]},
		"commitments": {insideA, sess.first}, "identity": {insideA, identity}, "parts_early": {insideA, *sess.parts},
		"parts": {insideB, *sess.parts}, "wrong_part": {insideB, wrong}, "commitments_late": {insideB, sess.first},
	} {
		writeSeed(t, "FuzzHandle", name, seed.bytes(), seed.what)
	}
}

// seed is an input of FuzzAnswer or FuzzHandle: a packet, or a plaintext that is
// yet to be encoded.
type seed struct {
	what  uint8
	plain any
}

func (s seed) bytes() []byte {
	if b, ok := s.plain.([]byte); ok {
		return b
	}
	return wire.MustMarshal(s.plain)
}
