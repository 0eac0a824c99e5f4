// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/token"
)

// hub is a broker in memory that delivers in order and to everybody, the sender
// too, as MQTT does. A tap sees all that is published.
type hub struct {
	mu    sync.Mutex
	links []*hubLink
	tap   func(client, topic string, payload []byte)
	drop  func(topic string, payload []byte) bool
}

type hubLink struct {
	hub    *hub
	client string
	subs   map[string]func(string, []byte)
	queue  chan func()
	done   chan struct{}
	once   sync.Once
}

func (h *hub) dial(_ context.Context, client string) (Link, error) {
	l := &hubLink{hub: h, client: client, subs: map[string]func(string, []byte){}, queue: make(chan func(), 4096), done: make(chan struct{})}
	h.mu.Lock()
	h.links = append(h.links, l)
	h.mu.Unlock()
	go func() {
		for {
			select {
			case f := <-l.queue:
				f()
			case <-l.done:
				return
			}
		}
	}()
	return l, nil
}

func (l *hubLink) Subscribe(topic string, handle func(string, []byte)) error {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.subs[topic] = handle
	return nil
}

func (l *hubLink) Publish(topic string, payload []byte) error {
	l.hub.inject(l.client, topic, payload)
	return nil
}

func (h *hub) inject(client, topic string, payload []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tap != nil {
		h.tap(client, topic, payload)
	}
	if h.drop != nil && h.drop(topic, payload) {
		return
	}
	for _, l := range h.links {
		if handle := l.subs[topic]; handle != nil {
			select {
			case l.queue <- func() { handle(topic, slices.Clone(payload)) }:
			default:
			}
		}
	}
}

func (l *hubLink) Close(context.Context) error {
	l.once.Do(func() {
		l.hub.mu.Lock()
		defer l.hub.mu.Unlock()
		l.hub.links = slices.DeleteFunc(l.hub.links, func(x *hubLink) bool { return x == l })
		close(l.done)
	})
	return nil
}

// memory is a key store, a book and a registry in memory.
type memory struct {
	mu     sync.Mutex
	keys   map[string][]byte
	bound  map[[36]byte][sha512.Size]byte
	guests []door.Guest
	last   *issuer.SignedCharter
}

func newMemory() *memory {
	return &memory{keys: map[string][]byte{}, bound: map[[36]byte][sha512.Size]byte{}}
}

func (m *memory) Save(name string, secret []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[name] = slices.Clone(secret)
	return nil
}

func (m *memory) Load(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.keys[name]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Forget(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, name)
	return nil
}

func (m *memory) Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [36]byte(append(s[:], byte(epoch>>24), byte(epoch>>16), byte(epoch>>8), byte(epoch)))
	if was, ok := m.bound[key]; ok {
		return was, nil
	}
	m.bound[key] = hash
	return hash, nil
}

// tokenBook is a book of tokens in memory.
type tokenBook struct {
	mu    sync.Mutex
	bound map[tokenKey][32]byte
}

type tokenKey struct {
	member token.Pub
	v      uint32
	epoch  uint32
}

func (m *memory) tokens() *tokenBook { return &tokenBook{bound: map[tokenKey][32]byte{}} }

func (b *tokenBook) Bind(member token.Pub, v uint32, elements []token.Element) (out [][32]byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range elements {
		key := tokenKey{member, v, e.Epoch}
		if _, ok := b.bound[key]; !ok {
			b.bound[key] = e.Blinded
		}
		out = append(out, b.bound[key])
	}
	return out, nil
}

func (m *memory) SaveGuests(g []door.Guest) error { m.guests = g; return nil }

func (m *memory) SaveCharter(s *issuer.SignedCharter) error { m.last = s; return nil }

// place is a neighbourhood on a hub: a founder and those who joined.
type place struct {
	founder *Member // the one that issues
	t       *testing.T
	hub     *hub
	keeper  *door.Keeper
	k       [pseudonym.KeySize]byte
	cover   Cover
}

// found makes a neighbourhood with quick waits and without cover, and returns the
// founder.
func found(t *testing.T, h *hub, epochLen uint32) (*place, *Member) {
	t.Helper()
	return foundWith(t, h, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = epochLen, 30_000, 1 })
}

// foundWith makes a neighbourhood with the numbers that set sets.
func foundWith(t *testing.T, h *hub, cover Cover, set func(*issuer.Charter)) (*place, *Member) {
	t.Helper()
	id, err := issuer.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := issuer.Found(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &issuer.Charter{
		Label: "vecino/charter/1", Nbhd: [16]byte{1}, P: keys.P, T: 1, Issuers: []issuer.Issuer{keys.Public()},
		Members: []issuer.Member{{Name: "founder", Ed25519: id.Ed25519(), X25519: id.X25519()}},
		Epoch0:  uint64(time.Now().Unix()), Chunk: 4096,
	}
	set(c)
	signed, err := keys.SignCharter(rand.Reader, c)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, hub: h, k: [32]byte{9}, cover: cover}
	mem := newMemory()
	p.keeper = &door.Keeper{Keys: keys, Ring: door.NewKeyring(p.k, 0, 0), Registry: mem, Rand: rand.Reader, Now: time.Now}
	p.keeper.Load(signed, c, nil)
	signer := &issuer.Signer{Keys: keys, Book: mem, Charter: func() *issuer.Charter { return p.founder.Charter() }, Rand: rand.Reader, Now: time.Now}
	mint := &token.Mint{
		Index: 1, POPRF: keys.POPRF, Ed25519: keys.Ed25519, Book: mem.tokens(), Charter: func() *token.Charter { return p.founder.TokenCharter() },
		Open:  func(info, sealed []byte) ([]byte, error) { return issuer.OpenWith(keys.HPKE, info, sealed) },
		Epoch: func() (uint32, bool) { return p.founder.Charter().Epoch(p.founder.Now()) },
	}
	p.founder = p.member(id, signed, mem, func(o *Options) {
		o.Mint = mint
		o.Keeper, o.Signer, o.Notary = p.keeper, signer, door.Alone{Keys: keys, Rand: rand.Reader}
	})
	return p, p.founder
}

func (p *place) member(id *issuer.Identity, s *issuer.SignedCharter, mem *memory, with func(*Options)) *Member {
	p.t.Helper()
	o := Options{
		Identity: id, Ring: door.NewKeyring(p.k, 0, 0), Charter: s, SaveCharter: mem.SaveCharter, Keys: mem, State: mem,
		Dial: p.hub.dial, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(p.t.Output(), nil)),
		Cover: p.cover,
	}
	if with != nil {
		with(&o)
	}
	m, err := New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// start runs a member until the test ends or stop is called.
func (p *place) start(m *Member) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				p.t.Errorf("member ends: %v", err)
			}
		})
	}
	p.t.Cleanup(stop)
	return stop
}

// join lets a new device in and returns what it needs to be a member.
func (p *place) join(name string) (*issuer.Identity, *door.Welcome) {
	p.t.Helper()
	invite, err := p.keeper.Invite(time.Hour)
	if err != nil {
		p.t.Fatal(err)
	}
	id, err := issuer.NewIdentity(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w, err := Join(ctx, p.hub.dial, rand.Reader, invite, id, name, func(string) {})
	if err != nil {
		p.t.Fatal(err)
	}
	return id, w
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within 30 s", what)
}
