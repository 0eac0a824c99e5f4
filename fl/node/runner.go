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
	// Inbox delivers what arrives. It is closed never.
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
	Heard      int    // of them
	Loss       float64
	Score      model.Score
	Payload    int // bytes of the update before shards and envelope, 0 where none was sent
	Saved      int // bytes of the checkpoint, 0 where none was due
	SaveErr    error
}

// Runner takes a node through the rounds of a task.
type Runner struct {
	Task      *Task
	Node      *Node
	Transport Transport
	Store     Store
	// CheckpointEvery is the least time between two checkpoints; zero means one
	// after every round.
	CheckpointEvery time.Duration
	Test            *dataset.Table
	Rand            io.Reader
	Log             *slog.Logger
	OnRound         func(Report)
	Refuse          func(reason string) // counts what is refused

	id        ID
	base      [32]byte
	ws        *model.Workspace
	collector *update.Collector
	early     map[PeerID]complete // updates of the next round
	saved     time.Time
}

// complete is an update whose parts have all arrived.
type complete struct {
	round   uint32
	vectors Vectors
}

// Run learns until the task's last round or until ctx ends, which is no error.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.prepare(); err != nil {
		return err
	}
	round, err := r.resume()
	if err != nil {
		return err
	}
	for ; round < r.Task.Rounds; round++ {
		if now := r.Task.RoundAt(time.Now()); now > int64(round) {
			round = uint32(min(now, int64(r.Task.Rounds)-1)) // the machine slept, or training is too slow
		}
		if err := r.wait(ctx, round); err != nil {
			return nil
		}
		if err := r.round(ctx, round); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	if round > 0 {
		_, err = r.checkpoint(r.Task.Rounds-1, true)
	}
	return err
}

func (r *Runner) prepare() error {
	r.id = r.Task.ID()
	r.base = r.Task.Base(r.Node.set.Model)
	r.ws = r.Node.set.NewWorkspace()
	r.collector = update.NewCollector(0)
	r.early = map[PeerID]complete{}
	return nil
}

// resume restores the last checkpoint and returns the round to begin with. What
// was received before a restart is forgotten, so that only later rounds than
// the present one may be accepted.
func (r *Runner) resume() (uint32, error) {
	now := r.Task.RoundAt(time.Now())
	saved, err := r.Store.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if now > 0 {
			r.Node.Late()
		}
		return uint32(now + 1), nil
	case err != nil:
		return 0, fmt.Errorf("read checkpoint: %w", err)
	}
	last, err := r.Node.Restore(r.id, saved)
	if err != nil {
		return 0, err
	}
	next := uint32(max(now+1, int64(last)+1))
	if next > last+2 {
		r.Node.Late()
	}
	r.Log.Info("resume", "task", r.Task.Name, "checkpoint", last, "round", next)
	return next, nil
}

// wait waits for the beginning of a round and keeps what comes early for it.
func (r *Runner) wait(ctx context.Context, round uint32) error {
	t := time.NewTimer(time.Until(r.Task.RoundStart(round)))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case in := <-r.Transport.Inbox():
			r.receive(in, int64(round)-1)
		case <-t.C:
			return nil
		}
	}
}
