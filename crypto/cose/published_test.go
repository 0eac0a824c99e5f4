// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// example is a published vector of COSE_Sign1, as far as it is used here.
type example struct {
	Input struct {
		Plaintext string
		Sign0     struct {
			Key struct {
				Crv string
				X   string `json:"x_hex"`
				D   string `json:"d_hex"`
			}
			External string
		}
	}
	Intermediates struct {
		ToBeSign string `json:"ToBeSign_hex"`
	}
	Output struct{ CBOR string }
}

// loose is COSE_Sign1 with any headers and any signature.
type loose struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[int]any
	Payload     []byte
	Signature   []byte
}

// TestPublished holds the examples of the COSE working group against what is
// signed here, and says why each is no message of ours. All of them are
// deterministic CBOR, so that none is refused for its encoding.
func TestPublished(t *testing.T) {
	outcomes := map[string]struct {
		why  error
		tag  string // before the array
		made bool   // the message was not changed after what is to be signed was noted
	}{
		"eddsa-sig-01": {wire.ErrMalformed, "d2", true}, // the key's identifier is not protected, and there is a content type
		"eddsa-sig-02": {wire.ErrMalformed, "d2", true}, // Ed448
		"sign-fail-01": {ErrTag, "d903e6", true},        // tag 998
		"sign-fail-02": {wire.ErrMalformed, "d2", false},
		"sign-fail-03": {wire.ErrMalformed, "d2", false},
		"sign-fail-04": {wire.ErrMalformed, "d2", false},
		"sign-fail-06": {wire.ErrMalformed, "d2", false},
		"sign-fail-07": {wire.ErrMalformed, "d2", false},
		"sign-pass-01": {wire.ErrMalformed, "d2", false}, // the algorithm is not protected; the note is of an empty header
		"sign-pass-02": {wire.ErrMalformed, "d2", true},  // external data
		"sign-pass-03": {ErrTag, "", true},               // without the tag
	}
	files := must(filepath.Glob("testdata/cose-wg/*.json"))(t)
	if len(files) != len(outcomes) {
		t.Fatalf("%d examples and %d outcomes", len(files), len(outcomes))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want, ok := outcomes[name]
			if !ok {
				t.Fatal("no outcome is stated for this example")
			}
			var e example
			if err := json.Unmarshal(must(os.ReadFile(file))(t), &e); err != nil {
				t.Fatal(err)
			}
			msg := unhex(t, e.Output.CBOR)
			if _, err := Parse(msg, MaxPayload); !errors.Is(err, want.why) {
				t.Errorf("error %v, want %v", err, want.why)
			}
			item, ok := bytes.CutPrefix(msg, unhex(t, want.tag))
			if !ok {
				t.Fatalf("it begins with %x", msg[:3])
			}
			var l loose
			if err := wire.Unmarshal(item, &l); err != nil {
				t.Fatalf("not deterministic: %v", err)
			}
			signed := unhex(t, e.Intermediates.ToBeSign)
			testToBeSigned(t, signed, &e)
			if made := bytes.Equal(sigStructure(l.Protected, unhex(t, e.Input.Sign0.External), l.Payload), signed); made != want.made {
				t.Errorf("what is to be signed follows from the message: %v, want %v", made, want.made)
			}
			if e.Input.Sign0.Key.Crv == "Ed25519" {
				testSignature(t, signed, l.Signature, &e)
			}
		})
	}
}

// testToBeSigned takes what is to be signed apart and puts it together again.
func testToBeSigned(t *testing.T, signed []byte, e *example) {
	t.Helper()
	var s toBeSigned
	if err := wire.Unmarshal(signed, &s); err != nil {
		t.Fatal(err)
	}
	if s.Context != "Signature1" || string(s.Payload) != e.Input.Plaintext || hex.EncodeToString(s.External) != e.Input.Sign0.External {
		t.Errorf("what is to be signed reads %+v", s)
	}
	if got := sigStructure(s.Protected, unhex(t, e.Input.Sign0.External), []byte(e.Input.Plaintext)); !bytes.Equal(got, signed) {
		t.Errorf("%x is signed here, want %x", got, signed)
	}
}

func testSignature(t *testing.T, signed, signature []byte, e *example) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(unhex(t, e.Input.Sign0.Key.D))
	if public := unhex(t, e.Input.Sign0.Key.X); !ed25519.Verify(public, signed, signature) || !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(public)) {
		t.Error("the signature does not verify")
	}
	if got := ed25519.Sign(key, signed); !bytes.Equal(got, signature) {
		t.Errorf("signed here it is %x, want %x", got, signature)
	}
}
