// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestBitFlips changes every single bit of an envelope with a message of a
// kilobyte: none is opened. The short form, which emulated processors run,
// changes every eleventh bit.
func TestBitFlips(t *testing.T) {
	w := newWorld(t, "flips")
	sender := w.device(t)
	devices, peers := crowd(t, w, MaxReceivers)
	for _, n := range []int{1, 8, 32} {
		t.Run(fmt.Sprintf("receivers=%d", n), func(t *testing.T) {
			env := sender.seal(t, peers[:n], 1, 1, make([]byte, 1000))
			devices[0].guard = &Guard{}
			o := devices[0].opener()
			step := 1
			if testing.Short() {
				step = 11
			}
			accepted := 0
			for bit := 0; bit < 8*len(env); bit += step {
				env[bit/8] ^= 1 << (bit % 8)
				if _, err := o.Open(env); err == nil {
					accepted++
					t.Errorf("bit %d of byte %d is not protected", bit%8, bit/8)
				}
				env[bit/8] ^= 1 << (bit % 8)
			}
			if _, err := o.Open(env); err != nil || accepted != 0 {
				t.Fatalf("untouched envelope: %v, changed ones accepted: %d", err, accepted)
			}
		})
	}
}

// TestPaddingIsChecked holds that the bytes of padding carry nothing.
func TestPaddingIsChecked(t *testing.T) {
	cek := make([]byte, cekSize)
	h := &header{Ver: Version, Suite: Suite, Slots: make([]slot, 1)}
	in := &inner{Msg: make([]byte, 999)}
	build := func(change func([]byte) []byte) bool {
		plain := wire.MustMarshal(in)
		padded := change(append(plain, make([]byte, padme(len(plain))-len(plain))...))
		body := aeadSeal(bodyKey(cek), padded, wire.MustMarshal(h))
		_, ok := openBody(cek, h, body)
		return ok
	}
	if !build(func(b []byte) []byte { return b }) {
		t.Fatal("right padding is refused")
	}
	if build(func(b []byte) []byte { b[len(b)-1] = 1; return b }) {
		t.Error("padding that is not zero is accepted")
	}
	if build(func(b []byte) []byte { return append(b, 0) }) {
		t.Error("longer padding is accepted")
	}
	if build(func(b []byte) []byte { return b[:len(b)-1] }) {
		t.Error("shorter padding is accepted")
	}
}

// forgery is what an attacker shows to the verifier: a public key in the place
// of the target's and a signature under it.
type forgery struct {
	pub PublicKey
	sig Signature
}

// attacker knows all that is public, devices of its own whose keys were issued
// for them, and whatever a strategy says.
type attacker struct {
	*world
	t      *testing.T
	target *Peer
	own    *device
	th     []byte
}

