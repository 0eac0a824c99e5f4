// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/vecino-edge/vecino/crypto/group"
)

// A key as text is one word: its kind, and base32 (RFC 4648, section 6, small
// letters) of the 32 bytes and a checksum, the first 3 bytes of SHA-256 of the
// kind and the 32 bytes. 35 bytes are 56 letters with no bit to spare.
const (
	kindSecret = "vecino-owner-key-1:" // the seed of RFC 8032
	kindPublic = "vecino-owner-1:"

	keySize  = 32
	sumSize  = 3
	wordSize = (keySize + sumSize) * 8 / 5
)

// MaxText is how long a text with a key in it may be, in bytes.
const MaxText = 256

// ErrText refuses a text that is no key. What was given is never part of an
// error, since it may be a secret.
var ErrText = errors.New("cose: this is not an owner's key")

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Encode returns the secret key as one line, the content of a key file. Whoever
// reads it can sign as the owner: keep the file at mode 0600.
func (s Signer) Encode() []byte { return []byte(encodeText(kindSecret, s.key().Seed()) + "\n") }

// DecodeKey reads what [Signer.Encode] wrote. White space and case do not matter.
// The error wraps [ErrText].
func DecodeKey(text []byte) (*Signer, error) {
	seed, err := decodeText(kindSecret, string(text))
	if err != nil {
		return nil, err
	}
	return signerOf(seed), nil
}

// EncodePublic returns a public key as one word.
func EncodePublic(key ed25519.PublicKey) string { return encodeText(kindPublic, key) }

// DecodePublic reads what [EncodePublic] wrote. White space and case do not
// matter. It refuses weak keys, under which a signature says nothing. The error
// wraps [ErrText].
func DecodePublic(text string) (ed25519.PublicKey, error) {
	key, err := decodeText(kindPublic, text)
	if err != nil {
		return nil, err
	}
	if group.WeakEd25519(key) {
		return nil, fmt.Errorf("%w: it is a weak one, under which anybody can sign", ErrText)
	}
	return key[:], nil
}

func encodeText(kind string, key []byte) string {
	if len(key) != keySize {
		panic(fmt.Sprintf("cose: a key of %d bytes", len(key)))
	}
	sum := checksum(kind, key)
	return kind + encoding.EncodeToString(append(key[:keySize:keySize], sum[:]...))
}

func checksum(kind string, key []byte) [sumSize]byte {
	sum := sha256.Sum256(append([]byte(kind), key...))
	return [sumSize]byte(sum[:])
}

func decodeText(kind, text string) (key [keySize]byte, err error) {
	if len(text) > MaxText {
		return key, fmt.Errorf("%w: a text of %d bytes, at most %d", ErrText, len(text), MaxText)
	}
	text = strings.Map(plain, text)
	word, ok := strings.CutPrefix(text, kind)
	switch {
	case ok:
	case kind == kindPublic && strings.HasPrefix(text, kindSecret):
		return key, fmt.Errorf("%w: it is a secret one; give the public one, which begins with %s, and keep this to yourself", ErrText, kindPublic)
	case kind == kindSecret && strings.HasPrefix(text, kindPublic):
		return key, fmt.Errorf("%w: it is a public one; give the secret one, which begins with %s", ErrText, kindSecret)
	default:
		return key, fmt.Errorf("%w: that begins with %s", ErrText, kind)
	}
	b, err := encoding.DecodeString(word)
	if err != nil || len(word) != wordSize {
		return key, fmt.Errorf("%w: behind %s there are %d letters and digits; copy it whole", ErrText, kind, wordSize)
	}
	key = [keySize]byte(b[:keySize])
	if checksum(kind, key[:]) != [sumSize]byte(b[keySize:]) {
		return [keySize]byte{}, fmt.Errorf("%w: a letter is wrong; copy it again", ErrText)
	}
	return key, nil
}

// plain drops white space and makes letters small.
func plain(r rune) rune {
	switch {
	case r == ' ' || r == '\n' || r == '\r' || r == '\t':
		return -1
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	}
	return r
}
