// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is testdata/vectors.json: what another implementation needs to check
// every step of a round. Integers and bytes are hex, big-endian.
type golden struct {
	Comment []string       `json:"comment"`
	Primes  [2]string      `json:"primes"`
	Expand  []goldenExpand `json:"expand"`
	Rounds  []goldenRound  `json:"rounds"`
}

type goldenExpand struct {
	Seed  string       `json:"seed"`
	First [2][4]string `json:"first"` // coefficients of X^0 to X^3, modulo each prime
	Last  [2]string    `json:"last"`  // coefficient of X^4095
	Hash  string       `json:"sha256"`
}

type goldenRound struct {
	Width          int           `json:"width"`
	T              int           `json:"threshold"`
	Points         []string      `json:"points"`
	Delta          [2]string     `json:"delta"` // floor(Q/T) modulo each prime
	Seed           string        `json:"seed_of_a"`
	Parties        []goldenParty `json:"parties"`
	Active         []int         `json:"active"`
	Decryptors     []int         `json:"decryptors"`
	Lambda         [][2]string   `json:"lambda"`   // of each decryptor, modulo each prime
	Partials       []goldenPoly  `json:"partials"` // of each decryptor
	Sums           [8]uint32     `json:"sums_1020_to_1027"`
	SumsHash       string        `json:"sums_sha256"`
	CiphertextSize int           `json:"ciphertext_size"`
}

type goldenParty struct {
	Secret     string     `json:"secret"`
	Shares     []string   `json:"shares"`
	Ciphertext goldenPoly `json:"ciphertext"`
}

type goldenPoly struct {
	Begin string `json:"begin"` // the first 27 bytes
	Hash  string `json:"sha256"`
}

var goldenComment = []string{
	"Seeded key-homomorphic RLWE (crypto/PROTOCOL.md, Secure sums; crypto/rlwe/rlwe.cddl). Integers and bytes are hex, big-endian; sha256 is of the encoding.",
	"secret: coefficients s + 1, two bits each from the highest on. shares: a seed, or the SHA-256 of a polynomial. sums_sha256: of all sums, 4 bytes each.",
	"Randomness is SHAKE128 of an ASCII name: 'secret I' and 'split I' make party I's secret and seeds, 'error I' its error, 'flood J' member J's flooding, read as rlwe.cddl says.",
	"Value k of party I: the greatest where k mod 1024 < 96, 0 where it is below 192, else k + k/3 + 77 I modulo 2^width.",
}

func hexWord(v uint64) string { return fmt.Sprintf("%014x", v) }

func hexHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func hexPoly(b []byte) goldenPoly { return goldenPoly{hex.EncodeToString(b[:groupSize]), hexHash(b)} }

func makeExpand(seed []byte) goldenExpand {
	var p poly
	p.expand(seed)
	g := goldenExpand{Seed: hex.EncodeToString(seed), Hash: hexHash(p.append(nil))}
	for i := range p {
		for k := range g.First[i] {
			g.First[i][k] = hexWord(p[i][k])
		}
		g.Last[i] = hexWord(p[i][N-1])
	}
	return g
}

func makeParty(s *Secret, shares [][]byte, ciphertext []byte) goldenParty {
	packed := make([]byte, N/4)
	for k, v := range &s.ternary {
		packed[k/4] |= byte(v+1) << (6 - 2*(k%4))
	}
	p := goldenParty{Secret: hex.EncodeToString(packed), Ciphertext: hexPoly(ciphertext)}
	for _, b := range shares {
		if len(b) == ShareSeedSize {
			p.Shares = append(p.Shares, hex.EncodeToString(b))
		} else {
			p.Shares = append(p.Shares, hexHash(b))
		}
	}
	return p
}

func makeRound[V uint8 | uint16](t *testing.T, w Width) goldenRound {
	g, seed := newGroup(t, 4, 3), seedOf("golden")
	r := goldenRound{Width: int(w), T: g.t, Seed: hex.EncodeToString(seed[:]), Active: []int{0, 1, 3}, Decryptors: []int{3, 0, 2}, CiphertextSize: PolySize}
	for i, d := range w.delta() {
		r.Delta[i] = hexWord(d)
	}
	a := NewPublic(&seed)
	s, _ := NewSum(w)
	for i := range g.secrets {
		r.Points = append(r.Points, hexWord(uint64(g.points[i])))
		b := encrypt(t, g, i, a, valuesOf[V](i, w.Values()))
		r.Parties = append(r.Parties, makeParty(g.secrets[i], g.shares[i], b))
		if i != 2 {
			addCiphertext(t, s, b)
		}
	}
	xs, _ := checkPoints(g.set(r.Decryptors))
	for k, j := range r.Decryptors {
		r.Lambda = append(r.Lambda, [2]string{hexWord(lagrange(xs, k, 0, q0)), hexWord(lagrange(xs, k, 0, q1))})
		b := g.partial(t, j, a, w, r.Active, r.Decryptors)
		r.Partials = append(r.Partials, hexPoly(b))
		addPartial(t, s, b)
	}
	r.open(t, s)
	return r
}

func (r *goldenRound) open(t *testing.T, s *Sum) {
	var m Message
	sums := make([]uint32, s.width.Values())
	if err := s.Open(&m); err != nil {
		t.Fatal(err)
	}
	if err := m.Unpack(sums, s.Parties()); err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, v := range sums {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	copy(r.Sums[:], sums[1020:])
	r.SumsHash = hexHash(b)
}

// TestGolden makes a round with fixed randomness and compares every hash, which
// must come out the same on every processor.
func TestGolden(t *testing.T) {
	long := seedOf("golden")
	got := golden{
		Comment: goldenComment,
		Primes:  [2]string{hexWord(q0), hexWord(q1)},
		Expand:  []goldenExpand{makeExpand(make([]byte, SeedSize)), makeExpand(long[:]), makeExpand(make([]byte, ShareSeedSize))},
		Rounds:  []goldenRound{makeRound[uint8](t, Width8), makeRound[uint16](t, Width16)},
	}
	const file = "testdata/vectors.json"
	if *update {
		b, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
