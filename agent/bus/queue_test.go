// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// contents lists topic and QoS of what waits.
func (q *queue) contents() (out []string) {
	for _, m := range q.messages {
		out = append(out, fmt.Sprintf("%s%d", m.Topic, m.QoS))
	}
	return out
}

func TestQueue(t *testing.T) {
	cases := []struct {
		name    string
		push    []string // topic and QoS
		want    []string
		dropped int // in all
		refused int
	}{
		{"fits", []string{"a0", "b1", "c0"}, []string{"a0", "b1", "c0"}, 0, 0},
		{"oldest goes", []string{"a0", "b0", "c0", "d0", "e0"}, []string{"c0", "d0", "e0"}, 2, 0},
		{"QoS 1 stays", []string{"a1", "b0", "c1", "d0", "e1"}, []string{"a1", "c1", "e1"}, 2, 0},
		{"no room for QoS 1", []string{"a1", "b1", "c1", "d1"}, []string{"a1", "b1", "c1"}, 0, 1},
		{"no room for QoS 0", []string{"a1", "b1", "c1", "d0"}, []string{"a1", "b1", "c1"}, 0, 1},
	}
	for _, c := range cases {
		q := newQueue(3, MaxQueueBytes)
		dropped, refused := 0, 0
		for _, s := range c.push {
			n, ok := q.push(Message{Topic: s[:1], QoS: s[1] - '0'})
			dropped += n
			if !ok {
				refused++
			}
		}
		if diff := cmp.Diff(c.want, q.contents()); diff != "" || dropped != c.dropped || refused != c.refused {
			t.Errorf("%s: %d dropped, %d refused (-want +got): %s", c.name, dropped, refused, diff)
		}
	}
}

func TestQueueBytes(t *testing.T) {
	one := Message{Topic: "t", Payload: make([]byte, 1000)}
	q := newQueue(100, 5*cost(one))
	for range 8 {
		q.push(one)
	}
	if q.len() != 5 {
		t.Errorf("%d messages wait, want 5", q.len())
	}
	big := Message{Topic: "t", Payload: make([]byte, 3*1000), QoS: 1}
	if n, ok := q.push(big); n != 3 || !ok {
		t.Errorf("push of three times the size dropped %d, %t; want 3", n, ok)
	}
	if n, ok := q.push(Message{Payload: make([]byte, 6*cost(one))}); n != 0 || ok || q.len() != 3 {
		t.Errorf("push of more than fits at all dropped %d, %t", n, ok)
	}
}

// The queue against a model of it, with its two limits.
func TestQueueModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(rapid.IntRange(1, 8).Draw(t, "messages"), rapid.IntRange(100, 2000).Draw(t, "bytes"))
		in, out, dropped := 0, 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				m := Message{Topic: "t", Payload: make([]byte, rapid.IntRange(0, 500).Draw(t, "size")), QoS: byte(rapid.IntRange(0, 1).Draw(t, "qos"))}
				n, ok := q.push(m)
				if dropped += n; ok {
					in++
				} else if n != 0 {
					t.Fatal("dropped for a message that is not in")
				}
			},
			"pop": func(t *rapid.T) {
				only := rapid.Bool().Draw(t, "only QoS 0")
				before := q.contents()
				m, ok := q.pop(only)
				if ok {
					out++
				}
				if !ok && !only && len(before) > 0 || ok && only && m.QoS != 0 {
					t.Fatalf("pop(%t) of %v = %v, %t", only, before, m, ok)
				}
			},
			"drop": func(*rapid.T) { dropped += q.dropQoS0() },
			"": func(t *rapid.T) {
				sum := 0
				for _, m := range q.messages {
					sum += cost(m)
				}
				if sum != q.bytes || sum > q.maxBytes || len(q.messages) > q.max || len(q.messages) != in-out-dropped {
					t.Fatalf("%d messages of %d bytes, counted %d and %d; limits %d and %d", len(q.messages), sum, in-out-dropped, q.bytes, q.max, q.maxBytes)
				}
			},
		})
	})
}

func TestQueueDropQoS0(t *testing.T) {
	q := newQueue(10, MaxQueueBytes)
	for _, s := range []string{"a0", "b1", "c0", "d1"} {
		q.push(Message{Topic: s[:1], QoS: s[1] - '0'})
	}
	if n := q.dropQoS0(); n != 2 {
		t.Errorf("dropped %d, want 2", n)
	}
	if diff := cmp.Diff([]string{"b1", "d1"}, q.contents()); diff != "" {
		t.Error("left (-want +got):", diff)
	}
	q.pop(false)
	q.pop(false)
	if diff := cmp.Diff([]string(nil), q.contents(), cmpopts.EquateEmpty()); diff != "" || q.bytes != 0 {
		t.Error("left (-want +got):", diff, q.bytes)
	}
}

func BenchmarkQueue(b *testing.B) {
	q := newQueue(DefaultQueue, MaxQueueBytes)
	m := Message{Topic: "t/abcdefghijklmnopqrstuvwxyz", Payload: make([]byte, 4136)}
	for range DefaultQueue {
		q.push(m)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.push(m) // drops the oldest
		q.pop(false)
		q.push(m)
	}
}
