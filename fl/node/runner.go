// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// Transport carries updates between neighbours.
type Transport interface {
	// Present returns the pseudonyms of all who are there in ascending order,
	// and the device's own place among them; none while it is not there itself.
	Present() (all []PeerID, self int)
	// Send sends an update's header to the given neighbours, in so many copies,
	// and its shards to all. It does not wait until they are gone.
	Send(to []PeerID, round uint32, header []byte, copies int, shards [][]byte) error
	// Inbox delivers what arrives. It is never closed.
	Inbox() <-chan Inbound
}

// Inbound is a header, whose sender and round are known, or a shard.
type Inbound struct {
	From   PeerID
	Round  uint32
	Header []byte         // nil for a shard
	Shard  *shard.Message // nil for a header
}

// Store keeps the checkpoint of a task. Save has it on the disk when it returns.
type Store interface {
	Save(checkpoint []byte) error
	Load() ([]byte, error) // fs.ErrNotExist where there is none
}

// Report is what a round came to.
type Report struct {
	Round      uint32 // that ended
	Neighbours int    // on the graph
	Heard      int    // of them; in a summed task those whose values are in the sums
	Skipped    string // in a summed task why there is no sum that was taken; empty where one was
	Loss       float64
	Score      model.Score
	Payload    int // bytes of the update before shards and envelope, or of the values before encryption; 0 where none was sent
	Saved      int // bytes of the checkpoint, 0 where none was due
	SaveErr    error
	Cost       Cost
	Paused     string       // why the device did not train, for people; empty where it did. Loss and Score are as before
	Peers      []PeerReport // those on the graph; none in a summed task
}

// PeerReport is how a neighbour stands after a round.
type PeerReport struct {
	Peer       PeerID
	Reputation *float32 // 0 to 1; nil where nobody judges it
	Weight     float32  // of its model in the mix, before a rule looks at it
}

// Runner takes a node through the rounds of a task. All fields but OnResume, Turn,
// Gate, Meter and Aside are needed, and Summer in summed tasks only.
type Runner struct {
	Task      *Task
	Node      *Node
	Transport Transport
	Summer    Summer
	Store     Store
	// CheckpointEvery is the least time between two checkpoints; zero means one
	// after every round. There is one more when Run ends.
	CheckpointEvery time.Duration
	Test            *dataset.Table
	Rand            io.Reader
	Now             func() time.Time // by which all nodes of the task go
	Log             *slog.Logger
	OnResume        func(last uint32) // a checkpoint made after that round is restored
	OnRound         func(Report)
	Refuse          func(reason string) // counts what is refused
	// Turn, where it is not nil, holds one at most: whoever has sent to it trains, and
	// then receives. Tasks that share it have the memory of training one at a time.
	Turn chan struct{}
	// Gate is asked before a round's training whether the device may train now, and
	// why not, in words for people.
	Gate func() (allowed bool, why string)
	// Meter begins to measure a piece of work, of a millisecond or of minutes. The
	// goroutine that calls it ends it, too.
	Meter func() (end func() Cost)
	// Aside does local training in place of the goroutine at hand; nil: nothing does.
	Aside func(work func())

	id       ID
	base     [32]byte
	ws       *model.Workspace                                       // to score, and to train where there is no Turn
	begin    func(uint32, []Edge, *model.Workspace) (Update, error) // of the node
	beginSum func(uint32, *model.Workspace) ([]uint8, error)        // likewise
	inbox    *inbox
	common   *float64  // loss of the common model on the test rows, nil while it is not known
	self     PeerID    // the device's pseudonym in this round
	saved    time.Time // when the last checkpoint was made
	last     uint32    // the last round that is in the node
	unsaved  bool      // it is in no checkpoint
	missed   int64     // rounds before the present one in which the node took no part
	resting  bool      // it does not train in this round
	paused   string    // why; empty where it trains
	score    model.Score
	cost     Cost // of the round so far
}

// Run learns until the task's last round or until ctx ends, which is no error.
// When ctx ends during local training it returns as soon as that is done.
func (r *Runner) Run(ctx context.Context) error {
	r.prepare()
	return r.run(ctx)
}

func (r *Runner) prepare() {
	r.id, r.base = r.Task.ID(), r.Task.Base(r.Node.set.Model)
	r.ws, r.begin, r.beginSum = r.Node.set.NewWorkspace(), r.Node.Begin, r.Node.BeginSum
	if r.Turn != nil {
		r.ws = r.Node.set.Model.NewWorkspace(evaluateRows)
	}
	r.score = unscored
}

