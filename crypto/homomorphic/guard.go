// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"io"
	"math"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Store keeps one small record. Load returns nil where there is none. Save
// replaces the record as a whole or leaves the old one, also if the power fails
// meanwhile, and returns when the new one is durable.
type Store interface {
	Load() ([]byte, error)
	Save(record []byte) error
}

// act is one of the three things that nobody does twice in a round.
type act int

const (
	encrypting act = iota
	signing
	answering
	acts
)

// never is the next round of a device that sits out the epoch.
const never = math.MaxUint32

// reservation is the record in the state folder: rounds below Until of this
// epoch may have been used.
type reservation struct {
	_     struct{} `cbor:",toarray"`
	ID    [16]byte // random, of this reservation only
	Epoch uint32
	Until uint32
}

// marks is the record in the runtime folder. What was used stands beside the
// seed of the secret, in one record, so that no copy has the secret without it.
type marks struct {
	_      struct{} `cbor:",toarray"`
	ID     [16]byte // of the reservation under which it was written
	Epoch  uint32
	Until  uint32
	Seed   [32]byte     // of the secrets of the epoch
	Roster []byte       // acked: the bytes of its announcement
	Valid  bool         // acked by tau
	Next   [acts]uint32 // the first round not used, for each act
	Active Hash         // signed last
}

// guard lets each act happen once in a round: also after a kill at any point, a
// restart, a clock set back and the restoring of an old state folder.
//
// Each act is written to the runtime folder before it happens, in the record that
// holds the seed of the secret. A round is used only if it is above all used
// before, so that the clock does not matter, and after a restart only if it is
// above the present one. This leaves old copies of that record. Therefore rounds
// are reserved in the state folder beforehand, 64 in one write, under a random
// name that both records hold. Names that differ show that one of the two
// records is older than the other, or that the device was killed between the
// two writes; it sits out until the later of both reservations is over. A record
// of the runtime folder that is missing leaves no secret to protect, but what was
// signed is forgotten with it: the device sits out the epoch. A copy of the runtime
// folder from the present reservation, or copies of both folders made at once, are
// noticed only by the clock; nothing else on the device could tell. If it goes
// right when they are restored, only later rounds are used, for good.
type guard struct {
	state, runtime Store
	rand           io.Reader
	marks          marks
	floor          uint32 // the first round that may be used
	lost           error  // why none may be
}

// openGuard reads both records for an epoch. next is the first round that has
// not begun.
func openGuard(state, runtime Store, rand io.Reader, epoch, next uint32) (*guard, error) {
	g := &guard{state: state, runtime: runtime, rand: rand}
	var reserved reservation
	inState, err := load(state, &reserved, "reservation")
	if err != nil {
		return nil, err
	}
	inRuntime, err := load(runtime, &g.marks, "record of use")
	if err != nil {
		return nil, err
	}
	if inState && reserved.Epoch > epoch || inRuntime && g.marks.Epoch > epoch {
		return nil, fmt.Errorf("%w: epoch %d, records of %d", ErrPast, epoch, max(reserved.Epoch, g.marks.Epoch))
	}
	inState = inState && reserved.Epoch == epoch
	inRuntime = inRuntime && g.marks.Epoch == epoch
	switch {
	case inRuntime:
		g.resume(&reserved, inState, next)
	case inState:
		g.marks = marks{Epoch: epoch, Next: [acts]uint32{never, never, never}}
		g.bury()
		_ = g.write() // in case that the state folder is lost as well, later
	default:
		g.marks = marks{Epoch: epoch}
	}
	return g, nil
}

