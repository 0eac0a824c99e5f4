// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stream is the reproducible randomness of the golden files: block i is
// SHA-512(lv(seed, i as eight big-endian bytes)).
type stream struct {
	seed []byte
	i    uint64
	rest []byte
}

func newStream(seed string) io.Reader { return &stream{seed: []byte(seed)} }

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.rest) == 0 {
			block := wire.Digest(s.seed, binary.BigEndian.AppendUint64(nil, s.i))
			s.rest, s.i = block[:], s.i+1
		}
		c := copy(p[n:], s.rest)
		n, s.rest = n+c, s.rest[c:]
	}
	return len(p), nil
}

var errDisk = errors.New("disk is full")

// memBook is a book without a disk. It fails after writing where dies is set, as
// a process does that is killed before it answers.
type memBook struct {
	bound map[string][32]byte
	syncs int
	err   error
	dies  bool
}

func (b *memBook) Bind(member Pub, v uint32, elements []Element) ([][32]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.bound == nil {
		b.bound = map[string][32]byte{}
	}
	b.syncs++
	var out [][32]byte
	for _, e := range elements {
		key := fmt.Sprintf("%x %d %d", member, e.Epoch, v)
		if _, was := b.bound[key]; !was {
			b.bound[key] = e.Blinded
		}
		out = append(out, b.bound[key])
	}
	if b.dies {
		return nil, errDisk
	}
	return out, nil
}

// place is a neighbourhood with n issuers and some members.
type place struct {
	rand    io.Reader
	epoch   uint32
	charter *Charter
	hpke    []*ecdh.PrivateKey
	books   []*memBook
	mints   []*Mint
	members []ed25519.PrivateKey
}

// newPlace makes a neighbourhood in epoch 100 whose charter wants t of n issuers.
func newPlace(t testing.TB, seed string, threshold, n, members int) *place {
	t.Helper()
	w := &place{rand: newStream(seed), epoch: 100}
	w.charter = &Charter{Nbhd: [16]byte([]byte("a neighbourhood!")), V: 2, T: uint8(threshold)}
	for range n {
		w.addIssuer(t)
	}
	for range members {
		w.members = append(w.members, ed25519.NewKeyFromSeed(w.draw(t)))
		w.charter.Members = append(w.charter.Members, w.member(len(w.members)-1))
	}
	return w
}

func (w *place) draw(t testing.TB) []byte {
	t.Helper()
	b := make([]byte, 32)
	must(io.ReadFull(w.rand, b))(t)
	return b
}

// addIssuer adds an issuer with fresh keys and an empty book.
func (w *place) addIssuer(t testing.TB) {
	t.Helper()
	i := len(w.mints)
	poprf := must(group.RandomScalar(w.rand))(t)
	sign := ed25519.NewKeyFromSeed(w.draw(t))
	w.hpke = append(w.hpke, must(ecdh.X25519().NewPrivateKey(w.draw(t)))(t))
	w.books = append(w.books, &memBook{})
	w.mints = append(w.mints, &Mint{
		Index: uint8(i + 1), POPRF: poprf, Ed25519: sign, Book: w.books[i],
		Open:    func(info, sealed []byte) ([]byte, error) { return openWith(w.hpke[i], info, sealed) },
		Charter: func() *Charter { return w.charter },
		Epoch:   func() (uint32, bool) { return w.epoch, true },
	})
	w.charter.Issuers = append(w.charter.Issuers, Issuer{
		Index: uint8(i + 1), POPRF: group.EncodePoint(group.Base(poprf)),
		HPKE: Pub(w.hpke[i].PublicKey().Bytes()), Ed25519: Pub(sign.Public().(ed25519.PublicKey)),
	})
}

func (w *place) member(i int) Pub { return Pub(w.members[i].Public().(ed25519.PublicKey)) }

// change gives the charter a copy that the test may change, as a new generation.
func (w *place) change(f func(*Charter)) {
	c := *w.charter
	f(&c)
	w.charter = &c
}