func (r *Runner) run(ctx context.Context) error {
	set := &r.Node.set
	want := update.Want{Task: r.id, Base: r.base, Params: len(r.Node.x), Vectors: set.Vectors(), Exchange: set.Replicas(), Compression: set.Compression}
	if r.Node.shared != nil {
		if r.Summer == nil {
			return fmt.Errorf("task %q is %v, and this device cannot add under encryption", r.Task.Name, r.Node.set.Mode)
		}
		want.Params += toldTail
	}
	round := r.resume()
	r.inbox = newInbox(want, int64(round)-1, r.refuse)
	for ; round < r.Task.Rounds && r.wait(ctx, round) == nil; round++ {
		if round = r.catchUp(round); round == r.Task.Rounds {
			break
		}
		if r.rests(round) {
			continue
		}
		r.back()
		if err := r.round(ctx, round); err != nil && ctx.Err() == nil {
			if errors.Is(err, ErrSpent) { // an end like another: what was learned is kept
				err = errors.Join(err, r.finish(ctx))
			}
			return err
		}
	}
	return r.finish(ctx)
}

// finish keeps what no checkpoint holds yet.
func (r *Runner) finish(ctx context.Context) error {
	if !r.unsaved {
		return nil
	}
	_, err := r.save()
	if err != nil && ctx.Err() != nil {
		r.Log.Error("the rounds since the last checkpoint are lost", "err", err)
		return nil
	}
	return err
}

// resume restores the last checkpoint and returns the round to begin with. What
// was received before a restart is forgotten, so that only later rounds than
// the present one may be accepted. Without a checkpoint that can be used the
// node begins anew, as one who joins does.
func (r *Runner) resume() uint32 {
	next := r.Task.RoundAt(r.Now()) + 1
	last, err := r.restore()
	switch {
	case err == nil:
		next = max(next, int64(last)+1)
		r.missed = next - int64(last) - 1
		r.Log.Info("task resumes", "task", r.Task.Name, "checkpoint", last, "round", next)
		if r.OnResume != nil {
			r.OnResume(last)
		}
		r.saved = time.Now()
		return uint32(next)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrOtherTask):
		r.Log.Error("the checkpoint cannot be used; the task begins anew", "task", r.Task.Name, "err", err)
	}
	r.missed = next
	return uint32(next)
}

func (r *Runner) restore() (last uint32, err error) {
	b, err := r.Store.Load()
	if err != nil {
		return 0, err
	}
	return r.Node.Restore(r.id, b)
}

// catchUp returns the round to go on with: the given one, which has begun, or
// that of the clock where the machine slept, its clock was set or training takes
// too long.
func (r *Runner) catchUp(round uint32) uint32 {
	now := r.Task.RoundAt(r.Now())
	if now <= int64(round) {
		return round
	}
	r.missed += now - int64(round)
	r.Log.Info("rounds are left out", "from", round, "to", now-1)
	return uint32(now)
}

// wait waits for the beginning of a round and keeps what comes early for it.
func (r *Runner) wait(ctx context.Context, round uint32) error {
	begin := r.alarm(round)
	defer begin.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case in := <-r.Transport.Inbox():
			r.take(in)
		case <-begin.C:
			if !begin.again(round) {
				return nil
			}
		}
	}
}

func (r *Runner) take(in Inbound) { r.inbox.take(in, r.Task.RoundAt(r.Now())) }

func (r *Runner) refuse(err error) {
	var refused *update.Refused
	if !errors.As(err, &refused) {
		r.Log.Warn("update not taken", "err", err)
		return
	}
	r.Refuse(string(refused.Reason))
	r.Log.Debug("update refused", "reason", refused.Reason, "detail", refused.Detail)
}

// learned notes that a round is in the node. What one knows who only listens is
// not worth a checkpoint, which would make it look up to date.
func (r *Runner) learned(round uint32) {
	if !r.Node.Listens() {
		r.last, r.unsaved = round, true
	}
}

// save makes a checkpoint.
func (r *Runner) save() (bytes int, err error) {
	b := r.Node.Checkpoint(r.id, r.last)
	if err := r.Store.Save(b); err != nil {
		return 0, fmt.Errorf("save checkpoint: %w", err)
	}
	r.saved, r.unsaved = time.Now(), false
	return len(b), nil
}

// alarm goes off at the beginning of a round by the clock.
type alarm struct {
	*time.Timer
	until func(round uint32) time.Duration
}

// clockCheck is how often the clock is looked at: a board without one of its
// own starts with a wrong time, and a timer does not notice when it is set.
const clockCheck = time.Minute

func (r *Runner) alarm(round uint32) alarm {
	until := func(round uint32) time.Duration { return r.Task.RoundStart(round).Sub(r.Now()) }
	return alarm{time.NewTimer(min(until(round), clockCheck)), until}
}

// again sets the alarm anew and reports true where it went off too early.
func (a alarm) again(round uint32) bool {
	rest := a.until(round)
	if rest <= 0 {
		return false
	}
	a.Reset(min(rest, clockCheck))
	return true
}
