// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// hostileEpoch is the length of the epochs, the shortest in which no wait of the
// protocol is shorter than usual.
const hostileEpoch = 600 * time.Second

// town is a neighbourhood on a hostile broker.
type town struct {
	*place
	kit    *kit
	broker *broker
	watch  *watch
	start  time.Time // of epoch 0

	mu     sync.Mutex
	names  []string // of those who live, in the order in which they came
	people map[string]*Member
	logs   map[string]*diary
	ended  map[string]error
	stops  map[string]func()

	learners map[string]*learn.Service // nil where nobody learns
}

// diary is what a device logs and what it tells its owner while it joins.
type diary struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.Write(p)
}

func (d *diary) says(pattern string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return regexp.MustCompile(pattern).Match(d.buf.Bytes())
}

// newTown founds a neighbourhood, whose founder does not run yet.
func newTown(t *testing.T, spread, chunks uint16) *town {
	k, err := theKit()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(plausible))
	h := &town{
		place: &place{t: t}, kit: k, start: time.Now(),
		people: map[string]*Member{}, logs: map[string]*diary{}, ended: map[string]error{}, stops: map[string]func(){},
	}
	h.watch = newWatch(h.members)
	h.broker = newBroker(&hub{}, h.watch)
	founder := k.found(h, spread, chunks)
	h.broker.p, h.broker.chief, h.watch.chief = h.place, founder, founder
	h.admit("founder", founder)
	return h
}

// admit has a device speak through the broker and be watched.
func (h *town) admit(name string, m *Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	log := h.logs[name]
	if log == nil {
		log = &diary{}
		h.logs[name] = log
	}
	m.o.Dial, m.o.Rand = h.broker.dialer(name), watchedRand{h.watch}
	m.o.Log = slog.New(slog.NewTextHandler(log, nil))
	if _, ok := m.o.Keys.(watchedKeys); !ok {
		m.o.Keys = watchedKeys{m.o.Keys, name, h.watch}
	}
	h.people[name] = m
	if !slices.Contains(h.names, name) {
		h.names = append(h.names, name)
	}
}

func (h *town) members() (all []*Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.names {
		all = append(all, h.people[name])
	}
	return all
}

func (h *town) member(name string) *Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.people[name]
}

// live runs a device until the test ends or it is stopped.
func (h *town) live(name string) {
	m := h.member(name)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	h.teach(name, m, ctx)
	go func() {
		defer close(done)
		err := m.Run(ctx)
		h.mu.Lock()
		h.ended[name] = err
		h.mu.Unlock()
		if err != nil && !errors.Is(err, door.ErrEvicted) {
			h.t.Errorf("%s ends: %v", name, err)
		}
	}()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	h.t.Cleanup(stop)
	h.mu.Lock()
	h.stops[name] = stop
	h.mu.Unlock()
}

// seenBy returns the pseudonyms that a device sees besides its own.
func (h *town) seenBy(name string) []signcrypt.PID {
	all, self := h.member(name).Present()
	if len(all) == 0 {
		return nil
	}
	return slices.Delete(slices.Clone(all), self, self+1)
}

// forgo takes a device off the list of those who must see each other in the end.
func (h *town) forgo(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names = slices.DeleteFunc(h.names, func(n string) bool { return n == name })
}

// knock lets a device in, however long it takes.
func (h *town) knock(name string, with func(*Options)) bool {
	invite, err := h.keeper.Invite(24 * time.Hour)
	if err != nil {
		h.t.Error(err)
		return false
	}
	id := h.kit.people[name]
	if id == nil {
		if id, err = issuer.NewIdentity(rand.Reader); err != nil {
			h.t.Error(err)
			return false
		}
	}
	log := &diary{}
	h.mu.Lock()
	h.logs[name] = log
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*hostileEpoch)
	defer cancel()
	w, err := Join(ctx, h.broker.dialer(name), rand.Reader, invite, id, name, func(reason string) { _, _ = log.Write([]byte(reason + "\n")) })
	if err != nil {
		h.t.Errorf("%s cannot join: %v", name, err)
		return false
	}
	mem := h.kit.memory(name)
	m := h.place.member(id, w.Signed, mem, func(o *Options) {
		o.Ring = door.NewKeyring(w.K, w.Charter.Gen, w.Charter.V)
		o.SaveCharter = func(s *issuer.SignedCharter) error {
			h.watch.charter(s)
			return mem.SaveCharter(s)
		}
		if with != nil {
			with(o)
		}
	})
	h.admit(name, m)
	return true
}

// settle runs the founder and lets others in.
func (h *town) settle(names ...string) {
	h.live("founder")
	for _, name := range names {
		time.Sleep(5 * time.Second)
		if h.knock(name, nil) {
			h.live(name)
		}
	}
}

// until sleeps until a time of an epoch.
func (h *town) until(epoch int, after time.Duration) {
	time.Sleep(time.Until(h.start.Add(time.Duration(epoch)*hostileEpoch + after)))
}

// epoch returns the epoch of the moment.
func (h *town) epoch() int { return int(time.Since(h.start) / hostileEpoch) }

// whole holds that all who should be there see each other, and no one else.
func (h *town) whole() {
	h.t.Helper()
	var ids []signcrypt.PID
	for i, m := range h.members() {
		all, _ := m.Present()
		if i == 0 {
			ids = all
		}
		if len(all) != len(h.names) || !slices.Equal(all, ids) {
			h.t.Errorf("%s sees %d devices, of %d that should be there; refused %v", h.names[i], len(all), len(h.names), m.Refused())
			h.t.Logf("%s: %s", h.names[i], tail(h.logs[h.names[i]].buf.String()))
		}
		if c := m.Charter(); len(c.Members) != len(h.names) {
			h.t.Errorf("%s has a charter of %d members", h.names[i], len(c.Members))
		}
	}
}

func tail(s string) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
