// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Deny refuses a pseudonym in the whole neighbourhood until its epoch ends, where
// this device is an issuer: the one that begins with the given hexadecimal digits.
// It returns the pseudonym once the issuers have signed, and an empty one while
// they are at it; ask again then.
func (m *Member) Deny(prefix string) (pid string, err error) {
	notary := m.office().Notary
	if notary == nil {
		return "", ErrNotIssuer
	}
	s := m.live()
	if s == nil {
		return "", ErrNotIn
	}
	s.mu.Lock()
	id, err := s.find(prefix)
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	c := m.Charter()
	list := issuer.Deny{Label: wire.LabelDeny, Nbhd: c.Nbhd, Epoch: s.epoch, PIDs: [][16]byte{id}}
	sig, err := notary.Attest(list.Encode())
	if err != nil || sig == nil {
		return "", err
	}
	msg := wire.MustMarshal(issuer.SignedDeny{Deny: list.Encode(), Signature: *sig})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hearDeny(msg)
	m.keepDenied(deniedList{s.epoch, msg})
	s.queue(chunk.Message{Type: issuer.TypeDeny, Data: msg})
	return hex.EncodeToString(id[:]), nil
}

// find returns the one pseudonym that begins with hexadecimal digits, under mu.
func (s *session) find(prefix string) (id signcrypt.PID, err error) {
	n := 0
	for other := range s.roster.peers {
		if strings.HasPrefix(hex.EncodeToString(other[:]), strings.ToLower(prefix)) {
			id = other
			n++
		}
	}
	switch n {
	case 0:
		return id, fmt.Errorf("there is no neighbour whose pseudonym begins with %q in this epoch", prefix)
	case 1:
		return id, nil
	}
	return id, errors.New("several pseudonyms begin like that; use more digits")
}

// hearDeny takes a deny list, under mu.
func (s *session) hearDeny(msg []byte) {
	d, err := issuer.DecodeDeny(msg, s.m.Charter())
	if err != nil {
		s.m.refused.add(reasonDeny)
		return
	}
	s.m.deny(d, s.epoch)
	gone := false
	for _, pid := range d.PIDs {
		e := s.roster.peers[pid]
		if e == nil || d.Epoch != s.epoch {
			continue
		}
		delete(s.roster.peers, pid)
		gone = true
		s.forget(e.handle)
	}
	if gone {
		s.m.o.Log.Warn("the issuers deny a neighbour until the epoch ends")
		s.m.notify()
	}
}

// forget drops the pair with one who is denied, so that it is not recognised
// again.
func (s *session) forget(h pseudonym.Handle) {
	if h == (pseudonym.Handle{}) {
		return
	}
	a := s.m.friends
	a.mu.Lock()
	a.pairs.Forget(h)
	a.mu.Unlock()
	if err := a.keep(); err != nil {
		s.m.o.Log.Error("a pair is not forgotten", "err", err)
	}
}

// repeatDenials says again whom the issuers deny, for those who came since.
func (s *session) repeatDenials() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, msg := range s.m.deniedIn(s.epoch) {
		s.queue(chunk.Message{Type: issuer.TypeDeny, Data: msg})
	}
}

// deniedList is a deny list that this device had signed. Like all lists it holds
// until its epoch ends, also where the device leaves and enters again meanwhile.
type deniedList struct {
	epoch uint32
	msg   []byte
}

func (m *Member) keepDenied(l deniedList) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denied = slices.DeleteFunc(m.denied, func(was deniedList) bool { return was.epoch != l.epoch })
	m.denied = append(m.denied, l)
}

func (m *Member) deniedIn(epoch uint32) (msgs [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.denied {
		if l.epoch == epoch {
			msgs = append(msgs, l.msg)
		}
	}
	return msgs
}

func (m *Member) deny(d *issuer.Deny, now uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denials.Add(d.Epoch, d.PIDs, now)
}

func (m *Member) isDenied(epoch uint32, pid signcrypt.PID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.denials.Denied(epoch, pid)
}

// denyEvery is how often a deny list is said again, for a spread D of 30 s.
const denyEvery = 2 * time.Minute
