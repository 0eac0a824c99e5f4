// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// walletVersion is the format of a saved wallet (wallet.cddl).
const walletVersion = 1

// MaxWallet is the most bytes of a saved wallet: 32 epochs with 16 grants and
// 16 outputs of 99 bytes each have some 104,000.
const MaxWallet = 128 << 10

type savedWallet struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Nbhd    [16]byte
	V       uint32
	From    uint32
	Slots   []savedSlot
}

type savedSlot struct {
	_       struct{} `cbor:",toarray"`
	Epoch   uint32
	Serial  [32]byte
	Blind   [group.Size]byte
	Grants  []savedValue // by the issuers' Ed25519 keys
	Outputs []savedValue // by their POPRF keys
}

type savedValue struct {
	_     struct{} `cbor:",toarray"`
	Key   Pub
	Value [64]byte
}

var walletDecoder = wire.New(wire.Limits{Bytes: MaxWallet, Items: MaxHeld, Depth: 5})

var errWallet = errors.New("the file is damaged: set it aside, and tokens are fetched for epochs that have none")

// Save returns the wallet as bytes, to be written durably where nobody else can
// read them and left out of backups.
func (w *Wallet) Save() []byte {
	out := savedWallet{Version: walletVersion, Nbhd: w.nbhd, V: w.v, From: w.from}
	for _, e := range w.Epochs() {
		s := w.held[e]
		out.Slots = append(out.Slots, savedSlot{
			Epoch: e, Serial: s.serial, Blind: group.EncodeScalar(s.blind), Grants: values(s.grants), Outputs: values(s.outputs),
		})
	}
	return wire.MustMarshal(out)
}

// values lists a map by ascending keys.
func values(m map[Pub][64]byte) []savedValue {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b Pub) int { return bytes.Compare(a[:], b[:]) })
	var out []savedValue
	for _, k := range keys {
		out = append(out, savedValue{Key: k, Value: m[k]})
	}
	return out
}

// RestoreWallet reads what Save wrote.
func RestoreWallet(b []byte) (*Wallet, error) {
	var in savedWallet
	if err := walletDecoder.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("token: restore wallet: %w: %v", errWallet, err)
	}
	if in.Version != walletVersion {
		return nil, fmt.Errorf("token: restore wallet: format %d, this program knows %d", in.Version, walletVersion)
	}
	w := NewWallet(in.Nbhd)
	w.v, w.from = in.V, in.From
	for i, one := range in.Slots {
		s := one.slot()
		if s == nil || one.Epoch < in.From || i > 0 && one.Epoch <= in.Slots[i-1].Epoch {
			return nil, fmt.Errorf("token: restore wallet: epoch %d: %w", one.Epoch, errWallet)
		}
		w.held[one.Epoch] = s
	}
	return w, nil
}

// slot returns nil for what no wallet saves.
func (in *savedSlot) slot() *slot {
	r, err := group.DecodeScalar(in.Blind)
	if err != nil || in.Blind == [group.Size]byte{} {
		return nil
	}
	s := &slot{serial: in.Serial, blind: r, grants: byKey(in.Grants), outputs: byKey(in.Outputs)}
	if s.grants == nil || s.outputs == nil {
		return nil
	}
	return s
}

// byKey returns nil where keys do not ascend or are too many.
func byKey(list []savedValue) map[Pub][64]byte {
	if len(list) > MaxIssuers {
		return nil
	}
	out := make(map[Pub][64]byte, len(list))
	for i, v := range list {
		if i > 0 && bytes.Compare(v.Key[:], list[i-1].Key[:]) <= 0 {
			return nil
		}
		out[v.Key] = v.Value
	}
	return out
}
