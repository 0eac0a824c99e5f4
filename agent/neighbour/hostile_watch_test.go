// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/update"
)

// watch holds that what must be used once is used once: it knows all secrets.
type watch struct {
	chief *Member
	all   func() []*Member

	mu        sync.Mutex
	faults    []string
	once      map[string]string
	replyKeys map[[16]byte]*ecdh.PrivateKey // of key requests, by rid
	outputs   map[[16]byte][64]byte         // of tokens, by rid
	openers   map[openerKey]*signcrypt.Opener
	peers     map[uint32]map[signcrypt.PID]*signcrypt.Peer
	kinds     map[[32]byte]what // of envelopes
	posts     [8]*update.Collector
	counts    map[string]int
}

type openerKey struct {
	m     *Member
	epoch uint32
}

func newWatch(all func() []*Member) *watch {
	w := &watch{
		all: all, once: map[string]string{}, replyKeys: map[[16]byte]*ecdh.PrivateKey{}, outputs: map[[16]byte][64]byte{},
		openers: map[openerKey]*signcrypt.Opener{}, peers: map[uint32]map[signcrypt.PID]*signcrypt.Peer{}, kinds: map[[32]byte]what{}, counts: map[string]int{},
	}
	for i := range w.posts {
		w.posts[i] = update.NewCollector(0)
	}
	return w
}

func (w *watch) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := fmt.Sprintf(format, args...); len(w.faults) < 16 {
		w.faults = append(w.faults, s)
	}
}

// only holds that a thing has one value for ever.
func (w *watch) only(thing string, value []byte) {
	w.mu.Lock()
	was, ok := w.once[thing]
	w.once[thing] = string(value)
	w.mu.Unlock()
	if ok && was != string(value) {
		w.fault("%s: two values", thing)
	}
}

// watchedBook sees for which keys issuers are asked, watchedTokens for which
// tokens, watchedKeys which keys a device has, watchedCharters what issuers sign.
type watchedBook struct {
	issuer.Book
	w *watch
}

func (b watchedBook) Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error) {
	b.w.only(fmt.Sprintf("keys of epoch %d for token %x", epoch, s[:4]), hash[:])
	return b.Book.Bind(epoch, s, hash)
}

type watchedTokens struct {
	token.Book
	w *watch
}

func (b watchedTokens) Bind(member token.Pub, v uint32, elements []token.Element) ([][32]byte, error) {
	for _, e := range elements {
		b.w.only(fmt.Sprintf("blinded element of member %x, epoch %d, v %d", member[:4], e.Epoch, v), e.Blinded[:])
	}
	return b.Book.Bind(member, v, elements)
}

type watchedKeys struct {
	KeyStore
	name string
	w    *watch
}

func (k watchedKeys) Save(name string, secret []byte) error {
	if strings.HasPrefix(name, "keys-") || strings.HasPrefix(name, "secret-") {
		k.w.only(k.name+"'s "+name, secret)
	}
	return k.KeyStore.Save(name, secret)
}

type watchedCharters struct {
	door.Registry
	w *watch
}

func (r watchedCharters) SaveCharter(s *issuer.SignedCharter) error {
	r.w.charter(s)
	return r.Registry.SaveCharter(s)
}

func (w *watch) charter(s *issuer.SignedCharter) {
	if _, c, err := issuer.DecodeCharter(s.Encode()); err != nil {
		w.fault("a charter that does not hold: %v", err)
	} else {
		w.only(fmt.Sprintf("charter of generation %d", c.Gen), s.Charter)
	}
}

// watchedRand is a device's randomness, in which the watch sees the keys that answers to
// key requests are sealed to: the 48 bytes of a request's number and key.
type watchedRand struct{ w *watch }

func (r watchedRand) Read(p []byte) (int, error) {
	n, err := rand.Read(p)
	if len(p) == 48 {
		if key, err := ecdh.X25519().NewPrivateKey(p[16:]); err == nil {
			r.w.mu.Lock()
			r.w.replyKeys[[16]byte(p)] = key
			r.w.mu.Unlock()
		}
	}
	return n, err
}

var _ io.Reader = watchedRand{}