func (a *attacker) scalar() *group.Scalar {
	s, err := group.RandomScalar(a.rand)
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func enc(p *group.Point) [group.Size]byte { return group.EncodePoint(p) }

func (a *attacker) sub(p, q *group.Point) *group.Point {
	return group.Add(p, group.Mul(group.Neg(group.Reduce([64]byte{1})), q))
}

// signWith signs as the scheme says with secrets that the attacker believes in.
func (a *attacker) signWith(pub PublicKey, d, u *group.Scalar) forgery {
	sig, err := a.scope.Sign(a.rand, &PrivateKey{PublicKey: pub, d: d, u: u}, a.th)
	if err != nil {
		a.t.Fatal(err)
	}
	return forgery{pub, sig}
}

// simulate makes commitments from a chosen challenge, as the proof's simulator
// does, and then takes the challenge that the transcript really gives.
func (a *attacker) simulate(pub PublicKey, d, u *group.Point, rounds int) forgery {
	c, z1, z2 := a.scalar(), a.scalar(), a.scalar()
	for range rounds {
		t1 := enc(group.VarTimeDouble(group.Neg(c), d, z1))
		t2 := enc(group.VarTimeDouble(group.Neg(c), u, z2))
		c = a.scope.signatureChallenge(pub, t1, t2, a.th)
	}
	return forgery{pub, encodeSignature(c, z1, z2)}
}

// typeI are the strategies of one who may replace public keys and does not know
// the issuers' key. The target's pid is that of its U, so that a replaced U is
// another device; the test gives the attacker even that and puts the replaced
// keys in the roster.
var typeI = map[string]func(a *attacker) forgery{
	"replace U, use u for d": func(a *attacker) forgery {
		u := a.scalar()
		return a.signWith(PublicKey{R: a.target.Sig.R, U: enc(group.Base(u))}, u, u)
	},
	"replace R by rB, use r for d": func(a *attacker) forgery {
		r, u := a.scalar(), a.scalar()
		return a.signWith(PublicKey{R: enc(group.Base(r)), U: enc(group.Base(u))}, r, u)
	},
	"cancel hP with the challenge of the old R": func(a *attacker) forgery {
		r, u := a.scalar(), a.scalar()
		usig := enc(group.Base(u))
		h := Challenge(a.target.Sig.R, a.scope.P, PartialKeyMessage(Sig, a.scope.Nbhd, a.scope.Epoch, usig, a.target.Kem.U))
		return a.signWith(PublicKey{R: enc(a.sub(group.Base(r), group.Mul(h, a.scope.p))), U: usig}, r, u)
	},
	"common factor: U is a multiple of D": func(a *attacker) forgery {
		f, k := a.scalar(), a.scalar()
		pub := PublicKey{R: a.target.Sig.R, U: enc(group.Mul(f, a.target.sigD))}
		t := group.Base(k)
		c := a.scope.signatureChallenge(pub, enc(t), enc(group.Mul(f, t)), a.th)
		return forgery{pub, encodeSignature(c, k, group.MulAdd(f, k, c))}
	},
	"U cancels D": func(a *attacker) forgery {
		minusD := a.sub(group.Base(a.scalar()), a.target.sigD)
		k := a.scalar()
		pub := PublicKey{R: a.target.Sig.R, U: enc(minusD)}
		c := a.scope.signatureChallenge(pub, enc(group.Base(k)), enc(group.Base(k)), a.th)
		return forgery{pub, encodeSignature(c, k, group.Neg(k))}
	},
	"U cancels D with a known difference": func(a *attacker) forgery {
		f := a.scalar()
		pub := PublicKey{R: a.target.Sig.R, U: enc(a.sub(group.Base(f), a.target.sigD))}
		return a.signWith(pub, f, group.Neg(f))
	},
	"R and U are multiples of P": func(a *attacker) forgery {
		r, u := a.scalar(), a.scalar()
		return a.signWith(PublicKey{R: enc(group.Mul(r, a.scope.p)), U: enc(group.Mul(u, a.scope.p))}, r, u)
	},
	"R and U are swapped": func(a *attacker) forgery {
		return a.signWith(PublicKey{R: a.target.Sig.U, U: a.target.Sig.R}, a.scalar(), a.scalar())
	},
	"own partial key with the target's U": func(a *attacker) forgery {
		return a.signWith(PublicKey{R: a.own.keys.Sig.R, U: a.target.Sig.U}, a.own.keys.Sig.d, a.own.keys.Sig.u)
	},
	"own partial key with another U of one's own": func(a *attacker) forgery {
		u := a.scalar()
		return a.signWith(PublicKey{R: a.own.keys.Sig.R, U: enc(group.Base(u))}, a.own.keys.Sig.d, u)
	},
	"own kem key for signing": func(a *attacker) forgery {
		return a.signWith(a.own.keys.Kem.PublicKey, a.own.keys.Kem.d, a.own.keys.Kem.u)
	},
	"simulated proof": func(a *attacker) forgery {
		return a.simulate(a.target.Sig, a.target.sigD, a.target.sigU, 1)
	},
	"fixed point of the challenge": func(a *attacker) forgery {
		return a.simulate(a.target.Sig, a.target.sigD, a.target.sigU, 50)
	},
	"identity for R": func(a *attacker) forgery {
		u := a.scalar()
		return a.signWith(PublicKey{U: enc(group.Base(u))}, a.scalar(), u)
	},
}

// typeII are the strategies of one who knows the issuers' key x, and so every
// d, and does not know u.
var typeII = map[string]func(a *attacker, d *group.Scalar) forgery{
	"d for u": func(a *attacker, d *group.Scalar) forgery {
		return a.signWith(a.target.Sig, d, d)
	},
	"x for u": func(a *attacker, d *group.Scalar) forgery {
		return a.signWith(a.target.Sig, d, a.x)
	},
	"random u": func(a *attacker, d *group.Scalar) forgery {
		return a.signWith(a.target.Sig, d, a.scalar())
	},
	"half simulated": func(a *attacker, d *group.Scalar) forgery {
		c, k, z2 := a.scalar(), a.scalar(), a.scalar()
		t1, t2 := enc(group.Base(k)), enc(group.VarTimeDouble(group.Neg(c), a.target.sigU, z2))
		c = a.scope.signatureChallenge(a.target.Sig, t1, t2, a.th)
		return forgery{a.target.Sig, encodeSignature(c, group.MulAdd(c, d, k), z2)}
	},
	"partial key issued anew": func(a *attacker, _ *group.Scalar) forgery {
		p := a.issue(a.t, Sig, a.target.Sig.U, a.target.Kem.U)
		d, err := group.DecodeScalar(p.D)
		if err != nil {
			a.t.Fatal(err)
		}
		return a.signWith(PublicKey{R: p.R, U: a.target.Sig.U}, d, a.scalar())
	},
	"common factor: R chosen as a multiple of U": func(a *attacker, _ *group.Scalar) forgery {
		f, k := a.scalar(), a.scalar()
		pub := PublicKey{R: enc(group.Mul(f, a.target.sigU)), U: a.target.Sig.U}
		c := a.scope.signatureChallenge(pub, enc(group.Base(group.MulAdd(f, k, k))), enc(group.Base(k)), a.th)
		return forgery{pub, encodeSignature(c, group.MulAdd(c, a.x, k), k)}
	},
}

// accepted reports whether a forgery verifies for a peer with its public key.
func (a *attacker) accepted(f forgery) bool {
	p, err := a.scope.NewPeer(f.pub, a.target.Kem)
	return err == nil && (a.scope.Verify(p, a.th, f.sig) || a.scope.verifyAs(a.target, f.pub.R, a.th, f.sig))
}

func newAttacker(t *testing.T, trial int) (*attacker, *device) {
	w := newWorld(t, fmt.Sprintf("attack %d", trial))
	target := w.device(t)
	return &attacker{world: w, t: t, target: target.self, own: w.device(t), th: []byte("an envelope")}, target
}

const trials = 20

func TestTypeI(t *testing.T) {
	for name, strategy := range typeI {
		t.Run(name, func(t *testing.T) {
			for i := range trials {
				a, _ := newAttacker(t, i)
				if a.accepted(strategy(a)) {
					t.Fatal("a forgery is accepted")
				}
			}
		})
	}
}

func TestTypeII(t *testing.T) {
	for name, strategy := range typeII {
		t.Run(name, func(t *testing.T) {
			for i := range trials {
				a, target := newAttacker(t, i)
				if a.accepted(strategy(a, target.keys.Sig.d)) {
					t.Fatal("a forgery is accepted")
				}
			}
		})
	}
}

// TestAttackControls shows that the attacks above are made with the right
// tools: with the missing secret, each kind of attacker succeeds.
func TestAttackControls(t *testing.T) {
	a, target := newAttacker(t, 0)
	if !a.accepted(a.signWith(target.self.Sig, target.keys.Sig.d, target.keys.Sig.u)) {
		t.Error("both secrets do not sign")
	}
	u := a.scalar()
	usig := enc(group.Base(u))
	p := a.issue(t, Sig, usig, target.self.Kem.U)
	d, err := group.DecodeScalar(p.D)
	if err != nil {
		t.Fatal(err)
	}
	if !a.accepted(a.signWith(PublicKey{R: p.R, U: usig}, d, u)) {
		t.Error("an issuer cannot issue for a U of its own")
	}
}

// TestReceiverCannotPassOn holds that a receiver who knows the content key
// cannot give the sender's words to somebody else, nor change them.
func TestReceiverCannotPassOn(t *testing.T) {
	w := newWorld(t, "pass on")
	a, b, c := w.device(t), w.device(t), w.device(t)
	env := a.seal(t, []*Peer{b.self, c.self}, 1, 5, []byte("to b and c"))
	o := b.opener()
	p, _ := Peek(env)
	h := p.env.header()
	cek, ok := o.contentKey(h, w.scope.context(h.Com))
	if !ok {
		t.Fatal("b finds no content key")
	}
	in, _ := openBody(cek, h, p.env.Body)

	d := w.device(t)
	forged := *h
	tt, _ := group.RandomScalar(w.rand)
	forged.E = enc(group.Base(tt))
	s := &Sealer{Scope: w.scope, Key: b.keys.Sig, Rand: w.rand}
	var err error
	if forged.Slots, err = s.slots(tt, forged.E, cek, w.scope.context(h.Com), []*Peer{d.self}); err != nil {
		t.Fatal(err)
	}
	again, err := finish(&forged, cek, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.opener().Open(again); err != ErrOpen {
		t.Error("a message is passed on to another receiver")
	}
	in.Msg = []byte("to c only")
	if again, err = finish(h, cek, in); err != nil {
		t.Fatal(err)
	}
	if _, err := c.opener().Open(again); err != ErrOpen {
		t.Error("a receiver changes the words of the sender")
	}
}

// TestAnonymity holds that nothing of the sender or the receivers stands in an
// envelope, and that two envelopes of one sender share nothing but the form.
func TestAnonymity(t *testing.T) {
	w := newWorld(t, "anonymity")
	a, b := w.device(t), w.device(t)
	one := a.seal(t, []*Peer{b.self}, 1, 1, make([]byte, 500))
	two := a.seal(t, []*Peer{b.self}, 1, 1, make([]byte, 500))
	known := [][]byte{a.self.Sig.R[:], a.self.Sig.U[:], b.self.Kem.R[:], b.self.Kem.U[:], a.self.ID[:], b.self.ID[:], w.scope.P[:], w.scope.Nbhd[:]}
	for _, k := range known {
		for i := 0; i+8 <= len(k); i++ {
			if slices.Contains(windows(one), [8]byte(k[i:i+8])) {
				t.Fatalf("an envelope holds bytes of %x", k)
			}
		}
	}
	in2 := map[[8]byte]bool{}
	for _, x := range windows(two) {
		in2[x] = true
	}
	for _, x := range windows(one) {
		if in2[x] {
			t.Fatalf("two envelopes share the bytes %x", x)
		}
	}
}

func windows(b []byte) (out [][8]byte) {
	for i := 0; i+8 <= len(b); i++ {
		out = append(out, [8]byte(b[i:i+8]))
	}
	return out
}
