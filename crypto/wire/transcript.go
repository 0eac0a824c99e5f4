// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
)

// LV returns the parts one after the other, each preceded by its length as
// four big-endian bytes, so that no two lists of parts give the same bytes.
func LV(parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += 4 + len(p)
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}

// Hash returns SHA-512 of the label and the parts in the form of [LV].
func Hash(label Label, parts ...[]byte) [sha512.Size]byte {
	return sha512.Sum512(LV(append([][]byte{[]byte(label)}, parts...)...))
}

// Digest returns SHA-512 of the parts in the form of [LV], with no label: the
// digest of a value that a labelled transcript then holds.
func Digest(parts ...[]byte) [sha512.Size]byte {
	return sha512.Sum512(LV(parts...))
}

// Key derives a 32-byte key from secret by HKDF-SHA-512 (RFC 5869) with the
// label as salt and the concatenated context as info. A caller whose context
// has more than one part of variable length joins them by [LV] first.
func Key(secret []byte, label Label, context ...[]byte) [32]byte {
	var info []byte
	for _, c := range context {
		info = append(info, c...)
	}
	var key [32]byte
	okm, err := hkdf.Key(sha512.New, secret, []byte(label), string(info), len(key))
	if err != nil {
		panic("wire: " + err.Error()) // only for a length over 255 hashes
	}
	copy(key[:], okm)
	return key
}

// U32 returns n as four big-endian bytes, the width of epochs and rounds.
func U32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// U8 returns n as one byte, the width of message types and slots.
func U8(n uint8) []byte { return []byte{n} }
