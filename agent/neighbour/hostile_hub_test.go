// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// broker is a hub that has the neighbourhood's keys K, the invites, and every
// device's keys of each epoch, so that it can pick messages by what they are. That
// is more than any broker has: it is a member that also runs the broker, and more.
type broker struct {
	hub   *hub
	watch *watch
	p     *place
	chief *Member // the founder, whose keyring and charter the broker goes by

	mu     sync.Mutex
	seen   map[[nonceSize]byte]*carried
	heads  map[[8]byte]what // of messages in several parts
	parts  *chunk.Assembler
	keys   map[string][]chunk.Key // by topic
	rings  [][pseudonym.KeySize]byte
	deed   misdeed
	target what
	victim string
	far    time.Duration
	hits   int
	tape   []taped
}

// carried is a chunk that was published.
type carried struct {
	from string
	hit  bool // of the type that the misdeed is about
	lost bool
}

// taped is a message that is to come again.
type taped struct {
	msg chunk.Message
	key *chunk.Key // of the door; nil for the topics of an epoch
	raw []byte
}

func newBroker(h *hub, w *watch) *broker {
	return &broker{
		hub: h, watch: w, seen: map[[nonceSize]byte]*carried{}, heads: map[[8]byte]what{},
		parts: chunk.NewAssembler(0), keys: map[string][]chunk.Key{}, deed: obeys,
	}
}

// dialer returns how a device reaches the broker.
func (b *broker) dialer(name string) Dial {
	return func(ctx context.Context, client string) (Link, error) {
		l, err := b.hub.dial(ctx, client)
		if err != nil {
			return nil, err
		}
		return &tappedLink{l.(*hubLink), b, name}, nil
	}
}

// tappedLink is a device's connection, all of which the broker sees.
type tappedLink struct {
	*hubLink
	b    *broker
	name string
}

func (l *tappedLink) Publish(topic string, payload []byte) error {
	copies := l.b.observe(l.name, topic, payload)
	if err := l.hubLink.Publish(topic, payload); err != nil {
		return err
	}
	for _, c := range copies {
		l.b.say(c)
	}
	return nil
}

func (l *tappedLink) Subscribe(topic string, handle func(string, []byte)) error {
	return l.hubLink.Subscribe(topic, func(topic string, payload []byte) {
		times, later := l.b.fate(l.name, payload)
		for range times {
			handle(topic, payload)
		}
		if later > 0 {
			time.AfterFunc(later, func() {
				select {
				case l.queue <- func() { handle(topic, payload) }:
				default:
				}
			})
		}
	})
}

// misbehave begins a misdeed.
func (b *broker) misbehave(deed misdeed, target what, victim string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deed, b.target, b.victim, b.hits = deed, target, victim, 0
	b.far = time.Duration(b.chief.Charter().EpochLen)*time.Second + 10*time.Second
}

// behave ends it, and returns how many chunks it was about.
func (b *broker) behave() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.target = what{typ: 255}
	return b.hits
}

// observe looks into a chunk, and returns the messages that are to come again at
// once.
func (b *broker) observe(from, topic string, payload []byte) (copies []taped) {
	b.mu.Lock()
	defer b.mu.Unlock()
	nonce := [nonceSize]byte(payload)
	if b.seen[nonce] != nil {
		b.watch.fault("a chunk's nonce is used again")
	}
	c := &carried{from: from}
	b.seen[nonce] = c
	plain, key := b.open(topic, payload)
	if plain == nil {
		b.watch.fault("%s sends a chunk that nobody can open", from)
		return nil
	}
	msgs, err := b.parts.Accept(plain)
	if err != nil {
		b.watch.fault("%s sends a chunk without form", from)
	}
	for _, m := range msgs {
		w := b.watch.see(from, m)
		if !b.target.is(w) {
			continue
		}
		c.hit = true
		t := taped{msg: m, raw: payload}
		if topic == door.Topic(b.chief.Charter().Nbhd) {
			t.key = key
		}
		switch b.deed {
		case triples:
			copies = append(copies, t, t)
		case replays:
			b.tape = append(b.tape, t)
		}
	}
	c.hit = c.hit || b.longOnes(plain)
	if c.hit {
		b.hits++
		c.lost = b.hits <= 2
	}
	return copies
}

