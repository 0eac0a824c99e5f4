// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
	"pgregory.net/rapid"
)

// copyOf returns a charter that may be changed.
func copyOf(c *Charter) *Charter {
	d := *c
	d.Issuers, d.Members = slices.Clone(c.Issuers), slices.Clone(c.Members)
	return &d
}

// signAnyway signs a charter of a neighbourhood of one issuer, whatever it says.
func (w *place) signAnyway(t testing.TB, c *Charter) *SignedCharter {
	t.Helper()
	b := must(wire.Marshal(c))(t)
	return &SignedCharter{Charter: b, Signatures: []Signature{must(frost.SignAlone(w.rand, w.keys[0].Share, w.keys[0].P, b))(t)}}
}

// TestCharterBounds signs charters on both sides of each bound: DecodeCharter and
// SignCharter are of one mind.
func TestCharterBounds(t *testing.T) {
	w := newPlace(t, "bounds", 1, 1)
	crowd := func(n int) func(c *Charter) {
		return func(c *Charter) {
			for len(c.Members) < n {
				i := len(c.Members)
				name := strings.Repeat("a", MaxName-2) + fmt.Sprintf("%02d", i)
				c.Members = append(c.Members, guest(name, byte(i)))
			}
			c.Members = c.Members[:n]
		}
	}
	issuers := func(threshold, n int) func(c *Charter) {
		return func(c *Charter) {
			c.T = uint8(threshold)
			for len(c.Issuers) < n {
				n := byte(len(c.Issuers) + 1)
				point := func(of byte) Pub { return group.EncodePoint(group.Base(group.Reduce([64]byte{of, n}))) }
				keys := guest("", n)
				c.Issuers = append(c.Issuers, Issuer{Index: n, Y: point(1), POPRF: point(2), HPKE: keys.X25519, Ed25519: keys.Ed25519})
			}
			c.Issuers = c.Issuers[:n]
		}
	}
	for name, tc := range map[string]struct {
		change func(c *Charter)
		ok     bool
	}{
		"as it is":               {func(*Charter) {}, true},
		"another label":          {func(c *Charter) { c.Label = wire.LabelTask }, false},
		"no label":               {func(c *Charter) { c.Label = "" }, false},
		"32 members":             {crowd(32), true},
		"33 members":             {crowd(33), false},
		"nobody":                 {crowd(0), false},
		"no issuer":              {func(c *Charter) { c.Issuers = nil }, false},
		"1 of 1 issuers":         {issuers(1, 1), true},
		"0 of 1 issuers":         {issuers(0, 1), false},
		"2 of 1 issuers":         {issuers(2, 1), false},
		"1 of 2 issuers":         {issuers(1, 2), false},
		"2 of 3 issuers":         {issuers(2, 3), true},
		"2 of 4 issuers":         {issuers(2, 4), false},
		"9 of 16 issuers":        {issuers(9, 16), true},
		"8 of 16 issuers":        {issuers(8, 16), false},
		"17 issuers":             {issuers(9, 17), false},
		"issuer 0":               {func(c *Charter) { c.Issuers[0].Index = 0 }, false},
		"issuer 16":              {func(c *Charter) { c.Issuers[0].Index = 16 }, true},
		"issuer 17":              {func(c *Charter) { c.Issuers[0].Index = 17 }, false},
		"issuers out of order":   {func(c *Charter) { issuers(2, 2)(c); slices.Reverse(c.Issuers) }, false},
		"one issuer twice":       {func(c *Charter) { issuers(2, 2)(c); c.Issuers[1].Index = 1 }, false},
		"share no point":         {func(c *Charter) { c.Issuers[0].Y[31] |= 0x80 }, false},
		"share the identity":     {func(c *Charter) { c.Issuers[0].Y = Pub{} }, false},
		"one share twice":        {func(c *Charter) { issuers(2, 2)(c); c.Issuers[1].Y = c.Issuers[0].Y }, false},
		"one token key twice":    {func(c *Charter) { issuers(2, 2)(c); c.Issuers[1].POPRF = c.Issuers[0].POPRF }, false},
		"one issuer's key twice": {func(c *Charter) { issuers(2, 2)(c); c.Issuers[1].Ed25519 = c.Issuers[0].Ed25519 }, false},
		"weak issuer's key":      {func(c *Charter) { c.Issuers[0].Ed25519 = Pub{1} }, false},
		"weak key for shares":    {func(c *Charter) { c.Issuers[0].HPKE = Pub{1} }, false},
		"weak identity":          {func(c *Charter) { c.Members[0].Ed25519 = Pub{1} }, false},
		"no identity":            {func(c *Charter) { c.Members[0].Ed25519 = Pub{2} }, false},
		"weak agreement key":     {func(c *Charter) { c.Members[0].X25519 = Pub{} }, false},
		"token key no point":     {func(c *Charter) { c.Issuers[0].POPRF[31] |= 0x80 }, false},
		"shortest epoch":         {func(c *Charter) { c.EpochLen, c.D = 5, 2 }, true},
		"too short an epoch":     {func(c *Charter) { c.EpochLen, c.D = 4, 0 }, false},
		"longest epoch":          {func(c *Charter) { c.EpochLen = 7 * 86400 }, true},
		"too long an epoch":      {func(c *Charter) { c.EpochLen = 7*86400 + 1 }, false},
		"last epoch 0":           {func(c *Charter) { c.Epoch0 = 1 << 40 }, true},
		"too late an epoch 0":    {func(c *Charter) { c.Epoch0 = 1<<40 + 1 }, false},
		"epoch 0 over 63 bits":   {func(c *Charter) { c.Epoch0 = math.MaxUint64 }, false},
		"other chunks":           {func(c *Charter) { c.Chunk = 8192 }, false},
		"no chunks":              {func(c *Charter) { c.ChunksPerMinute = 0 }, false},
		"widest edge":            {func(c *Charter) { c.EpochLen, c.D = 61, 30 }, true},
		"edges that meet":        {func(c *Charter) { c.EpochLen, c.D = 60, 30 }, false},
		"no edge":                {func(c *Charter) { c.D = 0 }, true},
		"name of 33":             {func(c *Charter) { c.Members[0].Name = strings.Repeat("a", 33) }, false},
		"no name":                {func(c *Charter) { c.Members[0].Name = "" }, false},
		"capital name":           {func(c *Charter) { c.Members[0].Name = "A" }, false},
		"name with a dot":        {func(c *Charter) { c.Members[0].Name = "a.b" }, false},
		"name twice":             {func(c *Charter) { c.Members[1].Name = c.Members[0].Name }, false},
		"identity twice":         {func(c *Charter) { c.Members[1].Ed25519 = c.Members[0].Ed25519 }, false},
		"agreement key twice":    {func(c *Charter) { c.Members[1].X25519 = c.Members[0].X25519 }, false},
		"one's key as another's": {func(c *Charter) { c.Members[1].X25519 = c.Members[0].Ed25519 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := copyOf(w.charter)
			tc.change(c)
			b := w.signAnyway(t, c).Encode()
			if _, _, err := DecodeCharter(b); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrCharter) {
				t.Errorf("decode: %v", err)
			}
			if len(b) > MaxCharter && tc.ok {
				t.Errorf("%d bytes, over the limit", len(b))
			}
			if _, err := w.keys[0].SignCharter(w.rand, c); (err == nil) != tc.ok {
				t.Errorf("sign: %v", err)
			}
		})
	}
}

