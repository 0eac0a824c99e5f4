// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
)

// frostVectors is the file of RFC 9591, appendix E.4, as its authors publish it.
type frostVectors struct {
	Inputs struct {
		Participants []uint8 `json:"participant_list"`
		P            string  `json:"group_public_key"`
		X            string  `json:"group_secret_key"`
		Message      string  `json:"message"`
		Shares       []struct {
			Identifier uint8  `json:"identifier"`
			Share      string `json:"participant_share"`
		} `json:"participant_shares"`
	} `json:"inputs"`
	One struct {
		Outputs []struct {
			Identifier    uint8  `json:"identifier"`
			HidingRandom  string `json:"hiding_nonce_randomness"`
			BindingRandom string `json:"binding_nonce_randomness"`
			Hiding        string `json:"hiding_nonce"`
			Binding       string `json:"binding_nonce"`
			HidingCommit  string `json:"hiding_nonce_commitment"`
			BindingCommit string `json:"binding_nonce_commitment"`
			Factor        string `json:"binding_factor"`
		} `json:"outputs"`
	} `json:"round_one_outputs"`
	Two struct {
		Outputs []struct {
			Identifier uint8  `json:"identifier"`
			Share      string `json:"sig_share"`
		} `json:"outputs"`
	} `json:"round_two_outputs"`
	Final struct {
		Sig string `json:"sig"`
	} `json:"final_output"`
}

// TestFrostVectors follows RFC 9591's example through both rounds.
func TestFrostVectors(t *testing.T) {
	var v frostVectors
	readJSON(t, "frost-ristretto255-sha512.json", &v)
	if len(v.One.Outputs) != 2 || len(v.Two.Outputs) != 2 || len(v.Inputs.Shares) != 3 {
		t.Fatal("the file does not hold what RFC 9591 shows")
	}
	scalar := func(s string) *group.Scalar { return must(group.DecodeScalar([32]byte(unhex(t, s))))(t) }
	encoded := func(s *group.Scalar) string { b := group.EncodeScalar(s); return hexOf(b[:]) }
	p, msg := [32]byte(unhex(t, v.Inputs.P)), unhex(t, v.Inputs.Message)

	shares := map[uint8]Share{}
	for _, s := range v.Inputs.Shares {
		shares[s.Identifier] = Share{Index: s.Identifier, Secret: scalar(s.Share)}
	}
	var list []Commitment
	nonces := map[uint8]*Nonces{}
	for _, o := range v.One.Outputs {
		rand := io.MultiReader(bytes.NewReader(unhex(t, o.HidingRandom)), bytes.NewReader(unhex(t, o.BindingRandom)))
		n, c, err := Commit(rand, shares[o.Identifier])
		if err != nil {
			t.Fatal(err)
		}
		if encoded(n.hiding) != o.Hiding || encoded(n.binding) != o.Binding {
			t.Errorf("signer %d has other nonces", o.Identifier)
		}
		if c.Index != o.Identifier || hexOf(c.Hiding[:]) != o.HidingCommit || hexOf(c.Binding[:]) != o.BindingCommit {
			t.Errorf("signer %d has other commitments", o.Identifier)
		}
		list, nonces[o.Identifier] = append(list, c), n
	}
	s, err := NewSigning(p, msg, list)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range v.One.Outputs {
		if encoded(s.factors[i]) != o.Factor {
			t.Errorf("signer %d has another binding factor", o.Identifier)
		}
	}
	var parts []*group.Scalar
	for _, o := range v.Two.Outputs {
		z, err := s.Sign(shares[o.Identifier], nonces[o.Identifier])
		if err != nil || encoded(z) != o.Share {
			t.Fatalf("signer %d has another part: %v", o.Identifier, err)
		}
		if !s.Check(o.Identifier, shares[o.Identifier].Public(), z) {
			t.Errorf("the part of signer %d does not pass", o.Identifier)
		}
		parts = append(parts, z)
	}
	sig := s.Join(parts)
	if hexOf(sig[:]) != v.Final.Sig || !sig.Verify(p, msg) {
		t.Errorf("signature %x, want %s", sig, v.Final.Sig)
	}
	if group.EncodePoint(group.Base(scalar(v.Inputs.X))) != p {
		t.Error("the group's keys do not belong together")
	}
}

// signTogether runs both rounds of a set of signers and returns their parts.
func signTogether(t testing.TB, rand io.Reader, p [32]byte, msg []byte, shares []Share) (*Signing, []*group.Scalar) {
	t.Helper()
	var list []Commitment
	var nonces []*Nonces
	for _, s := range shares {
		n, c, err := Commit(rand, s)
		if err != nil {
			t.Fatal(err)
		}
		list, nonces = append(list, c), append(nonces, n)
	}
	signing := must(NewSigning(p, msg, list))(t)
	var parts []*group.Scalar
	for i, s := range shares {
		parts = append(parts, must(signing.Sign(s, nonces[i]))(t))
	}
	return signing, parts
}