// resume sets the floor after a restart, and writes it down: the record may be an
// old copy, and the clock be set back before the next restart. Records that do not
// belong together are replaced by a new reservation. Where a write fails, no round
// is used any more.
func (g *guard) resume(r *reservation, reserved bool, next uint32) {
	g.floor = next
	if g.marks.Next[signing] == never {
		g.bury()
		return
	}
	if !reserved || r.ID != g.marks.ID {
		g.floor = max(g.floor, g.marks.Until)
		if reserved {
			g.floor = max(g.floor, r.Until)
		}
		g.marks.Until = 0
		if g.reserve(g.floor) != nil {
			return
		}
	}
	for a := range g.marks.Next {
		g.marks.Next[a] = max(g.marks.Next[a], g.floor)
	}
	_ = g.write()
}

// bury ends the epoch for a device whose secrets of it are gone.
func (g *guard) bury() {
	g.lost = fmt.Errorf("%w: its secrets of epoch %d are gone", ErrSitOut, g.marks.Epoch)
}

// after returns the round behind another. The last round of all has none, and is
// never used.
func after(round uint32) uint32 {
	if round == math.MaxUint32 {
		return round
	}
	return round + 1
}

// allows returns nil if an act may happen in a round, and otherwise the reason.
func (g *guard) allows(a act, round uint32) error {
	switch {
	case g.lost != nil:
		return g.lost
	case round < g.floor || round == math.MaxUint32:
		return fmt.Errorf("%w: round %d, the next is %d", ErrSitOut, round, g.floor)
	case round < g.marks.Next[a]:
		return fmt.Errorf("%w: round %d was used", ErrTwice, round)
	}
	return nil
}

// use records that an act happens in a round. Only if it returns nil may it
// happen. After an error nothing tells whether the record was written, and no
// round is used any more.
func (g *guard) use(a act, round uint32) error {
	if err := g.allows(a, round); err != nil {
		return err
	}
	if err := g.reserve(round); err != nil {
		return err
	}
	g.marks.Next[a] = after(round)
	return g.write()
}

// begin records the roster that this device acks, with the seed of its secrets,
// as its only one of the epoch.
func (g *guard) begin(announcement []byte, seed [32]byte, present uint32) error {
	if g.lost != nil {
		return g.lost
	}
	if len(g.marks.Roster) > 0 {
		return fmt.Errorf("%w: a roster is acked", ErrTwice)
	}
	if err := g.reserve(present); err != nil {
		return err
	}
	g.marks.Roster, g.marks.Seed = announcement, seed
	return g.write()
}

// confirm records that tau members acked the roster.
func (g *guard) confirm() error {
	g.marks.Valid = true
	return g.write()
}

// reserve writes a reservation if the round is not within one.
func (g *guard) reserve(round uint32) error {
	if round < g.marks.Until {
		return nil
	}
	r := reservation{Epoch: g.marks.Epoch, Until: math.MaxUint32}
	if round < math.MaxUint32-Reserve {
		r.Until = round + Reserve
	}
	if _, err := io.ReadFull(g.rand, r.ID[:]); err != nil {
		return g.fail(fmt.Errorf("homomorphic: read randomness: %w", err))
	}
	if err := g.state.Save(wire.MustMarshal(&r)); err != nil {
		return g.fail(fmt.Errorf("homomorphic: write reservation: %w", err))
	}
	g.marks.ID, g.marks.Until = r.ID, r.Until
	return nil
}

func (g *guard) write() error {
	if err := g.runtime.Save(wire.MustMarshal(&g.marks)); err != nil {
		return g.fail(fmt.Errorf("homomorphic: write record of use: %w", err))
	}
	return nil
}

func (g *guard) fail(err error) error {
	g.lost = fmt.Errorf("%w: %w", ErrSitOut, err)
	return g.lost
}

// load reads a record into v and reports whether there is one.
func load(s Store, v any, what string) (bool, error) {
	data, err := s.Load()
	if err != nil {
		return false, fmt.Errorf("homomorphic: read %s: %w", what, err)
	}
	if data == nil {
		return false, nil
	}
	if err := recordDecoder.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("homomorphic: %s: %w", what, err)
	}
	return true, nil
}
