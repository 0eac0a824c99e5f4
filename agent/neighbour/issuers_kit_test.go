// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// seat is a device with a disk on which it can become an issuer.
type seat struct {
	*memory
	name   string
	id     *issuer.Identity
	hall   *hall
	strict bool
	m      *Member
	stop   func()
	dead   bool

	disk     sync.Mutex
	signed   *issuer.SignedCharter
	ring     *door.Keyring
	secret   []byte            // the issuer's keys
	charters map[string][]byte // by P and generation
	eviction []byte
	granted  *tokenBook
}

func (s *seat) SaveCharter(c *issuer.SignedCharter) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.signed = c
	return nil
}

func (s *seat) SaveKeys(k *issuer.Keys) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.secret = k.Save()
	s.hall.wrote(s)
	return nil
}

func (s *seat) BindCharter(p issuer.Pub, gen uint32, charter []byte) ([]byte, error) {
	s.disk.Lock()
	defer s.disk.Unlock()
	key := fmt.Sprintf("%x %d", p, gen)
	if s.charters[key] == nil {
		s.charters[key] = charter
		s.hall.wrote(s)
	}
	return s.charters[key], nil
}

func (s *seat) SaveEviction(e []byte) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.eviction = e
	return nil
}

func (s *seat) Keys() (*issuer.Keys, error) {
	if s.secret == nil {
		return nil, nil
	}
	return issuer.RestoreKeys(s.secret)
}

func (s *seat) Open(k *issuer.Keys, before *Office) (*Office, error) {
	o := &Office{}
	if before != nil {
		o.Keeper = before.Keeper
	} else {
		signed, c, err := issuer.DecodeCharter(s.signed.Encode())
		if err != nil {
			return nil, err
		}
		o.Keeper = &door.Keeper{Keys: k, Ring: s.ring, Registry: s, Evictions: s, Rand: rand.Reader, Now: time.Now, Strict: s.strict}
		o.Keeper.Load(signed, c, s.guests)
		if s.eviction != nil {
			if err := o.Keeper.LoadEviction(s.eviction); err != nil {
				return nil, err
			}
		}
	}
	m := func() *Member { return s.m }
	o.Signer = &issuer.Signer{Keys: k, Book: s.memory, Charter: func() *issuer.Charter { return m().Charter() }, Rand: rand.Reader, Now: time.Now}
	o.Mint = &token.Mint{
		Index: k.Share.Index, POPRF: k.POPRF, Ed25519: k.Ed25519, Book: s.granted, Charter: func() *token.Charter { return m().TokenCharter() },
		Open:  func(info, sealed []byte) ([]byte, error) { return issuer.OpenWith(k.HPKE, info, sealed) },
		Epoch: func() (uint32, bool) { return m().Charter().Epoch(m().Now()) },
	}
	o.Timekeeper = &door.Timekeeper{Keys: k, Nbhd: [16]byte{1}, Time: func() (time.Time, bool) { return m().Time() }}
	return o, nil
}

// hall is a neighbourhood of devices that can become issuers.
type hall struct {
	t     *testing.T
	hub   *hub
	seats []*seat
	dial  Dial
	disk  func(s *seat) // something about issuing was written
}

func (h *hall) wrote(s *seat) {
	if h.disk != nil {
		h.disk(s)
	}
}

