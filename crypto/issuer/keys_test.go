// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestFound(t *testing.T) {
	k := must(Found(newStream("found")))(t)
	if k.Share.Index != 1 || group.EncodePoint(k.Share.Public()) != k.P {
		t.Error("the founder's share is not the whole key")
	}
	pub := k.Public()
	if pub.Index != 1 || pub.Y != k.P || pub.POPRF == pub.Y || pub.HPKE == pub.Ed25519 {
		t.Errorf("entry %+v", pub)
	}
	for n := range 192 {
		if _, err := Found(bytes.NewReader(bytes.Repeat([]byte{7}, n))); err == nil {
			t.Fatalf("%d random bytes are enough", n)
		}
	}
}

func TestSavedKeys(t *testing.T) {
	k := must(Found(newStream("saved")))(t)
	saved := k.Save()
	back := must(RestoreKeys(saved))(t)
	if !bytes.Equal(back.Save(), saved) || back.Public() != k.Public() || back.P != k.P {
		t.Error("keys change on the way")
	}
	id := must(NewIdentity(newStream("identity")))(t)
	same := must(RestoreIdentity(id.Save()))(t)
	if same.Ed25519() != id.Ed25519() || same.X25519() != id.X25519() || same.Ed25519() == same.X25519() {
		t.Error("an identity changes on the way")
	}
	var s savedKeys
	if err := wire.Unmarshal(saved, &s); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*savedKeys)) []byte {
		c := s
		change(&c)
		return wire.MustMarshal(c)
	}
	for name, b := range map[string][]byte{
		"empty":             nil,
		"cut":               saved[:len(saved)-1],
		"an identity":       id.Save(),
		"index 0":           with(func(s *savedKeys) { s.Index = 0 }),
		"index 17":          with(func(s *savedKeys) { s.Index = 17 }),
		"share no scalar":   with(func(s *savedKeys) { s.Secret[31] = 0xff }),
		"token key no such": with(func(s *savedKeys) { s.POPRF[31] = 0xff }),
	} {
		if _, err := RestoreKeys(b); err == nil || !strings.Contains(err.Error(), "restore keys") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := RestoreIdentity(saved); err == nil {
		t.Error("an issuer's keys are taken for an identity")
	}
}

func TestSignCharterRefuses(t *testing.T) {
	w, several := newPlace(t, "one", 1, 1), newPlace(t, "several", 2, 3)
	other := copyOf(w.charter)
	other.P = several.charter.P
	if _, err := w.keys[0].SignCharter(w.rand, other); err == nil || !strings.Contains(err.Error(), "another public key") {
		t.Errorf("a charter of another P: %v", err)
	}
	if _, err := several.keys[0].SignCharter(w.rand, several.charter); err == nil || !strings.Contains(err.Error(), "alone") {
		t.Errorf("a charter that needs two issuers: %v", err)
	}
	if _, err := w.keys[0].SignCharter(bytes.NewReader(nil), w.charter); err == nil {
		t.Error("a source that ends gives a signature")
	}
}

// TestHPKE changes what the two sides of an encryption must agree on.
func TestHPKE(t *testing.T) {
	rand := newStream("hpke")
	a, b := must(NewIdentity(rand))(t), must(NewIdentity(rand))(t)
	info, msg := []byte("info"), []byte("a message")
	sealed := must(SealTo(a.X25519(), info, msg))(t)
	if got, err := OpenWith(a.Agree, info, sealed); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("got %q, %v", got, err)
	}
	again := must(SealTo(a.X25519(), info, msg))(t)
	if bytes.Equal(again, sealed) || len(sealed) != len(msg)+48 {
		t.Errorf("sealed %d bytes into %d, twice the same: %v", len(msg), len(sealed), bytes.Equal(again, sealed))
	}
	for name, err := range map[string]error{
		"another key":  second(OpenWith(b.Agree, info, sealed)),
		"another info": second(OpenWith(a.Agree, []byte("inf0"), sealed)),
		"empty":        second(OpenWith(a.Agree, info, nil)),
		"a key alone":  second(OpenWith(a.Agree, info, sealed[:32])),
		"weak key":     second(OpenWith(a.Agree, info, make([]byte, 60))),
	} {
		if err != ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := SealTo(Pub{}, info, msg); err == nil {
		t.Error("a weak key is sealed to")
	}
	eachFlip(sealed, func(bit int) {
		if _, err := OpenWith(a.Agree, info, sealed); err != ErrRefused {
			t.Errorf("bit %d: %v", bit, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestValidName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "kitchen-2": true, "-": true, strings.Repeat("z", 32): true, "0": true,
		"": false, strings.Repeat("z", 33): false, "Kitchen": false, "a b": false, "a_b": false, "a\n": false, "küche": false, "a\x00": false,
	} {
		if ValidName(name) != ok {
			t.Errorf("%q is valid: %v", name, !ok)
		}
	}
}
