// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestVerify(t *testing.T) {
	aad := [][]byte{[]byte("device"), {1}}
	payload := []byte("open the window at noon")
	msg := must(owner.Sign1(someLabel, payload, aad...))(t)
	only := func(s *Signer) []ed25519.PublicKey { return []ed25519.PublicKey{s.Public()} }
	for _, tt := range []struct {
		name  string
		keys  []ed25519.PublicKey
		label wire.Label
		aad   [][]byte
		want  error
	}{
		{"as signed", both, someLabel, aad, nil},
		{"one key", only(owner), someLabel, aad, nil},
		{"the key twice", append(only(owner), both...), someLabel, aad, nil},
		{"no keys", nil, someLabel, aad, ErrKey},
		{"another key", only(stranger), someLabel, aad, ErrKey},
		{"another label", both, wire.LabelCharter, aad, ErrSignature},
		{"label cut", both, someLabel[:len(someLabel)-1], aad, ErrSignature},
		{"no external data", both, someLabel, nil, ErrSignature},
		{"less of it", both, someLabel, aad[:1], ErrSignature},
		{"more of it", both, someLabel, append(aad[:2:2], nil), ErrSignature},
		{"in another order", both, someLabel, [][]byte{aad[1], aad[0]}, ErrSignature},
		{"joined", both, someLabel, [][]byte{bytes.Join(aad, nil)}, ErrSignature},
		{"moved into the label", both, someLabel + "device", aad[1:], ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, key, err := verify(msg, tt.keys, tt.label, tt.aad...)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if tt.want != nil && (got != nil || key != nil) {
				t.Errorf("refused, but returns %q and %x", got, key)
			}
			if tt.want == nil && (!bytes.Equal(got, payload) || !key.Equal(owner.Public())) {
				t.Errorf("got %q by %x", got, key)
			}
		})
	}
}

// TestKeyID holds that a message names its key before it is verified.
func TestKeyID(t *testing.T) {
	m := must(Parse(must(owner.Sign1(someLabel, nil))(t), 1))(t)
	if m.KeyID() != IDOf(owner.Public()) || m.KeyID() == IDOf(stranger.Public()) {
		t.Errorf("key %v", m.KeyID())
	}
	if got := m.KeyID().String(); got != hex.EncodeToString(m.id[:]) {
		t.Errorf("it prints as %q", got)
	}
}

// forged returns a message of the given parts, in hex, that the owner signed as
// they are: what is refused of it is refused for its form alone. An empty
// signature is the right one.
func forged(t testing.TB, before, protected, unprotected, payload, signature string) []byte {
	t.Helper()
	if signature == "" {
		var raw, content []byte
		if wire.Unmarshal(unhex(t, protected), &raw) == nil && wire.Unmarshal(unhex(t, payload), &content) == nil {
			signed := sigStructure(raw, external(someLabel, nil), content)
			signature = hex.EncodeToString(wire.MustMarshal(ed25519.Sign(owner.key(), signed)))
		} else {
			signature = "5840" + strings.Repeat("00", 64)
		}
	}
	return unhex(t, before+protected+unprotected+payload+signature)
}