// newHall founds a neighbourhood, in which others join.
func newHall(t *testing.T, epoch uint32, names ...string) *hall {
	t.Helper()
	time.Sleep(time.Until(plausible))
	h := &hall{t: t, hub: &hub{}}
	h.dial = h.hub.dial
	keys, err := issuer.Found(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	founder := h.seat(names[0])
	founder.secret = keys.Save()
	signed, err := keys.SignCharter(rand.Reader, &issuer.Charter{
		Label: "vecino/charter/1", Nbhd: [16]byte{1}, P: keys.P, T: 1, Issuers: []issuer.Issuer{keys.Public()},
		Members: []issuer.Member{{Name: names[0], Ed25519: founder.id.Ed25519(), X25519: founder.id.X25519()}},
		Epoch0:  uint64(time.Now().Unix()), EpochLen: epoch, Chunk: 4096, ChunksPerMinute: 3000, D: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	founder.signed, founder.ring = signed, door.NewKeyring([32]byte{9}, 0, 0)
	founder.start()
	for _, name := range names[1:] {
		s := h.seat(name)
		if err := h.join(s, founder); err != nil {
			t.Fatal(err)
		}
		s.start()
	}
	return h
}

func (h *hall) seat(name string) *seat {
	id, err := issuer.NewIdentity(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	mem := newMemory()
	s := &seat{memory: mem, name: name, id: id, hall: h, charters: map[string][]byte{}, granted: mem.tokens()}
	h.seats = append(h.seats, s)
	return s
}

// join lets a device in by an invite of an issuer.
func (h *hall) join(s, by *seat) error {
	invite, err := by.m.Keeper().Invite(time.Hour)
	if err != nil {
		return err
	}
	return h.joinBy(s, invite)
}

func (h *hall) joinBy(s *seat, invite *door.Invite) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	w, err := Join(ctx, h.dial, rand.Reader, invite, s.id, s.name, func(string) {})
	if err != nil {
		return err
	}
	s.signed, s.ring = w.Signed, door.NewKeyring(w.K, w.Charter.Gen, w.Charter.V)
	return nil
}

// start brings a device to life with what is on its disk.
func (s *seat) start() {
	s.hall.t.Helper()
	m, err := New(Options{
		Identity: s.id, Ring: s.ring, Charter: s.signed, SaveCharter: s.SaveCharter, Keys: s.memory, State: s.memory, Issuing: s, Strict: s.strict,
		Dial: s.hall.dial, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(s.hall.t.Output(), nil)).With("device", s.name), Cover: CoverOff,
	})
	if err != nil {
		s.hall.t.Fatal(err)
	}
	s.m, s.dead = m, false
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			s.dead = true
			if err := <-done; err != nil && !errors.Is(err, door.ErrEvicted) {
				s.hall.t.Errorf("%s ends: %v", s.name, err)
			}
		})
	}
}

func (h *hall) end() {
	for _, s := range h.seats {
		if s.stop != nil {
			s.stop()
		}
	}
}

// within waits until something is true.
func (h *hall) within(d time.Duration, what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	h.t.Fatalf("%s: not within %v", what, d)
}

// change has a device change the issuers.
func (s *seat) change(c Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return s.m.ChangeIssuers(ctx, c)
}

func (s *seat) offer() {
	s.hall.t.Helper()
	if err := s.m.OfferSelf(context.Background(), true); err != nil {
		s.hall.t.Fatal(err)
	}
}

func (s *seat) status() IssuerStatus {
	st, err := s.m.IssuerStatus(context.Background())
	if err != nil {
		s.hall.t.Fatal(err)
	}
	return st
}

// agreed reports whether all who live hold one charter of t of n issuers.
func (h *hall) agreed(t, n int) bool {
	return !slices.ContainsFunc(h.seats, func(s *seat) bool {
		if s.dead {
			return false
		}
		c := s.m.Charter()
		return int(c.T) != t || len(c.Issuers) != n || c.Gen != h.live()[0].m.Charter().Gen
	})
}

func (h *hall) live() (out []*seat) {
	for _, s := range h.seats {
		if !s.dead && s.m != nil {
			out = append(out, s)
		}
	}
	return out
}

// together reports whether all who live see each other.
func (h *hall) together() bool {
	n := len(h.live())
	for _, s := range h.live() {
		all, _ := s.m.Present()
		if len(all) != n {
			return false
		}
	}
	return true
}

// nextEpoch waits until a little after the next edge, by which all who can have keys.
func (h *hall) nextEpoch() {
	c := h.live()[0].m.Charter()
	epoch, _ := c.Epoch(time.Now())
	time.Sleep(time.Until(c.EpochStart(epoch + 1)))
}

// electTwoOfThree makes issuers of the first three.
func (h *hall) electTwoOfThree() {
	h.t.Helper()
	h.seats[1].offer()
	h.seats[2].offer()
	h.within(time.Minute, "candidates are heard", func() bool { return len(h.seats[0].status().Candidates) == 2 })
	if err := h.seats[0].change(Change{New: true, Threshold: 2}); err != nil {
		h.t.Fatal(err)
	}
	h.within(time.Minute, "all hold the new charter", func() bool { return h.agreed(2, 3) })
	h.within(time.Minute, "all three are issuers", func() bool {
		return h.seats[0].m.Keeper() != nil && h.seats[1].m.Keeper() != nil && h.seats[2].m.Keeper() != nil
	})
}
