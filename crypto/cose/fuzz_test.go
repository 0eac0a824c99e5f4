// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// FuzzParse parses any bytes. What is accepted has one encoding, the one that was
// sent, and what verifies is a message that the owner signed, of which there is one.
func FuzzParse(f *testing.F) {
	signed := must(owner.Sign1(someLabel, []byte("open")))(f)
	f.Add(signed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b, 1<<10)
		if (m == nil) != (err != nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if err != nil {
			return
		}
		again := append([]byte{tagSign1}, wire.MustMarshal(sign1{Protected: m.protected, Payload: m.payload, Signature: m.signature})...)
		if !bytes.Equal(again, b) || !bytes.Equal(m.protected, wire.MustMarshal(header{algEdDSA, m.id})) {
			t.Fatalf("%x is accepted and encodes to %x", b, again)
		}
		payload, key, err := m.Verify(both[1:], someLabel) // the owner alone
		if (err == nil) != bytes.Equal(b, signed) || (payload == nil) != (err != nil) || (key == nil) != (err != nil) {
			t.Fatalf("%q by %x, error %v", payload, key, err)
		}
		if err != nil && !errors.Is(err, ErrKey) && !errors.Is(err, ErrSignature) {
			t.Fatal(err)
		}
	})
}

// FuzzText reads any text as a key of each kind. What is accepted comes back as
// itself, but for white space and case.
func FuzzText(f *testing.F) {
	f.Add(string(owner.Encode()))
	f.Add(EncodePublic(owner.Public()))
	f.Fuzz(func(t *testing.T, text string) {
		s, errSecret := DecodeKey([]byte(text))
		p, errPublic := DecodePublic(text)
		if (s == nil) != (errSecret != nil) || (p == nil) != (errPublic != nil) || s != nil && p != nil {
			t.Fatalf("got %v, %v and %x, %v", s, errSecret, p, errPublic)
		}
		folded := ""
		for _, r := range text {
			if r = plain(r); r >= 0 {
				folded += string(r)
			}
		}
		if s != nil && string(s.Encode()) != folded+"\n" || p != nil && EncodePublic(p) != folded {
			t.Fatalf("%q is accepted and comes back as another text", text)
		}
	})
}
