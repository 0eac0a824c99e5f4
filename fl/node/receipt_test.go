// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReceipts holds the bytes of receipts, and what the neighbour reads in them.
func TestReceipts(t *testing.T) {
	ids := []PeerID{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}, {13, 14, 15, 16}}
	edges := []Edge{{Peer: ids[0]}, {Peer: ids[1]}, {Peer: ids[2]}, {Peer: ids[3]}}
	frames := func(rounds ...uint32) (p []letter) {
		for _, r := range rounds {
			var f letter
			f.Round = r
			p = append(p, f)
		}
		return p
	}
	r := &replicas{peers: map[PeerID]*neighbour{
		ids[0]: {holds: exact, first: 0x0302, since: 0x01020304, upto: 997, pending: frames(999)},
		ids[1]: {holds: filling, first: 990, upto: 992, pending: frames(994, 998)},
		ids[2]: {holds: nothing, first: 998, pending: frames(999)}, // the first frame may come yet
	}} // nothing was heard of the last
	const round = 1000
	b := r.receipts(round, edges)
	const want = "01020304" + "01" + "02" + "fffd" + "01020304" +
		"05060708" + "00" + "de" + "ffa2" +
		"090a0b0c" + "00" + "e6" + "0001" +
		"0d0e0f10" + "00" + "00" + "ffff"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("receipts\n%s, want\n%s", got, want)
	}
	read := []receipt{
		{round: round, known: true, name: 2, exact: true, since: 0x01020304, have: 0xfffd},
		{round: round, known: true, name: 0xde, have: 0xffa2},
		{round: round, known: true, name: 0xe6, have: 1},
		{round: round, known: true, have: 0xffff},
		{round: round},
	}
	for i, id := range append(slices.Clone(ids), PeerID{1, 2, 3, 5}) {
		if got, err := readReceipt(b, id, round); err != nil || got != read[i] {
			t.Errorf("receipt %d: %s %v", i, cmp.Diff(read[i], got, cmp.AllowUnexported(receipt{})), err)
		}
	}
}

// TestReceiptsRefused holds that what has not the form of receipts is refused, wherever
// the receipt for the node stands.
func TestReceiptsRefused(t *testing.T) {
	self := PeerID{1, 2, 3, 4}
	good, _ := hex.DecodeString("01020304" + "01" + "02" + "fffd" + "01020304")
	for name, b := range map[string][]byte{
		"flags":               slices.Concat(good[:4], []byte{2}, good[5:]),
		"cut in the tag":      good[:3],
		"cut before have":     good[:7],
		"cut before since":    good[:8],
		"cut in since":        good[:11],
		"a byte more":         append(slices.Clone(good), 0),
		"another, cut":        append(slices.Clone(good), good[:9]...),
		"another, with flags": slices.Concat(good, good[:4], []byte{0x80}, good[5:]),
	} {
		if got, err := readReceipt(b, self, 9); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, err := readReceipt(nil, self, 9); err != nil || got != (receipt{round: 9}) {
		t.Errorf("nothing: %+v, %v", got, err)
	}
}

// TestLacks holds when a frame is sent again.
func TestLacks(t *testing.T) {
	r := &replicas{first: 100}
	tests := []struct {
		name  string
		heard receipt
		sent  uint32 // the frame of round 105, last
		want  bool
	}{
		{"nothing was said of it", receipt{round: 107}, 105, false},
		{"of the replica before", receipt{round: 100, known: true}, 105, false},
		{"it came", receipt{round: 107, known: true, name: 100, have: 0b10}, 105, false},
		{"it did not", receipt{round: 107, known: true, name: 100, have: 0b01}, 105, true},
		{"it did not, of another replica", receipt{round: 107, known: true, name: 99, have: 0b11}, 105, true},
		{"it is on its way again", receipt{round: 107, known: true, name: 100}, 107, false},
		{"nothing was heard since", receipt{round: 104, known: true, name: 100}, 105, true},
		{"for long", receipt{round: 101, known: true, name: 100}, 105, false},
	}
	f := &frame{}
	f.Round = 105
	for _, tt := range tests {
		f.sent = tt.sent
		p := &neighbour{heard: tt.heard}
		if got := p.lacks(r, f, 108); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func FuzzReceipts(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 1, 2, 0xff, 0xfd, 1, 2, 3, 4}, uint32(1000))
	f.Add([]byte{9, 9, 9, 9, 0, 2, 0xff, 0xfd, 1, 2, 3, 4, 0, 7, 0, 0}, uint32(1))
	f.Add([]byte{}, uint32(0))
	self := PeerID{1, 2, 3, 4}
	f.Fuzz(func(t *testing.T, b []byte, round uint32) {
		got, err := readReceipt(b, self, round)
		if err != nil {
			if got != (receipt{}) {
				t.Errorf("refused, and %+v", got)
			}
			return
		}
		if got.round != round || !got.known && got != (receipt{round: round}) {
			t.Errorf("%+v", got)
		}
		r := &replicas{first: round - 1}
		for k := range uint32(2 * window) {
			if got.has(r, round+k) {
				t.Errorf("%+v has the frame of round %d", got, round+k)
			}
		}
	})
}
