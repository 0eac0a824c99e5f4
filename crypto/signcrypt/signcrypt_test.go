// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestEveryReceiverOpens(t *testing.T) {
	w := newWorld(t, "round trip")
	sender := w.device(t)
	devices, peers := crowd(t, w, MaxReceivers)
	outsider := w.device(t)
	msg := []byte("what the neighbours learn")
	for _, n := range []int{1, 2, 4, 5, 8, 9, 16, 17, 31, 32} {
		env := sender.seal(t, peers[:n], 3, 5, msg)
		p, ok := Peek(env)
		if !ok || len(p.env.Slots) != bucket(n) {
			t.Fatalf("%d receivers: %d slots", n, len(p.env.Slots))
		}
		for i, d := range devices[:n] {
			got, err := d.opener().Open(env)
			if err != nil {
				t.Fatalf("receiver %d of %d: %v", i, n, err)
			}
			if got.From != sender.self || got.Round != 3 || got.Type != 5 || !bytes.Equal(got.Msg, msg) {
				t.Fatalf("receiver %d of %d: got %+v", i, n, got)
			}
		}
		for _, d := range append(slices.Clone(devices[n:]), outsider) {
			if _, err := d.opener().Open(env); !errors.Is(err, ErrOpen) {
				t.Fatalf("%d receivers: a stranger opens it: %v", n, err)
			}
		}
	}
}

func TestSealBounds(t *testing.T) {
	w := newWorld(t, "bounds")
	sender := w.device(t)
	_, peers := crowd(t, w, MaxReceivers+1)
	s := &Sealer{Scope: w.scope, Key: sender.keys.Sig, Rand: w.rand}
	for _, n := range []int{0, MaxReceivers + 1} {
		if _, err := s.Seal(peers[:n], 0, 1, nil); err == nil {
			t.Errorf("%d receivers are accepted", n)
		}
	}
	if _, err := s.Seal(peers[:1], 0, 1, make([]byte, MaxEnvelope)); err == nil {
		t.Error("an envelope over the limit is made")
	}
	s.Rand = bytes.NewReader(make([]byte, 100))
	if _, err := s.Seal(peers[:1], 0, 1, nil); err == nil {
		t.Error("randomness that ends is accepted")
	}
}

// TestRefusals holds that there is one error, whatever is wrong.
func TestRefusals(t *testing.T) {
	w := newWorld(t, "refusals")
	a, b, c := w.device(t), w.device(t), w.device(t)
	to := []*Peer{b.self}
	msg := []byte("m")
	other := func(nbhd [16]byte, epoch uint32) *Scope {
		s, err := NewScope(w.scope.P, nbhd, epoch)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	cases := map[string]struct {
		env  []byte
		with func(*Opener)
	}{
		"another receiver":     {env: a.seal(t, []*Peer{c.self}, 1, 5, msg)},
		"another epoch":        {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Scope = other(w.scope.Nbhd, 8) }},
		"another place":        {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Scope = other([16]byte{1}, 7) }},
		"stale round":          {env: a.seal(t, to, 10, 5, msg)},
		"unknown sender":       {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Peer = func(PID) *Peer { return nil } }},
		"sender taken for":     {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Peer = func(PID) *Peer { return c.self } }},
		"signing key for kem":  {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Key = b.keys.Sig }},
		"empty":                {env: nil},
		"truncated":            {env: a.seal(t, to, 1, 5, msg)[:300]},
		"trailing byte":        {env: append(a.seal(t, to, 1, 5, msg), 0)},
		"over the limit":       {env: make([]byte, MaxEnvelope+1)},
		"issuers' key differs": {env: a.seal(t, to, 1, 5, msg), with: func(o *Opener) { o.Scope = newWorld(t, "x").scope }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := b.opener()
			o.Guard = &Guard{}
			if tc.with != nil {
				tc.with(o)
			}
			if got, err := o.Open(tc.env); err != ErrOpen || got != nil {
				t.Fatalf("got %v, %v", got, err)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	w := newWorld(t, "replay")
	a, b, c := w.device(t), w.device(t), w.device(t)
	to := []*Peer{b.self}
	open := func(env []byte) error { _, err := b.opener().Open(env); return err }

	first := a.seal(t, to, 1, 1, []byte("update"))
	if err := open(first); err != nil {
		t.Fatal(err)
	}
	if err := open(first); err != ErrOpen {
		t.Error("a replay is opened")
	}
	for _, env := range [][]byte{
		a.seal(t, to, 1, 1, []byte("update")), // the same words, said again
		a.seal(t, to, 2, 1, nil),
		c.seal(t, to, 1, 1, nil),
	} {
		if err := open(env); err != nil {
			t.Error("a fresh message is refused")
		}
	}
}

// TestOtherR holds that a sender is known by its pid: issuing that was retried
// gives the device another valid R, under which it is still the same.
func TestOtherR(t *testing.T) {
	w := newWorld(t, "other R")
	a, b := w.device(t), w.device(t)
	to := []*Peer{b.self}
	if _, err := b.opener().Open(a.seal(t, to, 1, 1, nil)); err != nil {
		t.Fatal(err)
	}
	again := w.issue(t, Sig, a.keys.Sig.U, a.keys.Kem.U)
	keys, err := w.scope.privateKey(Sig, &SecretValue{u: a.keys.Sig.u, U: a.keys.Sig.U}, again, a.keys.Sig.U, a.keys.Kem.U)
	if err != nil {
		t.Fatal(err)
	}
	a.keys.Sig = keys
	got, err := b.opener().Open(a.seal(t, to, 2, 1, nil))
	if err != nil || got.From != a.self {
		t.Errorf("a key issued again is refused: %v", err)
	}
}

func TestGuardIsBounded(t *testing.T) {
	g := &Guard{}
	for i := range uint32(3 * MaxRemembered) {
		var e [group.Size]byte
		copy(e[:], wire.U32(i))
		if !g.accept(e) {
			t.Fatalf("fresh envelope %d is refused", i)
		}
	}
	if len(g.seen) != MaxRemembered || len(g.ring) != MaxRemembered {
		t.Fatalf("guard holds %d and %d", len(g.seen), len(g.ring))
	}
	var newest [group.Size]byte
	copy(newest[:], wire.U32(3*MaxRemembered-1))
	if g.unseen(newest) {
		t.Fatal("the newest is forgotten")
	}
}

func TestPadme(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 2: 2, 8: 8, 9: 10, 63: 64, 100: 104, 1000: 1024, 1025: 1088, 100_000: 100_352} {
		if got := padme(n); got != want {
			t.Errorf("padme(%d) = %d, want %d", n, got, want)
		}
	}
	for n := range 5000 {
		if p := padme(n); p < n || p > n+n/8+1 || padme(p) != p {
			t.Fatalf("padme(%d) = %d", n, p)
		}
	}
}

