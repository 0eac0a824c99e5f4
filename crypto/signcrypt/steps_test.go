// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// steps is testdata/steps.json: envelopes of fixed randomness with each value
// on the way to them and all keys, so that another implementation that differs
// sees where. crypto/testdata/check.py is one.
type steps struct {
	Comment string       `json:"comment"`
	X       string       `json:"issuers_secret_key"`
	P       string       `json:"issuers_public_key"`
	Nbhd    string       `json:"neighbourhood"`
	Epoch   uint32       `json:"epoch"`
	Sender  goldenKeys   `json:"sender"`
	To      []goldenKeys `json:"receivers"`
	Cases   []step       `json:"envelopes"`
}

type step struct {
	Receivers   int        `json:"receivers"` // the first so many
	Round       uint32     `json:"round"`
	Type        uint8      `json:"type"`
	Message     string     `json:"message"`
	T           string     `json:"t"`
	E           string     `json:"E"`
	CEK         string     `json:"CEK"`
	Com         string     `json:"com"`
	Context     string     `json:"ctx"`
	Slots       []slotStep `json:"slots_of_receivers"` // in their order
	Filled      []string   `json:"random_slots"`       // tag, wrap
	Encoded     string     `json:"slots_encoded"`
	Transcript  string     `json:"th"`
	Hedge       string     `json:"hedge"`
	K1          string     `json:"k1"`
	K2          string     `json:"k2"`
	T1          string     `json:"T1"`
	T2          string     `json:"T2"`
	Signature   string     `json:"signature"`
	Inner       string     `json:"inner"`
	PaddedBytes int        `json:"padded_bytes"`
	AAD         string     `json:"aad"`
	BodyKey     string     `json:"body_key"`
	Envelope    string     `json:"envelope"`
}

type slotStep struct {
	TD   string `json:"tD"`
	TU   string `json:"tU"`
	Tag  string `json:"tag"`
	KEK  string `json:"kek"`
	Wrap string `json:"wrap"`
}

// tape keeps what was read of a source of randomness, one element a read.
type tape struct {
	from io.Reader
	read [][]byte
}

func (r *tape) Read(p []byte) (int, error) {
	n, err := io.ReadFull(r.from, p)
	r.read = append(r.read, bytes.Clone(p[:n]))
	return n, err
}

func text(b []byte) string { return hex.EncodeToString(b) }

func textOf(s *group.Scalar) string { return text(s.Bytes()) }

// retrace derives each value of an envelope from what its sealer drew.
func retrace(t *testing.T, d *device, to []*Peer, env []byte, drawn [][]byte) (out step) {
	t.Helper()
	p, ok := Peek(env)
	if !ok {
		t.Fatal("the envelope has no right form")
	}
	h, scope, key := p.env.header(), d.world.scope, d.keys.Sig
	secret, cek, hedge := group.Reduce([64]byte(drawn[0])), drawn[1], [32]byte(drawn[len(drawn)-1])
	ctx := scope.context(h.Com)
	in, ok := openBody(cek, h, p.env.Body)
	if !ok {
		t.Fatal("the body does not open")
	}
	th := transcript(ctx, h, in)
	k1, k2 := key.nonce(1, hedge, th), key.nonce(2, hedge, th)
	inner := wire.MustMarshal(in)
	out = step{
		Receivers: len(to), Round: in.Round, Type: in.Type, Message: text(in.Msg),
		T: textOf(secret), E: text(group.Base(secret).Bytes()), CEK: text(cek), Com: text(h.Com[:]), Context: text(ctx),
		Encoded: text(wire.MustMarshal(h.Slots)), Transcript: text(th), Hedge: text(hedge[:]),
		K1: textOf(k1), K2: textOf(k2), T1: text(group.Base(k1).Bytes()), T2: text(group.Base(k2).Bytes()),
		Signature: text(in.Sig[:]), Inner: text(inner), PaddedBytes: padme(len(inner)),
		AAD: text(wire.MustMarshal(h)), BodyKey: text(bodyKey(cek)), Envelope: text(env),
	}
	for _, r := range to {
		z1, z2 := group.Mul(secret, r.kemD), group.Mul(secret, r.kemU)
		tag, kek := slotKey(z1, z2, h.E, r.Kem, ctx)
		out.Slots = append(out.Slots, slotStep{
			TD: text(z1.Bytes()), TU: text(z2.Bytes()), Tag: text(tag[:]), KEK: text(kek[:]), Wrap: text(aeadSeal(kek[:], cek, nil)),
		})
	}
	for _, filled := range drawn[2 : len(drawn)-1] {
		out.Filled = append(out.Filled, text(filled))
	}
	return out
}

// TestSteps seals with fixed randomness and compares each value on the way.
func TestSteps(t *testing.T) {
	w := newWorld(t, "vecino golden steps 1")
	sender := w.device(t)
	devices, peers := crowd(t, w, MaxReceivers)
	got := steps{
		Comment: "CLSC-R255 (crypto/PROTOCOL.md, Signcryption) step by step. Byte strings are hex; scalars are little-endian. slots_of_receivers are in the receivers' order, in the envelope they are sorted with random_slots.",
		X:       textOf(w.x), P: text(w.scope.P[:]), Nbhd: text(w.scope.Nbhd[:]), Epoch: w.scope.Epoch, Sender: hexKeys(sender),
	}
	for _, d := range devices {
		got.To = append(got.To, hexKeys(d))
	}
	for _, c := range []struct {
		n   int
		msg []byte
	}{{1, []byte("hello, neighbour")}, {3, nil}, {8, bytes.Repeat([]byte("vecino "), 100)}, {32, make([]byte, 64)}} {
		rand := &tape{from: w.rand}
		sender.rand = rand
		env := sender.seal(t, peers[:c.n], 3, uint8(10+c.n), c.msg)
		got.Cases = append(got.Cases, retrace(t, sender, peers[:c.n], env, rand.read))
		for i, d := range devices {
			if m, err := d.opener().Open(env); (err == nil) != (i < c.n) || err == nil && !bytes.Equal(m.Msg, c.msg) {
				t.Errorf("receiver %d of %d opens to %v, %v", i, c.n, m, err)
			}
		}
	}
	const file = "testdata/steps.json"
	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want steps
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("steps differ (-want +got):\n%s", d)
	}
}
