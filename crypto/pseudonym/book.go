// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// pairsVersion is the format of saved pairs (pairs.cddl).
const pairsVersion = 1

// MaxSavedPairs is the most bytes that saved pairs have.
const MaxSavedPairs = 4096

type savedPairs struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Seed    [32]byte
	Own     ownTags
	Pairs   []pair
}

var pairsDecoder = wire.New(wire.Limits{Bytes: MaxSavedPairs, Items: Tags, Depth: 4})

// Encode returns the pairs as bytes, secrets among them.
func (p *Pairs) Encode() []byte {
	return wire.MustMarshal(savedPairs{Version: pairsVersion, Seed: p.seed, Own: p.own, Pairs: p.pairs})
}

// DecodePairs reads what Encode wrote.
func DecodePairs(b []byte) (*Pairs, error) {
	if version, ok := savedVersion(b); ok && version != pairsVersion {
		return nil, fmt.Errorf("pseudonym: read pairs: they are of version %d, this program knows version %d; update it, or remove them to know nobody", version, pairsVersion)
	}
	var s savedPairs
	if err := pairsDecoder.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("pseudonym: read pairs: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("pseudonym: read pairs: %w", err)
	}
	return &Pairs{seed: s.Seed, own: s.Own, pairs: s.Pairs}, nil
}

// savedVersion reads the first field, an integer below 24 in all versions.
func savedVersion(b []byte) (version uint8, ok bool) {
	const array = 4 << 5
	if len(b) < 2 || b[0]&^31 != array || b[1] >= 24 {
		return 0, false
	}
	return b[1], true
}

func (s *savedPairs) check() error {
	if n := len(s.Own.Tags); n != 0 && (n != Tags || !slices.IsSortedFunc(s.Own.Tags, compareTags)) {
		return errors.New("own tags are not those of a hello")
	}
	if len(s.Pairs) > MaxPairs {
		return fmt.Errorf("%d pairs, at most %d", len(s.Pairs), MaxPairs)
	}
	handles, secrets := map[Handle]bool{}, map[[32]byte]bool{}
	for i, q := range s.Pairs {
		if q.Since > q.Seen || handles[q.Handle] || secrets[q.Secret] {
			return fmt.Errorf("pair %d contradicts itself or another", i)
		}
		handles[q.Handle], secrets[q.Secret] = true, true
	}
	return nil
}
