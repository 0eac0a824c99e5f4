// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// Waits of the issuers among themselves, for a spread D of 30 s; see [Member.Wait].
const (
	deskEvery   = 5 * time.Second  // until letters without an answer are sent again
	offerEvery  = 60 * time.Second // until a candidate offers itself again
	tellWait    = 10 * time.Second // for the others' word that they know an invite
	tellAgain   = 60 * time.Second // until those are told who did not say so
	makeRoom    = 60 * time.Second // until a session that others hold up lets the next one begin
	deskQueue   = 64               // letters that came and are not read yet
	deskBacklog = 16               // chunks that wait to be sent, above which nothing is sent again
)

// desk is where a device sits as an issuer among others, or offers to: it carries
// the council's letters among all other chunks, and has the council sign what
// the keeper and the owner want signed, one thing after the other. Fields
// without a lock belong to the goroutine that runs it.
type desk struct {
	m        *Member
	inbox    chan []byte
	commands chan func()
	wake     chan struct{}

	council   *issuer.Council // nil without keys
	keys      *issuer.Keys    // as last written down
	officeOf  *issuer.Keys    // those that the office was opened with
	among     bool            // the office's charter has several issuers
	charter   [32]byte        // hash of the one that the council holds
	stale     error           // the share is not the charter's
	standing  standing
	offered   time.Time // when this device offered itself last
	running   *task
	ceremony  *ceremony
	told      map[[16]byte]*told
	plans     map[uint32]*issuer.Plan // that this device agreed to, by generation
	questions []*question
	bound     uint32 // the last generation of which another charter was found signed in part
	last      *report

	mu      sync.Mutex // taken with the keeper locked; nothing is called under it
	signed  *issuer.SignedCharter
	motions []*motion
}

// task is the session of the council that is under way.
type task struct {
	since time.Time
	until time.Time // when it is withdrawn
	end   func(*issuer.Result)
	of    *ceremony // nil: of none
}

// openDesk seats the device with what its disk holds.
func (m *Member) openDesk() error {
	d := &desk{
		m: m, inbox: make(chan []byte, deskQueue), commands: make(chan func()), wake: make(chan struct{}, 1),
		told: map[[16]byte]*told{}, plans: map[uint32]*issuer.Plan{},
	}
	m.held.Store(&Office{})
	var err error
	if d.standing, err = loadStanding(m.o.State); err != nil {
		return damaged(standingFile, err)
	}
	keys, err := m.o.Issuing.Keys()
	if err != nil {
		return err
	}
	m.desk = d
	d.signed = m.signed
	if keys != nil {
		return d.sit(keys)
	}
	return nil
}

// rouse has the desk look whether there is something to do.
func (d *desk) rouse() {
	if d == nil {
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// hearIssuers takes a letter between issuers, unless it is for another. One who is
// to become an issuer does not know its index yet.
func (m *Member) hearIssuers(letter []byte, allow func() bool) {
	if m.desk == nil {
		return
	}
	own := indexOf(m.office().Signer)
	if to, ok := issuer.LetterTo(letter); ok && own != 0 && to != own {
		return
	}
	if allow() {
		m.desk.post(letter)
	}
}

// post hands in a letter. Where too many wait it is lost, and comes again.
func (d *desk) post(letter []byte) {
	select {
	case d.inbox <- slices.Clone(letter):
	default:
	}
}

// do runs f where the desk's fields may be used.
func (d *desk) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case d.commands <- func() { f(); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *desk) run(ctx context.Context) {
	tick := time.NewTicker(d.m.Wait(deskEvery))
	defer tick.Stop()
	d.step()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-d.commands:
			f()
		case letter := <-d.inbox:
			d.hear(letter)
		case <-d.wake:
		case <-tick.C:
			d.tick()
		}
		d.step()
	}
}

func (d *desk) hear(letter []byte) {
	if d.council == nil {
		return
	}
	out, err := d.council.Handle(letter)
	if err != nil && !errors.Is(err, issuer.ErrRefused) {
		d.m.o.Log.Warn("letter between issuers not answered", "err", err)
	}
	d.send(out)
}

// send puts letters among the chunks of this epoch. Without a connection they are
// lost, and come again.
func (d *desk) send(letters [][]byte) {
	s := d.m.air.Load()
	if s == nil || len(letters) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range letters {
		s.queue(chunk.Message{Type: issuer.TypeIssuers, Data: l})
	}
}

// tick sends again what has no answer, unless much waits to be sent already.
func (d *desk) tick() {
	d.forgetQuestions()
	if d.council == nil {
		return
	}
	d.offer()
	letters, err := d.council.Tick()
	if err != nil {
		d.m.o.Log.Error("the issuers' session is stuck", "err", err)
	}
	s := d.m.air.Load()
	if s == nil {
		return
	}
	s.mu.Lock()
	waiting := s.packer.Queued()
	s.mu.Unlock()
	if waiting < deskBacklog {
		d.send(letters)
	}
}

// step does what can be done at once: it follows the charter, ends the session
// that is over and begins the next.
func (d *desk) step() {
	if err := d.follow(); err != nil {
		d.m.o.Log.Error("the charter's issuers are not followed", "err", err)
		return
	}
	if d.council == nil {
		return
	}
	for {
		if d.running != nil && !d.ended() {
			return
		}
		if !d.begin() {
			return
		}
	}
}

// ended takes the result of the session under way, if there is one. A session that
// took its time while others wait is withdrawn.
func (d *desk) ended() bool {
	now := time.Now()
	if now.After(d.running.until) || now.Sub(d.running.since) > d.m.Wait(makeRoom) && d.somethingWaits() {
		d.council.Withdraw()
	}
	r := d.council.Result()
	if r == nil {
		return false
	}
	end := d.running.end
	d.running = nil
	end(r)
	return true
}

// start begins a session of the council. End is called with its result, at once
// where it does not begin.
func (d *desk) start(lasts time.Duration, letters func() ([][]byte, error), end func(*issuer.Result)) {
	now := time.Now()
	d.running = &task{since: now, until: now.Add(lasts), end: end}
	out, err := letters()
	if err != nil {
		d.running = nil
		end(&issuer.Result{Err: err})
		return
	}
	d.send(out)
}

// begin begins the next session, and reports whether there was something to begin.
func (d *desk) begin() bool {
	if d.officeOf == nil {
		d.endCeremony(ErrNotIssuer)
	}
	if !d.among && d.ceremony == nil || d.officeOf == nil {
		d.dropMotions(ErrNotIssuer)
		return false
	}
	switch {
	case d.among && d.tell(false):
	case d.nextMotion():
	case d.nextOfCeremony():
	case d.among && d.tell(true):
	default:
		return false
	}
	return true
}

// somethingWaits reports whether the session under way holds up another.
func (d *desk) somethingWaits() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.motions, func(m *motion) bool { return m.state == waiting })
}

// show tells the members of a new charter.
func (d *desk) show() {
	if s := d.m.air.Load(); s != nil {
		s.mu.Lock()
		s.charterAt = time.Now()
		s.mu.Unlock()
	}
}