// kindOf returns what a message is, as far as it says so itself.
func (w *watch) kindOf(m chunk.Message) what {
	switch m.Type {
	case issuer.TypeRequest, issuer.TypeAnswer, token.TypeRequest, token.TypeAnswer, door.TypeRequest, door.TypeAnswer:
		if len(m.Data) > 1 && m.Data[1] < 24 {
			return what{m.Type, int8(m.Data[1])}
		}
	}
	return what{m.Type, anyKind}
}

// see takes a message that somebody sends and returns what it is.
func (w *watch) see(from string, m chunk.Message) what {
	switch m.Type {
	case issuer.TypeRequest:
		w.keyRequest(m.Data)
	case issuer.TypeAnswer:
		w.keyAnswer(m.Data)
	case door.TypeAnswer:
		if s, _, ok := door.DecodeCharter(m.Data); ok {
			w.charter(s)
		}
	case 2:
		if s, err := shard.DecodeMessage(m.Data); err == nil {
			for typ, c := range w.posts {
				if c.Knows(s.ID) {
					done, _ := c.Shard(s)
					w.posted(uint8(typ), done)
				}
			}
		}
	case 1, homomorphic.TypeShare, homomorphic.TypeControl, homomorphic.TypeAnswer, pseudonym.TypePair:
		return w.envelope(m)
	}
	return w.kindOf(m)
}

// The forms of key requests and answers, as keys.cddl has them.
type (
	keyPacket struct {
		_      struct{} `cbor:",toarray"`
		Round  uint8
		RID    [16]byte
		Index  uint8
		Sealed []byte
	}
	keyAsk struct {
		_          struct{} `cbor:",toarray"`
		Epoch      uint32
		S          [32]byte
		USig, UKem [32]byte
		ProofSig   issuer.Proof
		ProofKem   issuer.Proof
		Reply      [32]byte
		MAC        [64]byte
	}
	keyCommitments struct {
		_        struct{} `cbor:",toarray"`
		Sig, Kem issuer.Commitment
	}
)

func (w *watch) keyRequest(msg []byte) {
	var p keyPacket
	if err := wire.Unmarshal(msg, &p); err != nil {
		w.fault("key request: %v", err)
		return
	}
	keys := w.chief.o.Signer.Keys
	info := wire.LV([]byte(wire.LabelKeyRequest), p.RID[:], wire.U8(p.Round), wire.U8(p.Index))
	plain, err := issuer.OpenWith(keys.HPKE, info, p.Sealed)
	if err != nil {
		w.fault("key request that its issuer cannot open")
		return
	}
	w.only(fmt.Sprintf("key request %x, round %d", p.RID[:4], p.Round), plain)
	var a keyAsk
	if p.Round == 0 && wire.Unmarshal(plain, &a) == nil {
		c := w.chief.Charter()
		if y, err := token.Output(keys.POPRF, c.Nbhd, a.Epoch, c.V, a.S); err == nil {
			w.mu.Lock()
			w.outputs[p.RID] = y
			w.mu.Unlock()
		}
	}
}

// keyAnswer holds that a commitment belongs to one request, and that one pair of
// parts was made with it.
func (w *watch) keyAnswer(msg []byte) {
	var p keyPacket
	if err := wire.Unmarshal(msg, &p); err != nil {
		w.fault("key answer: %v", err)
		return
	}
	w.mu.Lock()
	key, y := w.replyKeys[p.RID], w.outputs[p.RID]
	w.mu.Unlock()
	if key == nil {
		w.fault("key answer to nobody")
		return
	}
	plain, err := issuer.OpenWith(key, wire.LV([]byte(wire.LabelKeyAnswer), p.RID[:], wire.U8(p.Index), y[:]), p.Sealed)
	if err != nil {
		w.fault("key answer that its receiver cannot open")
		return
	}
	var c keyCommitments
	if p.Round == 0 && wire.Unmarshal(plain, &c) == nil {
		for _, one := range []issuer.Commitment{c.Sig, c.Kem} {
			w.only(fmt.Sprintf("request of commitment %x", one.Hiding[:8]), p.RID[:])
			w.only(fmt.Sprintf("request of commitment %x", one.Binding[:8]), p.RID[:])
		}
	}
	if p.Round == 1 { // its lists of commitments are the same each time, see keyRequest
		w.only(fmt.Sprintf("parts of issuer %d for request %x", p.Index, p.RID[:4]), plain)
		w.count("parts of keys")
	}
}

// count counts what the watch was able to look into, so that a test notices where
// it is blind.
func (w *watch) count(thing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[thing]++
}
