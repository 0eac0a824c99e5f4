// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// maxLosses is how many short connections in a row may end while the same message
// is the oldest without acknowledgement. A broker that ends the connection over a
// message, because it is too long for it, say, would end every one.
const maxLosses = 8

// inFlight is a message of QoS 1 that the broker has not acknowledged.
type inFlight struct {
	message Message
	token   mqtt.Token // of the link at hand
	losses  int
}

// send sends what waits over the link until that or the session ends. What of QoS
// 1 was in flight on the link before goes first.
func (s *Session) send(l *link) {
	for i := range s.flight {
		token, ok := s.transmit(l, s.flight[i].message)
		if !ok {
			s.quit(l, nil)
			return
		}
		s.flight[i].token = token
	}
	var last mqtt.Token // of QoS 0
	for s.sendWaiting(l, &last) && !s.drained() {
		select {
		case <-l.lost:
			return
		case <-s.ctx.Done():
		case <-s.acknowledged():
			if s.flight[0].token.Error() != nil {
				<-l.lost // the library says so a moment before
				return
			}
			s.landed()
		case <-s.out.ready:
		}
	}
	s.quit(l, last)
}

// quit ends the link in good order, unless it is lost.
func (s *Session) quit(l *link, last mqtt.Token) {
	select {
	case <-l.lost:
	default:
		l.finish(last)
	}
}

// sendWaiting hands over all that may go now. It returns false when link or
// session have ended.
func (s *Session) sendWaiting(l *link, last *mqtt.Token) bool {
	for s.ctx.Err() == nil {
		windowFull := len(s.flight) >= s.options.MaxInFlight
		m, ok := s.takeWaiting(windowFull)
		if !ok {
			return true
		}
		token, ok := s.transmit(l, m)
		if m.QoS == 1 {
			s.flight = append(s.flight, inFlight{message: m, token: token})
		} else if ok {
			*last = token
		} else {
			s.droppedOut.Add(1)
			s.options.OnDrop(m, false)
		}
		if !ok {
			return false
		}
	}
	return false
}

// takeWaiting takes a message from the queue. One of QoS 1 counts as
// unacknowledged before it leaves the queue's count, so that pending never misses it.
func (s *Session) takeWaiting(onlyQoS0 bool) (Message, bool) {
	s.unacked.Add(1)
	m, ok := s.out.pop(onlyQoS0)
	if !ok || m.QoS == 0 {
		s.unacked.Add(-1)
	}
	return m, ok
}

func (s *Session) transmit(l *link, m Message) (mqtt.Token, bool) {
	token, ok := l.hand(s.ctx, m)
	if ok {
		s.messagesSent.Add(1)
	}
	return token, ok
}

// acknowledged returns a channel that is closed when the broker has the oldest
// message in flight. Brokers acknowledge in order (MQTT 3.1.1, section 4.6).
func (s *Session) acknowledged() <-chan struct{} {
	if len(s.flight) == 0 {
		return nil
	}
	return s.flight[0].token.Done()
}

// landed takes the oldest message in flight off the list.
func (s *Session) landed() {
	s.flight[0] = inFlight{} // lets go of the payload
	s.flight = s.flight[1:]
	s.unacked.Add(-1)
}

// drained reports whether the session is closing and has nothing left to send.
func (s *Session) drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing && s.pending() == 0
}

// countLoss holds a short connection against the oldest message in flight.
func (s *Session) countLoss() {
	s.flight[0].losses++
	if s.flight[0].losses < maxLosses {
		return
	}
	s.log.Warn("message given up: connections keep ending while it is sent", "topic", s.flight[0].message.Topic)
	s.droppedOut.Add(1)
	s.options.OnDrop(s.flight[0].message, false)
	s.landed()
}
