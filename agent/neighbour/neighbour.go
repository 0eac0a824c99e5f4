// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package neighbour is a device's life on the neighbours' plane: for each epoch
// a connection of its own, keys from the issuers, a hello, and a roster of those
// who said hello too; between them chunks at Poisson times, whose messages it
// takes apart, checks and passes on (crypto/PROTOCOL.md). What carries the
// chunks is a [Link], MQTT or a test's. Everything refused is counted by reason.
//
// A Member's methods are safe for concurrent use; its zero value is not usable.
package neighbour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
)

// Link is one connection of the neighbours' plane. Handlers run one at a time.
type Link interface {
	Subscribe(topic string, handle func(topic string, payload []byte)) error
	Publish(topic string, payload []byte) error
	Close(ctx context.Context) error
}

// Dial opens a connection under the given client id.
type Dial func(ctx context.Context, clientID string) (Link, error)

// KeyStore keeps secrets by name. Those of an epoch belong in memory that outlives
// the process but not the power, never in the state folder. What was given to Save
// is kept when it returns.
type KeyStore interface {
	Save(name string, secret []byte) error
	Load(name string) ([]byte, error) // fs.ErrNotExist where there is none
	Forget(name string) error
}

// Options are what a member needs. With Issuing the device is an issuer where its
// disk says so, or can become one. Without, Keeper, Signer, Mint, Timekeeper and
// Notary say for good whether it is its neighbourhood's only issuer.
type Options struct {
	Keeper      *door.Keeper
	Signer      *issuer.Signer
	Mint        *token.Mint
	Timekeeper  *door.Timekeeper
	Notary      door.Notary
	Issuing     Issuing
	Strict      bool // the owner is asked before this issuer agrees to what others propose
	Identity    *issuer.Identity
	Ring        *door.Keyring
	Charter     *issuer.SignedCharter
	SaveCharter func(*issuer.SignedCharter) error
	Keys        KeyStore // in memory
	State       KeyStore // on the disk, for its owner alone and left out of backups
	Dial        Dial
	Rand        io.Reader
	Log         *slog.Logger
	Cover       Cover
	Unlinkable  bool             // also for those that exchange with the device
	Now         func() time.Time // the machine's clock; nil means [time.Now]
}

// Member is a device of a neighbourhood.
type Member struct {
	o       Options
	clock   *clock
	friends *acquaintances
	wallet  *wallet
	archive *door.Archive
	enact   chan struct{} // an eviction waits for the issuers
	quit    context.CancelCauseFunc
	refused counters
	desk    *desk                   // nil without Issuing
	held    atomic.Pointer[Office]  // with Issuing
	air     atomic.Pointer[session] // the one that is connected, with keys or without

	mu       sync.Mutex
	signed   *issuer.SignedCharter
	charter  *issuer.Charter
	session  *session // nil between epochs
	foreign  uint64   // mail for others in the sessions before
	handlers map[uint8]Handler
	changed  chan struct{} // closed and replaced when the roster changes
	rekeyed  chan struct{} // closed and replaced when another key is to come
	lasting  string        // the client id where names do not rotate
	silent   []uint8       // issuers that kept the last request for keys waiting

	evictee   string // whom this issuer is removing
	evictions int    // how often that was proposed
	denials   door.Denials
	denied    []deniedList // that this device had signed
}

// Handler takes an opened message. It must not block.
type Handler = func(from signcrypt.PID, round uint32, msg []byte)

