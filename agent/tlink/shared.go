// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"encoding/binary"
	"math/bits"
)

// Window is how many bytes in common link two connections. Random bytes do not
// have so many: in 40 MB the chance is 1 in 20,000.
const Window = 8

// Shared are substrings that connections of different epochs have in common.
type Shared struct {
	windows map[uint64][]mark // where each was seen, at most once a client id and epoch
	between map[[2]string]int // by client ids of different epochs
	Count   int               // of windows
	Links   int               // of pairs of client ids
}

// mark is a place where a window was seen.
type mark struct {
	epoch int
	id    string
}

// bloomBits is how many bits the filter has for each byte of a recording, at
// least, that picks the windows which may occur twice (Bloom 1970, two bits each):
// one in seventy is wrong at the end, and one in two hundred on average.
const bloomBits = 16

// filter holds windows that were seen.
type filter struct {
	bits  []uint64
	shift int // 64 less the bits of an index
}

func newFilter(n int) *filter {
	width := bits.Len(uint(max(64, n*bloomBits)))
	return &filter{make([]uint64, 1<<width/64), 64 - width}
}

// add adds a window and reports whether it may have been there before.
func (f *filter) add(w uint64) bool {
	was := true
	for _, factor := range [2]uint64{0x9e3779b97f4a7c15, 0xd1342543de82ef95} { // odd, with half of their bits set
		h := w * factor >> f.shift
		was = was && f.bits[h/64]&(1<<(h%64)) != 0
		f.bits[h/64] |= 1 << (h % 64)
	}
	return was
}

// FindShared looks for substrings of [Window] bytes or more that connections of
// different epochs send, in every field of every packet but those that are equal
// for all. It runs over the recording three times: once to size the filter, once for
// windows that may come again, once for where they do.
func FindShared(r *Recording) *Shared {
	s := &Shared{windows: map[uint64][]mark{}, between: map[[2]string]int{}}
	epochs := r.epochOf()
	constant := r.constants()
	n := 0
	for _, c := range r.Conns {
		c.eachWindow(constant, func(uint64) { n++ })
	}
	seen, again := newFilter(n), map[uint64]struct{}{}
	for _, c := range r.Conns {
		c.eachWindow(constant, func(w uint64) {
			if seen.add(w) {
				again[w] = struct{}{}
			}
		})
	}
	for n, c := range r.Conns {
		at := mark{epochs[n], c.Hello.ClientID}
		c.eachWindow(constant, func(w uint64) {
			if _, ok := again[w]; ok {
				s.note(w, at)
			}
		})
	}
	s.sum()
	return s
}

// epochOf returns a number for the epoch of each connection. One that subscribes
// to the door only counts to the epoch of the connection before it.
func (r *Recording) epochOf() []int {
	of := make([]int, len(r.Conns))
	for i := range of {
		of[i] = -1
	}
	for n, group := range r.groups() {
		for _, c := range group {
			of[c.N] = n
		}
	}
	for i := range of {
		if of[i] < 0 && i > 0 {
			of[i] = of[i-1]
		}
	}
	return of
}

// eachWindow calls f with every window of every field that is no constant. A
// topic is taken once a connection, whatever is published on it.
func (c *Conn) eachWindow(constant map[string]bool, f func(uint64)) {
	h := &c.Hello
	known := map[string]bool{}
	for _, field := range []string{h.ClientID, h.Username, h.Password, h.WillTopic, string(h.WillPayload), string(h.Rest)} {
		if !constant[field] {
			windows([]byte(field), f)
		}
	}
	for _, e := range c.Events {
		for _, t := range e.Topics {
			if !known[t] && !constant[t] {
				known[t] = true
				windows([]byte(t), f)
			}
		}
		windows(e.Payload, f)
	}
}

func windows(b []byte, f func(uint64)) {
	if len(b) < Window {
		return
	}
	w := uint64(0)
	for i, x := range b {
		w = w<<8 | uint64(x)
		if i >= Window-1 {
			f(w)
		}
	}
}

func (s *Shared) note(w uint64, at mark) {
	marks := s.windows[w]
	for _, m := range marks {
		if m == at {
			return
		}
	}
	s.windows[w] = append(marks, at)
}

// sum keeps the windows that were seen in more than one epoch, and counts them
// for each pair of client ids.
func (s *Shared) sum() {
	for w, marks := range s.windows {
		across := false
		for i, a := range marks {
			for _, b := range marks[:i] {
				if a.epoch != b.epoch {
					across = true
					s.between[pairOf(a.id, b.id)]++
				}
			}
		}
		if !across {
			delete(s.windows, w)
		}
	}
	s.Count, s.Links = len(s.windows), len(s.between)
}

func pairOf(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

// Between returns how many windows two tracks have in common.
func (s *Shared) Between(t, u *Track) int {
	return s.between[pairOf(t.ClientID(), u.ClientID())]
}

// Examples returns up to n of the windows, for people to look at.
func (s *Shared) Examples(n int) (out [][]byte) {
	for w := range s.windows {
		if len(out) == n {
			break
		}
		out = append(out, binary.BigEndian.AppendUint64(nil, w))
	}
	return out
}
