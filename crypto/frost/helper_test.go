// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stream is the reproducible randomness of the golden files: block i is
// SHA-512(lv(seed, i as eight big-endian bytes)).
type stream struct {
	seed []byte
	i    uint64
	rest []byte
}

func newStream(seed string) io.Reader { return &stream{seed: []byte(seed)} }

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.rest) == 0 {
			block := wire.Digest(s.seed, binary.BigEndian.AppendUint64(nil, s.i))
			s.rest, s.i = block[:], s.i+1
		}
		c := copy(p[n:], s.rest)
		n, s.rest = n+c, s.rest[c:]
	}
	return len(p), nil
}

// deal splits a secret into n shares of which t suffice, by Shamir's scheme
// with one dealer that everybody trusts.
func deal(t testing.TB, rand io.Reader, threshold, n int) (p [32]byte, shares []Share) {
	t.Helper()
	poly := &Polynomial{}
	for range threshold {
		poly.coefficients = append(poly.coefficients, must(group.RandomScalar(rand))(t))
	}
	for i := uint8(1); int(i) <= n; i++ {
		shares = append(shares, Share{Index: i, Secret: poly.At(i)})
	}
	return group.EncodePoint(group.Base(poly.coefficients[0])), shares
}

// indices returns 1 to n.
func indices(n int) (out []uint8) {
	for i := range uint8(n) {
		out = append(out, i+1)
	}
	return out
}

// result is what a dealing gives everybody.
type result struct {
	public *Public
	shares map[uint8]Share
	deals  []Deal
}

// run carries out a dealing among honest parties. The old shares are those of
// the dealers, nil for a new key.
func run(t testing.TB, rand io.Reader, d *Dealing, old map[uint8]Share) result {
	t.Helper()
	out := result{shares: map[uint8]Share{}}
	var polys []*Polynomial
	for _, i := range d.Dealers {
		share := Share{Index: i}
		if old != nil {
			share = old[i]
		}
		poly, one, err := d.Deal(rand, share)
		if err != nil {
			t.Fatal(err)
		}
		polys, out.deals = append(polys, poly), append(out.deals, *one)
	}
	for _, j := range d.Receivers {
		var values []*group.Scalar
		for _, p := range polys {
			values = append(values, p.At(j))
		}
		share, public, err := d.Receive(j, out.deals, values)
		if err != nil {
			t.Fatal(err)
		}
		out.shares[j], out.public = share, public
	}
	return out
}

// secret interpolates the key that the shares of a set make, which nobody does
// outside a test.
func secret(shares map[uint8]Share, set []uint8) *group.Scalar {
	x := group.Reduce([64]byte{})
	for _, i := range set {
		x = group.MulAdd(lagrange(i, set), shares[i].Secret, x)
	}
	return x
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}

func hexScalar(s *group.Scalar) string { b := group.EncodeScalar(s); return hexOf(b[:]) }

// readJSON decodes a file of testdata.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b := must(os.ReadFile(filepath.Join("testdata", name)))(t)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// golden writes a file of testdata where the flag -update is set, and reads it.
func golden(t testing.TB, name string, got, want any) {
	t.Helper()
	if *update {
		b := append(must(json.MarshalIndent(got, "", " "))(t), '\n')
		if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	readJSON(t, name, want)
}
