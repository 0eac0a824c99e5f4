// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ed25519"
	"strings"

	"github.com/vecino-edge/vecino/crypto/cose"
)

// checkOwners returns why a text is no list of owners' keys, and what to do. It says
// nothing of what stands in it.
func checkOwners(text string) string {
	for word := range strings.SplitSeq(text, ",") {
		if _, err := cose.DecodePublic(word); err != nil {
			return "one of the keys does not do: " + strings.TrimPrefix(err.Error(), "cose: ") + "; write keys as vecino key show prints them, with commas between them"
		}
	}
	return ""
}

// Owners returns the keys of TaskKeys, which has been checked.
func (f *FL) Owners() (keys []ed25519.PublicKey) {
	if f.TaskKeys == "" {
		return nil
	}
	for word := range strings.SplitSeq(f.TaskKeys, ",") {
		if key, err := cose.DecodePublic(word); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}
