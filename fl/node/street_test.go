// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/update"
	"golang.org/x/crypto/chacha20poly1305"
)

// street is a network in memory: what one sends arrives a moment later.
type street struct {
	mu    sync.Mutex
	doors map[PeerID]chan Inbound
	lost  func(from, to PeerID) bool // nil: nothing is
	gone  map[PeerID]bool            // not seen by the others
}

const (
	latency  = 50 * time.Millisecond
	roundLen = time.Minute
	letters  = 4096 // that may wait at a door
)

func newStreet() *street { return &street{doors: map[PeerID]chan Inbound{}, gone: map[PeerID]bool{}} }

// house is one transport on a street.
type house struct {
	*street
	id PeerID
}

func (s *street) house(i int) *house {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doors[peer(i)] == nil {
		s.doors[peer(i)] = make(chan Inbound, letters)
	}
	return &house{s, peer(i)}
}

func (h *house) Present() (all []PeerID, self int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.doors {
		if !h.gone[id] {
			all = append(all, id)
		}
	}
	if h.gone[h.id] {
		return nil, 0
	}
	slices.SortFunc(all, func(a, b PeerID) int { return slices.Compare(a[:], b[:]) })
	return all, slices.Index(all, h.id)
}

func (h *house) Inbox() <-chan Inbound { return h.doors[h.id] }

func (h *house) Send(to []PeerID, round uint32, header []byte, copies int, shards [][]byte) error {
	for range copies {
		h.post(to, Inbound{From: h.id, Round: round, Header: header})
	}
	for _, b := range shards {
		m, err := shard.DecodeMessage(b)
		if err != nil {
			return err
		}
		h.post(to, Inbound{Shard: &m})
	}
	return nil
}

// change changes what the street does from now on.
func (s *street) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// post carries a letter, unless it is lost.
func (h *house) post(to []PeerID, in Inbound) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range to {
		if h.lost == nil || !h.lost(h.id, id) {
			door := h.doors[id]
			time.AfterFunc(latency, func() { door <- in })
		}
	}
}

// shelf keeps a checkpoint.
type shelf struct {
	saved []byte
	saves atomic.Int32 // is looked at while rounds go on
	err   error        // of Save
	bad   error        // of Load
}

func (s *shelf) Save(b []byte) error {
	if s.err != nil {
		return s.err
	}
	s.saved = b
	s.saves.Add(1)
	return nil
}

func (s *shelf) Load() ([]byte, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if s.saved == nil {
		return nil, fs.ErrNotExist
	}
	return s.saved, nil
}

// device is a runner and what came of it.
type device struct {
	*Runner
	shelf   *shelf
	reports []Report
	ended   []time.Time // of each report
	refused map[string]int
	resumed []uint32
	done    chan error
	cancel  context.CancelFunc
}

func newDevice(t testing.TB, s *street, task *Task, i int) *device {
	t.Helper()
	d := &device{shelf: &shelf{}, refused: map[string]int{}}
	d.Runner = &Runner{
		Task: task, Node: New(must(task.Settings())(t), uneven(i), nil, uint64(i)), Transport: s.house(i), Store: d.shelf,
		Test: points(60, 77), Rand: rand.NewChaCha8([32]byte{byte(i)}), Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnResume: func(last uint32) { d.resumed = append(d.resumed, last) },
		OnRound:  func(r Report) { d.reports, d.ended = append(d.reports, r), append(d.ended, time.Now()) },
		Now:      time.Now, Refuse: func(reason string) { d.refused[reason]++ },
	}
	d.prepare()
	return d
}

// start runs the device until its task ends or it is stopped.
func (d *device) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.done = cancel, make(chan error, 1)
	go func() { d.done <- d.run(ctx) }()
}

// stop ends the device as a switch does, and returns what Run returns.
func (d *device) stop() error {
	d.cancel()
	return d.wait()
}

func (d *device) wait() error {
	defer d.cancel()
	return <-d.done
}

// again returns a device with a fresh node and runner and the same checkpoint.
func (d *device) again(t testing.TB, s *street, i int) *device {
	next := newDevice(t, s, d.Task, i)
	next.shelf = d.shelf
	next.Store = d.shelf
	return next
}

// soon is the task of learning thirds, from a minute after now on.
func soon(rounds uint32) *Task {
	task := thirds()
	task.Rounds, task.RoundLen = rounds, uint32(roundLen.Milliseconds())
	task.Start = uint64(time.Now().Add(time.Minute).UnixMilli())
	return task
}

// devices returns n devices with one task.
func devices(t testing.TB, s *street, task *Task, n int) []*device {
	all := make([]*device, n)
	for i := range all {
		all[i] = newDevice(t, s, task, i)
	}
	return all
}

func startAll(all []*device) {
	for _, d := range all {
		d.start()
	}
}

func waitAll(t testing.TB, all []*device) {
	t.Helper()
	for i, d := range all {
		if err := d.wait(); err != nil {
			t.Errorf("device %d: %v", i, err)
		}
	}
}

// sleepUntil waits until a moment in a round, and until all is quiet.
func sleepUntil(task *Task, round uint32, into time.Duration) {
	time.Sleep(time.Until(task.RoundStart(round).Add(into)))
	synctest.Wait()
}

// forged returns the message of an update with any vectors, which Pack would
// not make, sealed as a neighbour could seal them. Key tells one from another.
func forged(d *device, from PeerID, key byte, vectors ...[]float32) []byte {
	var encoded [][]byte
	for _, v := range vectors {
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		encoded = append(encoded, b)
	}
	payload := wire.MustMarshal(encoded)
	h := update.Header{
		Task: d.id, Base: d.base, Vectors: uint8(len(vectors)), Params: uint32(len(vectors[0])),
		Size: uint32(len(payload) + chacha20poly1305.Overhead), MHash: sha256.Sum256(payload), Weight: 1, Key: [32]byte{key},
	}
	id := wire.Hash(wire.LabelUpdate, from[:], h.Key[:])
	h.ID = [16]byte(id[:16])
	aead, err := chacha20poly1305.New(h.Key[:])
	if err != nil {
		panic(err)
	}
	aad := wire.LV([]byte(wire.LabelPayload), h.ID[:], h.Task[:], h.Base[:])
	sealed := aead.Seal(nil, make([]byte, chacha20poly1305.NonceSize), payload, aad)
	h.CTHash = sha256.Sum256(sealed)
	return wire.MustMarshal(update.Message{Header: h, Inline: &sealed})
}
