// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

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

// world is a neighbourhood with one issuer whose key the test knows.
type world struct {
	x     *group.Scalar
	scope *Scope
	rand  io.Reader
	peers map[PID]*Peer
}

func newWorld(t testing.TB, seed string) *world {
	t.Helper()
	w := &world{rand: newStream(seed), peers: map[PID]*Peer{}}
	var err error
	if w.x, err = group.RandomScalar(w.rand); err != nil {
		t.Fatal(err)
	}
	var nbhd [16]byte
	copy(nbhd[:], "a neighbourhood!")
	if w.scope, err = NewScope(group.EncodePoint(group.Base(w.x)), nbhd, 7); err != nil {
		t.Fatal(err)
	}
	return w
}

// issue is the issuers' part of a key: a Schnorr signature over its message.
func (w *world) issue(t testing.TB, usage Usage, usig, ukem [group.Size]byte) PartialKey {
	t.Helper()
	k, err := group.RandomScalar(w.rand)
	if err != nil {
		t.Fatal(err)
	}
	r := group.EncodePoint(group.Base(k))
	h := Challenge(r, w.scope.P, PartialKeyMessage(usage, w.scope.Nbhd, w.scope.Epoch, usig, ukem))
	return PartialKey{R: r, D: group.EncodeScalar(group.MulAdd(h, w.x, k))}
}

type device struct {
	keys  *KeyPair
	self  *Peer
	world *world
	guard *Guard
	rand  io.Reader
}

func (w *world) device(t testing.TB) *device {
	t.Helper()
	sig, err := NewSecretValue(w.rand)
	if err != nil {
		t.Fatal(err)
	}
	kem, err := NewSecretValue(w.rand)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := w.scope.NewKeyPair(sig, kem, w.issue(t, Sig, sig.U, kem.U), w.issue(t, Kem, sig.U, kem.U))
	if err != nil {
		t.Fatal(err)
	}
	self, err := w.scope.NewPeer(keys.Sig.PublicKey, keys.Kem.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	w.peers[self.ID] = self
	return &device{keys: keys, self: self, world: w, guard: &Guard{}, rand: w.rand}
}

func (d *device) seal(t testing.TB, to []*Peer, round uint32, typ uint8, msg []byte) []byte {
	t.Helper()
	env, err := (&Sealer{Scope: d.world.scope, Key: d.keys.Sig, Rand: d.rand}).Seal(to, round, typ, msg)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// opener accepts rounds 0 to 9 of every type.
func (d *device) opener() *Opener {
	return &Opener{
		Scope: d.world.scope, Key: d.keys.Kem, Guard: d.guard,
		Peer:  func(id PID) *Peer { return d.world.peers[id] },
		Fresh: func(_ uint8, round uint32) bool { return round < 10 },
	}
}

func crowd(t testing.TB, w *world, n int) (ds []*device, ps []*Peer) {
	t.Helper()
	for range n {
		d := w.device(t)
		ds, ps = append(ds, d), append(ps, d.self)
	}
	return ds, ps
}
