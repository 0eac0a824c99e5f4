// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TypeHello is the message type of a hello.
const TypeHello = 0

// Tags is how many recognition tags a hello holds, always.
const Tags = 32

// MaxVersions bounds the list of protocol versions in a hello.
const MaxVersions = 8

// ErrHello refuses a hello, whatever is wrong with it.
var ErrHello = errors.New("pseudonym: hello refused")

// Tag lets two devices that know each other recognise one another across an
// epoch's edge. To everybody else it is random.
type Tag [8]byte

// Hello presents a device's public keys of an epoch.
type Hello struct {
	Sig, Kem signcrypt.PublicKey
	Charter  [32]byte // hash of the newest charter that the sender holds
	Versions []uint8  // protocol versions that the sender speaks, ascending
	Tags     [Tags]Tag
}

// body is what the sender signs.
type body struct {
	_        struct{} `cbor:",toarray"`
	Label    wire.Label
	Nbhd     [16]byte
	Epoch    uint32
	Sig, Kem signcrypt.PublicKey
	Charter  [32]byte
	Versions []uint16
	Tags     []Tag
}

type message struct {
	_         struct{} `cbor:",toarray"`
	Sig, Kem  signcrypt.PublicKey
	Charter   [32]byte
	Versions  []uint16
	Tags      []Tag
	Signature signcrypt.Signature
}

var helloDecoder = wire.New(wire.Limits{Bytes: 2048, Items: Tags, Depth: 4})

func transcript(s *signcrypt.Scope, m *message) []byte {
	digest := wire.Digest(wire.MustMarshal(body{
		Label: wire.LabelHello, Nbhd: s.Nbhd, Epoch: s.Epoch, Sig: m.Sig, Kem: m.Kem,
		Charter: m.Charter, Versions: m.Versions, Tags: m.Tags,
	}))
	return wire.LV([]byte(wire.LabelHello), digest[:])
}

// RandomTags fills a hello's tags, sorted, so that those that mean something
// cannot be told from the rest.
func RandomTags(rand io.Reader, known []Tag) (tags [Tags]Tag, err error) {
	n := copy(tags[:], known)
	for i := n; i < len(tags); i++ {
		if _, err := io.ReadFull(rand, tags[i][:]); err != nil {
			return tags, fmt.Errorf("pseudonym: draw tags: %w", err)
		}
	}
	sortTags(tags[:])
	return tags, nil
}

func sortTags(tags []Tag) {
	slices.SortFunc(tags, func(a, b Tag) int { return bytes.Compare(a[:], b[:]) })
}

// Encode signs h with the device's signing key and returns the message.
func Encode(s *signcrypt.Scope, key *signcrypt.PrivateKey, rand io.Reader, h Hello) ([]byte, error) {
	m := &message{Sig: h.Sig, Kem: h.Kem, Charter: h.Charter, Versions: widen(h.Versions), Tags: h.Tags[:]}
	var err error
	if m.Signature, err = s.Sign(rand, key, transcript(s, m)); err != nil {
		return nil, fmt.Errorf("pseudonym: sign hello: %w", err)
	}
	return wire.Marshal(m)
}

// Decode returns a hello and its sender, whose signature proves that it knows
// both secrets of its signing key and that the issuers know that key.
func Decode(s *signcrypt.Scope, msg []byte) (*Hello, *signcrypt.Peer, error) {
	var m message
	if err := helloDecoder.Unmarshal(msg, &m); err != nil || len(m.Tags) != Tags {
		return nil, nil, ErrHello
	}
	if len(m.Versions) == 0 || len(m.Versions) > MaxVersions || !ascending(m.Versions) {
		return nil, nil, ErrHello
	}
	if !slices.IsSortedFunc(m.Tags, func(a, b Tag) int { return bytes.Compare(a[:], b[:]) }) {
		return nil, nil, ErrHello
	}
	peer, err := s.NewPeer(m.Sig, m.Kem)
	if err != nil || !s.Verify(peer, transcript(s, &m), m.Signature) {
		return nil, nil, ErrHello
	}
	h := &Hello{Sig: m.Sig, Kem: m.Kem, Charter: m.Charter, Tags: [Tags]Tag(m.Tags)}
	for _, v := range m.Versions {
		h.Versions = append(h.Versions, uint8(v))
	}
	return h, peer, nil
}

// widen keeps the versions an array: a slice of bytes would be a byte string.
func widen(versions []uint8) []uint16 {
	out := make([]uint16, len(versions))
	for i, v := range versions {
		out[i] = uint16(v)
	}
	return out
}

// ascending reports whether each version is above the one before and fits.
func ascending(versions []uint16) bool {
	for i, v := range versions {
		if v > 255 || i > 0 && v <= versions[i-1] {
			return false
		}
	}
	return true
}
