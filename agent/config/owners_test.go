// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/cose"
)

var anOwner = cose.EncodePublic(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))

const notOwner = "one of the keys does not do: this is not an owner's key: that begins with vecino-owner-1:; write keys as vecino key show prints them, with commas between them"

// TestOwners holds that the keys of a list are those that stand in it, that a letter
// that is wrong is noticed, and that a secret key is not repeated in the error.
func TestOwners(t *testing.T) {
	if keys := (&FL{}).Owners(); keys != nil {
		t.Errorf("%v", keys)
	}
	keys := (&FL{TaskKeys: anOwner + " ,\t" + anOwner}).Owners()
	if len(keys) != 2 || cose.EncodePublic(keys[1]) != anOwner {
		t.Errorf("%v", keys)
	}
	setting := table().find("fl.task_keys")
	if reason := setting.check(anOwner[:len(anOwner)-1] + "a"); !strings.Contains(reason, "a letter is wrong") {
		t.Error(reason)
	}
	if reason := setting.check(anOwner + ","); reason == "" {
		t.Error("a comma too many is taken")
	}
	signer, err := cose.NewSigner(strings.NewReader(strings.Repeat("secret", 6)))
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(signer.Encode()))
	if reason := setting.check(secret); !strings.Contains(reason, "it is a secret one") || strings.Contains(reason, secret[30:60]) {
		t.Errorf("a secret key: %s", reason)
	}
}
