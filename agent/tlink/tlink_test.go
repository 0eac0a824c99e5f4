// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newSource() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }

// TestEpochs holds which connections make an epoch.
func TestEpochs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *Recording)
		want   []int // tracks of each epoch
	}{
		{"as they are", func(*Recording) {}, []int{3, 3, 3}},
		{"the first came before", func(r *Recording) { r.From = 1 }, []int{3, 3}},
		{"the last goes on", func(r *Recording) { r.Until = 50 * time.Second }, []int{3, 3}},
		{"one breaks and comes again", func(r *Recording) {
			again := *r.Conns[0]
			r.Conns[0].Closed = 5 * time.Second
			again.Opened = 6 * time.Second
			r.Conns = append(r.Conns, &again)
		}, []int{3, 3, 3}},
		{"one asks for something and goes", func(r *Recording) {
			short := *r.Conns[0]
			short.Hello.ClientID, short.Closed = "short", 2*time.Second
			r.Conns = append(r.Conns, &short)
		}, []int{3, 3, 3}},
		{"one has only the door", func(r *Recording) {
			door := *r.Conns[0]
			door.Hello.ClientID, door.Events = "door", door.Events[:1:1]
			r.Conns = append(r.Conns, &door)
		}, []int{3, 3, 3}},
		{"topics never change", func(r *Recording) {
			for _, c := range r.Conns {
				for i := range c.Events {
					c.Events[i].Topics = []string{fmt.Sprint("t/the-same-for-ever-", i)}
				}
			}
		}, []int{3, 3, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := small(3, 3)
			c.change(r)
			var got []int
			for _, tracks := range r.Epochs() {
				got = append(got, len(tracks))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestConstants holds that only what all say is taken for nobody's.
func TestConstants(t *testing.T) {
	r := small(3, 2)
	constant := r.constants()
	if !constant[townDoor] || !constant["neighbour"] || !constant["the password of all"] {
		t.Errorf("what all say is missing: %v", constant)
	}
	r.Conns[5].Hello.Username = "another"
	if constant := r.constants(); constant["neighbour"] {
		t.Errorf("one has another user name: %v", constant)
	}
	if topic := r.Conns[0].Events[1].Topics[0]; constant[topic] {
		t.Error("a topic of an epoch counts as constant")
	}
}
