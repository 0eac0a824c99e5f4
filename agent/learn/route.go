// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"slices"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// route is where the shards of an update go.
type route struct {
	job  *job
	sum  bool          // to the secure sums of the job, not to its runner
	from signcrypt.PID // who announced the update
}

// routes know where shards go. Those do not say of which task they are, but their
// update's header does, before or after them. The zero routes are empty.
type routes struct {
	of      map[[16]byte]route // by the update's id
	ids     [][16]byte         // of them, oldest first
	waiting []shard.Message    // whose header has not come, oldest first
	bytes   int                // of waiting
}

// Bounds of what is known of shards: the updates of the last rounds, and shards that
// come before their header or belong to what others say to one another.
const (
	maxRoutes  = 2048    // for a full neighbourhood
	maxOfOne   = 64      // that one sender announced
	maxWaiting = 1 << 20 // bytes
	perWaiting = 64      // bytes that a shard takes beside its own
)

// learn notes where the shards of an update go, and returns those that wait for
// it.
func (r *routes) learn(id [16]byte, to route) (came []shard.Message) {
	if _, known := r.of[id]; known {
		return nil // a copy of the header
	}
	if r.of == nil {
		r.of = map[[16]byte]route{}
	}
	r.makeRoom(to.from)
	r.of[id], r.ids = to, append(r.ids, id)
	r.waiting = slices.DeleteFunc(r.waiting, func(m shard.Message) bool {
		if m.ID != id {
			return false
		}
		came = append(came, m)
		r.bytes -= perWaiting + len(m.Data)
		return true
	})
	return came
}

// makeRoom drops the oldest update of a sender that has announced too many, else the
// oldest of all where there are too many.
func (r *routes) makeRoom(from signcrypt.PID) {
	oldest, n := 0, 0
	for i := len(r.ids) - 1; i >= 0; i-- {
		if r.of[r.ids[i]].from == from {
			oldest, n = i, n+1
		}
	}
	if n < maxOfOne {
		if oldest = 0; len(r.ids) < maxRoutes {
			return
		}
	}
	delete(r.of, r.ids[oldest])
	r.ids = slices.Delete(r.ids, oldest, oldest+1)
}

// keep keeps a shard whose header has not come, in place of the oldest where there
// are too many.
func (r *routes) keep(m shard.Message) {
	m.Data = bytes.Clone(m.Data)
	r.waiting = append(r.waiting, m)
	r.bytes += perWaiting + len(m.Data)
	drop := 0
	for ; r.bytes > maxWaiting; drop++ {
		r.bytes -= perWaiting + len(r.waiting[drop].Data)
	}
	r.waiting = slices.Delete(r.waiting, 0, drop)
}

// forget forgets a job that is over, and with the last one all that waits.
func (r *routes) forget(j *job, last bool) {
	r.ids = slices.DeleteFunc(r.ids, func(id [16]byte) bool {
		if r.of[id].job != j {
			return false
		}
		delete(r.of, id)
		return true
	})
	if last {
		r.waiting, r.bytes = nil, 0
	}
}
