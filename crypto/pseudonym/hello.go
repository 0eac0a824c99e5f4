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

// wellFormed reports whether versions and tags are as many as they must be, and
// in the one order in which they can stand.
func (m *message) wellFormed() bool {
	if n := len(m.Versions); n == 0 || n > MaxVersions || !ascending(m.Versions) {
		return false
	}
	return len(m.Tags) == Tags && slices.IsSortedFunc(m.Tags, compareTags)
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
// cannot be told from the rest. At most [Tags] are known.
func RandomTags(rand io.Reader, known []Tag) (tags [Tags]Tag, err error) {
	if len(known) > len(tags) {
		return tags, fmt.Errorf("pseudonym: %d tags, a hello holds %d", len(known), len(tags))
	}
	n := copy(tags[:], known)
	for i := n; i < len(tags); i++ {
		if _, err := io.ReadFull(rand, tags[i][:]); err != nil {
			return tags, fmt.Errorf("pseudonym: draw tags: %w", err)
		}
	}
	sortTags(tags[:])
	return tags, nil
}

func sortTags(tags []Tag) { slices.SortFunc(tags, compareTags) }

func compareTags(a, b Tag) int { return bytes.Compare(a[:], b[:]) }

// Encode signs h with the device's signing key, whose public part it holds, and
// returns the message. It fails where [Decode] would refuse the message.
func Encode(s *signcrypt.Scope, key *signcrypt.PrivateKey, rand io.Reader, h Hello) ([]byte, error) {
	m := &message{Sig: h.Sig, Kem: h.Kem, Charter: h.Charter, Versions: widen(h.Versions), Tags: h.Tags[:]}
	if !m.wellFormed() {
		return nil, fmt.Errorf("pseudonym: encode hello: 1 to %d ascending versions and sorted tags are wanted", MaxVersions)
	}
	if h.Sig != key.PublicKey {
		return nil, errors.New("pseudonym: encode hello: it shows another signing key than the one it is signed with")
	}
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
	if err := helloDecoder.Unmarshal(msg, &m); err != nil || !m.wellFormed() {
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