// New returns a member. Run brings it to life.
func New(o Options) (*Member, error) {
	signed, charter, err := issuer.DecodeCharter(o.Charter.Encode())
	if err != nil {
		return nil, err
	}
	if charter.Member(o.Identity.Ed25519()) == nil {
		return nil, errors.New("neighbour: the charter does not name this device")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	wallet, err := openWallet(o.State, charter.Nbhd)
	if err != nil {
		return nil, damaged(walletFile, err)
	}
	friends, err := openPairs(&o)
	if err != nil {
		return nil, damaged(pairsFile, err)
	}
	archive, err := openArchive(o.State)
	if err != nil {
		return nil, damaged(archiveFile, err)
	}
	m := &Member{
		wallet: wallet, friends: friends, archive: archive, rekeyed: make(chan struct{}), enact: make(chan struct{}, 1), clock: newClock(o.Now, indexOf(o.Signer), loadOffset(o.State)), o: o, signed: signed, charter: charter,
		handlers: map[uint8]Handler{}, changed: make(chan struct{}),
	}
	if o.Issuing != nil {
		if err := m.openDesk(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Time returns the neighbourhood's time, and whether the device knows it.
func (m *Member) Time() (time.Time, bool) { return m.clock.time() }

// indexOf returns the index of the issuer that signs, 0 where there is none.
func indexOf(s *issuer.Signer) uint8 {
	if s == nil {
		return 0
	}
	return s.Keys.Share.Index
}

// errOtherEpoch ends a session whose epoch turns out to be another.
var errOtherEpoch = errors.New("the clock was set to another epoch")

// Identity returns the key by which charters know this device.
func (m *Member) Identity() issuer.Pub { return m.o.Identity.Ed25519() }

// Handle sets what is done with messages of a type. Call it before Run.
func (m *Member) Handle(typ uint8, h Handler) { m.handlers[typ] = h }

// Charter returns the newest charter that the member holds.
func (m *Member) Charter() *issuer.Charter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.charter
}

// key returns the neighbourhood's symmetric key.
func (m *Member) key() [pseudonym.KeySize]byte { return m.o.Ring.Current(m.Now()) }

// clientID returns the client id of a new connection. Where names do not rotate,
// that of an epoch is always the same.
func (m *Member) clientID(ofEpoch bool) (string, error) {
	if !rotationOff || !ofEpoch {
		return pseudonym.ClientID(m.o.Rand)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	if m.lasting == "" {
		m.lasting, err = pseudonym.ClientID(m.o.Rand)
	}
	return m.lasting, err
}

func (m *Member) current() (*issuer.SignedCharter, *issuer.Charter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.signed, m.charter
}

// adoptCharter takes a verified charter that follows the one that is held.
func (m *Member) adoptCharter(s *issuer.SignedCharter, c *issuer.Charter) {
	defer m.desk.rouse()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !s.Follows(c, m.charter) {
		return
	}
	if c.Member(m.o.Identity.Ed25519()) == nil {
		m.quit(door.ErrEvicted) // also where the rekey has not come
		return
	}
	if err := m.adoptHere(s, c); err != nil {
		m.o.Log.Error("charter not saved", "err", err)
		return
	}
	m.signed, m.charter = s, c
	if m.archive.Keep(s, c) {
		m.saveArchive()
	}
	m.o.Log.Info("charter", "gen", c.Gen, "members", len(c.Members))
}

// Refused returns how many messages were refused, by reason.
func (m *Member) Refused() map[string]uint64 {
	out := m.refused.snapshot()
	m.mu.Lock()
	foreign := m.foreign
	if m.session != nil && m.session.opener != nil {
		foreign += m.session.opener.Foreign()
	}
	m.mu.Unlock()
	// Mail for others fails like any forgery; only here are they told apart.
	if n := out[reasonEnvelope] - min(out[reasonEnvelope], foreign); n > 0 {
		out[reasonEnvelope] = n
	} else {
		delete(out, reasonEnvelope)
	}
	return out
}

// Refuse counts a message that somebody further up refused.
func (m *Member) Refuse(reason string) { m.refused.add(reason) }

func (m *Member) live() *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session
}

// Wait scales the protocol's waits, which are made for a spread D of 30 s and 60
// chunks a minute, down to neighbourhoods that are quicker in both.
func (m *Member) Wait(d time.Duration) time.Duration {
	c := m.Charter()
	slow := max(float64(c.D)/defaultSpread, defaultChunks/float64(c.ChunksPerMinute))
	return max(time.Duration(float64(d)*min(slow, 1)), minWait)
}

// ChunksPerMinute returns how many chunks the charter lets a device send.
func (m *Member) ChunksPerMinute() int { return int(m.Charter().ChunksPerMinute) }

const (
	defaultSpread = 30 // seconds
	defaultChunks = 60 // a minute
	minWait       = 50 * time.Millisecond
)

// Run lives through one epoch after the other until ctx ends, or until the issuers
// have removed the device: then it fails with [door.ErrEvicted].
func (m *Member) Run(ctx context.Context) error {
	ctx, m.quit = context.WithCancelCause(ctx)
	defer m.quit(nil)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer m.quit(nil)
	if m.o.Keeper != nil || m.desk != nil {
		beside.Go(func() { m.enactEvictions(ctx) })
	}
	if m.desk != nil {
		beside.Go(func() { m.desk.run(ctx) })
	}
	err := m.run(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, door.ErrEvicted) {
		return cause
	}
	return err
}

func (m *Member) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if m.findTime(ctx) != nil {
			return nil
		}
		c := m.Charter()
		epoch, ok := c.Epoch(m.Now())
		if !ok {
			if !m.clock.settled() {
				m.askAgain(ctx)
			}
			if d := m.until(c.EpochStart(0)); d > time.Minute {
				m.o.Log.Warn("the neighbourhood was founded in the future, says this device's clock; it waits", "for", d.Round(time.Second))
			}
			if err := sleep(ctx, min(m.until(c.EpochStart(0)), m.Wait(timeSeldom))); err != nil {
				return nil
			}
			continue
		}
		turn, err := m.runEpoch(ctx, epoch)
		if errors.Is(err, errSilence) {
			m.askAgain(ctx)
			continue
		}
		if errors.Is(err, errOtherEpoch) {
			continue
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("neighbour: epoch %d: %w", epoch, err)
		}
		// Nobody enters the next epoch at the moment of leaving this one.
		if sleep(ctx, m.until(turn)+m.spread()) != nil {
			return nil
		}
	}
	return nil
}

// runEpoch holds the session of an epoch until shortly before a turn, which it
// returns.
func (m *Member) runEpoch(ctx context.Context, epoch uint32) (turn time.Time, err error) {
	ctx, leave := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer leave()
	s, err := m.newSession(epoch)
	if err != nil {
		return turn, err
	}
	waiting.Go(func() { m.stockUp(ctx, epoch) })
	waiting.Go(func() {
		defer leave()
		if at, err := m.waitTurn(ctx, epoch, s.k); err == nil {
			turn = at
		}
	})
	err = s.run(ctx)
	leave()
	waiting.Wait()
	if turn.IsZero() {
		turn = m.turn(epoch, s.k)
	}
	return turn, err
}

// spread draws U(0, D), at most a tenth of the epoch.
func (m *Member) spread() time.Duration {
	c := m.Charter()
	most := min(time.Duration(c.D)*time.Second, time.Duration(c.EpochLen)*time.Second/10)
	return uniform(m.o.Rand, most)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
