// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding"
	"strings"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"

	vgroup "github.com/vecino-edge/vecino/crypto/group"
)

// vectorSuite is one mode of testdata/rfc9497-ristretto255-sha512.json.
type vectorSuite struct {
	Identifier string
	Mode       oprf.Mode
	PkSm, SkSm string
	Seed       string
	KeyInfo    string
	Vectors    []vector
}

type vector struct {
	Batch                 int
	Input, Info           string
	Blind, BlindedElement string
	EvaluationElement     string
	Output                string
	Proof                 struct{ Proof, R string }
}

func vectorSuites(t testing.TB) []vectorSuite {
	t.Helper()
	var file struct{ Suites []vectorSuite }
	readJSON(t, "rfc9497-ristretto255-sha512.json", &file)
	n := 0
	for _, s := range file.Suites {
		n += len(s.Vectors)
	}
	if len(file.Suites) != 3 || n != 8 {
		t.Fatalf("testdata holds %d modes with %d vectors, want 3 with 8", len(file.Suites), n)
	}
	return file.Suites
}

// batch decodes a list of the vectors.
func batch(t testing.TB, s string) (out [][]byte) {
	t.Helper()
	for one := range strings.SplitSeq(s, ",") {
		out = append(out, unhex(t, one))
	}
	return out
}

// party is what the three modes have in common, with info where there is any.
type party struct {
	blind    func([][]byte, []oprf.Blind) (*oprf.FinalizeData, *oprf.EvaluationRequest, error)
	evaluate func(*oprf.EvaluationRequest, []byte) (*oprf.Evaluation, error)
	finalize func(*oprf.FinalizeData, *oprf.Evaluation, []byte) ([][]byte, error)
	full     func(input, info []byte) ([]byte, error)
}

func newParty(mode oprf.Mode, key *oprf.PrivateKey) party {
	switch mode {
	case oprf.BaseMode:
		c, s := oprf.NewClient(suite), oprf.NewServer(suite, key)
		return party{
			c.DeterministicBlind, func(r *oprf.EvaluationRequest, _ []byte) (*oprf.Evaluation, error) { return s.Evaluate(r) },
			func(f *oprf.FinalizeData, e *oprf.Evaluation, _ []byte) ([][]byte, error) { return c.Finalize(f, e) },
			func(in, _ []byte) ([]byte, error) { return s.FullEvaluate(in) },
		}
	case oprf.VerifiableMode:
		c, s := oprf.NewVerifiableClient(suite, key.Public()), oprf.NewVerifiableServer(suite, key)
		return party{
			c.DeterministicBlind, func(r *oprf.EvaluationRequest, _ []byte) (*oprf.Evaluation, error) { return s.Evaluate(r) },
			func(f *oprf.FinalizeData, e *oprf.Evaluation, _ []byte) ([][]byte, error) { return c.Finalize(f, e) },
			func(in, _ []byte) ([]byte, error) { return s.FullEvaluate(in) },
		}
	}
	c, s := oprf.NewPartialObliviousClient(suite, key.Public()), oprf.NewPartialObliviousServer(suite, key)
	return party{c.DeterministicBlind, s.Evaluate, c.Finalize, s.FullEvaluate}
}

// TestVectorsOfLibrary runs all vectors of the suite through the library that the
// package stands on.
func TestVectorsOfLibrary(t *testing.T) {
	for _, s := range vectorSuites(t) {
		key := must(oprf.DeriveKey(suite, s.Mode, unhex(t, s.Seed), unhex(t, s.KeyInfo)))(t)
		same(t, "secret key", must(key.MarshalBinary())(t), unhex(t, s.SkSm))
		if s.Mode != oprf.BaseMode {
			same(t, "public key", must(key.Public().MarshalBinary())(t), unhex(t, s.PkSm))
		}
		p := newParty(s.Mode, key)
		for _, v := range s.Vectors {
			inputs, info := batch(t, v.Input), unhex(t, v.Info)
			var blinds []oprf.Blind
			for _, b := range batch(t, v.Blind) {
				blinds = append(blinds, scalarOf(t, b))
			}
			state, request, err := p.blind(inputs, blinds)
			if err != nil {
				t.Fatal(err)
			}
			sameElements(t, "blinded element", request.Elements, v.BlindedElement)
			e := must(p.evaluate(request, info))(t)
			sameElements(t, "evaluated element", e.Elements, v.EvaluationElement)
			if s.Mode != oprf.BaseMode {
				same(t, "proof", proofOf(t, s.Mode, key, request.Elements, e.Elements, info, v.Proof.R), unhex(t, v.Proof.Proof))
				e.Proof = new(dleq.Proof)
				if err := e.Proof.UnmarshalBinary(suite.Group(), unhex(t, v.Proof.Proof)); err != nil {
					t.Fatal(err)
				}
			}
			outputs := must(p.finalize(state, e, info))(t)
			for i, want := range batch(t, v.Output) {
				same(t, "output", outputs[i], want)
				same(t, "output without blinding", must(p.full(inputs[i], info))(t), want)
			}
		}
	}
}

