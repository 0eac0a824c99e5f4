// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"io"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
)

// said is a message that goes out at the door.
type said struct {
	key *chunk.Key
	msg chunk.Message
}

// receiveDoor takes a chunk from the door: of members, or of one who joins. An
// answer goes out at once: it is rare, and its time is that of the one who asked.
func (s *session) receiveDoor(topic string, payload []byte) {
	s.mu.Lock()
	answers := s.hearDoor(topic, payload)
	s.mu.Unlock()
	for _, a := range answers {
		if err := s.say(a); err != nil {
			s.m.o.Log.Warn("answer at the door not sent", "err", err)
		}
	}
}

func (s *session) hearDoor(topic string, payload []byte) []said {
	if len(payload) != chunk.Size && !paddingOff || s.ours.has(payload) || s.theirs.has(payload) {
		return nil
	}
	for _, k := range s.m.o.Ring.DoorKeys() {
		key := chunk.Key(k)
		if plain, ok := openChunk(&key, topic, payload); ok {
			s.theirs.add(payload)
			return s.hearMembers(&key, plain)
		}
	}
	keeper := s.m.office().Keeper
	if keeper == nil {
		return nil // between one who joins and the issuers
	}
	if s.tries.Allow() {
		for _, j := range keeper.JoinKeys() {
			key := chunk.Key(door.JoinKey(j))
			if plain, ok := openChunk(&key, topic, payload); ok {
				s.theirs.add(payload)
				return s.letIn(keeper, j, &key, plain)
			}
		}
	}
	s.m.refused.add(reasonOuter)
	return nil
}

// hearMembers takes what members say at the door under one of the
// neighbourhood's keys.
func (s *session) hearMembers(key *chunk.Key, plain []byte) (answers []said) {
	msgs, err := s.doorParts.Accept(plain)
	if err != nil {
		s.m.refused.add(reasonFrames)
		return nil
	}
	for _, m := range msgs {
		switch m.Type {
		case door.TypeAnswer:
			s.hearNews(m.Data)
		case door.TypeRequest:
			if answer, ok := s.m.answerTime(m.Data); ok {
				answers = append(answers, said{key, chunk.Message{Type: door.TypeAnswer, Data: answer}})
				continue
			}
			s.hearSync(key, m.Data)
		}
	}
	return answers
}

// hearNews takes a newer charter, another key, or an issuer's clock.
func (s *session) hearNews(msg []byte) {
	if s.m.timeAnswered(msg) {
		return
	}
	if s.knowsCharter(msg) {
		return
	}
	signed, c, ok := door.DecodeCharter(msg)
	if !ok {
		if err := s.m.takeRekey(msg); err != nil {
			s.m.refused.add(reasonDoor)
			s.m.o.Log.Debug("nothing to take at the door", "err", err)
			return
		}
		s.m.archive.Heard(s.m.clock.machine())
		return
	}
	s.m.adoptCharter(signed, c)
	if mine, _ := s.m.current(); mine.Hash() == signed.Hash() {
		s.charterAt = time.Time{} // somebody has shown it already
	}
}

// knowsCharter reports whether a message is a charter from which there is nothing
// to learn: the one that is held, which somebody has shown then, or an older one,
// of a device that slept. Neither is verified, since that takes a group operation
// for each member, and many show them after a change.
func (s *session) knowsCharter(msg []byte) bool {
	nbhd, gen, ok := door.PeekCharter(msg)
	mine, held := s.m.current()
	switch {
	case !ok || nbhd != held.Nbhd || gen > held.Gen:
		return false
	case gen < held.Gen:
		s.oweCharter(time.Now())
		return true
	}
	if !bytes.Equal(msg, door.EncodeCharter(mine)) {
		return false
	}
	s.charterAt = time.Time{}
	return true
}

// letIn answers a request to join and plans to show members the charter that
// follows.
func (s *session) letIn(keeper *door.Keeper, j [16]byte, key *chunk.Key, plain []byte) (answers []said) {
	msgs, err := s.doorParts.Accept(plain)
	if err != nil {
		s.m.refused.add(reasonFrames)
		return nil
	}
	for _, m := range msgs {
		if m.Type != door.TypeRequest {
			continue
		}
		answer, charter, err := keeper.Answer(j, m.Data)
		if charter != nil { // also beside an error: what is written counts
			s.m.keeperCharter(keeper)
			s.charterAt = time.Now()
		}
		s.m.desk.rouse() // the invite may be bound by now
		if err != nil {
			s.m.refused.add(reasonDoor)
			s.m.o.Log.Warn("request to join not answered", "err", err)
			continue
		}
		answers = append(answers, said{key, chunk.Message{Type: door.TypeAnswer, Data: answer}})
	}
	return answers
}

// keeperCharter takes the charter that our own keeper has just signed and saved.
func (m *Member) keeperCharter(k *door.Keeper) {
	defer m.desk.rouse()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.signed, m.charter = k.Charter()
	m.o.Log.Info("charter", "gen", m.charter.Gen, "members", len(m.charter.Members))
}

func (s *session) giveCharter() error {
	signed, _ := s.m.current()
	return s.say(said{&s.inner, chunk.Message{Type: door.TypeAnswer, Data: door.EncodeCharter(signed)}})
}

// say publishes a message at the door.
func (s *session) say(what said) error {
	return cut(s.m.o.Rand, what.msg, func(payload *[chunk.Payload]byte) error {
		return s.publish(what.key, s.door, payload)
	})
}

// cut lays one message into payloads and hands them on.
func cut(rand io.Reader, m chunk.Message, each func(*[chunk.Payload]byte) error) error {
	p := chunk.NewPacker(rand)
	if err := p.Add(m); err != nil {
		return err
	}
	for payload, ok := p.Next(); ok; payload, ok = p.Next() {
		if err := each(payload); err != nil {
			return err
		}
	}
	return nil
}
