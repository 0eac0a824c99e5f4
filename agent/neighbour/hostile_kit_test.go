// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"crypto/rand"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// kit is what all towns have in common: an issuer's keys, and devices that already
// hold the tokens of a day. Tokens take most of a town's time, and few cases are
// about them.
type kit struct {
	nbhd    [16]byte
	keys    *issuer.Keys
	people  map[string]*issuer.Identity
	wallets map[string][]byte
	bound   map[tokenKey][32]byte
}

// stocked are the devices of the kit.
var stocked = []string{"founder", "b", "c", "sleeps", "goes"}

var theKit = sync.OnceValues(newKit)

func newKit() (*kit, error) {
	k := &kit{nbhd: [16]byte{1}, people: map[string]*issuer.Identity{}, wallets: map[string][]byte{}}
	var err error
	if k.keys, err = issuer.Found(rand.Reader); err != nil {
		return nil, err
	}
	pub := k.keys.Public()
	c := &token.Charter{Nbhd: k.nbhd, T: 1, Issuers: []token.Issuer{{Index: pub.Index, POPRF: pub.POPRF, HPKE: pub.HPKE, Ed25519: pub.Ed25519}}}
	for _, name := range stocked {
		if k.people[name], err = issuer.NewIdentity(rand.Reader); err != nil {
			return nil, err
		}
		c.Members = append(c.Members, k.people[name].Ed25519())
	}
	book := (&memory{}).tokens()
	k.bound = book.bound
	mint := k.mint(book, func() *token.Charter { return c }, func() (uint32, bool) { return 0, true })
	for _, name := range stocked {
		w := token.NewWallet(k.nbhd)
		var epochs []uint32
		for e := range uint32(token.MaxBatch) {
			epochs = append(epochs, e)
		}
		asking, err := w.Ask(rand.Reader, c, k.people[name].Sign, epochs...)
		if err != nil {
			return nil, err
		}
		for range 2 {
			for _, msg := range asking.Pending() {
				answer, err := mint.Answer(msg)
				if err != nil {
					return nil, err
				}
				if err := asking.Handle(answer); err != nil {
					return nil, err
				}
			}
		}
		k.wallets[name] = w.Save()
	}
	return k, nil
}

func (k *kit) mint(book token.Book, c func() *token.Charter, epoch func() (uint32, bool)) *token.Mint {
	return &token.Mint{
		Index: 1, POPRF: k.keys.POPRF, Ed25519: k.keys.Ed25519, Book: book, Charter: c, Epoch: epoch,
		Open: func(info, sealed []byte) ([]byte, error) { return issuer.OpenWith(k.keys.HPKE, info, sealed) },
	}
}

// memory returns the stores of a device of the kit, or of any other.
func (k *kit) memory(name string) *memory {
	m := newMemory()
	if w, ok := k.wallets[name]; ok {
		m.keys[walletFile] = w
	}
	return m
}

// found founds a town, whose founder does not run yet.
func (k *kit) found(h *town, spread, chunks uint16) *Member {
	t := h.t
	id := k.people["founder"]
	c := &issuer.Charter{
		Label: "vecino/charter/1", Nbhd: k.nbhd, P: k.keys.P, T: 1, Issuers: []issuer.Issuer{k.keys.Public()},
		Members: []issuer.Member{{Name: "founder", Ed25519: id.Ed25519(), X25519: id.X25519()}},
		Epoch0:  uint64(h.start.Unix()), EpochLen: uint32(hostileEpoch / time.Second), Chunk: 4096, ChunksPerMinute: chunks, D: spread,
	}
	signed, err := k.keys.SignCharter(rand.Reader, c)
	if err != nil {
		t.Fatal(err)
	}
	mem := k.memory("founder")
	ring := door.NewKeyring([32]byte{9}, 0, 0)
	keeper := &door.Keeper{
		Keys: k.keys, Ring: ring, Evictions: &evictions{}, Registry: watchedCharters{mem, h.watch}, Rand: rand.Reader, Now: time.Now,
	}
	keeper.Load(signed, c, nil)
	var m *Member
	book := watchedTokens{&tokenBook{bound: maps.Clone(k.bound)}, h.watch}
	m, err = New(Options{
		Identity: id, Ring: ring, Charter: signed, SaveCharter: mem.SaveCharter, Keys: mem, State: mem,
		Keeper: keeper, Notary: door.Alone{Keys: k.keys, Rand: rand.Reader},
		Signer: &issuer.Signer{
			Keys: k.keys, Book: watchedBook{mem, h.watch}, Charter: func() *issuer.Charter { return m.Charter() }, Rand: rand.Reader, Now: time.Now,
		},
		Mint: k.mint(book, func() *token.Charter { return m.TokenCharter() }, func() (uint32, bool) { return m.Charter().Epoch(m.Now()) }),
		Timekeeper: &door.Timekeeper{
			Keys: k.keys, Nbhd: k.nbhd, Time: func() (time.Time, bool) { return m.Time() },
		},
		Dial: h.broker.dialer("founder"), Rand: rand.Reader, Log: slog.Default(), Cover: CoverOff,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.place = &place{t: t, hub: h.broker.hub, keeper: keeper, k: [32]byte{9}, cover: CoverOff}
	return m
}
