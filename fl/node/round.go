// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/fl/update"
)

// trained is the outcome of local training, from its own goroutine.
type trained struct {
	vectors Vectors
	err     error
}

// round trains, sends and listens until the round's end by the clock, and then
// mixes what arrived.
func (r *Runner) round(ctx context.Context, round uint32) error {
	all, self := r.Transport.Present()
	edges, err := Edges(r.Task.topology(), all, self, r.Task.Seed, round)
	if err != nil {
		return fmt.Errorf("round %d: %w", round, err)
	}
	report := Report{Round: round, Neighbours: len(edges)}
	if err := r.exchange(ctx, round, edges, &report); err != nil {
		return err
	}
	report.Heard = r.Node.End(round, edges)
	r.collector.Forget(round)
	report.Loss = r.Node.Loss
	if report.Score, err = r.Node.Score(r.Test, r.ws); err != nil {
		return fmt.Errorf("round %d: evaluate: %w", round, err)
	}
	report.Saved, report.SaveErr = r.checkpoint(round, false)
	r.OnRound(report)
	return nil
}

// exchange runs the training beside the listening, so that a slow processor
// loses nothing of what comes while it trains.
func (r *Runner) exchange(ctx context.Context, round uint32, edges []Edge, report *Report) error {
	end := time.NewTimer(time.Until(r.Task.RoundStart(round + 1)))
	defer end.Stop()
	training := make(chan trained, 1)
	var arrived []arrival
	if r.Node.away {
		training = nil
	} else {
		go func() {
			v, err := r.Node.Begin(r.ws)
			training <- trained{v, err}
		}()
	}
	timeout := end.C
	for training != nil || timeout != nil {
		select {
		case <-ctx.Done():
			if training != nil {
				<-training
			}
			return ctx.Err()
		case t := <-training:
			training = nil
			if t.err != nil {
				return fmt.Errorf("round %d: %w", round, t.err)
			}
			report.Payload = r.send(round, edges, t.vectors)
		case in := <-r.Transport.Inbox():
			if a, ok := r.receive(in, int64(round)); ok {
				arrived = append(arrived, a)
			}
		case <-timeout:
			timeout = nil // training that takes longer than the round holds it up
		}
	}
	r.deliver(round, edges, arrived)
	return nil
}

// arrival is an update for the present round.
type arrival struct {
	from    PeerID
	vectors Vectors
}

// deliver gives the node what arrived for this round, early or in time, from
// those who are neighbours in it.
func (r *Runner) deliver(round uint32, edges []Edge, arrived []arrival) {
	for from, c := range r.early {
		if c.round == round {
			arrived = append(arrived, arrival{from, c.vectors})
		}
		if c.round <= round {
			delete(r.early, from)
		}
	}
	neighbours := map[PeerID]bool{}
	for _, e := range edges {
		neighbours[e.Peer] = true
	}
	for _, a := range arrived {
		if !neighbours[a.from] {
			r.Refuse(ReasonStranger)
			continue
		}
		if err := r.Node.Receive(a.from, a.vectors); err != nil {
			r.refuse(err, a.from)
		}
	}
}

// Reasons for which an update is refused besides those of package update.
const (
	ReasonStranger = "not-a-neighbour" // the sender is none on this round's graph
	ReasonLate     = "late"            // its round is over
	ReasonFuture   = "future"          // its round is not yet to come
)

// send packs the update and hands it to the transport. What cannot be sent is
// lost like anything on the way: the neighbours go on without it.
func (r *Runner) send(round uint32, edges []Edge, vectors Vectors) (payload int) {
	if len(edges) == 0 {
		return 0
	}
	packed, err := update.Pack(r.Rand, update.Spec{Task: r.id, Base: r.base, Quant: r.Node.set.Quant}, vectors)
	if err != nil {
		r.Log.Error("update not packed", "err", err)
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

// receive takes a part of an update and returns it once it is whole and of the
// present round. One of the next round is kept: clocks differ.
func (r *Runner) receive(in Inbound, round int64) (arrival, bool) {
	var done *update.Complete
	var err error
	if in.Header != nil {
		switch {
		case int64(in.Round) < round:
			r.Refuse(ReasonLate)
			return arrival{}, false
		case int64(in.Round) > round+1:
			r.Refuse(ReasonFuture)
			return arrival{}, false
		}
		done, err = r.collector.Header(in.From, in.Round, in.Header, r.want())
	} else {
		done, err = r.collector.Shard(*in.Shard)
	}
	if err != nil {
		r.refuse(err, in.From)
		return arrival{}, false
	}
	if done == nil {
		return arrival{}, false
	}
	switch int64(done.Round) {
	case round:
		return arrival{done.From, done.Vectors}, true
	case round + 1:
		if len(r.early) < maxEarly {
			r.early[done.From] = complete{done.Round, done.Vectors}
		}
	default:
		r.Refuse(ReasonLate)
	}
	return arrival{}, false
}

// maxEarly bounds the updates that are kept for the next round: one for each
// neighbour that a device can have.
const maxEarly = 32

func (r *Runner) want() update.Want {
	return update.Want{Task: r.id, Base: r.base, Params: len(r.Node.x), Vectors: r.Node.set.Algorithm.Vectors()}
}

func (r *Runner) refuse(err error, from PeerID) {
	var refused *update.Refused
	if !errors.As(err, &refused) {
		r.Log.Warn("update not taken", "err", err)
		return
	}
	r.Refuse(string(refused.Reason))
	r.Log.Debug("update refused", "reason", refused.Reason, "detail", refused.Detail)
}

// checkpoint saves the node when it is time, or always at the end.
func (r *Runner) checkpoint(round uint32, always bool) (saved int, err error) {
	now := time.Now()
	if !always && now.Sub(r.saved) < r.CheckpointEvery {
		return 0, nil
	}
	b := r.Node.Checkpoint(r.id, round)
	if err := r.Store.Save(b); err != nil {
		return 0, fmt.Errorf("save checkpoint: %w", err)
	}
	r.saved = now
	return len(b), nil
}
