// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// round takes the node through a round, as the task's mode has it, and reports
// what it came to.
func (r *Runner) round(ctx context.Context, round uint32) error {
	all, self := r.enter(round)
	report := Report{Round: round, Paused: r.paused}
	r.cost = Cost{}
	take := r.mixRound
	if r.Node.shared != nil {
		take = r.sumRound
	}
	if len(all) > 1 {
		r.self = all[self]
	}
	err := take(ctx, &report, all, self)
	if err != nil {
		return err
	}
	report.Loss = r.Node.Loss
	err = r.measure(func() (err error) {
		r.score, err = r.Node.Score(r.Test, r.ws)
		return err
	})
	if err != nil {
		return fmt.Errorf("round %d: evaluate: %w", round, err)
	}
	report.Score, report.Cost = r.score, r.cost
	r.learned(round)
	if r.unsaved && time.Since(r.saved) >= r.CheckpointEvery {
		report.Saved, report.SaveErr = r.save()
	}
	r.OnRound(report)
	return nil
}

// mixRound trains, sends and listens until the round's end by the clock, and
// then mixes what arrived.
func (r *Runner) mixRound(ctx context.Context, report *Report, all []PeerID, self int) error {
	round := report.Round
	edges, err := Edges(r.Task.topology(), all, self, r.Task.Seed, round)
	if err != nil {
		return fmt.Errorf("round %d: %w", round, err)
	}
	report.Neighbours = len(edges)
	r.inbox.open(round, edges)
	var u Update
	training := r.train(ctx, func(ws *model.Workspace) (err error) {
		u, err = r.begin(round, edges, ws)
		return err
	})
	if training == nil {
		if ask, ok := r.Node.Ask(round, edges); ok {
			r.send(round, edges, ask)
		}
	}
	err = r.exchange(ctx, round, training, func() { report.Payload = r.send(round, edges, u) })
	if err != nil {
		return err
	}
	return r.measure(func() error {
		for from, u := range r.inbox.close() {
			if err := r.Node.Receive(from, r.self, round, u); err != nil {
				r.refuse(err)
			}
		}
		r.meet(round)
		report.Heard = r.Node.End(round, edges, r.ws)
		report.Peers = r.Node.peers(edges)
		return nil
	})
}

// peers returns how the neighbours on the edges stand.
func (n *Node) peers(edges []Edge) []PeerReport {
	out := make([]PeerReport, len(edges))
	for i, e := range edges {
		out[i] = PeerReport{Peer: e.Peer, Weight: e.Weight * n.trust(e.Peer)}
		if r, ok := n.Reputation(e.Peer); ok {
			out[i].Reputation = &r
		}
	}
	return out
}

// train begins local training, so that a slow processor loses nothing of what
// comes meanwhile. It returns nil where the node only listens or rests.
func (r *Runner) train(ctx context.Context, begin func(*model.Workspace) error) <-chan error {
	if r.Node.Listens() || r.resting {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- r.inTurn(ctx, begin) }()
	return done
}

// inTurn trains when it is this task's turn. What else the device learns waits as
// long, and has the same memory.
func (r *Runner) inTurn(ctx context.Context, begin func(*model.Workspace) error) error {
	ws := r.ws
	if r.Turn != nil {
		select {
		case r.Turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-r.Turn }()
		ws = r.Node.set.NewWorkspace()
	}
	var err error
	work := func() { err = r.measure(func() error { return begin(ws) }) }
	if r.Aside != nil {
		r.Aside(work)
	} else {
		work()
	}
	return err
}

// exchange receives until the end of the round and of training, after which it
// calls ready unless the round is over.
func (r *Runner) exchange(ctx context.Context, round uint32, training <-chan error, ready func()) error {
	end := r.alarm(round + 1)
	defer end.Stop()
	for over := false; training != nil || !over; {
		select {
		case <-ctx.Done():
			if training != nil && <-training == nil {
				r.trained(round)
			}
			return ctx.Err()
		case err := <-training:
			training = nil
			if err != nil {
				return fmt.Errorf("round %d: %w", round, err)
			}
			r.trained(round)
			if over {
				r.Log.Warn("training takes longer than a round, so that the update is too late for the neighbours; "+
					"the task needs longer rounds or fewer epochs", "round", round)
				continue
			}
			ready()
		case in := <-r.Transport.Inbox():
			r.take(in)
		case <-end.C:
			over = !end.again(round + 1)
		}
	}
	return nil
}

// trained notes that what training gave is in the model. With sums it is there
// at the round's end only.
func (r *Runner) trained(round uint32) {
	if r.Node.shared == nil {
		r.learned(round)
	}
}

// send packs the update and hands it to the transport. What cannot be sent is
// lost like anything on the way: the neighbours go on without it.
func (r *Runner) send(round uint32, edges []Edge, u Update) (payload int) {
	return r.sendAs(r.Node.set.Quant(), round, edges, u)
}

// sendAs is send with another encoding of numbers.
func (r *Runner) sendAs(q update.Quant, round uint32, edges []Edge, u Update) (payload int) {
	if len(edges) == 0 {
		return 0
	}
	packed, err := Pack(r.Rand, update.Spec{Sender: r.self, Task: r.id, Base: r.base, Quant: q}, len(r.Node.x), u)
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

// Pack makes an update about so many params ready to send, under a key from rand.
func Pack(rand io.Reader, spec update.Spec, params int, u Update) (*update.Packed, error) {
	if u.Exchange != nil {
		return update.PackExchange(rand, spec, params, u.Exchange)
	}
	return update.Pack(rand, spec, u.Vectors)
}
