// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/fl/update"
)

// round trains, sends and listens until the round's end by the clock, and then
// mixes what arrived.
func (r *Runner) round(ctx context.Context, round uint32) error {
	all, self := r.Transport.Present()
	edges, err := Edges(r.Task.topology(), all, self, r.Task.Seed, round)
	if err != nil {
		return fmt.Errorf("round %d: %w", round, err)
	}
	if len(edges) > 0 {
		r.self = all[self]
	}
	report := Report{Round: round, Neighbours: len(edges)}
	r.inbox.open(round, edges)
	if err := r.exchange(ctx, round, edges, &report); err != nil {
		return err
	}
	for from, v := range r.inbox.close() {
		if err := r.Node.Receive(from, v); err != nil {
			r.refuse(err)
		}
	}
	report.Heard = r.Node.End(round, edges)
	report.Loss = r.Node.Loss
	if report.Score, err = r.Node.Score(r.Test, r.ws); err != nil {
		return fmt.Errorf("round %d: evaluate: %w", round, err)
	}
	r.learned(round)
	if r.unsaved && time.Since(r.saved) >= r.CheckpointEvery {
		report.Saved, report.SaveErr = r.save()
	}
	r.OnRound(report)
	return nil
}

// trained is the outcome of local training, from its own goroutine.
type trained struct {
	vectors Vectors
	err     error
}

// train begins local training, so that a slow processor loses nothing of what
// comes meanwhile. It returns nil where the node only listens.
func (r *Runner) train() <-chan trained {
	if r.Node.Listens() {
		return nil
	}
	done := make(chan trained, 1)
	go func() {
		v, err := r.begin(r.ws)
		done <- trained{v, err}
	}()
	return done
}

// exchange sends what training gives and receives, until the end of the round
// and of training.
func (r *Runner) exchange(ctx context.Context, round uint32, edges []Edge, report *Report) error {
	training := r.train()
	end := r.alarm(round + 1)
	defer end.Stop()
	for over := false; training != nil || !over; {
		select {
		case <-ctx.Done():
			if training != nil && (<-training).err == nil {
				r.learned(round)
			}
			return ctx.Err()
		case t := <-training:
			training = nil
			if t.err != nil {
				return fmt.Errorf("round %d: %w", round, t.err)
			}
			r.learned(round)
			if over {
				r.Log.Warn("training takes longer than a round, so that the update is too late for the neighbours; "+
					"the task needs longer rounds or fewer epochs", "round", round)
				continue
			}
			report.Payload = r.send(round, edges, t.vectors)
		case in := <-r.Transport.Inbox():
			r.take(in)
		case <-end.C:
			over = !end.again(round + 1)
		}
	}
	return nil
}

// send packs the update and hands it to the transport. What cannot be sent is
// lost like anything on the way: the neighbours go on without it.
func (r *Runner) send(round uint32, edges []Edge, vectors Vectors) (payload int) {
	if len(edges) == 0 {
		return 0
	}
	packed, err := update.Pack(r.Rand, update.Spec{Sender: r.self, Task: r.id, Base: r.base, Quant: r.Node.set.Quant}, vectors)
	if err != nil {
		r.Log.Error("update not packed", "round", round, "err", err)
		return 0
	}
	to := make([]PeerID, len(edges))
	for i, e := range edges {
		to[i] = e.Peer
	}
	shards := make([][]byte, len(packed.Shards))
	for i, s := range packed.Shards {
		shards[i] = s.Encode()
	}
	if err := r.Transport.Send(to, round, packed.Message, packed.Copies(), shards); err != nil {
		r.Log.Warn("update not sent", "round", round, "err", err)
		return 0
	}
	return packed.Payload
}
