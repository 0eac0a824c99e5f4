// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"io"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// Council has the issuers sign a charter. Sign returns nil, nil while they are at
// it; the caller asks again with the same charter. Rekey is the statement that an
// eviction's charter goes with, nil with any other charter: the issuers judge
// the two together. An error says that this charter will not be signed, such as
// when another one took its generation.
//
// A [Keeper] is locked while it asks: Sign and Attest must not wait for a network,
// nor call it back, as by asking its own Approve.
type Council interface {
	Sign(c *issuer.Charter, rekey []byte) (*issuer.SignedCharter, error)
}

// Notary is a [Council] that also signs statements under P: bytes that begin
// with the label of a rekey or of a deny list. Attest returns nil, nil while the
// issuers are at it.
type Notary interface {
	Attest(statement []byte) (*issuer.Signature, error)
}

// Alone is the council of a neighbourhood's only issuer, which signs at once.
// Keys must not be nil; it is safe for concurrent use where Rand is.
type Alone struct {
	Keys *issuer.Keys
	Rand io.Reader
}

// Sign signs the charter.
func (a Alone) Sign(c *issuer.Charter, _ []byte) (*issuer.SignedCharter, error) {
	return a.Keys.SignCharter(a.Rand, c)
}

// Attest signs a statement. It fails where this share alone does not sign under P.
func (a Alone) Attest(statement []byte) (*issuer.Signature, error) {
	share := frost.Share{Index: a.Keys.Share.Index, Secret: a.Keys.Share.Secret}
	s, err := frost.SignAlone(a.Rand, share, a.Keys.P, statement)
	if err != nil {
		return nil, err
	}
	sig := issuer.Signature(s)
	if !sig.Verify(a.Keys.P, statement) {
		return nil, errors.New("door: sign statement: this issuer's share alone does not sign under P")
	}
	return &sig, nil
}