// TestEverySubset signs with every set of signers: t and more make a signature,
// fewer do not.
func TestEverySubset(t *testing.T) {
	msg := []byte("a partial key")
	for _, c := range []struct{ t, n int }{{1, 1}, {2, 3}, {3, 5}} {
		t.Run(fmt.Sprintf("%d of %d", c.t, c.n), func(t *testing.T) {
			rand := newStream("subsets")
			p, shares := deal(t, rand, c.t, c.n)
			for set := uint(1); set < 1<<c.n; set++ {
				var some []Share
				for i, s := range shares {
					if set>>i&1 == 1 {
						some = append(some, s)
					}
				}
				s, parts := signTogether(t, rand, p, msg, some)
				sig := s.Join(parts)
				if enough := bits.OnesCount(set) >= c.t; sig.Verify(p, msg) != enough {
					t.Errorf("set %b: a signature is %v", set, !enough)
				}
			}
		})
	}
}

// TestCheaterIsNamed changes the part of one signer after another.
func TestCheaterIsNamed(t *testing.T) {
	rand := newStream("cheater")
	p, shares := deal(t, rand, 3, 5)
	for _, c := range [][]Share{shares[:3], shares[2:], {shares[0], shares[2], shares[4]}} {
		s, parts := signTogether(t, rand, p, []byte("m"), c)
		for bad := range c {
			changed := slices.Clone(parts)
			changed[bad] = group.MulAdd(changed[bad], identifier(1), identifier(1)) // plus one
			for i, share := range c {
				if s.Check(share.Index, share.Public(), changed[i]) == (i == bad) {
					t.Errorf("signer %d cheats, and signer %d is judged wrongly", c[bad].Index, share.Index)
				}
			}
		}
		if s.Check(c[0].Index, c[1].Public(), parts[0]) || s.Check(c[1].Index, c[0].Public(), parts[0]) {
			t.Error("a part passes for another signer's")
		}
		if s.Check(99, c[0].Public(), parts[0]) {
			t.Error("a part passes for a signer that did not sign")
		}
	}
}

func TestNewSigningRefuses(t *testing.T) {
	rand := newStream("lists")
	p, shares := deal(t, rand, 2, 3)
	var c []Commitment
	for _, s := range shares {
		_, one, _ := Commit(rand, s)
		c = append(c, one)
	}
	with := func(i int, change func(*Commitment)) []Commitment {
		list := slices.Clone(c)
		change(&list[i])
		return list
	}
	var long []Commitment
	for i := range uint8(MaxSigners + 1) {
		long = append(long, Commitment{Index: i + 1, Hiding: c[0].Hiding, Binding: c[0].Binding})
	}
	if _, err := NewSigning(p, nil, long[:MaxSigners]); err != nil {
		t.Errorf("as many signers as there may be: %v", err)
	}
	for name, list := range map[string][]Commitment{
		"empty":               nil,
		"too long":            long[:MaxSigners+1],
		"out of order":        {c[1], c[0]},
		"twice":               {c[0], c[0]},
		"index zero":          with(0, func(c *Commitment) { c.Index = 0 }),
		"identity for hiding": with(1, func(c *Commitment) { c.Hiding = [32]byte{} }),
		"no point":            with(2, func(c *Commitment) { c.Binding[31] |= 0x80 }),
	} {
		if s, err := NewSigning(p, nil, list); err == nil || s != nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewSigning(p, nil, c); err != nil {
		t.Error(err)
	}
}

func TestSignatureVerify(t *testing.T) {
	rand := newStream("verify")
	p, shares := deal(t, rand, 1, 1)
	msg := []byte("a charter")
	sig := must(SignAlone(rand, shares[0], p, msg))(t)
	if !sig.Verify(p, msg) || sig.Verify(p, []byte("another")) || sig.Verify([32]byte{}, msg) || sig.Verify(anotherP(t), msg) {
		t.Error("the wrong signatures verify")
	}
	for i := range sig {
		bad := sig
		bad[i] ^= 1
		if bad.Verify(p, msg) {
			t.Errorf("byte %d is not protected", i)
		}
	}
}

// anotherP returns another group's public key.
func anotherP(t *testing.T) [32]byte {
	p, _ := deal(t, newStream("another"), 1, 1)
	return p
}

func BenchmarkSignAlone(b *testing.B) {
	rand := newStream("bench")
	p, shares := deal(b, rand, 1, 1)
	for b.Loop() {
		if _, err := SignAlone(rand, shares[0], p, []byte("m")); err != nil {
			b.Fatal(err)
		}
	}
}
