// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// adder adds what the devices of a street submit, as integers.
type adder struct {
	mu      sync.Mutex
	values  map[uint32]map[PeerID][]uint8
	outside func(round uint32, id PeerID) bool // its values come too late
	deaf    func(round uint32, id PeerID) bool // it does not get the sum
	spoil   func(round uint32, s *Sum)
	groups  int
}

// seat is a device's Summer.
type seat struct {
	*adder
	id   PeerID
	fail error // of Submit
}

func newAdder() *adder {
	never := func(uint32, PeerID) bool { return false }
	return &adder{values: map[uint32]map[PeerID][]uint8{}, outside: never, deaf: never, spoil: func(uint32, *Sum) {}, groups: 1}
}

func (s *seat) Submit(round uint32, values []uint8) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[round] == nil {
		s.values[round] = map[PeerID][]uint8{}
	}
	if s.values[round][s.id] != nil {
		panic("submitted twice")
	}
	if s.fail == nil {
		s.values[round][s.id] = values
	}
	return s.fail
}

func (s *seat) Sums(_ context.Context, round uint32) ([]Sum, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []PeerID
	for id := range s.values[round] {
		if !s.outside(round, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) < 3 || s.deaf(round, s.id) {
		return nil, &SkipError{Reason: "too-few", Detail: fmt.Sprintf("%d members", len(ids))}
	}
	slices.SortFunc(ids, func(a, b PeerID) int { return bytes.Compare(a[:], b[:]) })
	sums := make([]Sum, s.groups)
	for k, id := range ids {
		sum := &sums[k%s.groups]
		sum.Count++
		sum.Own = sum.Own || id == s.id
		if sum.Values == nil {
			sum.Values = make([]uint32, len(s.values[round][id]))
		}
		for i, v := range s.values[round][id] {
			sum.Values[i] += uint32(v)
		}
	}
	s.spoil(round, &sums[0])
	return sums, nil
}

// singers returns n devices with one task of sums, and what adds them.
func singers(t testing.TB, s *street, task *Task, n int) ([]*device, *adder) {
	a, all := newAdder(), devices(t, s, task, n)
	for i, d := range all {
		d.Summer = &seat{adder: a, id: peer(i)}
	}
	return all, a
}

func quietSoon(rounds uint32, m Mode, a Algorithm) *Task {
	task, plain := quiet(m, a), soon(rounds)
	task.Rounds, task.RoundLen, task.Start = plain.Rounds, plain.RoundLen, plain.Start
	return task
}

func (d *device) skips() (reasons []string) {
	for _, r := range d.reports {
		reasons = append(reasons, r.Skipped)
	}
	return reasons
}