// proofOf makes the proof of RFC 9497 with a nonce that is given, which the
// library draws itself.
func proofOf(t testing.TB, mode oprf.Mode, key *oprf.PrivateKey, blinded, evaluated []group.Element, info []byte, r string) []byte {
	t.Helper()
	g := suite.Group()
	dst := "OPRFV1-" + string([]byte{mode}) + "-ristretto255-SHA512"
	prover := dleq.Prover{Params: dleq.Params{G: g, H: suite.Hash(), DST: []byte(dst)}}
	k := scalarOf(t, must(key.MarshalBinary())(t))
	if mode == oprf.PartialObliviousMode {
		framed := append([]byte{'I', 'n', 'f', 'o', byte(len(info) >> 8), byte(len(info))}, info...)
		k.Add(k, g.HashToScalar(framed, []byte("HashToScalar-"+dst)))
		blinded, evaluated = evaluated, blinded
	}
	proof := must(prover.ProveBatchWithRandomnessRFC9497(k, g.NewElement().MulGen(k), blinded, evaluated, scalarOf(t, unhex(t, r))))(t)
	return must(proof.MarshalBinary())(t)
}

// TestVectorsOfPackage runs the POPRF vectors of one element through the
// functions of this package.
func TestVectorsOfPackage(t *testing.T) {
	ran := 0
	for _, s := range vectorSuites(t) {
		if s.Mode != oprf.PartialObliviousMode {
			continue
		}
		k := must(vgroup.DecodeScalar([32]byte(unhex(t, s.SkSm))))(t)
		secret, public := must(secretKey(k))(t), must(publicKey(Pub(unhex(t, s.PkSm))))(t)
		for _, v := range s.Vectors {
			inputs, blinds, blinded := batch(t, v.Input), batch(t, v.Blind), batch(t, v.BlindedElement)
			outputs, evaluated := batch(t, v.Output), batch(t, v.EvaluationElement)
			info := unhex(t, v.Info)
			for i := range inputs {
				b := must(blind(public, inputs[i], must(vgroup.DecodeScalar([32]byte(blinds[i])))(t)))(t)
				same(t, "blinded element", b.blinded[:], blinded[i])
				e := must(evaluate(secret, info, b.blinded))(t)
				same(t, "evaluated element", e.Element[:], evaluated[i])
				if v.Batch == 1 { // the vector's proof is over the whole batch
					e.Proof = [64]byte(unhex(t, v.Proof.Proof))
				}
				y := must(b.finalize(public, info, &e))(t)
				same(t, "output", y[:], outputs[i])
				y = must(output(k, info, inputs[i]))(t)
				same(t, "output without blinding", y[:], outputs[i])
				ran++
			}
		}
	}
	if ran != 4 {
		t.Errorf("ran %d elements, want 4", ran)
	}
}

func scalarOf(t testing.TB, b []byte) group.Scalar {
	t.Helper()
	s := suite.Group().NewScalar()
	if err := s.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	return s
}

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %x, want %x", what, got, want)
	}
}

func sameElements(t testing.TB, what string, got []group.Element, want string) {
	t.Helper()
	list := batch(t, want)
	if len(list) != len(got) {
		t.Fatalf("%d elements, want %d", len(got), len(list))
	}
	for i, e := range got {
		same(t, what, must(encoding.BinaryMarshaler(e).MarshalBinary())(t), list[i])
	}
}
