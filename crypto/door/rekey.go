// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// When a rekey is repeated at the door: often until it counts, then for those
// who sleep.
const (
	RekeyAgain = 10 * time.Minute
	RekeyFor   = 30 * 24 * time.Hour
)

// maxUnix bounds times on the wire, in unix seconds, so that sums stay within 64
// bits.
const maxUnix = issuer.MaxEpoch0

// slotSize is the length of one member's slot: an encapsulated key, K and a tag.
const slotSize = 32 + pseudonym.KeySize + 16

// rekeyBody is signed under P. Slot i is HPKE to member i of the charter.
type rekeyBody struct {
	_       struct{} `cbor:",toarray"`
	Label   wire.Label
	Nbhd    [16]byte
	Gen     uint32
	V       uint32
	At      uint64   // unix seconds
	Charter [32]byte // hash of the charter of this generation
	Check   [32]byte // of the new K, so that all slots hold the same
	Slots   [][]byte
}

// rekeyAnswer is message type 18: the charter without the member, and the next K
// for all others.
type rekeyAnswer struct {
	_         struct{} `cbor:",toarray"`
	Kind      uint8
	Charter   []byte // signed charter
	Body      []byte
	Signature issuer.Signature
}

const (
	maxRekeyBody    = 4 << 10
	maxRekeyMessage = issuer.MaxCharter + maxRekeyBody + 128
)

var (
	bodyDecoder  = wire.New(wire.Limits{Bytes: maxRekeyBody, Items: issuer.MaxMembers, Depth: 4})
	rekeyDecoder = wire.New(wire.Limits{Bytes: maxRekeyMessage, Items: 16, Depth: 4})
)

// Reasons for which a rekey brings no key.
var (
	// ErrRekey refuses what is not signed by the issuers or not of this neighbourhood.
	ErrRekey = errors.New("door: rekey refused")
	// ErrEvicted says that the issuers have removed this device.
	ErrEvicted = errors.New("door: the issuers have removed this device from the neighbourhood")
	// ErrSlot says that the issuers signed a rekey whose slot for this device is
	// wrong: whoever made it cheats or is broken.
	ErrSlot = errors.New("door: the rekey holds no key for this device, although it is a member; ask the one who removed the other")
)

func keyCheck(nbhd [16]byte, gen uint32, k [pseudonym.KeySize]byte) [32]byte {
	h := wire.Hash(wire.LabelRekey, nbhd[:], wire.U32(gen), k[:])
	return [32]byte(h[:32])
}

// slotInfo is the HPKE info of a member's slot: a slot that is copied into
// another rekey, or to another member, does not open.
func (b *rekeyBody) slotInfo(member issuer.Pub) []byte {
	at := binary.BigEndian.AppendUint64(nil, b.At)
	return wire.LV([]byte(wire.LabelRekey), b.Nbhd[:], wire.U32(b.Gen), wire.U32(b.V), at, b.Charter[:], b.Check[:], member[:])
}

// newRekey makes the bytes that the issuers sign for a charter: at the given
// time k becomes the key of all whom it names.
func newRekey(c *issuer.Charter, at time.Time, k [pseudonym.KeySize]byte) ([]byte, error) {
	b := &rekeyBody{
		Label: wire.LabelRekey, Nbhd: c.Nbhd, Gen: c.Gen, V: c.V, At: uint64(at.Unix()),
		Charter: charterHash(c), Check: keyCheck(c.Nbhd, c.Gen, k),
	}
	for _, m := range c.Members {
		slot, err := issuer.SealTo(m.X25519, b.slotInfo(m.X25519), k[:])
		if err != nil {
			return nil, fmt.Errorf("door: seal key for %q: %w", m.Name, err)
		}
		b.Slots = append(b.Slots, slot)
	}
	return wire.Marshal(b)
}

// charterHash is that of a charter that has no signature yet.
func charterHash(c *issuer.Charter) [32]byte {
	return (&issuer.SignedCharter{Charter: wire.MustMarshal(c)}).Hash()
}

