// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
	"pgregory.net/rapid"
)

// TestHelloRoundTrip draws versions and tags: whatever Encode takes, Decode
// returns, and nothing else.
func TestHelloRoundTrip(t *testing.T) {
	w := newWorld(t, "round trip")
	keys := w.device(t)
	rapid.Check(t, func(t *rapid.T) {
		h := Hello{Sig: keys.Sig.PublicKey, Kem: keys.Kem.PublicKey}
		h.Charter[0] = rapid.Byte().Draw(t, "charter")
		h.Versions = rapid.SliceOfN(rapid.Byte(), 0, MaxVersions+1).Draw(t, "versions")
		if rapid.Bool().Draw(t, "in order") {
			slices.Sort(h.Versions)
			h.Versions = slices.Compact(h.Versions)
		}
		h.Tags[31] = Tag{rapid.Byte().Draw(t, "last tag")}
		h.Tags[0] = Tag{rapid.SampledFrom([]byte{0, 0, 0, 1}).Draw(t, "first tag")}
		n, tags := len(h.Versions), slices.IsSortedFunc(h.Tags[:], compareTags)
		ascend := slices.IsSorted(h.Versions) && len(slices.Compact(slices.Clone(h.Versions))) == n
		fit := n > 0 && n <= MaxVersions && ascend && tags
		msg, err := Encode(w.scope, keys.Sig, w.rand, h)
		if (err == nil) != fit {
			t.Fatalf("versions %v, sorted tags %v: %v", h.Versions, tags, err)
		}
		if err != nil {
			return
		}
		got, peer, err := Decode(w.scope, msg)
		if err != nil {
			t.Fatal(err)
		}
		if got.Charter != h.Charter || got.Tags != h.Tags || !bytes.Equal(got.Versions, h.Versions) || peer.ID != signcrypt.PseudonymID(h.Sig.U) {
			t.Fatalf("got %+v of %x", got, peer.ID)
		}
	})
}

func TestEncodeRefuses(t *testing.T) {
	w := newWorld(t, "encode")
	keys, other := w.device(t), w.device(t)
	h := w.hello(t, keys)
	if _, err := Encode(w.scope, other.Sig, w.rand, h); err == nil || !strings.Contains(err.Error(), "another signing key") {
		t.Errorf("a hello of another key: %v", err)
	}
	if _, err := Encode(w.scope, keys.Sig, bytes.NewReader(make([]byte, 31)), h); err == nil {
		t.Error("a source that ends gives a hello")
	}
}

// signed returns a message of the world's form with a right signature under
// the keys, whatever stands in it.
func (w *world) signed(t testing.TB, keys *signcrypt.KeyPair, change func(*message)) []byte {
	t.Helper()
	h := w.hello(t, keys)
	m := &message{Sig: h.Sig, Kem: h.Kem, Charter: h.Charter, Versions: widen(h.Versions), Tags: slices.Clone(h.Tags[:])}
	change(m)
	m.Signature = must(w.scope.Sign(w.rand, keys.Sig, transcript(w.scope, m)))(t)
	return wire.MustMarshal(m)
}

