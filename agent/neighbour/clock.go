// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
)

// clock is the neighbourhood's time at this device. No device tells its own
// offset, which would be the same in every epoch.
type clock struct {
	mu      sync.Mutex
	machine func() time.Time
	door    door.Clock
	doubted uint32 // the epoch after the last in which nobody was heard
	company bool   // somebody was there in the epoch before
}

// plausible is a time before which no machine's clock is right: a board without
// a battery begins in 1970.
var plausible = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newClock(machine func() time.Time, self uint8, kept time.Duration) *clock {
	c := &clock{machine: machine}
	c.door.Self = self
	if !machine().Before(plausible) {
		c.door.Trust(kept)
	}
	return c
}

// time returns the neighbourhood's time, and whether it is known.
func (c *clock) time() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.door.Time(c.machine())
}

// Now returns the neighbourhood's time: the machine's clock, set right by the
// issuers'.
func (m *Member) Now() time.Time {
	now, _ := m.clock.time()
	return now
}

func (m *Member) until(t time.Time) time.Duration { return t.Sub(m.Now()) }

// timeLook is how often a request for the time is looked at.
const timeLook = 50 * time.Millisecond

// setClock asks the issuers for the time and sets the clock by their answers.
// Say sends the request. It returns those that are silent where too few have
// answered, and fails with [door.ErrNoClock] where the time is not known then.
func (m *Member) setClock(ctx context.Context, say func(request []byte) error) (silent []uint8, err error) {
	c := m.clock
	c.mu.Lock()
	request, err := c.door.Ask(m.o.Rand, c.machine())
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := say(request); err != nil {
		return nil, err
	}
	for {
		if err := sleep(ctx, timeLook); err != nil {
			return nil, err
		}
		charter := m.Charter()
		c.mu.Lock()
		if !c.door.Gathered(charter, c.machine()) {
			c.mu.Unlock()
			continue
		}
		before, _ := c.door.Offset()
		silent := c.door.Silent(charter)
		err := c.door.Settle(charter)
		after, _ := c.door.Offset()
		settled := c.door.Settled()
		c.mu.Unlock()
		if settled {
			m.keepOffset(after)
		}
		if d := after - before; d.Abs() > time.Second {
			m.o.Log.Info("clock set by the issuers", "by", d.Round(time.Millisecond))
		}
		if len(charter.Issuers)-len(silent) >= int(charter.T) {
			silent = nil
		}
		return silent, err
	}
}

// timeAnswered takes an issuer's answer, and reports whether it was one.
func (m *Member) timeAnswered(msg []byte) bool {
	charter := m.Charter()
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	return m.clock.door.Handle(charter, m.clock.machine(), msg) == nil
}

// answerTime answers a request for the time where this device is an issuer.
func (m *Member) answerTime(msg []byte) ([]byte, bool) {
	keeper := m.office().Timekeeper
	if keeper == nil {
		return nil, false
	}
	answer, err := keeper.Answer(msg, m.clock.machine())
	return answer, err == nil
}

// findTime asks at the door until the time is known: without it a device does
// not know the epoch, nor its topics.
func (m *Member) findTime(ctx context.Context) error {
	for {
		if _, known := m.clock.time(); known {
			return nil
		}
		m.o.Log.Warn("this device does not know the time; it asks the issuers at the door")
		if err := m.askTimeAtDoor(ctx); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, known := m.clock.time(); known {
			return nil
		}
		if err := sleep(ctx, m.Wait(timeAgain)/2+uniform(m.o.Rand, m.Wait(timeAgain))); err != nil {
			return err
		}
	}
}

// timeAgain is how long a device that does not know the time waits before it
// asks again, for a spread D of 30 s; see [Member.Wait].
const timeAgain = 20 * time.Second

func (m *Member) askTimeAtDoor(ctx context.Context) error {
	l := newLine(m, 0, CoverOff)
	if err := l.dial(ctx); err != nil {
		return err
	}
	defer l.hangUp()
	topic, key := door.Topic(m.Charter().Nbhd), chunk.Key(door.MemberKey(m.key()))
	parts := chunk.NewAssembler(maxDoorParts)
	err := l.link.Subscribe(topic, func(topic string, payload []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		plain, ok := openChunk(&key, topic, payload)
		if !ok {
			return
		}
		msgs, err := parts.Accept(plain)
		for _, msg := range msgs {
			if err == nil && msg.Type == door.TypeAnswer {
				m.timeAnswered(msg.Data)
			}
		}
	})
	if err != nil {
		return err
	}
	_, err = m.setClock(ctx, func(request []byte) error {
		return cut(m.o.Rand, chunk.Message{Type: door.TypeRequest, Data: request}, func(payload *[chunk.Payload]byte) error {
			return l.publish(&key, topic, payload)
		})
	})
	return err
}

// keepTime sets the clock in the course of a session, once it is connected, and
// asks again, ever more seldom, while too few issuers answer: not all of them enter
// an epoch at once. The requests and their answers go among all other chunks, so
// that nobody sees who is an issuer. Where it turns out that the epoch is another
// one, the session ends.
func (s *session) keepTime(ctx context.Context) error {
	for wait := timeAgain; ; wait = min(2*wait, timeSeldom) {
		silent, err := s.m.setClock(ctx, func(request []byte) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.queue(chunk.Message{Type: door.TypeRequest, Data: request})
			return nil
		})
		if err != nil {
			return err
		}
		if epoch, ok := s.m.Charter().Epoch(s.m.Now()); !ok || epoch != s.epoch {
			return errOtherEpoch
		}
		if s.m.clock.doubts(s.epoch) && !s.heard() {
			return errSilence
		}
		if len(silent) == 0 {
			return nil
		}
		if wait == 2*timeAgain { // not at once: issuers may still be between epochs
			s.m.o.Log.Warn("issuers do not tell the time; this device goes by what it knew before", "issuers", fmt.Sprint(silent))
		}
		pause := s.m.Wait(wait)
		if err := sleep(ctx, pause/2+uniform(s.m.o.Rand, pause)); err != nil {
			return err
		}
	}
}

// timeSeldom is how seldom a device asks for the time in the end that knows one,
// for a spread D of 30 s.
const timeSeldom = 10 * time.Minute

// errSilence ends a session in which nobody says anything, no issuer either,
// where nothing but the device's own clock says that it is the right epoch.
var errSilence = errors.New("nobody is heard in this epoch")

// heard reports whether somebody is there in this epoch.
func (s *session) heard() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.presentIDs()) > 0
}

// noteCompany notes whether somebody was there in the epoch that ends.
func (c *clock) noteCompany(was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.company = was
}

// settled reports whether the time is the issuers' word.
func (c *clock) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.door.Settled()
}

// doubts reports whether the device's clock may be to blame where nobody is
// heard: until issuers have confirmed it or neighbours were there, and once for
// each epoch.
func (c *clock) doubts(epoch uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.door.Settled() || c.company || c.doubted == epoch+1 {
		return false
	}
	c.doubted = epoch + 1
	return true
}

// askAgain asks for the time where everybody hears it. A device that is alone, or
// whose issuers are away, goes on by its own clock.
func (m *Member) askAgain(ctx context.Context) {
	m.o.Log.Info("nobody is heard in the epoch that this device's clock names; it asks the issuers for the time at the door")
	if err := m.askTimeAtDoor(ctx); err != nil && ctx.Err() == nil {
		m.o.Log.Warn("no time from the door", "err", err)
	}
}
