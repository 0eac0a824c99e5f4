// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTextComesBack(t *testing.T) {
	secret, public := string(owner.Encode()), EncodePublic(owner.Public())
	for name, change := range map[string]func(string) string{
		"as it is":         func(s string) string { return s },
		"bare":             strings.TrimSpace,
		"capitals":         strings.ToUpper,
		"line of Windows":  func(s string) string { return strings.TrimSpace(s) + "\r\n" },
		"quoted in a mail": func(s string) string { return "  " + s[:25] + "\n\t" + s[25:] },
		"groups":           func(s string) string { return s[:30] + " " + s[30:40] + " " + s[40:] },
	} {
		s, err := DecodeKey([]byte(change(secret)))
		if err != nil || !s.Public().Equal(owner.Public()) || !bytes.Equal(s.key().Seed(), owner.key().Seed()) {
			t.Errorf("%s: secret key: error %v", name, err)
		}
		p, err := DecodePublic(change(public))
		if err != nil || !p.Equal(owner.Public()) {
			t.Errorf("%s: public key %x, error %v", name, p, err)
		}
	}
}

// TestEncodePublicReads holds that a key which is part of something longer can be
// encoded, and what is behind it stays.
func TestEncodePublicReads(t *testing.T) {
	b := append(bytes.Clone(owner.Public()), "behind"...)
	if got := EncodePublic(b[:keySize]); got != EncodePublic(owner.Public()) || string(b[keySize:]) != "behind" {
		t.Errorf("%s, and %q is behind", got, b[keySize:])
	}
}

// TestTextRefused holds that no text but a whole one is a key, and that nothing of
// it shows in the error.
func TestTextRefused(t *testing.T) {
	secret, public := strings.TrimSpace(string(owner.Encode())), EncodePublic(owner.Public())
	weak := encodeText(kindPublic, append([]byte{1}, make([]byte, 31)...))
	_, word, _ := strings.Cut(secret, ":")
	_, publicWord, _ := strings.Cut(public, ":")
	for _, tt := range []struct{ name, secret, public, want string }{
		{"empty", "", "", "that begins with vecino-owner-"},
		{"white space", " \n", "\t", "that begins with"},
		{"no kind", word, publicWord, "that begins with"},
		{"the other one", public, secret, "the secret one, which begins with|the public one, which begins with"},
		{"the other kind", kindSecret + publicWord, kindPublic + word, "a letter is wrong"},
		{"another version", strings.Replace(secret, "-1:", "-2:", 1), strings.Replace(public, "-1:", "-2:", 1), "that begins with"},
		{"kind alone", kindSecret, kindPublic, "56 letters and digits"},
		{"cut", secret[:len(secret)-1], public[:len(public)-1], "copy it whole"},
		{"cut by a group", secret[:len(secret)-8], public[:len(public)-8], "copy it whole"},
		{"longer", secret + "a", public + "a", "copy it whole"},
		{"longer by a group", secret + "aaaaaaaa", public + "aaaaaaaa", "copy it whole"},
		{"twice", secret + secret, public + public, "copy it whole"},
		{"padding", secret + "=", public + "=", "copy it whole"},
		{"letter that is none", secret[:40] + "0" + secret[41:], public[:40] + "1" + public[41:], "copy it whole"},
		{"dash", secret[:40] + "-" + secret[40:], public[:40] + "-" + public[40:], "copy it whole"},
		{"letter of another alphabet", secret[:40] + "а" + secret[41:], public[:40] + "а" + public[41:], "copy it whole"},
		{"not UTF-8", secret[:40] + "\xff" + secret[41:], public[:40] + "\xff" + public[41:], "copy it whole"},
		{"too long", secret + strings.Repeat(" ", MaxText), public + strings.Repeat(" ", MaxText), "at most 256"},
		{"weak", public, weak, "give the secret one|a weak one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, errSecret := DecodeKey([]byte(tt.secret))
			p, errPublic := DecodePublic(tt.public)
			if s != nil || p != nil {
				t.Fatalf("got %v and %x", s, p)
			}
			first, second, two := strings.Cut(tt.want, "|")
			if !two {
				second = first
			}
			for _, c := range []struct {
				err        error
				want, from string
			}{{errSecret, first, tt.secret}, {errPublic, second, tt.public}} {
				if !errors.Is(c.err, ErrText) || !strings.Contains(c.err.Error(), c.want) {
					t.Errorf("error %v, want %q", c.err, c.want)
				}
				if shows(c.err.Error(), c.from) {
					t.Errorf("error %q shows what was given", c.err)
				}
			}
		})
	}
}

