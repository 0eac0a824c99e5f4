// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// Limits of what the neighbours can make a device do. They hold for 60 chunks a
// minute and device, and grow with what the charter allows.
const (
	envelopesPerMinute = 256 // opened, hellos and key requests among them
	doorTriesPerSecond = 20  // chunks at the door that are tried under open invites
	doorBurst          = 40
	maxDoorParts       = 64 << 10 // bytes of incomplete messages at the door
)

// session is the life of one epoch.
type session struct {
	*line
	scope *signcrypt.Scope
	door  string
	inner chunk.Key // the door's, among members
	limit *rate.Limiter
	tries *rate.Limiter

	start  time.Time
	opener *signcrypt.Opener // set with the keys, before the hello

	// Under the line's mu:
	keys      *signcrypt.KeyPair
	sealer    *signcrypt.Sealer
	hello     []byte
	helloOf   [32]byte // hash of the charter in it
	asking    *issuer.Asking
	answered  chan *signcrypt.KeyPair
	silences  map[uint8]int // how often each issuer kept a request waiting; of the one that gets the keys
	roster    roster
	doorParts *chunk.Assembler
	replyAt   time.Time   // of a hello that is owed
	charterAt time.Time   // of a charter that is owed
	slept     *time.Timer // of an answer to one who slept
	pairing   []owedPair
	paired    chan struct{} // pairs are to be kept
}

func (m *Member) newSession(epoch uint32) (*session, error) {
	c := m.Charter()
	scope, err := m.scopeOf(epoch, c)
	if err != nil {
		return nil, err
	}
	grow := max(1, float64(c.ChunksPerMinute)/60)
	line := newLine(m, epoch, m.o.Cover)
	line.main = true
	s := &session{
		line: line, scope: scope, door: door.Topic(c.Nbhd), inner: door.MemberKey(line.k),
		limit:    rate.NewLimiter(rate.Limit(grow*envelopesPerMinute/60), int(grow*envelopesPerMinute)),
		tries:    rate.NewLimiter(doorTriesPerSecond, doorBurst),
		start:    c.EpochStart(epoch),
		answered: make(chan *signcrypt.KeyPair, 1), paired: make(chan struct{}, 1),
		silences: map[uint8]int{}, roster: newRoster(), doorParts: chunk.NewAssembler(maxDoorParts),
	}
	s.take = s.dispatch
	return s, nil
}

// run connects, speaks and listens until ctx ends, which is no error.
func (s *session) run(ctx context.Context) error {
	if err := s.dial(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer s.close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.send(ctx) })
	g.Go(func() error { return s.keepTime(ctx) })
	g.Go(func() error {
		if err := s.enter(ctx); err != nil {
			return err
		}
		return s.present(ctx)
	})
	g.Go(func() error { return s.askWhatWasMissed(ctx) })
	g.Go(func() error { return s.showCharters(ctx) })
	g.Go(func() error { return s.keepPairs(ctx) })
	if err := g.Wait(); ctx.Err() == nil || !isContext(err) {
		return err
	}
	return nil
}

// enter subscribes and gets keys. With them the session is the member's.
func (s *session) enter(ctx context.Context) error {
	if err := s.subscribe(s.receiveDoor); err != nil {
		return err
	}
	s.m.air.Store(s)
	s.m.desk.rouse()
	keys, restored, err := s.obtainKeys(ctx)
	if err != nil {
		return err
	}
	self, err := s.scope.NewPeer(keys.Sig.PublicKey, keys.Kem.PublicKey)
	if err != nil {
		return err
	}
	// What was opened before a restart is forgotten, so that only later
	// minutes may be accepted under keys that were there before.
	first := uint32(0)
	if restored {
		first = s.minute() + 1
	}
	s.mu.Lock()
	s.keys = keys
	s.sealer = &signcrypt.Sealer{Scope: s.scope, Key: keys.Sig, Rand: s.m.o.Rand}
	s.opener = &signcrypt.Opener{
		Scope: s.scope, Key: keys.Kem, Guard: &signcrypt.Guard{},
		Peer: s.peer, Fresh: func(typ uint8, round uint32) bool { return s.fresh(typ, round, first) },
	}
	s.roster.self = self
	s.mu.Unlock()
	s.m.mu.Lock()
	s.m.silent = nil
	s.m.mu.Unlock()
	s.m.enter(s)
	return nil
}

func (m *Member) enter(s *session) {
	m.mu.Lock()
	m.session = s
	m.mu.Unlock()
	m.notify()
	m.o.Log.Debug("epoch entered", "epoch", s.epoch)
}

func (s *session) close() {
	s.m.air.CompareAndSwap(s, nil)
	s.m.mu.Lock()
	s.m.session = nil
	if s.opener != nil {
		s.m.foreign += s.opener.Foreign()
	}
	s.m.mu.Unlock()
	s.m.clock.noteCompany(s.heard())
	s.m.notify()
	s.mu.Lock()
	if s.slept != nil {
		s.slept.Stop()
	}
	s.mu.Unlock()
	s.hangUp()
}

// minute is the round of messages that belong to no task.
func (s *session) minute() uint32 {
	return uint32(max(0, s.m.Now().Sub(s.start)/time.Minute))
}

// fresh accepts rounds of updates as they are, since only the task knows its
// own, and of everything else the minutes around now.
func (s *session) fresh(typ uint8, round, first uint32) bool {
	if typ == typeUpdate {
		return true
	}
	now := s.minute()
	if sumTypes(typ) {
		first = 0
	}
	return round >= first && round+minuteWindow >= now && round <= now+minuteWindow
}

const minuteWindow = 2
