// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// seated is one who takes part in a council: its disk, and what runs on it.
type seated struct {
	keys    []byte // saved
	charter []byte // signed
	bound   map[string][]byte
	saveErr error

	id      *Identity
	council *Council
	approve func(m Matter, proposal []byte) error
	noted   [][]byte
}

func (s *seated) SaveKeys(k *Keys) error {
	if s.saveErr != nil {
		return s.saveErr
	}
	s.keys = k.Save()
	return nil
}

func (s *seated) BindCharter(p Pub, gen uint32, charter []byte) ([]byte, error) {
	if s.saveErr != nil {
		return nil, s.saveErr
	}
	key := fmt.Sprintf("%x %d", p, gen)
	if s.bound[key] == nil {
		s.bound[key] = charter
	}
	return s.bound[key], nil
}

func (s *seated) Approve(m Matter, proposal []byte) error {
	if s.approve != nil {
		if err := s.approve(m, proposal); err != nil {
			return err
		}
	}
	if m == MatterInvite {
		s.noted = append(s.noted, proposal)
	}
	return nil
}

// house is a neighbourhood whose first members are issuers, with a network
// between them that brings messages in order.
type house struct {
	*place
	seats  []*seated // member i has index i+1 wherever it is an issuer
	flying [][]byte
	used   map[Commitment][sha512.Size]byte // what each commitment was used for
	steps  int                              // messages delivered and disks written
	dead   map[int]bool
	kill   func(step int) (who int, yes bool) // restarts a participant after a step
}

// newHouse makes a neighbourhood of t of n issuers and some candidates.
func newHouse(t testing.TB, seed string, threshold, n, candidates int) *house {
	t.Helper()
	w := &place{rand: newStream(seed), now: time.Unix(1_700_000_000+100*epochLen+60, 0)}
	p, shares := deal(t, w.rand, threshold, n)
	w.charter = &Charter{
		Label: wire.LabelCharter, Nbhd: [16]byte([]byte("a neighbourhood!")), Gen: 3, V: 1, P: p, T: uint8(threshold),
		Epoch0: 1_700_000_000, EpochLen: epochLen, Chunk: chunkPayload, ChunksPerMinute: 60, D: 30,
	}
	h := &house{place: w, used: map[Commitment][sha512.Size]byte{}, dead: map[int]bool{}}
	for i := range n + candidates {
		k := must(NewKeys(w.rand))(t)
		if i < n {
			k.Share, k.P = shares[i], p
			w.charter.Issuers = append(w.charter.Issuers, k.Public())
		}
		h.seats = append(h.seats, &seated{id: w.join(t), keys: k.Save(), bound: map[string][]byte{}})
	}
	b := wire.MustMarshal(w.charter)
	signing, parts := signWith(t, w.rand, p, b, shares[:threshold])
	signed := &SignedCharter{Charter: b, Signatures: []Signature{signing.Join(parts)}}
	for i, s := range h.seats {
		s.charter = signed.Encode()
		h.restart(t, i)
	}
	return h
}

// signWith runs both rounds of FROST among shares.
func signWith(t testing.TB, rand interface{ Read([]byte) (int, error) }, p Pub, msg []byte, shares []Share) (*frost.Signing, []*group.Scalar) {
	t.Helper()
	var list []Commitment
	var nonces []*frost.Nonces
	for _, s := range shares {
		n, c, err := frost.Commit(rand, s)
		if err != nil {
			t.Fatal(err)
		}
		list, nonces = append(list, c), append(nonces, n)
	}
	signing := must(frost.NewSigning(p, msg, list))(t)
	var parts []*group.Scalar
	for i, s := range shares {
		parts = append(parts, must(signing.Sign(s, nonces[i]))(t))
	}
	return signing, parts
}

// restart gives a participant a new process with what is on its disk.
func (h *house) restart(t testing.TB, i int) {
	t.Helper()
	s := h.seats[i]
	_, c, err := DecodeCharter(s.charter)
	if err != nil {
		t.Fatal(err)
	}
	s.council = &Council{Ledger: s, Rand: h.rand, Now: func() time.Time { return h.now }, Approve: s.Approve}
	if err := s.council.Load(must(RestoreKeys(s.keys))(t), c); err != nil && !errors.Is(err, ErrShare) {
		t.Fatal(err)
	}
}

