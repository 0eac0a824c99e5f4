// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// square is a neighbourhood in memory: what one says, all hear a moment later.
type square struct {
	mu      sync.Mutex
	members map[signcrypt.PID]*member
	changed chan struct{}
	tasks   []signcrypt.PID // who told of a task, in order

	began     time.Time
	epoch     time.Duration
	turns     bool                  // pseudonyms change with epochs
	paired    map[[2]int]bool       // devices that have exchanged
	strangers bool                  // nobody makes pairs
	shy       map[int]time.Duration // how long after its entry a device is recognised
	records   map[string][]byte     // of sums, which outlive their members
	lose      func(typ uint8) bool
}

const latency = 20 * time.Millisecond

func newSquare() *square {
	return &square{
		members: map[signcrypt.PID]*member{}, changed: make(chan struct{}), began: time.Now(), epoch: 24 * time.Hour,
		records: map[string][]byte{}, lose: func(uint8) bool { return false },
		paired: map[[2]int]bool{}, shy: map[int]time.Duration{},
	}
}

// member is a device on a square.
type member struct {
	*square
	i        int
	id       signcrypt.PID   // of the epoch
	key      homomorphic.Key // likewise
	number   uint32          // of the epoch
	entered  time.Time
	over     bool // it has left for good
	budget   int64
	hearing  sync.Mutex // handlers run one at a time
	handlers map[uint8]func(signcrypt.PID, uint32, []byte)
	refused  map[string]int
	chunks   int
}

func pid(i int) signcrypt.PID { return signcrypt.PseudonymID(key(i)) }

func key(i int) homomorphic.Key { return homomorphic.Key{byte(i + 1)} }

// join puts a member on the square, in place of the one that was there before.
func (s *square) join(i int) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &member{square: s, i: i, id: pid(i), key: key(i), entered: time.Now(), budget: 1 << 30, handlers: map[uint8]func(signcrypt.PID, uint32, []byte){}, refused: map[string]int{}, chunks: 60}
	m.rename()
	s.members[m.id] = m
	s.noteChange()
	return m
}

func (s *square) noteChange() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (m *member) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	delete(m.members, m.id)
}

func (m *member) Handle(typ uint8, h func(signcrypt.PID, uint32, []byte)) {
	m.hearing.Lock()
	defer m.hearing.Unlock()
	m.handlers[typ] = h
}

func (m *member) Present() (all []signcrypt.PID, self int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.turns && m.members[m.id] != m {
		return nil, 0
	}
	for id := range m.members {
		all = append(all, id)
	}
	slices.SortFunc(all, func(a, b signcrypt.PID) int { return bytes.Compare(a[:], b[:]) })
	return all, slices.Index(all, m.id)
}

func (m *member) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *member) SendUpdate(to []signcrypt.PID, round uint32, header []byte, copies int, shards [][]byte) error {
	if _, there := m.Epoch(); !there {
		return errNotThere
	}
	for range copies {
		m.say(to, m.self(), typeUpdate, round, header)
	}
	m.pair(to)
	for _, s := range shards {
		all, _ := m.Present()
		m.say(all, signcrypt.PID{}, typeShard, 0, s)
	}
	return nil
}

func (m *member) SendParts(typ uint8, to []signcrypt.PID, header []byte, copies int, shards [][]byte) error {
	minute := uint32(time.Since(m.began) % m.epoch / time.Minute)
	for range copies {
		m.say(to, m.self(), typ, minute, header)
	}
	return m.SendUpdate(nil, 0, nil, 0, shards)
}

func (m *member) Tell(typ uint8, to []signcrypt.PID, msg []byte) error {
	m.say(to, m.self(), typ, 0, msg)
	return nil
}

func (m *member) Sums() (c homomorphic.Config, from time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	epoch := time.Since(m.began) / m.epoch
	c = homomorphic.Config{Nbhd: [16]byte{1}, Epoch: uint32(epoch), Self: m.key, Wait: 4 * time.Second, Rand: rand.Reader}
	for _, other := range m.members {
		if other != m {
			c.Members = append(c.Members, other.key)
		}
	}
	return c, m.began.Add(epoch * m.epoch).Add(10 * time.Second), m.members[m.id] == m
}

func (m *member) SumBudget() int64 { return m.budget }

// stored is a record of sums in memory.
type stored struct {
	*square
	name string
}

func (m *member) OpenSums(c *homomorphic.Config) error {
	name := fmt.Sprintf("%x-%x-%d", m.key[0], c.Task, c.Group)
	c.State, c.Runtime, c.Shares = stored{m.square, name + "-state"}, stored{m.square, name + "-runtime"}, stored{m.square, name + "-shares"}
	return nil
}

func (s stored) Load() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records[s.name]), nil
}

func (s stored) Save(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[s.name] = slices.Clone(b)
	return nil
}

func (m *member) Broadcast(typ uint8, msg []byte) error {
	all, _ := m.Present()
	id := m.self()
	m.mu.Lock()
	m.tasks = append(m.tasks, id)
	m.mu.Unlock()
	m.say(all, id, typ, 0, msg)
	return nil
}

func (m *member) say(to []signcrypt.PID, from signcrypt.PID, typ uint8, round uint32, msg []byte) {
	time.AfterFunc(latency, func() {
		for _, id := range to {
			m.mu.Lock()
			other := m.members[id]
			m.mu.Unlock()
			if other != nil && other != m {
				if !m.lose(typ) {
					other.hear(from, typ, round, msg)
				}
			}
		}
	})
}

func (m *member) hear(from signcrypt.PID, typ uint8, round uint32, msg []byte) {
	m.hearing.Lock()
	defer m.hearing.Unlock()
	if h := m.handlers[typ]; h != nil {
		h(from, round, msg)
	}
}

func (m *member) Refuse(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused[reason]++
}

func (m *member) ChunksPerMinute() int { return m.chunks }

func (m *member) Now() time.Time { return time.Now() }

func (m *member) Wait(d time.Duration) time.Duration { return d }

// told returns how often somebody told of a task so far.
func (s *square) told() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tasks)
}

// disk is files in memory.
type disk struct {
	mu    sync.Mutex
	files map[string][]byte
	err   error // of Write
}

func (d *disk) Write(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	d.files[name] = slices.Clone(data)
	return nil
}

func (d *disk) Read(name string, limit int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.files[name]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case int64(len(b)) > limit:
		return nil, fs.ErrInvalid
	}
	return slices.Clone(b), nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Read(p)
}
