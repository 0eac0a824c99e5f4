// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build testhooks

package neighbour

import (
	"bytes"
	"crypto/rand"
	"os"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"golang.org/x/crypto/chacha20poly1305"
)

var (
	rotationOff = os.Getenv("VECINOTEST_ROTATION") == "off"
	paddingOff  = os.Getenv("VECINOTEST_PADDING") == "off"
)

// sealUnpadded encrypts a payload without the zeros behind it.
func sealUnpadded(key *chunk.Key, topic string, payload []byte) []byte {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("neighbour: " + err.Error()) // only for a key of another length
	}
	nonce := make([]byte, aead.NonceSize(), chunk.Size)
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, bytes.TrimRight(payload, "\x00"), []byte(topic))
}

func openUnpadded(key *chunk.Key, topic string, c []byte) ([]byte, bool) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil || len(c) < aead.NonceSize() {
		return nil, false
	}
	plain, err := aead.Open(nil, c[:aead.NonceSize()], c[aead.NonceSize():], []byte(topic))
	if err != nil || len(plain) > chunk.Payload {
		return nil, false
	}
	return append(plain, make([]byte, chunk.Payload-len(plain))...), true
}