// longOnes reports whether a chunk holds a part of a message of several parts that
// the misdeed is about.
func (b *broker) longOnes(plain []byte) (hit bool) {
	for len(plain) > 13 && binary.BigEndian.Uint16(plain) > 0 {
		end := 13 + int(binary.BigEndian.Uint16(plain))
		data := plain[13:end]
		id := [8]byte(plain[3:])
		if part, parts := plain[11], plain[12]; parts > 1 {
			if part == 0 {
				b.heads[id] = b.watch.kindOf(chunk.Message{Type: plain[2], Data: data})
			}
			w, ok := b.heads[id]
			hit = hit || ok && b.target.is(w)
		}
		plain = plain[end:]
	}
	return hit
}

// fate returns how often a device gets a chunk at once, and whether it gets it
// once more later.
func (b *broker) fate(to string, payload []byte) (times int, later time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.seen[[nonceSize]byte(payload)]
	if c == nil || !c.hit || c.from == to {
		return 1, 0
	}
	switch b.deed {
	case holdsAll:
		return 0, 0
	case dropsTwo:
		if c.lost {
			return 0, 0
		}
	case triples:
		return 2, 0
	case delays:
		return 0, delay
	case delaysFar:
		return 0, b.far
	case withholds:
		if to == b.victim {
			return 0, 0
		}
	}
	return 1, 0
}

// open returns what a chunk holds, and the key that opens it.
func (b *broker) open(topic string, payload []byte) ([]byte, *chunk.Key) {
	for range 2 {
		for i := range b.keys[topic] {
			if plain, ok := chunk.Open(&b.keys[topic][i], topic, payload); ok {
				return plain, &b.keys[topic][i]
			}
		}
		b.learn()
	}
	return nil, nil
}

// learn finds the keys of the present epoch and those beside it.
func (b *broker) learn() {
	c, now := b.chief.Charter(), time.Now()
	for _, at := range []time.Time{now, now.Add(time.Hour)} {
		if k := b.chief.o.Ring.Current(at); !slices.Contains(b.rings, k) {
			b.rings = append(b.rings, k)
		}
	}
	clear(b.keys)
	entrance := door.Topic(c.Nbhd)
	for _, j := range b.p.keeper.JoinKeys() {
		b.keys[entrance] = append(b.keys[entrance], door.JoinKey(j))
	}
	epoch, _ := c.Epoch(now)
	for _, k := range b.rings {
		b.keys[entrance] = append(b.keys[entrance], door.MemberKey(k))
		for e := max(epoch, 1) - 1; e <= epoch+1; e++ {
			for _, topic := range pseudonym.Topics(k, e) {
				b.keys[topic] = append(b.keys[topic], chunk.Key(pseudonym.OuterKey(k, e)))
			}
		}
	}
}

// say says a message again: in chunks of its own, as its sender would.
func (b *broker) say(t taped) {
	c := b.chief.Charter()
	epoch, _ := c.Epoch(time.Now())
	k := b.chief.o.Ring.Current(time.Now())
	topic, key := pseudonym.Topics(k, epoch)[3], chunk.Key(pseudonym.OuterKey(k, epoch))
	if t.key != nil {
		topic, key = door.Topic(c.Nbhd), *t.key
	}
	err := cut(rand.Reader, t.msg, func(payload *[chunk.Payload]byte) error {
		sealed, err := chunk.Seal(rand.Reader, &key, topic, payload)
		if err == nil {
			b.hub.inject("broker", topic, sealed)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
}

// replay says again what was recorded, at the door also in the very same chunks.
func (b *broker) replay() {
	b.mu.Lock()
	tape := slices.Clone(b.tape)
	b.mu.Unlock()
	for _, t := range tape {
		b.say(t)
		if t.key != nil {
			b.hub.inject("broker", door.Topic(b.chief.Charter().Nbhd), t.raw)
		}
	}
}
