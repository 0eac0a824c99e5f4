// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestLargestCouncil deals among as many issuers as there may be, with as many
// members, and the highest threshold: all messages fit.
func TestLargestCouncil(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second; run without -short")
	}
	h := newHouse(t, "largest", 16, 16, 16)
	c := h.seats[0].council
	var all []uint8
	for i := range uint8(16) {
		all = append(all, i+1)
	}
	h.send(c.Deal(NewPlan(c.charter, 4, 16, all, h.receivers(t, all...))))(t)
	dealt := h.settle(t, 0)
	if dealt.Err != nil {
		t.Fatal(dealt.Err)
	}
	next := must(dealt.Dealt.Charter(h.charter))(t)
	for i := range next.Members {
		next.Members[i].Name = strings.Repeat("a", MaxName-2) + fmt.Sprintf("%02d", i)
	}
	h.send(c.ProposeCharter(next, dealt.Dealt))(t)
	longest := 0
	for _, l := range h.flying {
		longest = max(longest, len(l))
	}
	r := h.settle(t, 0)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	t.Logf("the longest letter has %d bytes of %d, the charter %d of %d", longest, MaxLetter, len(r.Charter.Encode()), MaxCharter)
	h.adopt(t, r.Charter)
	if h.charter.Gen != 4 {
		t.Error("the charter is not adopted")
	}
}

// TestProposalFitsCharter holds that a proposal of the limit, with two signatures,
// is not longer than a charter may be.
func TestProposalFitsCharter(t *testing.T) {
	s := SignedCharter{Charter: make([]byte, MaxProposal), Signatures: make([]Signature, 2)}
	if n := len(wire.MustMarshal(s)); n > MaxCharter {
		t.Errorf("%d bytes, at most %d", n, MaxCharter)
	}
}

func BenchmarkCouncilSigns(b *testing.B) {
	for _, n := range []struct{ t, n int }{{2, 3}, {3, 5}} {
		b.Run(fmt.Sprintf("%d of %d", n.t, n.n), func(b *testing.B) {
			h := newHouse(b, "bench", n.t, n.n, 0)
			for b.Loop() {
				h.signs(b, 0)
			}
		})
	}
}

func BenchmarkCouncilDeals(b *testing.B) {
	for _, n := range []int{3, 5, 7} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHouse(b, "bench", n/2+1, n, 0)
			c := h.seats[0].council
			for b.Loop() {
				h.send(c.Deal(NewPlan(c.charter, 4, uint8(n/2+1), nil, h.receivers(b, indicesOf(h.charter)...))))(b)
				if r := h.settle(b, 0); r.Err != nil {
					b.Fatal(r.Err)
				}
				for _, s := range h.seats {
					s.council.keys.Pending = nil
				}
			}
		})
	}
}