// shows reports whether any eight letters behind a kind appear in s.
func shows(s, given string) bool {
	_, word, _ := strings.Cut(given, ":")
	for i := 0; i+8 <= len(word); i++ {
		if !strings.ContainsAny(word[i:i+8], "-: ") && strings.Contains(s, word[i:i+8]) {
			return true
		}
	}
	return false
}

// TestTextFlips puts another letter in each place: the checksum finds each.
func TestTextFlips(t *testing.T) {
	secret, public := strings.TrimSpace(string(owner.Encode())), EncodePublic(owner.Public())
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	for i := len(kindSecret); i < len(secret); i++ {
		for _, l := range letters {
			bad := secret[:i] + string(l) + secret[i+1:]
			if _, err := DecodeKey([]byte(bad)); (err == nil) != (bad == secret) {
				t.Errorf("letter %d of a secret key: error %v", i, err)
			}
		}
	}
	for i := len(kindPublic); i < len(public); i++ {
		for _, l := range letters {
			bad := public[:i] + string(l) + public[i+1:]
			if _, err := DecodePublic(bad); (err == nil) != (bad == public) {
				t.Errorf("letter %d of a public key: error %v", i, err)
			}
		}
	}
}

// TestSignerHidden prints a signer in all the ways that programs print.
func TestSignerHidden(t *testing.T) {
	type holder struct{ inner Signer }
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "signer", owner, "value", *owner)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "signer", owner, "value", *owner)
	asJSON := must(json.Marshal(map[string]any{"pointer": owner, "value": *owner}))(t)
	out := log.String() + string(asJSON) + fmt.Sprint(owner, *owner, owner.String(), Signer{}, holder{*owner}, &holder{*owner})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
		out += fmt.Sprintf(verb+" "+verb+" "+verb, owner, *owner, holder{*owner})
	}
	seed := owner.key().Seed()
	for _, secret := range []string{
		hex.EncodeToString(seed[:8]), string(owner.Encode()[len(kindSecret) : len(kindSecret)+16]), fmt.Sprint(seed[:4])[1:], string(seed[:4]),
		strings.ToUpper(hex.EncodeToString(seed[:8])), fmt.Sprintf("%#v", seed[:4])[7:],
	} {
		if strings.Contains(out, strings.TrimSuffix(strings.TrimSuffix(secret, "]"), "}")) {
			t.Errorf("%q shows: %s", secret, out)
		}
	}
	if n := strings.Count(out, EncodePublic(owner.Public())); n < 20 {
		t.Errorf("the public key shows %d times only: %s", n, out)
	}
}

func TestNewSigner(t *testing.T) {
	seed := owner.key().Seed()
	s := must(NewSigner(bytes.NewReader(seed)))(t)
	if !s.Public().Equal(owner.Public()) || !s.Public().Equal(ed25519.NewKeyFromSeed(seed).Public()) {
		t.Error("another key")
	}
	if _, err := NewSigner(bytes.NewReader(seed[:31])); err == nil {
		t.Error("31 bytes of randomness are enough")
	}
	if _, err := NewSigner(iotest.ErrReader(errors.New("no entropy"))); err == nil || !strings.Contains(err.Error(), "no entropy") {
		t.Errorf("error %v", err)
	}
}
