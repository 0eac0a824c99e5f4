// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// The primitives that the rooms above take from the standard library and from
// golang.org/x/crypto, called as they call them, against all published vectors.

// wycheproof is a file of vectors; those of each algorithm use other fields.
type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		IVSize, TagSize int // bits
		PublicKey       struct{ PK string }
		Tests           []wycheproofTest
	}
}

type wycheproofTest struct {
	TcID                          int
	Result                        string
	Public, Private, Shared       string // X25519
	Msg, Sig                      string // Ed25519
	Key, IV, AAD, CT, Tag         string // AEADs, HMAC
	IKM, Salt, Info, OKM, Comment string // HKDF
	Size                          int
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	b, err := os.ReadFile(shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

// each hands every vector of a file to check, which returns what is wrong with
// it, and holds that there are as many as the file and the test say.
func each(t *testing.T, name string, total int, check func(ivBits, tagBits int, pk []byte, v wycheproofTest) error) {
	t.Helper()
	var file wycheproof
	readJSON(t, "wycheproof/"+name, &file)
	n := 0
	for _, g := range file.TestGroups {
		pk := unhex(t, g.PublicKey.PK)
		for _, v := range g.Tests {
			if err := check(g.IVSize, g.TagSize, pk, v); err != nil {
				t.Errorf("vector %d (%s): %v", v.TcID, v.Comment, err)
			}
			n++
		}
	}
	if n != file.NumberOfTests || n != total {
		t.Errorf("%d vectors, the file says %d, %d are expected", n, file.NumberOfTests, total)
	}
}

// TestX25519 also holds that a public key of low order, which gives zero
// whatever the private key is, is an error.
func TestX25519(t *testing.T) {
	zeros := 0
	each(t, "x25519_test.json", 518, func(_, _ int, _ []byte, v wycheproofTest) error {
		private, err := ecdh.X25519().NewPrivateKey(unhex(t, v.Private))
		if err != nil {
			return err
		}
		public, err := ecdh.X25519().NewPublicKey(unhex(t, v.Public))
		if err != nil {
			return err
		}
		want := unhex(t, v.Shared)
		got, err := private.ECDH(public)
		if bytes.Equal(want, make([]byte, 32)) {
			zeros++
			if err == nil {
				return fmt.Errorf("a key of low order gives %x", got)
			}
			return nil
		}
		return differs(got, want, err)
	})
	if zeros != 31 {
		t.Errorf("%d keys of low order, 31 are expected", zeros)
	}
}

func differs(got, want []byte, err error) error {
	if err == nil && !bytes.Equal(got, want) {
		return fmt.Errorf("got %x, want %x", got, want)
	}
	return err
}

func TestEd25519(t *testing.T) {
	each(t, "ed25519_test.json", 151, func(_, _ int, pk []byte, v wycheproofTest) error {
		if got := ed25519.Verify(pk, unhex(t, v.Msg), unhex(t, v.Sig)); got != (v.Result == "valid") {
			return fmt.Errorf("verifies: %v, the vector is %s", got, v.Result)
		}
		return nil
	})
}

// TestChaCha20Poly1305 counts vectors with another nonce than ours of 12 bytes
// as refused if that nonce cannot be used at all.
func TestChaCha20Poly1305(t *testing.T) {
	each(t, "chacha20_poly1305_test.json", 325, func(ivBits, _ int, _ []byte, v wycheproofTest) error {
		aead, err := chacha20poly1305.New(unhex(t, v.Key))
		if err != nil {
			return err
		}
		if ivBits != 8*aead.NonceSize() {
			if v.Result != "invalid" {
				return fmt.Errorf("a nonce of %d bits is %s", ivBits, v.Result)
			}
			return nil
		}
		nonce, aad, msg := unhex(t, v.IV), unhex(t, v.AAD), unhex(t, v.Msg)
		sealed := append(unhex(t, v.CT), unhex(t, v.Tag)...)
		got, err := aead.Open(nil, nonce, sealed, aad)
		if v.Result != "valid" {
			if err == nil {
				return fmt.Errorf("opens to %x", got)
			}
			return nil
		}
		if err := differs(got, msg, err); err != nil {
			return err
		}
		return differs(aead.Seal(nil, nonce, msg, aad), sealed, nil)
	})
}

func TestHKDFSHA256(t *testing.T) { // within HPKE
	each(t, "hkdf_sha256_test.json", 86, hkdfCheck(t, sha256.New))
}

func TestHKDFSHA512(t *testing.T) { // of any length, by both of the ways to call it
	each(t, "hkdf_sha512_test.json", 83, hkdfCheck(t, sha512.New))
}

func hkdfCheck(t *testing.T, h func() hash.Hash) func(int, int, []byte, wycheproofTest) error {
	return func(_, _ int, _ []byte, v wycheproofTest) error {
		ikm, salt, info := unhex(t, v.IKM), unhex(t, v.Salt), string(unhex(t, v.Info))
		got, err := hkdf.Key(h, ikm, salt, info, v.Size)
		if v.Result != "valid" {
			if err == nil {
				return fmt.Errorf("%d bytes are given", v.Size)
			}
			return nil
		}
		if err := differs(got, unhex(t, v.OKM), err); err != nil {
			return err
		}
		prk, err := hkdf.Extract(h, ikm, salt)
		if err != nil {
			return err
		}
		got, err = hkdf.Expand(h, prk, info, v.Size)
		return differs(got, unhex(t, v.OKM), err)
	}
}

func TestHMACSHA256(t *testing.T) { // topics, the door's and the tags that know each other again
	each(t, "hmac_sha256_test.json", 174, func(_, tagBits int, _ []byte, v wycheproofTest) error {
		mac := hmac.New(sha256.New, unhex(t, v.Key))
		mac.Write(unhex(t, v.Msg))
		if got := mac.Sum(nil)[:tagBits/8]; hmac.Equal(got, unhex(t, v.Tag)) != (v.Result == "valid") {
			return fmt.Errorf("MAC %x, the vector is %s", got, v.Result)
		}
		return nil
	})
}

// hpkeVector is one of RFC 9180 in base mode.
type hpkeVector struct {
	Mode        int
	KEM         uint16 `json:"kem_id"`
	KDF         uint16 `json:"kdf_id"`
	AEAD        uint16 `json:"aead_id"`
	Info        string
	IkmR        string
	SkRm, PkRm  string
	Enc         string
	Encryptions []struct{ AAD, CT, Nonce, PT string }
	Exports     []struct {
		Context string `json:"exporter_context"`
		Length  int    `json:"L"`
		Value   string `json:"exported_value"`
	}
}

// TestHPKE opens the vectors of the one suite that we use: the sender's half
// draws its own key and can only be held by opening what it made.
func TestHPKE(t *testing.T) {
	var file []hpkeVector
	readJSON(t, "hpke/rfc9180-x25519-hkdfsha256-all-modes.json", &file)
	ours := 0
	for _, v := range file {
		if v.Mode != 0 || v.KEM != 0x20 || v.KDF != 1 || v.AEAD != 3 {
			continue
		}
		ours++
		key := hpkeKey(t, v)
		info := unhex(t, v.Info)
		recipient, err := hpke.NewRecipient(unhex(t, v.Enc), key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range v.Encryptions {
			got, err := recipient.Open(unhex(t, e.AAD), unhex(t, e.CT))
			if err := differs(got, unhex(t, e.PT), err); err != nil {
				t.Errorf("encryption %d: %v", i, err)
			}
		}
		for i, e := range v.Exports {
			got, err := recipient.Export(string(unhex(t, e.Context)), e.Length)
			if err := differs(got, unhex(t, e.Value), err); err != nil {
				t.Errorf("export %d: %v", i, err)
			}
		}
		if len(v.Encryptions) != 6 || len(v.Exports) != 3 {
			t.Errorf("%d encryptions and %d exports", len(v.Encryptions), len(v.Exports))
		}
		sealed, err := hpke.Seal(key.PublicKey(), hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, []byte("vecino"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, sealed); string(got) != "vecino" || err != nil {
			t.Errorf("what was sealed opens to %q, %v", got, err)
		}
	}
	if ours != 1 {
		t.Errorf("%d vectors of our suite, one is expected", ours)
	}
}

// TestHPKEKeys derives the recipients' keys in both files, whatever the suite.
func TestHPKEKeys(t *testing.T) {
	for name, want := range map[string]int{"rfc9180-x25519-hkdfsha256-all-modes.json": 8, "go-stdlib-rfc9180.json": 8} {
		var file []hpkeVector
		readJSON(t, "hpke/"+name, &file)
		n := 0
		for _, v := range file {
			if v.KEM == 0x20 {
				hpkeKey(t, v)
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d keys, want %d", name, n, want)
		}
	}
}

// hpkeKey returns the private key of a vector as the rooms above make it.
func hpkeKey(t *testing.T, v hpkeVector) hpke.PrivateKey {
	t.Helper()
	x, err := ecdh.X25519().NewPrivateKey(unhex(t, v.SkRm))
	if err != nil {
		t.Fatal(err)
	}
	key, err := hpke.NewDHKEMPrivateKey(x)
	if err != nil {
		t.Fatal(err)
	}
	derived, err := hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(unhex(t, v.IkmR))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := derived.PublicKey().Bytes(), unhex(t, v.PkRm); !bytes.Equal(got, want) || !bytes.Equal(key.PublicKey().Bytes(), want) {
		t.Errorf("public key %x, want %x", got, want)
	}
	return key
}