func TestOverhead(t *testing.T) {
	w := newWorld(t, "overhead")
	sender := w.device(t)
	_, peers := crowd(t, w, MaxReceivers)
	for _, n := range []int{1, 8, 32} {
		for _, size := range []int{0, 1000, 100_000} {
			env := sender.seal(t, peers[:n], 1, 1, make([]byte, size))
			e, _ := Peek(env)
			inside := len(e.env.Body) - 16
			bare := len(env) - inside + len(wire.MustMarshal(inner{Msg: make([]byte, size)}))
			over := bare - size
			if over > 280+60*n {
				t.Errorf("%d bytes to %d: overhead %d before padding", size, n, over)
			}
			if told := Size(size, n); told < len(env) || told > len(env)+32 {
				t.Errorf("%d bytes to %d: %d, and Size returns %d", size, n, len(env), told)
			}
			t.Logf("%6d bytes to %2d: %d over, %d with padding", size, n, over, len(env)-size)
		}
	}
}

func TestSavedKeys(t *testing.T) {
	w := newWorld(t, "saved")
	d := w.device(t)
	saved := w.scope.Save(d.keys)
	got, err := w.scope.Restore(saved)
	if err != nil || !bytes.Equal(w.scope.Save(got), saved) {
		t.Fatalf("restore: %v", err)
	}
	later, err := NewScope(w.scope.P, w.scope.Nbhd, 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := later.Restore(saved); err == nil {
		t.Error("keys of another epoch are restored")
	}
	for i := range saved {
		bad := slices.Clone(saved)
		bad[i] ^= 1
		if _, err := w.scope.Restore(bad); err == nil {
			t.Errorf("keys with byte %d changed are restored", i)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	w := newWorld(b, "bench")
	sender := w.device(b)
	_, peers := crowd(b, w, MaxReceivers)
	msg := make([]byte, 100_000)
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("100kB/receivers=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				sender.seal(b, peers[:n], 1, 5, msg)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	w := newWorld(b, "bench")
	sender, receiver := w.device(b), w.device(b)
	env := sender.seal(b, []*Peer{receiver.self}, 1, 5, make([]byte, 100_000))
	o := receiver.opener()
	b.SetBytes(100_000)
	for b.Loop() {
		o.Guard = &Guard{}
		if _, err := o.Open(env); err != nil {
			b.Fatal(err)
		}
	}
}
