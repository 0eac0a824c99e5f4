// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"pgregory.net/rapid"
)

// holds checks that the shares have their verification keys, that t of them
// make the public key's secret and sign, and that t-1 do not.
func (r result) holds(t testing.TB, receivers []uint8) {
	t.Helper()
	for _, j := range receivers {
		y, ok := r.public.Share(j)
		if !ok || group.EncodePoint(r.shares[j].Public()) != y {
			t.Fatalf("the share of %d does not have its verification key", j)
		}
	}
	need := int(r.public.T)
	for _, set := range [][]uint8{receivers[:need], receivers[len(receivers)-need:]} {
		if group.EncodePoint(group.Base(secret(r.shares, set))) != r.public.P {
			t.Fatalf("the shares of %v do not make the key", set)
		}
		if short := set[1:]; group.EncodePoint(group.Base(secret(r.shares, short))) == r.public.P {
			t.Fatalf("the shares of %v make the key, fewer than %d", short, need)
		}
	}
	var some []Share
	for _, j := range receivers[:need] {
		some = append(some, r.shares[j])
	}
	s, parts := signTogether(t, newStream("signs"), r.public.P, []byte("m"), some)
	if !s.Join(parts).Verify(r.public.P, []byte("m")) {
		t.Fatal("the shares do not sign")
	}
}

// TestDealEverySize deals new keys and hands them on, for every threshold of up
// to seven signers.
func TestDealEverySize(t *testing.T) {
	most := 7
	if testing.Short() {
		most = 4
	}
	for n := 1; n <= most; n++ {
		for threshold := n/2 + 1; threshold <= n; threshold++ {
			t.Run(fmt.Sprintf("%d of %d", threshold, n), func(t *testing.T) {
				rand := newStream(t.Name())
				all := indices(n)
				first := run(t, rand, &Dealing{Session: [32]byte{1}, T: uint8(threshold), Dealers: all, Receivers: all}, nil)
				first.holds(t, all)
				dealers := all[n-threshold:]
				again := run(t, rand, &Dealing{Session: [32]byte{2}, T: uint8(threshold), Dealers: dealers, Receivers: all, Old: first.public}, first.shares)
				again.holds(t, all)
				if again.public.P != first.public.P {
					t.Error("the key has changed")
				}
			})
		}
	}
}

// TestHandOn changes the set of signers in every way that there is. The shares
// from before and from after do not make the key together.
func TestHandOn(t *testing.T) {
	for name, tc := range map[string]struct {
		dealers, receivers []uint8
		threshold          uint8
	}{
		"refreshed":          {[]uint8{1, 2, 3}, []uint8{1, 2, 3, 4, 5}, 3},
		"lost, and replaced": {[]uint8{2, 4, 5}, []uint8{2, 3, 4, 5, 6}, 3},
		"added":              {[]uint8{1, 3, 5}, []uint8{1, 2, 3, 4, 5, 6}, 4},
		"dropped":            {[]uint8{1, 2, 3}, []uint8{1, 2, 3}, 2},
		"all others":         {[]uint8{1, 2, 3}, []uint8{11, 12, 16}, 2},
		"one alone":          {[]uint8{1, 2, 3}, []uint8{4}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			rand := newStream(name)
			all := indices(5)
			before := run(t, rand, &Dealing{T: 3, Dealers: all, Receivers: all}, nil)
			after := run(t, rand, &Dealing{T: tc.threshold, Dealers: tc.dealers, Receivers: tc.receivers, Old: before.public}, before.shares)
			after.holds(t, tc.receivers)
			if after.public.P != before.public.P {
				t.Fatal("the key has changed")
			}
			for _, j := range tc.receivers {
				mixed := map[uint8]Share{j: after.shares[j]}
				set := []uint8{j}
				for i := uint8(1); len(set) < max(3, int(tc.threshold)); i++ {
					if i != j {
						mixed[i], set = before.shares[i], append(set, i)
					}
				}
				if group.EncodePoint(group.Base(secret(mixed, set))) == before.public.P {
					t.Errorf("the new share of %d goes with old ones", j)
				}
			}
		})
	}
}

// TestFromOneToMany hands the key of a founder, who is alone, on to three.
func TestFromOneToMany(t *testing.T) {
	rand := newStream("founder")
	p, shares := deal(t, rand, 1, 1)
	old := &Public{P: p, T: 1, Shares: []PublicShare{{1, group.EncodePoint(shares[0].Public())}}}
	d := &Dealing{T: 2, Dealers: []uint8{1}, Receivers: indices(3), Old: old}
	r := run(t, rand, d, map[uint8]Share{1: shares[0]})
	r.holds(t, indices(3))
	if r.public.P != p {
		t.Error("the key has changed")
	}
}

