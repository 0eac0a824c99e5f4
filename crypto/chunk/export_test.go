// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import "crypto/cipher"

// AEAD returns the cipher of a sealer, for vectors that are not of a chunk's size.
func (s *Sealer) AEAD() cipher.AEAD { return s.aead }

// Recount returns what the assembler holds, counted anew from its messages.
func (a *Assembler) Recount() int {
	held := 0
	for _, e := range a.partials {
		held += e.Value.(*partial).cost()
	}
	if len(a.partials) != a.byAge.Len() {
		return -1
	}
	return held
}
