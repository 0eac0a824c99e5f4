// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// inbox collects what a member's handlers get.
type inbox struct {
	mu   sync.Mutex
	msgs []string
	from []signcrypt.PID
}

func (b *inbox) take(from signcrypt.PID, _ uint32, msg []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.msgs, b.from = append(b.msgs, string(msg)), append(b.from, from)
}

func (b *inbox) count(msg string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.msgs {
		if m == msg {
			n++
		}
	}
	return n
}

// crowd founds a neighbourhood of n and waits until all see all.
func crowd(t *testing.T, h *hub, n int) (*place, []*Member, []*inbox, []func()) {
	p, first := found(t, h, 3600)
	members, boxes := []*Member{first}, []*inbox{{}}
	first.Handle(14, boxes[0].take)
	first.Handle(typeUpdate, boxes[0].take)
	first.Handle(typeShard, boxes[0].take)
	stops := []func(){p.start(first)}
	eventually(t, "founder has keys", func() bool { all, _ := first.Present(); return len(all) == 1 })
	for i := 1; i < n; i++ {
		id, w := p.join("device-" + string(rune('a'+i)))
		m := p.member(id, w.Signed, newMemory(), nil)
		box := &inbox{}
		m.Handle(14, box.take)
		m.Handle(typeUpdate, box.take)
		m.Handle(typeShard, box.take)
		members, boxes = append(members, m), append(boxes, box)
		stops = append(stops, p.start(m))
	}
	eventually(t, "all see all", func() bool {
		return !slices.ContainsFunc(members, func(m *Member) bool { all, _ := m.Present(); return len(all) != n })
	})
	return p, members, boxes, stops
}

func TestFoundJoinSpeak(t *testing.T) {
	_, members, boxes, _ := crowd(t, &hub{}, 4)
	var ids []signcrypt.PID
	for i, m := range members {
		all, self := m.Present()
		if i == 0 {
			ids = all
		} else if !slices.Equal(all, ids) {
			t.Fatal("the members do not agree on who is there")
		}
		if !bytes.Equal(all[self][:], ids[self][:]) {
			t.Fatal("self is not itself")
		}
	}
	eventually(t, "all hold the newest charter", func() bool {
		return !slices.ContainsFunc(members, func(m *Member) bool { return len(m.Charter().Members) != 4 })
	})
	if err := members[2].Broadcast(14, []byte("a task")); err != nil {
		t.Fatal(err)
	}
	all, self := members[1].Present()
	to := slices.DeleteFunc(slices.Clone(all), func(id signcrypt.PID) bool { return id == all[self] })
	shards := [][]byte{[]byte("shard 0"), []byte("shard 1"), []byte("shard 2")}
	if err := members[1].SendUpdate(to[:2], 7, []byte("header"), 2, shards); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything arrives", func() bool {
		tasks, headers, parts := 0, 0, 0
		for i, b := range boxes {
			if i != 2 {
				tasks += b.count("a task")
			}
			headers += b.count("header")
			parts += b.count("shard 0") + b.count("shard 1") + b.count("shard 2")
		}
		return tasks == 3 && headers == 2 && parts == 9
	})
	for i, m := range members {
		if r := m.Refused(); len(r) != 0 {
			t.Errorf("member %d refused %v", i, r)
		}
	}
}

func TestRestartKeepsPseudonym(t *testing.T) {
	h := &hub{}
	p, members, _, _ := crowd(t, h, 2)
	id, w := p.join("restarts")
	mem := newMemory()
	m := p.member(id, w.Signed, mem, nil)
	stop := p.start(m)
	eventually(t, "it is there", func() bool { all, _ := m.Present(); return len(all) == 3 })
	before, self := m.Present()
	pid := before[self]
	stop()

	again := p.member(id, w.Signed, mem, nil)
	p.start(again)
	eventually(t, "it is back", func() bool { all, _ := again.Present(); return len(all) == 3 })
	after, self := again.Present()
	if after[self] != pid {
		t.Error("a restart within the epoch gives another pseudonym")
	}
	if all, _ := members[0].Present(); len(all) != 3 {
		t.Errorf("the founder sees %d devices", len(all))
	}
}

func TestEpochsChangeEverything(t *testing.T) {
	if testing.Short() {
		t.Skip("an epoch lasts 5 s")
	}
	h := &hub{}
	type seen struct{ clients, topics map[string]bool }
	var mu sync.Mutex
	epochs := map[uint32]seen{}
	var first *Member
	h.tap = func(client, topic string, _ []byte) {
		epoch, _ := first.Charter().Epoch(time.Now())
		mu.Lock()
		defer mu.Unlock()
		if _, ok := epochs[epoch]; !ok {
			epochs[epoch] = seen{map[string]bool{}, map[string]bool{}}
		}
		epochs[epoch].clients[client], epochs[epoch].topics[topic] = true, true
	}
	var p *place
	p, first = found(t, h, 6)
	p.start(first)
	id, w := p.join("other")
	other := p.member(id, w.Signed, newMemory(), nil)
	p.start(other)
	both := func() bool { return presentCount(first) == 2 && presentCount(other) == 2 }
	eventually(t, "both are there", both)
	pids, _ := first.Present()
	epoch := first.live().epoch
	eventually(t, "the next epoch comes", func() bool { s := first.live(); return s != nil && s.epoch > epoch })
	eventually(t, "both are there again", both)

	after, _ := first.Present()
	for _, id := range after {
		if slices.Contains(pids, id) {
			t.Error("a pseudonym outlives its epoch")
		}
	}
	doorTopic := first.live().door
	mu.Lock()
	defer mu.Unlock()
	if len(epochs[epoch].clients) == 0 || len(epochs[epoch+1].clients) == 0 {
		t.Fatal("nothing was said")
	}
	for c := range epochs[epoch+1].clients {
		if epochs[epoch].clients[c] {
			t.Error("a client id outlives its epoch")
		}
	}
	for topic := range epochs[epoch+1].topics {
		if topic != doorTopic && epochs[epoch].topics[topic] {
			t.Error("a topic outlives its epoch")
		}
	}
}

func presentCount(m *Member) int {
	all, _ := m.Present()
	return len(all)
}