func TestDecodeCharterRefuses(t *testing.T) {
	w := newPlace(t, "refuses", 1, 1)
	other := newPlace(t, "another", 1, 1)
	good := w.signAnyway(t, w.charter)
	swapped := copyOf(w.charter)
	swapped.Members[0], swapped.Members[1] = swapped.Members[1], swapped.Members[0]
	for name, b := range map[string][]byte{
		"empty":              nil,
		"no signature":       (&SignedCharter{Charter: good.Charter}).Encode(),
		"three signatures":   (&SignedCharter{Charter: good.Charter, Signatures: []Signature{good.Signatures[0], {}, {}}}).Encode(),
		"another's":          other.signAnyway(t, w.charter).Encode(),
		"a member swapped":   (&SignedCharter{Charter: wire.MustMarshal(swapped), Signatures: good.Signatures}).Encode(),
		"signature no point": (&SignedCharter{Charter: good.Charter, Signatures: []Signature{{0xff}}}).Encode(),
		"charter no array":   w.signAnyway(t, nil).Encode(),
		"over the limit":     make([]byte, MaxCharter+1),
		"trailing byte":      append(good.Encode(), 0),
	} {
		if s, c, err := DecodeCharter(b); !errors.Is(err, ErrCharter) || s != nil || c != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFollows holds which charter may take the place of another.
func TestFollows(t *testing.T) {
	w, next := newPlace(t, "old", 1, 1), newPlace(t, "new", 1, 1)
	old := w.charter
	with := func(change func(c *Charter)) *Charter {
		c := copyOf(old)
		c.Gen++
		change(c)
		return c
	}
	newP := with(func(c *Charter) { c.P, c.Issuers = next.keys[0].P, []Issuer{next.keys[0].Public()} })
	alone := next.signAnyway(t, newP)
	both := next.signAnyway(t, newP)
	both.Signatures = append(both.Signatures, w.signBytes(t, both.Charter))
	bothWrong := next.signAnyway(t, newP)
	bothWrong.Signatures = append(bothWrong.Signatures, w.signBytes(t, []byte("another charter")))
	same := with(func(*Charter) {})
	garbage := w.signAnyway(t, same)
	garbage.Signatures = append(garbage.Signatures, Signature{1})
	for _, tc := range []struct {
		name string
		s    *SignedCharter
		c    *Charter
		ok   bool
	}{
		{"the next", w.signAnyway(t, same), same, true},
		{"one that skips", nil, with(func(c *Charter) { c.Gen += 9 }), true},
		{"the same generation", nil, with(func(c *Charter) { c.Gen-- }), false},
		{"an older one", nil, with(func(c *Charter) { c.Gen -= 2 }), false},
		{"another neighbourhood", nil, with(func(c *Charter) { c.Nbhd[0]++ }), false},
		{"a new P under both", both, newP, true},
		{"a new P alone", alone, newP, false},
		{"a new P, old signature of something else", bothWrong, newP, false},
		{"a second signature that nobody asked for", garbage, same, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.s == nil {
				tc.s = w.signAnyway(t, tc.c)
			}
			s, c, err := DecodeCharter(tc.s.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if s.Follows(c, old) != tc.ok {
				t.Errorf("follows: %v", !tc.ok)
			}
		})
	}
	if garbage.Hash() != w.signAnyway(t, same).Hash() {
		t.Error("signatures change the hash of a charter")
	}
}

func (w *place) signBytes(t testing.TB, b []byte) Signature {
	t.Helper()
	return must(frost.SignAlone(w.rand, w.keys[0].Share, w.keys[0].P, b))(t)
}

// TestEpochs draws times: an epoch begins where the one before ends.
func TestEpochs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Charter{
			Epoch0:   rapid.Uint64Range(0, MaxEpoch0).Draw(t, "epoch 0"),
			EpochLen: rapid.Uint32Range(MinEpoch, MaxEpoch).Draw(t, "length"),
		}
		e := rapid.Uint32().Draw(t, "epoch")
		start := c.EpochStart(e)
		if got, ok := c.Epoch(start); !ok || got != e {
			t.Fatalf("epoch %d at its start is %d, %v", e, got, ok)
		}
		last := start.Add(time.Duration(c.EpochLen)*time.Second - 1)
		if got, ok := c.Epoch(last); !ok || got != e {
			t.Fatalf("epoch %d at its end is %d, %v", e, got, ok)
		}
		if _, ok := c.Epoch(c.EpochStart(0).Add(-1)); ok {
			t.Fatal("there is an epoch before the first")
		}
		if _, ok := c.Epoch(c.EpochStart(math.MaxUint32).Add(time.Duration(c.EpochLen) * time.Second)); ok {
			t.Fatal("there is an epoch after the last")
		}
	})
}