// TestDecodeRefuses signs what is wrong, so that each check must stand for
// itself.
func TestDecodeRefuses(t *testing.T) {
	w := newWorld(t, "refuses")
	keys, other := w.device(t), w.device(t)
	scope := func(p [32]byte, nbhd [16]byte, epoch uint32) *signcrypt.Scope {
		return must(signcrypt.NewScope(p, nbhd, epoch))(t)
	}
	as := func(change func(*message)) []byte { return w.signed(t, keys, change) }
	untouched := as(func(*message) {})
	cases := []struct {
		name string
		msg  []byte
		in   *signcrypt.Scope
		ok   bool
	}{
		{name: "untouched", msg: untouched, ok: true},
		{name: "eight versions", msg: as(func(m *message) { m.Versions = []uint16{1, 2, 3, 4, 5, 6, 7, 8} }), ok: true},
		{name: "another epoch", msg: untouched, in: scope(w.scope.P, w.scope.Nbhd, 8)},
		{name: "another neighbourhood", msg: untouched, in: scope(w.scope.P, [16]byte{1}, 7)},
		{name: "another issuer", msg: untouched, in: newWorld(t, "x").scope},
		{name: "no versions", msg: as(func(m *message) { m.Versions = nil })},
		{name: "nine versions", msg: as(func(m *message) { m.Versions = []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9} })},
		{name: "version twice", msg: as(func(m *message) { m.Versions = []uint16{1, 1} })},
		{name: "versions descend", msg: as(func(m *message) { m.Versions = []uint16{2, 1} })},
		{name: "version over a byte", msg: as(func(m *message) { m.Versions = []uint16{1, 256} })},
		{name: "31 tags", msg: as(func(m *message) { m.Tags = m.Tags[:31] })},
		{name: "33 tags", msg: as(func(m *message) { m.Tags = append(m.Tags, Tag{0xff, 0xff}) })},
		{name: "tags out of order", msg: as(func(m *message) { m.Tags[0], m.Tags[1] = m.Tags[1], m.Tags[0] })},
		{name: "another's kem key", msg: as(func(m *message) { m.Kem = other.Kem.PublicKey })},
		{name: "another's kem value", msg: as(func(m *message) { m.Kem.U = other.Kem.U })},
		{name: "another's signing value", msg: as(func(m *message) { m.Sig.U = other.Sig.U })},
		{name: "another's R", msg: as(func(m *message) { m.Sig.R = other.Sig.R })},
		{name: "identity for kem R", msg: as(func(m *message) { m.Kem.R = [group.Size]byte{} })},
		{name: "identity for U", msg: as(func(m *message) { m.Sig.U = [group.Size]byte{} })},
		{name: "trailing byte", msg: append(slices.Clone(untouched), 0)},
		{name: "cut off", msg: untouched[:len(untouched)-1]},
		{name: "empty"},
		{name: "over the limit", msg: make([]byte, 4096)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if tc.in == nil {
				tc.in = w.scope
			}
			h, p, err := Decode(tc.in, tc.msg)
			if tc.ok != (err == nil) || !tc.ok && (!errors.Is(err, ErrHello) || h != nil || p != nil) {
				t.Fatalf("got %v, %v, %v", h, p, err)
			}
		})
	}
}

// TestUnissuedKeyCannotSayHello holds that a device whose keys the issuers do
// not know is refused, although it knows what it signs with.
func TestUnissuedKeyCannotSayHello(t *testing.T) {
	w, elsewhere := newWorld(t, "here"), newWorld(t, "elsewhere")
	stranger := elsewhere.device(t)
	msg := elsewhere.signed(t, stranger, func(*message) {})
	if _, _, err := Decode(elsewhere.scope, msg); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Decode(w.scope, w.signed(t, stranger, func(*message) {})); err != ErrHello {
		t.Fatalf("a stranger is greeted: %v", err)
	}
}

// TestBitFlips changes every bit of a hello; the short form every eleventh.
func TestBitFlips(t *testing.T) {
	w := newWorld(t, "flips")
	msg := w.signed(t, w.device(t), func(*message) {})
	step := 1
	if testing.Short() {
		step = 11
	}
	for bit := 0; bit < 8*len(msg); bit += step {
		msg[bit/8] ^= 1 << (bit % 8)
		if _, _, err := Decode(w.scope, msg); err == nil {
			t.Errorf("bit %d of byte %d is not protected", bit%8, bit/8)
		}
		msg[bit/8] ^= 1 << (bit % 8)
	}
	if _, _, err := Decode(w.scope, msg); err != nil {
		t.Fatal(err)
	}
}

func FuzzHello(f *testing.F) {
	w := newWorld(f, "vecino golden hello 1")
	keys := w.device(f)
	f.Fuzz(func(t *testing.T, msg []byte) {
		h, p, err := Decode(w.scope, msg)
		if (h == nil) != (err != nil) || (p == nil) != (err != nil) || err != nil && err != ErrHello {
			t.Fatalf("got %v, %v, %v", h, p, err)
		}
		if err == nil && (h.Sig != keys.Sig.PublicKey || h.Kem.U != keys.Kem.U) {
			t.Fatal("a hello of nobody")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	w := newWorld(b, "bench")
	msg := w.signed(b, w.device(b), func(*message) {})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decode(w.scope, msg); err != nil {
			b.Fatal(err)
		}
	}
}