func (w *place) ask(t testing.TB, wallet *Wallet, member int, epochs ...uint32) *Asking {
	t.Helper()
	return must(wallet.Ask(w.rand, w.charter, w.members[member], epochs...))(t)
}

// pass has the issuers answer what is pending and returns how many did. Those for
// which silent is true do not answer.
func (w *place) pass(t testing.TB, a *Asking, silent func(index uint8) bool) (answered int) {
	t.Helper()
	for _, msg := range a.Pending() {
		i := must(decodePacket(msg))(t).Index
		if silent != nil && silent(i) {
			continue
		}
		answer, err := w.mints[i-1].Answer(msg)
		if err == ErrRefused {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		round := a.Round()
		if err := a.Handle(answer); err != nil {
			t.Fatal(err)
		}
		answered++
		if a.Round() != round {
			break
		}
	}
	return answered
}

// fetch gets tokens from all issuers.
func (w *place) fetch(t testing.TB, wallet *Wallet, member int, epochs ...uint32) *Asking {
	t.Helper()
	a := w.ask(t, wallet, member, epochs...)
	for a.Round() == 1 && w.pass(t, a, nil) > 0 {
	}
	w.pass(t, a, nil)
	return a
}

// redeemable reports at how many issuers a token's outputs are those that the
// issuers compute.
func (w *place) redeemable(t testing.TB, tok *Token) (n int) {
	t.Helper()
	for i, m := range w.mints {
		y := must(Output(m.POPRF, w.charter.Nbhd, tok.Epoch, tok.V, tok.Serial))(t)
		if got, ok := tok.Y[uint8(i+1)]; ok && got == y {
			n++
		}
	}
	return n
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}

// readJSON decodes a file of testdata.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b := must(os.ReadFile(filepath.Join("testdata", name)))(t)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// writeFile writes a file of testdata where the flag -update is set.
func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if !*update {
		return
	}
	name = filepath.Join("testdata", name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// open returns the body of a request that a member made.
func (w *place) open(t testing.TB, msg []byte) (plain []byte, b body) {
	t.Helper()
	p := must(decodePacket(msg))(t)
	plain = must(openWith(w.hpke[p.Index-1], requestInfo(p.RID, p.Round, p.Index), p.Sealed))(t)
	var r request
	if err := packetDecoder.Unmarshal(plain, &r); err != nil {
		t.Fatal(err)
	}
	if err := packetDecoder.Unmarshal(r.Body, &b); err != nil {
		t.Fatal(err)
	}
	return plain, b
}

// seal makes a request of a body, signed by the given identity, to the issuer
// with the given index.
func (w *place) seal(t testing.TB, id ed25519.PrivateKey, to uint8, b body) []byte {
	t.Helper()
	raw := wire.MustMarshal(b)
	return w.sealPlain(t, to, b.RID, b.Round, wire.MustMarshal(request{Body: raw, Signature: [64]byte(ed25519.Sign(id, raw))}))
}

func (w *place) sealPlain(t testing.TB, to uint8, rid [16]byte, round uint8, plain []byte) []byte {
	t.Helper()
	sealed := must(sealTo(w.charter.Issuers[to-1].HPKE, requestInfo(rid, round, to), plain))(t)
	return wire.MustMarshal(packet{Round: round, RID: rid, Index: to, Sealed: sealed})
}

// answerOf decrypts an answer to a request of a into out.
func answerOf(t testing.TB, a *Asking, msg []byte, out any) {
	t.Helper()
	p := must(decodePacket(msg))(t)
	info := answerInfo(p.RID, p.Round, p.Index, a.pending[p.Index].digest)
	if err := packetDecoder.Unmarshal(must(openWith(a.reply, info, p.Sealed))(t), out); err != nil {
		t.Fatal(err)
	}
}

// inRoundB returns a request that has its grants, and the message to issuer 1.
func (w *place) inRoundB(t testing.TB, wallet *Wallet, member int, epochs ...uint32) (*Asking, []byte) {
	t.Helper()
	a := w.ask(t, wallet, member, epochs...)
	w.pass(t, a, nil)
	if a.Round() != 2 {
		t.Fatal("no grants")
	}
	return a, a.Pending()[0]
}
