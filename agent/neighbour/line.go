// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// line is one connection in one epoch: chunks out at Poisson times, and the
// messages of those that come in to whoever owns the line.
type line struct {
	m      *Member
	epoch  uint32
	k      [pseudonym.KeySize]byte
	topics [pseudonym.Slots]string
	outer  chunk.Key
	seals  map[string]*chunk.Sealer // of the outer key, by topic
	cover  Cover
	take   func(chunk.Message) // is called under mu
	link   Link

	mu        sync.Mutex
	assembler *chunk.Assembler
	packer    *chunk.Packer
	wake      chan struct{} // something waits to be sent
	main      bool          // the line of an epoch, and no errand
	ours      nonces
	theirs    nonces
	plain     [chunk.Payload]byte // of the chunk at hand; an assembler copies what it keeps
}

func newLine(m *Member, epoch uint32, cover Cover) *line {
	k, named := m.key(), epoch
	if rotationOff {
		named = 0
	}
	l := &line{
		m: m, epoch: epoch, k: k, topics: pseudonym.Topics(k, named), outer: pseudonym.OuterKey(k, named), seals: map[string]*chunk.Sealer{}, cover: cover,
		assembler: chunk.NewAssembler(0), packer: chunk.NewPacker(m.o.Rand), wake: make(chan struct{}, 1),
	}
	for _, topic := range l.topics {
		l.seals[topic] = chunk.NewSealer(&l.outer, topic)
	}
	return l
}

// dial connects under a client id that nothing else ever has.
func (l *line) dial(ctx context.Context) error {
	id, err := l.m.clientID(l.main)
	if err != nil {
		return err
	}
	if l.link, err = l.m.o.Dial(ctx, id); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // and not the broker's fault
		}
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// subscribe has the epoch's chunks come in, and what is said at the door. Errands
// have no business there, but are to look like the others.
func (l *line) subscribe(atDoor func(topic string, payload []byte)) error {
	for _, t := range l.topics {
		if err := l.link.Subscribe(t, l.receive); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	if err := l.link.Subscribe(door.Topic(l.m.Charter().Nbhd), atDoor); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (l *line) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := l.link.Close(ctx); err != nil {
		l.m.o.Log.Debug("close connection", "err", err)
	}
}

const closeTimeout = 2 * time.Second

// receive takes a chunk from one of the epoch's topics. Whatever costs more
// than one pass of a symmetric cipher comes after the outer layer.
func (l *line) receive(topic string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	plain, ok := l.open(topic, payload)
	if !ok {
		return
	}
	msgs, err := l.assembler.Accept(plain)
	if err != nil {
		l.m.refused.add(reasonFrames)
		return
	}
	for _, m := range msgs {
		l.take(m)
	}
}

// open checks length, key and repetition of a chunk. What it returns holds until
// the next call.
func (l *line) open(topic string, payload []byte) ([]byte, bool) {
	switch {
	case len(payload) != chunk.Size && !paddingOff:
		l.m.refused.add(reasonSize)
		return nil, false
	case l.ours.has(payload): // the broker returns what we published
		return nil, false
	}
	plain, ok := l.unseal(topic, payload)
	if !ok {
		l.m.refused.add(reasonOuter)
		return nil, false
	}
	if l.theirs.has(payload) {
		l.m.refused.add(reasonReplay)
		return nil, false
	}
	l.theirs.add(payload)
	return plain, true
}

func (l *line) unseal(topic string, payload []byte) ([]byte, bool) {
	if paddingOff {
		return openUnpadded(&l.outer, topic, payload)
	}
	return l.plain[:], l.seals[topic].Open(&l.plain, payload)
}

// send publishes what is queued, one chunk at each event of a Poisson process
// whose rate the charter sets, and cover where nothing waits.
func (l *line) send(ctx context.Context) error {
	mean := time.Minute / time.Duration(l.m.Charter().ChunksPerMinute)
	for {
		if err := sleep(ctx, exponential(l.m.o.Rand, mean)); err != nil {
			return err
		}
		for {
			sent, err := l.sendOne()
			if err != nil {
				return err
			}
			if sent {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-l.wake:
			}
		}
	}
}

// silence is what a chunk holds that says nothing.
var silence [chunk.Payload]byte

// sendOne publishes the next chunk on a random topic, or cover, if it may.
func (l *line) sendOne() (bool, error) {
	l.mu.Lock()
	payload, ok := l.packer.Next()
	l.mu.Unlock()
	if !ok {
		if l.cover == CoverOff {
			return false, nil
		}
		payload = &silence
	}
	slot := int(fraction(l.m.o.Rand) * pseudonym.Slots)
	return true, l.publish(&l.outer, l.topics[slot], payload)
}

// publish encrypts a payload and hands it to the link. What the link cannot
// take is lost and counted there, as anything on the way may be.
func (l *line) publish(key *chunk.Key, topic string, payload *[chunk.Payload]byte) error {
	c, err := sealChunk(l.m.o.Rand, key, topic, payload)
	if err != nil {
		return fmt.Errorf("seal chunk: %w", err)
	}
	l.mu.Lock()
	l.ours.add(c)
	l.mu.Unlock()
	if err := l.link.Publish(topic, c); err != nil {
		l.m.o.Log.Debug("chunk not sent", "err", err)
	}
	return nil
}

// queue adds a message under mu. Where the queue is full the message is lost:
// the protocol's waits send again what matters.
func (l *line) queue(m chunk.Message) {
	if err := l.packer.Add(m); err != nil {
		l.m.o.Log.Warn("message not queued", "type", m.Type, "err", err)
		return
	}
	l.awake()
}

func (l *line) awake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func sealChunk(rand io.Reader, key *chunk.Key, topic string, payload *[chunk.Payload]byte) ([]byte, error) {
	if paddingOff {
		return sealUnpadded(key, topic, payload[:]), nil
	}
	return chunk.Seal(rand, key, topic, payload)
}

func openChunk(key *chunk.Key, topic string, c []byte) ([]byte, bool) {
	if paddingOff {
		return openUnpadded(key, topic, c)
	}
	return chunk.Open(key, topic, c)
}