// decodeBody reads a rekey's bytes and holds them against the charter that they
// belong to.
func decodeBody(b []byte, c *issuer.Charter) (*rekeyBody, error) {
	var r rekeyBody
	if err := bodyDecoder.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRekey, err)
	}
	if r.Label != wire.LabelRekey || r.Nbhd != c.Nbhd || r.Gen != c.Gen || r.V != c.V || r.At > maxUnix {
		return nil, fmt.Errorf("%w: another charter's", ErrRekey)
	}
	if r.Charter != charterHash(c) || len(r.Slots) != len(c.Members) {
		return nil, fmt.Errorf("%w: another charter's", ErrRekey)
	}
	for _, s := range r.Slots {
		if len(s) != slotSize {
			return nil, fmt.Errorf("%w: a slot of %d bytes", ErrRekey, len(s))
		}
	}
	return &r, nil
}

// open returns the key in a device's own slot.
func (b *rekeyBody) open(c *issuer.Charter, id *issuer.Identity) (k [pseudonym.KeySize]byte, err error) {
	own := id.X25519()
	for i, m := range c.Members {
		if m.Ed25519 != id.Ed25519() || m.X25519 != own {
			continue
		}
		plain, err := issuer.OpenWith(id.Agree, b.slotInfo(own), b.Slots[i])
		if err != nil || len(plain) != len(k) {
			return k, ErrSlot
		}
		k = [pseudonym.KeySize]byte(plain)
		check := keyCheck(b.Nbhd, b.Gen, k)
		if subtle.ConstantTimeCompare(check[:], b.Check[:]) != 1 {
			return [pseudonym.KeySize]byte{}, ErrSlot
		}
		return k, nil
	}
	return k, ErrEvicted
}

// NewKey is what a rekey brings.
type NewKey struct {
	Signed  *issuer.SignedCharter
	Charter *issuer.Charter
	At      time.Time // from when K counts
	K       [pseudonym.KeySize]byte
}

func encodeRekey(s *issuer.SignedCharter, body []byte, sig issuer.Signature) []byte {
	return wire.MustMarshal(rekeyAnswer{Kind: kindRekey, Charter: s.Encode(), Body: body, Signature: sig})
}

// OpenRekey takes a rekey at a device that holds a charter, which may be older
// or newer than that of the rekey. It returns [ErrRekey] for what the issuers did
// not sign, or which names others because this device joined later;
// [ErrEvicted] where a newer charter no longer names this device; and [ErrSlot]
// where it does and there is no key for it. [Keyring.Add] tells whether the key
// is a new one, and [issuer.SignedCharter.Follows] whether the charter is.
func OpenRekey(msg []byte, held *issuer.Charter, id *issuer.Identity) (*NewKey, error) {
	signed, c, b, err := decodeRekey(msg, held)
	if err != nil {
		return nil, err
	}
	k, err := b.open(c, id)
	if err == ErrEvicted && c.Gen <= held.Gen {
		return nil, fmt.Errorf("%w: it is older than this device's membership", ErrRekey)
	}
	if err != nil {
		return nil, err
	}
	return &NewKey{Signed: signed, Charter: c, At: time.Unix(int64(b.At), 0), K: k}, nil
}

// decodeRekey verifies a rekey from what a holder of a charter knows.
func decodeRekey(msg []byte, held *issuer.Charter) (*issuer.SignedCharter, *issuer.Charter, *rekeyBody, error) {
	var a rekeyAnswer
	if err := rekeyDecoder.Unmarshal(msg, &a); err != nil || a.Kind != kindRekey {
		return nil, nil, nil, ErrRekey
	}
	signed, c, err := issuer.DecodeCharter(a.Charter)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %v", ErrRekey, err)
	}
	known := c.Nbhd == held.Nbhd && c.P == held.P && c.Gen <= held.Gen
	if !known && !signed.Follows(c, held) {
		return nil, nil, nil, fmt.Errorf("%w: its charter does not follow", ErrRekey)
	}
	b, err := decodeBody(a.Body, c)
	if err != nil {
		return nil, nil, nil, err
	}
	if !a.Signature.Verify(c.P, a.Body) {
		return nil, nil, nil, fmt.Errorf("%w: wrong signature", ErrRekey)
	}
	return signed, c, b, nil
}
