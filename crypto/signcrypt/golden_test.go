// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/group"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is testdata/envelopes.json: everything that another implementation
// needs to open our envelopes, check their signatures and make the same bytes.
type golden struct {
	Comment  string         `json:"comment"`
	P        string         `json:"issuers_public_key"`
	Nbhd     string         `json:"neighbourhood"`
	Epoch    uint32         `json:"epoch"`
	Sender   goldenKeys     `json:"sender"`
	Receiver goldenKeys     `json:"receiver"`
	Cases    []goldenSealed `json:"envelopes"`
}

type goldenKeys struct {
	SigR string `json:"sig_R"`
	SigU string `json:"sig_U"`
	SigD string `json:"sig_d"`
	SigS string `json:"sig_u"`
	KemR string `json:"kem_R"`
	KemU string `json:"kem_U"`
	KemD string `json:"kem_d"`
	KemS string `json:"kem_u"`
	PID  string `json:"pid"`
}

type goldenSealed struct {
	Receivers int    `json:"receivers"`
	Round     uint32 `json:"round"`
	Type      uint8  `json:"type"`
	Message   string `json:"message"`
	Envelope  string `json:"envelope"`
}

func hexKeys(d *device) goldenKeys {
	h := func(b [group.Size]byte) string { return hex.EncodeToString(b[:]) }
	s := func(x *group.Scalar) string { return h(group.EncodeScalar(x)) }
	sig, kem := d.keys.Sig, d.keys.Kem
	return goldenKeys{
		SigR: h(sig.R), SigU: h(sig.U), SigD: s(sig.d), SigS: s(sig.u),
		KemR: h(kem.R), KemU: h(kem.U), KemD: s(kem.d), KemS: s(kem.u),
		PID: hex.EncodeToString(d.self.ID[:]),
	}
}

// TestGolden seals with fixed randomness and compares every byte, which must
// come out the same on every processor.
func TestGolden(t *testing.T) {
	w := newWorld(t, "vecino golden envelopes 1")
	sender := w.device(t)
	devices, peers := crowd(t, w, MaxReceivers)
	got := golden{
		Comment: "CLSC-R255 (crypto/PROTOCOL.md). Scalars are little-endian, everything is hex. The receiver's keys open every envelope.",
		P:       hex.EncodeToString(w.scope.P[:]), Nbhd: hex.EncodeToString(w.scope.Nbhd[:]), Epoch: w.scope.Epoch,
		Sender: hexKeys(sender), Receiver: hexKeys(devices[0]),
	}
	for _, c := range []struct {
		n   int
		msg []byte
	}{{1, nil}, {1, []byte("hello, neighbour")}, {3, bytes.Repeat([]byte("x"), 300)}, {8, make([]byte, 64)}, {32, []byte{0xff}}} {
		env := sender.seal(t, peers[:c.n], 9, uint8(c.n), c.msg)
		got.Cases = append(got.Cases, goldenSealed{c.n, 9, uint8(c.n), hex.EncodeToString(c.msg), hex.EncodeToString(env)})
	}
	const file = "testdata/envelopes.json"
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
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden envelopes differ (-want +got):\n%s", d)
	}
	for _, c := range want.Cases {
		env, err := hex.DecodeString(c.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		o := devices[0].opener()
		o.Guard = &Guard{}
		if m, err := o.Open(env); err != nil || hex.EncodeToString(m.Msg) != c.Message {
			t.Errorf("golden envelope for %d does not open: %v", c.Receivers, err)
		}
	}
}

// TestFrostVectors checks the partial key's equation dB = R + hP on the
// signature of RFC 9591's vectors, which three parties' shares made.
func TestFrostVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/frost-ristretto255-sha512.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Inputs struct {
			P   string `json:"group_public_key"`
			X   string `json:"group_secret_key"`
			Msg string `json:"message"`
		}
		Final struct{ Sig string } `json:"final_output"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	unhex := func(s string) []byte {
		raw, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	p, sig, msg := [32]byte(unhex(v.Inputs.P)), unhex(v.Final.Sig), unhex(v.Inputs.Msg)
	r, z := [32]byte(sig[:32]), [32]byte(sig[32:])
	if !checkSchnorr(t, p, r, z, msg) {
		t.Error("the signature of RFC 9591 does not satisfy dB = R + hP")
	}
	for i := range sig {
		bad := bytes.Clone(sig)
		bad[i] ^= 1
		if checkSchnorr(t, p, [32]byte(bad[:32]), [32]byte(bad[32:]), msg) {
			t.Errorf("it still does with byte %d changed", i)
		}
	}
	x, err := group.DecodeScalar([32]byte(unhex(v.Inputs.X)))
	if err != nil || group.EncodePoint(group.Base(x)) != p {
		t.Error("the group's keys do not belong together")
	}
}

func checkSchnorr(t *testing.T, p, r, z [32]byte, msg []byte) bool {
	t.Helper()
	pp, err := group.DecodePoint(p)
	if err != nil {
		t.Fatal(err)
	}
	rr, err := group.DecodePoint(r)
	if err != nil {
		return false
	}
	zz, err := group.DecodeScalar(z)
	if err != nil {
		return false
	}
	return group.Base(zz).Equal(group.Add(rr, group.Mul(Challenge(r, p, msg), pp))) == 1
}

// TestPartialKeyIsChecked changes each thing that the issuers sign.
func TestPartialKeyIsChecked(t *testing.T) {
	w := newWorld(t, "partial")
	sig, _ := NewSecretValue(w.rand)
	kem, _ := NewSecretValue(w.rand)
	ps, pk := w.issue(t, Sig, sig.U, kem.U), w.issue(t, Kem, sig.U, kem.U)
	if _, err := w.scope.NewKeyPair(sig, kem, ps, pk); err != nil {
		t.Fatal(err)
	}
	flip := func(p PartialKey, inR bool) PartialKey {
		if inR {
			p.R[3] ^= 1
		} else {
			p.D[3] ^= 1
		}
		return p
	}
	other, _ := NewSecretValue(w.rand)
	for name, err := range map[string]error{
		"usages swapped": second(w.scope.NewKeyPair(sig, kem, pk, ps)),
		"R changed":      second(w.scope.NewKeyPair(sig, kem, flip(ps, true), pk)),
		"d changed":      second(w.scope.NewKeyPair(sig, kem, flip(ps, false), pk)),
		"kem R changed":  second(w.scope.NewKeyPair(sig, kem, ps, flip(pk, true))),
		"another kem U":  second(w.scope.NewKeyPair(sig, other, ps, pk)),
		"another sig U":  second(w.scope.NewKeyPair(other, kem, ps, pk)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzOpen(f *testing.F) {
	w := newWorld(f, "fuzz")
	a, b := w.device(f), w.device(f)
	f.Add(a.seal(f, []*Peer{b.self}, 1, 1, []byte("seed")))
	f.Add(a.seal(f, []*Peer{b.self, a.self}, 1, 1, make([]byte, 100)))
	f.Fuzz(func(t *testing.T, env []byte) {
		o := b.opener()
		o.Guard = &Guard{}
		got, err := o.Open(env)
		if (got == nil) != (err == ErrOpen) {
			t.Fatalf("got %v with error %v", got, err)
		}
		if got != nil && got.From != a.self {
			t.Fatal("a message of nobody")
		}
	})
}
