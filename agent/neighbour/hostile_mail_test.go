// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/update"
)

// envelope opens an envelope with whichever device's keys do, and returns what
// type and kind of message is in it.
func (w *watch) envelope(m chunk.Message) what {
	digest := wire.Digest(m.Data)
	id := [32]byte(digest[:])
	if known, ok := w.kinds[id]; ok {
		return known
	}
	out := what{m.Type, anyKind}
	c := w.chief.Charter()
	epoch, _ := c.Epoch(w.chief.Now())
	for _, one := range w.all() {
		o := w.opener(one, epoch)
		if o == nil {
			continue
		}
		got, err := o.Open(m.Data)
		if err != nil {
			continue
		}
		if len(got.Msg) > 1 && (m.Type == homomorphic.TypeControl || m.Type == pseudonym.TypePair) {
			out.kind = int8(got.Msg[1])
		}
		w.opened(m.Type, epoch, got)
		break
	}
	w.kinds[id] = out
	return out
}

// opener returns what opens the mail of a device in an epoch, nil while it has no
// keys.
func (w *watch) opener(m *Member, epoch uint32) *signcrypt.Opener {
	if o := w.openers[openerKey{m, epoch}]; o != nil {
		return o
	}
	c := w.chief.Charter()
	scope, err := signcrypt.NewScope(c.P, c.Nbhd, epoch)
	if err != nil {
		return nil
	}
	saved, err := m.o.Keys.Load(keysName(epoch))
	if err != nil {
		return nil
	}
	keys, err := scope.Restore(saved)
	if err != nil {
		return nil
	}
	peer, err := scope.NewPeer(keys.Sig.PublicKey, keys.Kem.PublicKey)
	if err != nil {
		return nil
	}
	if w.peers[epoch] == nil {
		w.peers[epoch] = map[signcrypt.PID]*signcrypt.Peer{}
	}
	w.peers[epoch][peer.ID] = peer
	o := &signcrypt.Opener{
		Scope: scope, Key: keys.Kem, Guard: &signcrypt.Guard{},
		Peer: func(id signcrypt.PID) *signcrypt.Peer {
			if w.peers[epoch][id] == nil {
				for _, other := range w.all() {
					w.opener(other, epoch)
				}
			}
			return w.peers[epoch][id]
		},
		Fresh: func(uint8, uint32) bool { return true },
	}
	w.openers[openerKey{m, epoch}] = o
	return o
}

// The beginnings of the messages of secure sums, as homomorphic.cddl has them.
type (
	sumScope struct {
		_     struct{} `cbor:",toarray"`
		Task  [16]byte
		Group uint8
	}
	sumAck struct {
		_      struct{} `cbor:",toarray"`
		Sub    uint8
		Scope  sumScope
		Roster [32]byte
	}
	sumActive struct {
		_       struct{} `cbor:",toarray"`
		Members uint32
		Openers uint32
		Uploads [32]byte
	}
	sumSet struct {
		_      struct{} `cbor:",toarray"`
		Sub    uint8
		Scope  sumScope
		Roster [32]byte
		Round  uint32
		Active sumActive
	}
	sumAnswer struct {
		_      struct{} `cbor:",toarray"`
		Scope  sumScope
		Roster [32]byte
		Round  uint32
		Active sumActive
		Piece  uint8
		Data   []byte
	}
	sumUpload struct {
		_      struct{} `cbor:",toarray"`
		Scope  sumScope
		Roster [32]byte
		Round  uint32
		Pairs  uint32
		Data   []byte
	}
)

// opened holds that a member acks one roster of an epoch and signs one active set
// of a round.
func (w *watch) opened(typ uint8, epoch uint32, got *signcrypt.Opened) {
	from := fmt.Sprintf("%x in epoch %d", got.From.ID[:4], epoch)
	switch typ {
	case homomorphic.TypeControl:
		var ack sumAck
		var set sumSet
		switch {
		case wire.Unmarshal(got.Msg, &ack) == nil && ack.Sub == 1:
			w.only(fmt.Sprintf("roster acked by %s for %x", from, ack.Scope.Task[:4]), ack.Roster[:])
		case wire.Unmarshal(got.Msg, &set) == nil && set.Sub == 4:
			w.only(fmt.Sprintf("active set signed by %s in round %d of %x", from, set.Round, set.Scope.Task[:4]), wire.MustMarshal(set.Active))
		}
	case 1, homomorphic.TypeShare, homomorphic.TypeAnswer:
		var parcel struct {
			_      struct{} `cbor:",toarray"`
			Header update.Header
			Inline []byte
		}
		if wire.Unmarshal(got.Msg, &parcel) != nil {
			return
		}
		want := update.Want{Task: parcel.Header.Task, Base: parcel.Header.Base, Bytes: homomorphic.MaxUpload}
		done, _ := w.posts[typ].Header(got.From.ID, got.Round, got.Msg, want)
		w.posted(typ, done)
	}
}

// posted holds that a member submits once in a round and opens one sum of it.
func (w *watch) posted(typ uint8, done *update.Complete) {
	if done == nil {
		return
	}
	switch typ {
	case 1:
		var u sumUpload
		if wire.Unmarshal(done.Bytes, &u) == nil {
			w.only(fmt.Sprintf("upload of %x for roster %x in round %d", done.From[:4], u.Roster[:4], u.Round), done.Bytes)
			w.count("uploads")
		}
	case homomorphic.TypeAnswer:
		var a sumAnswer
		if wire.Unmarshal(done.Bytes, &a) == nil {
			w.only(fmt.Sprintf("answer of %x for roster %x in round %d, piece %d", done.From[:4], a.Roster[:4], a.Round, a.Piece), done.Bytes)
			w.count("answers")
		}
	}
}
