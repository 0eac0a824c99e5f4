// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package pseudonym makes what a device shows of itself for one epoch and no
// longer: the topics on which the neighbourhood speaks, the key of its outer
// layer, the client id of a connection, and the hello that presents fresh public
// keys (crypto/PROTOCOL.md, "Layers of one packet" and "Hello"). Whoever lacks
// the neighbourhood's key K sees random strings. Two devices that have exchanged
// halves of a secret recognise each other in later epochs by a tag in the hello;
// [Pairs] is the book of these secrets ("Epoch edges and recognition").
//
// Pairs are the only state, and not safe for concurrent use; their zero value is
// not usable. Everything else is safe for concurrent use.
package pseudonym

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Slots is the number of topics of an epoch. Each chunk goes to a random one,
// and everybody subscribes to all.
const Slots = 8

// KeySize is the length in bytes of the neighbourhood's symmetric key K.
const KeySize = 32

// clientIDSize is the longest client id that every MQTT 3.1.1 broker takes.
const clientIDSize = 23

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// TopicName returns "t/" and the first 26 letters, 130 bits, of an HMAC.
func TopicName(key, transcript []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(transcript)
	return "t/" + strings.ToLower(encoding.EncodeToString(mac.Sum(nil)))[:26]
}

// Topics returns the topics of an epoch.
func Topics(k [KeySize]byte, epoch uint32) (topics [Slots]string) {
	for slot := range topics {
		topics[slot] = TopicName(k[:], wire.LV([]byte(wire.LabelTopic), wire.U32(epoch), wire.U8(uint8(slot))))
	}
	return topics
}

// OuterKey returns the key of the outer layer of an epoch.
func OuterKey(k [KeySize]byte, epoch uint32) [32]byte {
	return wire.Key(k[:], wire.LabelOuter, wire.U32(epoch))
}

// ClientID returns a client id for one connection: 23 random letters and digits.
func ClientID(rand io.Reader) (string, error) {
	var b [15]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("pseudonym: draw client id: %w", err)
	}
	return strings.ToLower(encoding.EncodeToString(b[:]))[:clientIDSize], nil
}
