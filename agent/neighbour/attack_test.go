// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// insider seals messages as one does who has K but no admitted key, such as a
// member that was evicted or a program that went wrong.
func insider(t *testing.T, s *session, msgs ...chunk.Message) []byte {
	t.Helper()
	p := chunk.NewPacker(rand.Reader)
	for _, m := range msgs {
		if err := p.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	payload, _ := p.Next()
	c, err := chunk.Seal(rand.Reader, &s.outer, s.topics[3], payload)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// strangerKeys signs in the right scope with keys that another neighbourhood's
// issuer has signed.
func strangerKeys(t *testing.T, s *session) *signcrypt.Sealer {
	t.Helper()
	_, elsewhere := found(t, &hub{}, 3600)
	there, err := elsewhere.newSession(s.epoch)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	keys, _, err := there.obtainKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &signcrypt.Sealer{Scope: s.scope, Key: keys.Sig, Rand: rand.Reader}
}

func TestRefusalsAreCounted(t *testing.T) {
	h := &hub{}
	var mu sync.Mutex
	var captured []byte
	var capturedOn string
	var sender string
	h.tap = func(client, topic string, payload []byte) {
		mu.Lock()
		defer mu.Unlock()
		if client == sender && len(payload) == chunk.Size {
			captured, capturedOn = slices.Clone(payload), topic
		}
	}
	_, members, boxes, _ := crowd(t, h, 2)
	victim, box := members[1], boxes[1]
	s := victim.live()
	mu.Lock()
	sender = members[0].live().link.(*hubLink).client
	mu.Unlock()
	all, self := victim.Present()
	if err := members[0].SendUpdate([]signcrypt.PID{all[self]}, 1, []byte("honest"), 1, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the honest update arrives", func() bool { return box.count("honest") == 1 })
	mu.Lock()
	chunkSeen, topicSeen := captured, capturedOn
	h.tap = nil
	mu.Unlock()

	flipped := slices.Clone(chunkSeen)
	flipped[2000] ^= 4
	stranger := strangerKeys(t, s)
	forged, err := stranger.Seal([]*signcrypt.Peer{s.roster.self}, 2, typeUpdate, []byte("forged"))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, topic, reason string
		payload             []byte
	}{
		{"garbage", s.topics[0], reasonOuter, make([]byte, chunk.Size)},
		{"empty", s.topics[0], reasonSize, nil},
		{"truncated", topicSeen, reasonSize, chunkSeen[:4000]},
		{"oversized", topicSeen, reasonSize, append(slices.Clone(chunkSeen), 0)},
		{"bit flipped", topicSeen, reasonOuter, flipped},
		{"replayed", topicSeen, reasonReplay, chunkSeen},
		{"on another topic", other(s.topics[:], topicSeen), reasonOuter, chunkSeen},
		{"frames that are none", s.topics[3], reasonFrames, rawChunk(t, s)},
		{"unknown type", s.topics[3], reasonType, insider(t, s, chunk.Message{Type: 77, Data: []byte("?")})},
		{"no hello at all", s.topics[3], reasonHello, insider(t, s, chunk.Message{Type: pseudonym.TypeHello, Data: []byte("hi")})},
		{"no envelope at all", s.topics[3], reasonEnvelope, insider(t, s, chunk.Message{Type: typeUpdate, Data: []byte("?")})},
		{"key nobody admitted", s.topics[3], reasonEnvelope, insider(t, s, chunk.Message{Type: typeUpdate, Data: forged})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := victim.Refused()[c.reason]
			h.inject("attacker", c.topic, c.payload)
			eventually(t, "it is counted as "+c.reason, func() bool { return victim.Refused()[c.reason] == before+1 })
		})
	}
	if n := len(box.msgs); n != 1 {
		t.Errorf("%d messages came through", n)
	}
}

func other(topics []string, not string) string {
	for _, t := range topics {
		if t != not {
			return t
		}
	}
	return not
}

// rawChunk is encrypted rightly and holds bytes that are no frames.
func rawChunk(t *testing.T, s *session) []byte {
	t.Helper()
	var payload [chunk.Payload]byte
	for i := range payload {
		payload[i] = 0xff
	}
	c, err := chunk.Seal(rand.Reader, &s.outer, s.topics[3], &payload)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFloodCostsNoMemory sends more garbage than a broker would in ten seconds,
// without and with K, and holds that memory stays as it is and that an honest
// message still comes through.
func TestFloodCostsNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 chunks")
	}
	_, members, boxes, _ := crowd(t, &hub{}, 2)
	victim := members[1]
	s := victim.live()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	garbage := make([]byte, chunk.Size)
	parts := []chunk.Message{{Type: typeUpdate, Data: make([]byte, 3000)}}
	before := heap()
	for i := range 100_000 {
		garbage[0], garbage[1], garbage[2] = byte(i), byte(i>>8), byte(i>>16)
		s.receive(s.topics[i%8], garbage)
		if i%20 == 0 {
			s.receive(s.topics[3], insider(t, s, parts...))
		}
	}
	if after := heap(); after > before+16<<20 {
		t.Errorf("the heap grew by %d kB", (after-before)>>10)
	}
	if n := victim.Refused()[reasonOuter]; n != 100_000 {
		t.Errorf("%d refusals counted", n)
	}
	all, self := victim.Present()
	if err := members[0].SendUpdate([]signcrypt.PID{all[self]}, 1, []byte("honest"), 1, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the honest update arrives", func() bool { return boxes[1].count("honest") == 1 })
}

// TestRateLimit holds that one with K cannot make a device open envelopes
// without end.
func TestRateLimit(t *testing.T) {
	_, members, _, _ := crowd(t, &hub{}, 2)
	victim := members[1]
	s := victim.live()
	stranger := strangerKeys(t, s)
	s.limit.SetLimit(1)
	s.limit.SetBurst(10)
	for range 40 {
		env, err := stranger.Seal([]*signcrypt.Peer{s.roster.self}, 2, typeUpdate, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.receive(s.topics[3], insider(t, s, chunk.Message{Type: typeUpdate, Data: env}))
	}
	r := victim.Refused()
	if r[reasonRate] == 0 || r[reasonEnvelope] == 0 || r[reasonRate]+r[reasonEnvelope] != 40 {
		t.Errorf("40 envelopes of a stranger: refused %v", r)
	}
}