func (h *house) send(msgs [][]byte, err error) func(testing.TB) {
	return func(t testing.TB) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		h.flying = append(h.flying, msgs...)
	}
}

// deliver brings one message to where it goes.
func (h *house) deliver(t testing.TB, msg []byte) {
	t.Helper()
	to := int(must(decodeLetter(msg))(t).To) - 1
	if to >= len(h.seats) || h.dead[to] {
		return
	}
	out, err := h.seats[to].council.Handle(msg)
	if err != nil && err != ErrRefused {
		t.Fatal(err)
	}
	h.flying = append(h.flying, out...)
	h.watch(t, to)
	h.step(t)
}

// step counts, and kills whom it is to kill.
func (h *house) step(t testing.TB) {
	t.Helper()
	h.steps++
	if h.kill == nil {
		return
	}
	if who, yes := h.kill(h.steps); yes {
		h.restart(t, who)
	}
}

// watch records what every commitment is used for. One that is used for two
// things gives the share away.
func (h *house) watch(t testing.TB, i int) {
	t.Helper()
	for _, s := range h.seats[i].council.seats {
		a := s.answers[stepCommitments]
		if a.step != stepCommitments+1 {
			continue
		}
		use := wire.Digest(s.proposal, a.asked[:])
		if before, was := h.used[s.commitment]; was && before != use {
			t.Fatalf("issuer %d uses its nonces twice", i+1)
		}
		h.used[s.commitment] = use
	}
}

// tick lets time pass for all.
func (h *house) tick(t testing.TB) {
	t.Helper()
	h.now = h.now.Add(5 * time.Second)
	for i, s := range h.seats {
		if !h.dead[i] {
			h.send(s.council.Tick())(t)
			h.watch(t, i)
		}
	}
}

// settle delivers all messages and lets time pass until a session has ended.
func (h *house) settle(t testing.TB, i int) *Result {
	t.Helper()
	h.watch(t, i)
	for range 200 {
		for len(h.flying) > 0 {
			msg := h.flying[0]
			h.flying = h.flying[1:]
			h.deliver(t, msg)
		}
		c := h.seats[i].council
		if r := c.Result(); r != nil {
			return r
		}
		if c.own == nil {
			return &Result{Err: errKilled}
		}
		h.tick(t)
	}
	t.Fatal("the session does not end")
	return nil
}

// errKilled is the result of a session that its initiator does not remember.
var errKilled = errors.New("the initiator was restarted")

// adopt gives a signed charter to all who are there: to the disk first.
func (h *house) adopt(t testing.TB, s *SignedCharter) {
	t.Helper()
	for i := range h.seats {
		if !h.dead[i] {
			h.adoptAt(t, i, s)
		}
	}
	h.charter = h.seats[0].council.charter
}

func (h *house) adoptAt(t testing.TB, i int, s *SignedCharter) {
	t.Helper()
	signed, c, err := DecodeCharter(s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if _, old, _ := DecodeCharter(h.seats[i].charter); !signed.Follows(c, old) {
		return
	}
	h.seats[i].charter = signed.Encode()
	running := h.seats[i].council
	if h.step(t); h.seats[i].council != running {
		return // a restart takes the charter from the disk
	}
	if _, err := running.Adopt(signed, c); err != nil && !errors.Is(err, ErrShare) {
		t.Fatal(err)
	}
}

// deny proposes a deny list and returns the result.
func (h *house) deny(t testing.TB, i int) *Result {
	t.Helper()
	d := &Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, Epoch: 100, PIDs: [][16]byte{{1}, {2}}}
	h.send(h.seats[i].council.Propose(MatterDeny, d.Encode()))(t)
	return h.settle(t, i)
}

// signs holds that the issuers of the newest charter can sign.
func (h *house) signs(t testing.TB, i int) {
	t.Helper()
	r := h.deny(t, i)
	if r.Err != nil {
		t.Fatalf("the group does not sign: %v", r.Err)
	}
	c := h.seats[i].council.charter
	signed := wire.MustMarshal(SignedDeny{Deny: r.Proposal, Signature: r.Sig})
	if _, err := DecodeDeny(signed, c); err != nil {
		t.Fatal(err)
	}
}
