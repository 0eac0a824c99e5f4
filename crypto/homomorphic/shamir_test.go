// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"testing"

	"pgregory.net/rapid"
)

func TestField(t *testing.T) {
	if got := multiply(0x57, 0x83); got != 0xc1 { // FIPS 197, section 4.2
		t.Errorf("57 * 83 is %x", got)
	}
	for a := range 256 {
		if got := multiply(byte(a), invert(byte(a))); got != byte(min(a, 1)) {
			t.Errorf("%x times its inverse is %x", a, got)
		}
	}
}

func TestShamir(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, MaxRoster).Draw(rt, "n")
		tau := rapid.IntRange(2, n).Draw(rt, "t")
		var secret [secretSize]byte
		copy(secret[:], rapid.SliceOfN(rapid.Byte(), secretSize, secretSize).Draw(rt, "secret"))
		all, err := split(&secret, n, tau, stream(rapid.String().Draw(rt, "randomness")))
		if err != nil {
			rt.Fatal(err)
		}
		members, shares := set(0), [][]byte{}
		for _, i := range rapid.Permutation(indices(n)).Draw(rt, "order")[:tau] {
			members |= only(i)
		}
		for i := range members.each() {
			shares = append(shares, all[i])
		}
		if combine(members, shares) != secret {
			rt.Errorf("%d of %d do not find the secret", tau, n)
		}
		first := 0
		for i := range members.each() {
			first = i
			break
		}
		if combine(members&^only(first), shares[1:]) == secret {
			rt.Errorf("%d of %d find the secret, %d should", tau-1, n, tau)
		}
	})
}

func indices(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}
