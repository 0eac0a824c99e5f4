// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

var errNotThere = errors.New("the device is in no epoch")

// spread is the D of a square whose epochs turn.
const spread = 20 * time.Second

// turn makes the pseudonyms change with epochs of a length, which begin with the
// square. It is called before anybody joins.
func (s *square) turn(epoch time.Duration) {
	s.epoch, s.turns = epoch, true
}

// rename gives a member the keys of the present epoch, and lets it leave at its
// end and come back after that, under mu. Everybody has times of its own.
func (m *member) rename() {
	if !m.turns {
		return
	}
	since := time.Since(m.began)
	m.number = uint32(since / m.epoch)
	m.key = homomorphic.Key{byte(m.i + 1), byte(m.number)}
	m.id, m.entered = signcrypt.PseudonymID(m.key), time.Now()
	rest := m.epoch - since%m.epoch
	early, late := spread*time.Duration(m.i%5)/5, spread*time.Duration((m.i*3+2)%7)/7
	time.AfterFunc(rest-early, func() { m.cross(false) })
	time.AfterFunc(rest+late, func() { m.cross(true) })
}

// cross lets a member leave its epoch, or enter the next, unless it is gone.
func (m *member) cross(enter bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.over:
	case enter:
		m.rename()
		m.members[m.id] = m
		m.noteChange()
	default:
		delete(m.members, m.id)
	}
}

// self returns the member's pseudonym.
func (m *member) self() signcrypt.PID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}

// pair notes that a member exchanges with others.
func (m *member) pair(with []signcrypt.PID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range with {
		if o := m.members[id]; o != nil && o != m && !m.strangers {
			m.paired[couple(m.i, o.i)] = true
		}
	}
}

func couple(i, j int) [2]int { return [2]int{min(i, j), max(i, j)} }

func (m *member) Epoch() (uint32, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.number, m.members[m.id] == m
}

func (m *member) Steady(from, to time.Time) bool {
	if !m.turns {
		return true
	}
	since := from.Sub(m.began) % m.epoch
	return since >= 2*spread && since+to.Sub(from) <= m.epoch-spread
}

func (m *member) Recognised(id signcrypt.PID) (handle [16]byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.members[id]
	if o == nil || o == m || !m.paired[couple(m.i, o.i)] || time.Since(o.entered) < m.shy[o.i] || time.Since(m.entered) < m.shy[m.i] {
		return handle, false
	}
	return [16]byte{0xa0, byte(m.i), byte(o.i)}, true
}
