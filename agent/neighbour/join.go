// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// joinResend is how often one who joins asks again, and joinRefusals how many
// refusals it takes to believe them: anybody who has seen the invite can refuse,
// only an issuer can welcome.
const (
	joinResend   = 3 * time.Second
	joinRefusals = 3
)

// joining is a device before the door.
type joining struct {
	ask     *door.Joining
	key     chunk.Key
	topic   string
	link    Link
	rand    io.Reader
	parts   *chunk.Assembler
	answers chan answer
}

type answer struct {
	welcome *door.Welcome
	err     error
}

// Join enters a neighbourhood by an invite: it asks at the door until an answer
// comes or ctx ends. Waiting is called, with a sentence for people, each time
// the issuers make us wait.
func Join(ctx context.Context, dial Dial, rand io.Reader, i *door.Invite, id *issuer.Identity, name string, waiting func(reason string)) (*door.Welcome, error) {
	client, err := pseudonym.ClientID(rand)
	if err != nil {
		return nil, err
	}
	ask, err := door.NewJoining(rand, i, id, name)
	if err != nil {
		return nil, err
	}
	link, err := dial(ctx, client)
	if err != nil {
		return nil, err
	}
	j := &joining{
		ask: ask, key: door.JoinKey(i.J), topic: door.Topic(i.Nbhd), link: link, rand: rand,
		parts: chunk.NewAssembler(maxDoorParts), answers: make(chan answer, 1),
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = link.Close(ctx) // the answer is there or not; nothing more to send
	}()
	if err := link.Subscribe(j.topic, j.receive); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return j.wait(ctx, waiting)
}

func (j *joining) wait(ctx context.Context, waiting func(string)) (*door.Welcome, error) {
	tick := time.NewTicker(joinResend)
	defer tick.Stop()
	refusals := 0
	for {
		if err := j.request(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case a := <-j.answers:
			var wait *door.WaitError
			if !errors.As(a.err, &wait) {
				return a.welcome, a.err
			}
			if wait.Refused {
				if refusals++; refusals == joinRefusals {
					return nil, a.err
				}
			}
			waiting(wait.Reason)
			if err := sleep(ctx, joinResend); err != nil {
				return nil, err
			}
		case <-tick.C:
		}
	}
}

func (j *joining) request() error {
	return cut(j.rand, chunk.Message{Type: door.TypeRequest, Data: j.ask.Request()}, func(payload *[chunk.Payload]byte) error {
		c, err := sealChunk(j.rand, &j.key, j.topic, payload)
		if err != nil {
			return err
		}
		return j.link.Publish(j.topic, c)
	})
}

func (j *joining) receive(topic string, payload []byte) {
	plain, ok := openChunk(&j.key, topic, payload)
	if !ok {
		return
	}
	msgs, err := j.parts.Accept(plain)
	if err != nil {
		return
	}
	for _, m := range msgs {
		if m.Type != door.TypeAnswer {
			continue
		}
		w, err := j.ask.Handle(m.Data)
		if errors.Is(err, door.ErrAnswer) {
			continue
		}
		select {
		case j.answers <- answer{w, err}:
		default:
		}
	}
}
