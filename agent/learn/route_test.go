// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/binary"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

func id(i int) (b [16]byte) {
	binary.BigEndian.PutUint32(b[:], uint32(i))
	return b
}

// TestRoutesBound announces more updates than are remembered: one sender takes
// nothing from the others.
func TestRoutesBound(t *testing.T) {
	var r routes
	j := &job{}
	for i := range 30 {
		r.learn(id(i), route{job: j, from: signcrypt.PID{byte(i), 1}})
	}
	for i := range 2 * maxRoutes {
		r.learn(id(1000+i), route{job: j, from: signcrypt.PID{99}})
	}
	if len(r.of) != 30+maxOfOne || len(r.ids) != len(r.of) {
		t.Errorf("%d updates, %d ids", len(r.of), len(r.ids))
	}
	for i := range 30 {
		if _, ok := r.of[id(i)]; !ok {
			t.Errorf("update %d is forgotten", i)
		}
	}
	if _, ok := r.of[id(1000+2*maxRoutes-1)]; !ok {
		t.Error("the last update is not known")
	}
	for i := range 2 * maxRoutes {
		r.learn(id(100_000+i), route{job: j, from: id(i)})
	}
	if len(r.of) != maxRoutes || len(r.ids) != maxRoutes {
		t.Errorf("%d updates, %d ids", len(r.of), len(r.ids))
	}
	other := &job{}
	r.learn(id(1), route{job: other})
	r.forget(j, false)
	if len(r.of) != 1 || r.of[r.ids[0]].job != other {
		t.Errorf("%d updates are left", len(r.of))
	}
}

// TestWaitingBound keeps more shards than may wait.
func TestWaitingBound(t *testing.T) {
	var r routes
	data := make([]byte, 2000)
	n := 3 * maxWaiting / len(data)
	for i := range n {
		r.keep(shard.Message{ID: id(i / 2), Index: uint8(i % 2), Data: data})
	}
	if r.bytes > maxWaiting || r.bytes < maxWaiting-3000 || len(r.waiting) != r.bytes/(perWaiting+len(data)) {
		t.Errorf("%d bytes, %d shards", r.bytes, len(r.waiting))
	}
	if came := r.learn(id(0), route{}); len(came) > 0 {
		t.Errorf("%d shards of the first update", len(came))
	}
	before := r.bytes
	if came := r.learn(id(n/2-1), route{}); len(came) != 2 || r.bytes != before-2*(perWaiting+len(data)) {
		t.Errorf("%d shards of the last update, %d bytes", len(came), r.bytes)
	}
	r.forget(nil, true)
	if len(r.waiting) > 0 || r.bytes > 0 {
		t.Errorf("%d shards, %d bytes are left", len(r.waiting), r.bytes)
	}
}