func TestDealingBounds(t *testing.T) {
	old := &Public{T: 2, Shares: []PublicShare{{Index: 1}, {Index: 2}, {Index: 3}}}
	for name, tc := range map[string]struct {
		d    Dealing
		want string
	}{
		"1 of 1":                 {Dealing{T: 1, Dealers: indices(1), Receivers: indices(1)}, ""},
		"9 of 16":                {Dealing{T: 9, Dealers: indices(16), Receivers: indices(16)}, ""},
		"handed on":              {Dealing{T: 2, Dealers: indices(2), Receivers: indices(3), Old: old}, ""},
		"nobody":                 {Dealing{T: 1}, "in order"},
		"17":                     {Dealing{T: 9, Dealers: indices(17), Receivers: indices(17)}, "in order"},
		"index 0":                {Dealing{T: 2, Dealers: []uint8{0, 1}, Receivers: []uint8{0, 1}}, "in order"},
		"out of order":           {Dealing{T: 2, Dealers: []uint8{2, 1}, Receivers: []uint8{2, 1}}, "in order"},
		"twice":                  {Dealing{T: 2, Dealers: []uint8{1, 1}, Receivers: []uint8{1, 1}}, "in order"},
		"half":                   {Dealing{T: 2, Dealers: indices(4), Receivers: indices(4)}, "more than half"},
		"more than all":          {Dealing{T: 3, Dealers: indices(2), Receivers: indices(2)}, "more than half"},
		"none needed":            {Dealing{T: 0, Dealers: indices(2), Receivers: indices(2)}, "more than half"},
		"others receive":         {Dealing{T: 2, Dealers: indices(2), Receivers: indices(3)}, "by its receivers"},
		"too few hand on":        {Dealing{T: 2, Dealers: indices(1), Receivers: indices(3), Old: old}, "2 are needed"},
		"too many hand on":       {Dealing{T: 2, Dealers: indices(3), Receivers: indices(3), Old: old}, "2 are needed"},
		"a stranger hands on":    {Dealing{T: 2, Dealers: []uint8{1, 4}, Receivers: indices(3), Old: old}, "no old signer"},
		"nobody receives it all": {Dealing{T: 2, Dealers: indices(2), Old: old}, "in order"},
	} {
		err := tc.d.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
		if _, _, err2 := tc.d.Deal(newStream("x"), Share{Index: 1, Secret: one()}); (err2 == nil) != (err == nil) {
			t.Errorf("%s: Deal says %v, Check %v", name, err2, err)
		}
	}
	d := Dealing{T: 2, Dealers: indices(2), Receivers: indices(2)}
	if _, _, err := d.Deal(newStream("x"), Share{Index: 3}); err == nil {
		t.Error("a stranger deals")
	}
	for n := range 2*64 + 32 {
		if _, _, err := d.Deal(bytes.NewReader(bytes.Repeat([]byte{1}, n)), Share{Index: 1}); err == nil {
			t.Fatalf("%d random bytes are enough", n)
		}
	}
}

func TestErase(t *testing.T) {
	all := indices(2)
	d := &Dealing{T: 2, Dealers: all, Receivers: all}
	polys, _ := dealt(t, d, nil)
	kept := polys[0].coefficients
	polys[0].Erase()
	for _, c := range append(kept, polys[0].At(1)) {
		if c.Equal(group.Reduce([64]byte{})) != 1 {
			t.Error("a coefficient outlives Erase")
		}
	}
}

// TestChainOfDealings hands a key on several times, among signers that change at
// random, and holds the invariant each time.
func TestChainOfDealings(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rand := newStream(rapid.String().Draw(r, "seed"))
		draw := func(label string, from []uint8, least, most int) []uint8 {
			n := rapid.IntRange(least, most).Draw(r, "number of "+label)
			set := rapid.Permutation(from).Draw(r, label)[:n]
			slices.Sort(set)
			return set
		}
		threshold := func(n int) uint8 { return uint8(rapid.IntRange(n/2+1, n).Draw(r, "threshold")) }
		now := draw("first", indices(MaxSigners), 1, 5)
		d := &Dealing{T: threshold(len(now)), Dealers: now, Receivers: now}
		state := run(t, rand, d, nil)
		state.holds(t, now)
		for range rapid.IntRange(0, 2).Draw(r, "times") {
			next := draw("next", indices(MaxSigners), 1, 5)
			dealers := draw("dealers", now, int(state.public.T), int(state.public.T))
			d := &Dealing{T: threshold(len(next)), Dealers: dealers, Receivers: next, Old: state.public}
			after := run(t, rand, d, state.shares)
			after.holds(t, next)
			if after.public.P != state.public.P {
				r.Fatal("the key has changed")
			}
			state, now = after, next
		}
	})
}

func BenchmarkReceive(b *testing.B) {
	for _, n := range []int{3, 7, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			all := indices(n)
			d := &Dealing{T: uint8(n/2 + 1), Dealers: all, Receivers: all}
			polys, deals := dealt(b, d, nil)
			var values []*group.Scalar
			for _, p := range polys {
				values = append(values, p.At(1))
			}
			for b.Loop() {
				if _, _, err := d.Receive(1, deals, values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
