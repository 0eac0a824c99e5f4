// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// The times of the tests.
const (
	testWait  = 10 * time.Second
	testRound = 5 * time.Minute
	testStep  = 2 * time.Second
)

var (
	testStart = time.Unix(1_800_000_000, 0)
	testBegin = testStart.Add(-2 * time.Minute) // when sessions begin
)

// memory is a store in memory. before and after are called around each Save.
type memory struct {
	data          []byte
	writes        int
	before, after func()
}

func (d *device) newStore() *memory { return &memory{before: d.step, after: d.step} }

func (m *memory) Load() ([]byte, error) { return m.data, nil }

func (m *memory) Save(b []byte) error {
	m.before()
	m.data = bytes.Clone(b)
	m.writes++
	m.after()
	return nil
}

// stream returns randomness that is the same in each run.
func stream(seed string) io.Reader {
	xof := sha3.NewSHAKE256()
	xof.Write([]byte(seed))
	return xof
}

// device is one member of a simulated neighbourhood.
type device struct {
	*Session
	config   Config
	id       signcrypt.PID
	state    *memory
	runtime  *memory
	shares   *memory
	dead     bool
	uploads  map[uint32][][]byte // all that it ever made, by round
	clock    time.Duration       // by which its clock is ahead
	restarts int
	killAt   int // the step of writing at which it is killed; 0 is never
	steps    int // of writing: before and after each Save
}

var errKilled = errors.New("killed")

// killed is thrown where a device's process ends.
type killed struct{}

// step is called before and after each write to a store.
func (d *device) step() {
	if d.steps++; d.steps == d.killAt {
		panic(killed{})
	}
}

// call runs a call into a device. If that kills the device, it starts again with
// what its stores hold, and what the call would have returned is lost.
func (net *network) call(d *device, f func() []Message) {
	defer func() {
		if r := recover(); r == (killed{}) {
			net.restart(d)
		} else if r != nil {
			panic(r)
		}
	}()
	net.send(d, f())
}

// packet is a message on its way.
type packet struct {
	from, to *device
	kind     uint8 // 1 is an upload
	data     []byte
	due      time.Time
}

// network carries messages between devices as the test wants it.
type network struct {
	t       testing.TB
	devices []*device
	queue   []packet
	now     time.Time
	// fate returns when a packet arrives, once for each copy; none is a loss.
	fate func(p packet) []time.Duration
	// tamper may replace what a device sends to one receiver; nil is nothing.
	tamper   func(p packet) []byte
	refused  map[error]int
	vectors  map[uint32]map[signcrypt.PID][][]uint16
	sentSize int
}

func keyOf(i int) (u Key) {
	copy(u[:], fmt.Sprintf("member %02d", i))
	return u
}

func newNetwork(t testing.TB, n int, plan Plan) *network {
	net := &network{t: t, now: testBegin, refused: make(map[error]int), vectors: make(map[uint32]map[signcrypt.PID][][]uint16)}
	var keys []Key
	for i := range n {
		keys = append(keys, keyOf(i))
	}
	for i := range n {
		d := &device{id: signcrypt.PseudonymID(keys[i]), uploads: make(map[uint32][][]byte)}
		d.state, d.runtime, d.shares = d.newStore(), d.newStore(), d.newStore()
		d.config = Config{
			Nbhd: [16]byte{1}, Epoch: 7, Task: [16]byte{2}, Plan: plan, Self: keys[i], Members: keys,
			Start: testStart, RoundLen: testRound, Wait: testWait,
			State: d.state, Runtime: d.runtime, Shares: d.shares, Rand: stream(fmt.Sprint("device ", i)),
		}
		net.devices = append(net.devices, d)
		net.start(d)
	}
	return net
}

// start starts a device with what its stores hold.
func (net *network) start(d *device) {
	net.t.Helper()
	s, err := NewSession(d.config, net.now.Add(d.clock))
	if err != nil {
		net.t.Fatal(err)
	}
	d.Session, d.dead = s, false
}

// restart kills a device and starts it again at once, with other randomness.
func (net *network) restart(d *device) {
	net.t.Helper()
	d.restarts++
	d.config.Rand = stream(fmt.Sprint("restart ", d.restarts, d.id))
	net.start(d)
}

func (net *network) device(id signcrypt.PID) *device {
	return net.devices[slices.IndexFunc(net.devices, func(d *device) bool { return d.id == id })]
}

func (net *network) send(from *device, messages []Message) {
	for _, m := range messages {
		for _, id := range m.To {
			net.post(packet{from: from, to: net.device(id), kind: m.Type, data: m.Data})
		}
	}
}

func (net *network) post(p packet) {
	net.sentSize += len(p.data)
	if net.tamper != nil {
		if p.data = net.tamper(p); p.data == nil {
			return
		}
	}
	delays := []time.Duration{0}
	if net.fate != nil {
		delays = net.fate(p)
	}
	for _, d := range delays {
		p.due = net.now.Add(d)
		net.queue = append(net.queue, p)
	}
}

// deliver hands over what is due.
func (net *network) deliver() {
	for {
		k := slices.IndexFunc(net.queue, func(p packet) bool { return !p.due.After(net.now) })
		if k < 0 {
			return
		}
		p := net.queue[k]
		net.queue = slices.Delete(net.queue, k, k+1)
		if !p.to.dead {
			net.hand(p)
		}
	}
}

func (net *network) hand(p packet) {
	var err error
	now := net.now.Add(p.to.clock)
	net.call(p.to, func() (out []Message) {
		if p.kind == 1 {
			out, err = p.to.Uploaded(p.from.id, p.data, now)
		} else {
			out, err = p.to.Handle(p.from.id, p.kind, p.data, now)
		}
		return out
	})
	for _, sentinel := range []error{ErrMalformed, ErrStranger, ErrScope, ErrRound, ErrTwice, ErrRule, ErrSitOut} {
		if errors.Is(err, sentinel) {
			net.refused[sentinel]++
		}
	}
}

// runUntil lets time pass.
func (net *network) runUntil(end time.Time) {
	for !net.now.After(end) {
		for _, d := range net.devices {
			if !d.dead {
				net.call(d, func() []Message { return d.Tick(net.now.Add(d.clock)) })
			}
		}
		net.deliver()
		net.now = net.now.Add(testStep)
	}
}

var (
	latticePlan = Plan{Vectors: 1, Params: 40}
	widePlan    = Plan{Vectors: 2, Params: 20, Width: rlwe.Width16}
	maskPlan    = Plan{Mode: Mask, Vectors: 2, Params: 300}
)