func TestRefused(t *testing.T) {
	id := IDOf(owner.Public()).String()
	header := func(s string) string {
		return hex.EncodeToString(wire.MustMarshal(unhex(t, s)))
	}
	var (
		good    = header("a2 01 27 04 50" + id)
		content = "43 616263"
		short   = "583f" + strings.Repeat("00", 63)
		long    = "5841" + strings.Repeat("00", 65)
	)
	for _, tt := range []struct {
		name string
		msg  []byte
		want error
	}{
		{"as it is", forged(t, "d284", good, "a0", content, ""), nil},
		{"no payload but an empty one", forged(t, "d284", good, "a0", "40", ""), nil},

		{"nothing", nil, ErrTag},
		{"the tag alone", unhex(t, "d2"), wire.ErrMalformed},
		{"no tag", forged(t, "84", good, "a0", content, ""), ErrTag},
		{"tag 98, COSE_Sign", forged(t, "d86284", good, "a0", content, ""), ErrTag},
		{"tag 17, COSE_Mac0", forged(t, "d184", good, "a0", content, ""), ErrTag},
		{"tag 18 in two bytes", forged(t, "d81284", good, "a0", content, ""), ErrTag},
		{"tag 18 twice", forged(t, "d2d284", good, "a0", content, ""), wire.ErrNotCanonical},
		{"self-described", forged(t, "d9d9f7d284", good, "a0", content, ""), ErrTag},

		{"no header", forged(t, "d284", "40", "a0", content, ""), ErrHeader},
		{"empty header", forged(t, "d284", header("a0"), "a0", content, ""), ErrHeader},
		{"header not wrapped", forged(t, "d284", "a2012704 50"+id, "a0", content, ""), wire.ErrMalformed},
		{"header null", forged(t, "d284", "f6", "a0", content, ""), wire.ErrNotCanonical},
		{"no algorithm", forged(t, "d284", header("a1 04 50"+id), "a0", content, ""), ErrHeader},
		{"algorithm in the other header", forged(t, "d284", header("a1 04 50"+id), "a1 01 27", content, ""), wire.ErrMalformed},
		{"no key", forged(t, "d284", header("a1 01 27"), "a0", content, ""), ErrHeader},
		{"key in the other header", forged(t, "d284", header("a1 01 27"), "a1 04 50"+id, content, ""), wire.ErrMalformed},
		{"key in both headers", forged(t, "d284", good, "a1 04 50"+id, content, ""), wire.ErrMalformed},
		{"algorithm ES256", forged(t, "d284", header("a2 01 26 04 50"+id), "a0", content, ""), ErrHeader},
		{"algorithm Ed25519 of RFC 9864", forged(t, "d284", header("a2 01 32 04 50"+id), "a0", content, ""), ErrHeader},
		{"algorithm 8", forged(t, "d284", header("a2 01 08 04 50"+id), "a0", content, ""), ErrHeader},
		{"algorithm by name", forged(t, "d284", header("a2 01 65 4564445341 04 50"+id), "a0", content, ""), ErrHeader},
		{"algorithm null", forged(t, "d284", header("a2 01 f6 04 50"+id), "a0", content, ""), ErrHeader},
		{"key of 15 bytes", forged(t, "d284", header("a2 01 27 04 4f"+id[2:]), "a0", content, ""), ErrHeader},
		{"key of 17 bytes", forged(t, "d284", header("a2 01 27 04 51 00"+id), "a0", content, ""), ErrHeader},
		{"key as text", forged(t, "d284", header("a2 01 27 04 70"+strings.Repeat("61", 16)), "a0", content, ""), ErrHeader},
		{"content type", forged(t, "d284", header("a3 01 27 03 00 04 50"+id), "a0", content, ""), ErrHeader},
		{"critical header", forged(t, "d284", header("a4 01 27 02 81 18 64 04 50"+id+"18 64 00"), "a0", content, ""), ErrHeader},
		{"header that is not critical", forged(t, "d284", header("a3 01 27 04 50"+id+"18 64 00"), "a0", content, ""), ErrHeader},
		{"header by name", forged(t, "d284", header("a3 01 27 04 50"+id+"63 616c67 27"), "a0", content, ""), ErrHeader},
		{"unprotected header", forged(t, "d284", good, "a1 18 64 00", content, ""), wire.ErrMalformed},
		{"unprotected array", forged(t, "d284", good, "80", content, ""), wire.ErrMalformed},
		{"unprotected null", forged(t, "d284", good, "f6", content, ""), wire.ErrNotCanonical},

		{"headers in another order", forged(t, "d284", header("a2 04 50"+id+"01 27"), "a0", content, ""), wire.ErrNotCanonical},
		{"header twice", forged(t, "d284", header("a3 01 27 01 27 04 50"+id), "a0", content, ""), ErrHeader},
		{"header with a long head", forged(t, "d284", header("b8 02 01 27 04 50"+id), "a0", content, ""), wire.ErrNotCanonical},
		{"header with a long key", forged(t, "d284", header("a2 1801 27 04 50"+id), "a0", content, ""), wire.ErrNotCanonical},
		{"header of indefinite length", forged(t, "d284", header("bf 01 27 04 50"+id+"ff"), "a0", content, ""), wire.ErrNotCanonical},
		{"header with bytes behind", forged(t, "d284", header("a2 01 27 04 50"+id+"00"), "a0", content, ""), wire.ErrMalformed},
		{"wrapped with a long head", forged(t, "d284", "5815"+good[2:], "a0", content, ""), wire.ErrNotCanonical},
		{"array with a long head", forged(t, "d29804", good, "a0", content, ""), wire.ErrNotCanonical},
		{"array of indefinite length", append(forged(t, "d29f", good, "a0", content, ""), 0xff), wire.ErrNotCanonical},
		{"payload with a long head", forged(t, "d284", good, "a0", "5803616263", ""), wire.ErrNotCanonical},
		{"payload in pieces", forged(t, "d284", good, "a0", "5f43616263ff", ""), wire.ErrNotCanonical},
		{"unprotected with a long head", forged(t, "d284", good, "b800", content, ""), wire.ErrNotCanonical},

		{"payload detached", forged(t, "d284", good, "a0", "f6", ""), wire.ErrNotCanonical},
		{"payload as text", forged(t, "d284", good, "a0", "63616263", ""), wire.ErrMalformed},
		{"payload as array", forged(t, "d284", good, "a0", "83616263", ""), wire.ErrMalformed},
		{"signature cut", forged(t, "d284", good, "a0", content, short), wire.ErrNotCanonical},
		{"signature long", forged(t, "d284", good, "a0", content, long), wire.ErrNotCanonical},
		{"signature empty", forged(t, "d284", good, "a0", content, "40"), wire.ErrNotCanonical},
		{"signature null", forged(t, "d284", good, "a0", content, "f6"), wire.ErrNotCanonical},
		{"three elements", forged(t, "d283", good, "a0", content, " "), wire.ErrMalformed},
		{"five elements", forged(t, "d285", good, "a0", content, "40 40"), wire.ErrMalformed},
		{"bytes behind", append(forged(t, "d284", good, "a0", content, ""), 0), wire.ErrMalformed},
		{"payload of 2^40", unhex(t, "d284"+good+"a0 5b0000010000000000"), wire.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := verify(tt.msg, both, someLabel)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestFlips changes each bit of a message, and cuts it everywhere.
func TestFlips(t *testing.T) {
	msg := must(owner.Sign1(someLabel, []byte("payload"), []byte("device")))(t)
	if _, _, err := verify(msg, both, someLabel, []byte("device")); err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		for bit := range 8 {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << bit
			if p, _, err := verify(bad, both, someLabel, []byte("device")); err == nil {
				t.Errorf("byte %d, bit %d: %q is accepted", i, bit, p)
			}
		}
		if _, _, err := verify(msg[:i], both, someLabel, []byte("device")); err == nil {
			t.Errorf("%d bytes of %d are accepted", i, len(msg))
		}
	}
}

// TestMalleable adds the group's order to the scalar of a signature, which a
// careless verifier takes for a second signature of the same message.
func TestMalleable(t *testing.T) {
	msg := must(owner.Sign1(someLabel, nil))(t)
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	s, carry := msg[len(msg)-32:], 0
	for i := range s {
		sum := int(s[i]) + int(order[i]) + carry
		s[i], carry = byte(sum), sum>>8
	}
	if _, _, err := verify(msg, both, someLabel); !errors.Is(err, ErrSignature) {
		t.Errorf("error %v", err)
	}
}

// TestWeakKey verifies a message that anybody can make: under a key of small
// order the point 1 and the scalar 0 sign what they like. Package ed25519 takes it.
func TestWeakKey(t *testing.T) {
	weak := ed25519.PublicKey(unhex(t, "0100000000000000000000000000000000000000000000000000000000000000"))
	protected := wire.MustMarshal(header{Algorithm: algEdDSA, KeyID: IDOf(weak)})
	m := sign1{Protected: protected, Payload: []byte("let me in"), Signature: [64]byte{1}}
	if !ed25519.Verify(weak, sigStructure(protected, external(someLabel, nil), m.Payload), m.Signature[:]) {
		t.Fatal("the forgery is none")
	}
	b := append([]byte{tagSign1}, wire.MustMarshal(m)...)
	if _, _, err := verify(b, append(both, weak), someLabel); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "weak") {
		t.Errorf("error %v", err)
	}
	if _, _, err := verify(must(owner.Sign1(someLabel, nil))(t), append([]ed25519.PublicKey{weak}, both...), someLabel); err != nil {
		t.Errorf("a weak key beside keeps a good one from its work: %v", err)
	}
}

func TestLimits(t *testing.T) {
	const most = 300
	for _, tt := range []struct {
		name   string
		length int
		most   int
		want   error
	}{
		{"empty", 0, 1, nil},
		{"at the limit", most, most, nil},
		{"over the limit", most + 1, most, wire.ErrLimit},
		{"far over the limit", 2 * most, most, wire.ErrLimit},
		{"at the small limit", 1, 1, nil},
		{"over the small limit", 2, 1, wire.ErrLimit},
		{"at the largest", MaxPayload, MaxPayload, nil},
		{"the largest for a small limit", MaxPayload, most, wire.ErrLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := must(owner.Sign1(someLabel, make([]byte, tt.length)))(t)
			if got := len(msg) - tt.length; got > Overhead {
				t.Errorf("%d bytes around the payload, at most %d", got, Overhead)
			}
			if _, err := Parse(msg, tt.most); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := Parse(make([]byte, most+Overhead+1), most); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("error %v for what is too long to look at", err)
	}
	if b, err := owner.Sign1(someLabel, make([]byte, MaxPayload+1)); !errors.Is(err, wire.ErrLimit) || b != nil {
		t.Errorf("a payload over the limit is signed: error %v", err)
	}
}

func TestPanics(t *testing.T) {
	msg := must(owner.Sign1(someLabel, nil))(t)
	m := must(Parse(msg, 1))(t)
	for name, f := range map[string]func(){
		"no limit":             func() { Parse(msg, 0) },
		"a limit too large":    func() { Parse(msg, MaxPayload+1) },
		"signing no use":       func() { owner.Sign1("", nil) },
		"verifying no use":     func() { m.Verify(both, "") },
		"a short key":          func() { m.Verify([]ed25519.PublicKey{{1}}, someLabel) },
		"the text of no key":   func() { EncodePublic(nil) },
		"the zero signer":      func() { new(Signer).Sign1(someLabel, nil) },
		"text of a long key":   func() { EncodePublic(make([]byte, 33)) },
		"encoding no signer":   func() { new(Signer).Encode() },
		"publishing no signer": func() { new(Signer).Public() },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkSign1(b *testing.B) {
	payload := make([]byte, 1000)
	for b.Loop() {
		must(owner.Sign1(someLabel, payload))(b)
	}
}

func BenchmarkVerify(b *testing.B) {
	msg := must(owner.Sign1(someLabel, make([]byte, 1000)))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := verify(msg, both, someLabel); err != nil {
			b.Fatal(err)
		}
	}
}
