// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestRekeyRefused are rekeys that bring no key: forged ones, those of others,
// and ones that issuers signed and that are wrong all the same.
func TestRekeyRefused(t *testing.T) {
	b := newBench(t, "refused")
	ann := b.move(t, "ann")
	b.move(t, "eve")
	_, held := b.keeper[0].Charter()
	msg := b.evict(t, 0, "eve")
	var a rekeyAnswer
	var body rekeyBody
	if err := errors.Join(rekeyDecoder.Unmarshal(msg, &a), bodyDecoder.Unmarshal(a.Body, &body)); err != nil {
		t.Fatal(err)
	}
	signed, c, _, err := decodeRekey(msg, held)
	if err != nil {
		t.Fatal(err)
	}
	council := Alone{Keys: b.p, Rand: b.rand}
	with := func(change func(*rekeyBody)) []byte {
		m := body
		m.Slots = slices.Clone(body.Slots)
		change(&m)
		raw := wire.MustMarshal(m)
		return encodeRekey(signed, raw, *must(council.Attest(raw))(t))
	}
	stranger := newBench(t, "stranger")
	own := slices.IndexFunc(c.Members, func(m issuer.Member) bool { return m.Name == "ann" })
	forged := func() []byte {
		raw := must(newRekey(c, b.now, [32]byte{1}))(t)
		return encodeRekey(signed, raw, *must(Alone{Keys: stranger.p, Rand: b.rand}.Attest(raw))(t))
	}
	foreign := func() []byte {
		stranger.move(t, "eve")
		return stranger.evict(t, 0, "eve")
	}
	for name, tc := range map[string]struct {
		msg  []byte
		want error
	}{
		"nothing":                {nil, ErrRekey},
		"charter":                {EncodeCharter(signed), ErrRekey},
		"another's signature":    {forged(), ErrRekey},
		"another neighbourhood":  {foreign(), ErrRekey},
		"label":                  {with(func(m *rekeyBody) { m.Label = wire.LabelDeny }), ErrRekey},
		"nbhd":                   {with(func(m *rekeyBody) { m.Nbhd[0] ^= 1 }), ErrRekey},
		"generation":             {with(func(m *rekeyBody) { m.Gen++ }), ErrRekey},
		"v":                      {with(func(m *rekeyBody) { m.V++ }), ErrRekey},
		"at beyond all numbers":  {with(func(m *rekeyBody) { m.At = maxUnix + 1 }), ErrRekey},
		"charter's hash":         {with(func(m *rekeyBody) { m.Charter[0] ^= 1 }), ErrRekey},
		"slot missing":           {with(func(m *rekeyBody) { m.Slots = m.Slots[1:] }), ErrRekey},
		"slot too long":          {with(func(m *rekeyBody) { m.Slots[0] = append(bytes.Clone(m.Slots[0]), 0) }), ErrRekey},
		"at, in the signed text": {with(func(m *rekeyBody) { m.At++ }), ErrSlot},
		"slots swapped":          {with(func(m *rekeyBody) { m.Slots[own], m.Slots[0] = m.Slots[0], m.Slots[own] }), ErrSlot},
		"slot broken":            {with(func(m *rekeyBody) { m.Slots[own] = bytes.Repeat([]byte{7}, slotSize) }), ErrSlot},
		"another key inside": {with(func(m *rekeyBody) {
			x := ann.id.X25519()
			m.Slots[own] = must(issuer.SealTo(x, m.slotInfo(x), make([]byte, 32)))(t)
		}), ErrSlot},
		"short key inside": {with(func(m *rekeyBody) {
			x := ann.id.X25519()
			m.Slots[own] = append(must(issuer.SealTo(x, m.slotInfo(x), make([]byte, 31)))(t), 0)
		}), ErrSlot},
		"bytes behind": {append(bytes.Clone(msg), 0), ErrRekey},
	} {
		if n, err := OpenRekey(tc.msg, held, ann.id); !errors.Is(err, tc.want) || n != nil {
			t.Errorf("%s: %v, %v", name, n, err)
		}
	}
	if n := must(OpenRekey(msg, held, ann.id))(t); n.K != b.keyOf(t, msg, 0) {
		t.Error("the unchanged rekey brings another key")
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(msg); i += step {
		flipped := bytes.Clone(msg)
		flipped[i] ^= 1 << (i % 8)
		if n, err := OpenRekey(flipped, held, ann.id); err == nil {
			t.Fatalf("a bit of byte %d is flipped: %+v", i, n)
		}
	}
}

// keyOf returns the key that issuer i finds in a rekey.
func (b *bench) keyOf(t testing.TB, msg []byte, i int) [pseudonym.KeySize]byte {
	t.Helper()
	_, held := b.keeper[i].Charter()
	return must(OpenRekey(msg, held, b.ids[i]))(t).K
}

// TestRekeyAfterNewP brings one up to date who slept while the issuers' key P
// changed, and an eviction after it.
func TestRekeyAfterNewP(t *testing.T) {
	b := newBench(t, "new P")
	sleeper, awake := b.move(t, "sleeper"), b.move(t, "awake")
	b.move(t, "eve")
	old, fresh := b.p, must(issuer.Found(b.rand))(t)
	_, held := b.keeper[0].Charter()
	next := *held
	next.Gen, next.P = next.Gen+1, fresh.P
	signed := must(fresh.SignCharter(b.rand, &next))(t)
	second := must(frost.SignAlone(b.rand, frost.Share{Index: 1, Secret: old.Share.Secret}, old.P, signed.Charter))(t)
	signed.Signatures = append(signed.Signatures, issuer.Signature(second))
	b.p = fresh
	for _, k := range b.keeper {
		if err := k.Adopt(signed, &next); err != nil {
			t.Fatal(err)
		}
	}
	if err := awake.hear(EncodeCharter(signed)); err != nil || awake.held.P != fresh.P {
		t.Fatalf("the new P is not taken: %v", err)
	}
	msg := b.evict(t, 0, "eve")
	if err := awake.hear(msg); err != nil {
		t.Fatal(err)
	}
	if err := sleeper.hear(msg); !errors.Is(err, ErrRekey) {
		t.Errorf("a rekey under a P that follows nothing: %v", err)
	}
	awake.archive = *must(DecodeArchive(awake.archive.Encode()))(t)
	for _, m := range awake.archive.Answer(EncodeSync(sleeper.held, sleeper.ring), b.now) {
		if err := sleeper.hear(m); err != nil {
			t.Error(err)
		}
	}
	if sleeper.ring.Gen() != awake.ring.Gen() || sleeper.held.P != fresh.P {
		t.Error("the sleeper is not up to date")
	}
}

// TestKeyring takes keys in any order, keeps the last, and shows each at its time.
func TestKeyring(t *testing.T) {
	now := time.Unix(1000, 0)
	key := func(gen, v uint32, at int64) *NewKey {
		return &NewKey{Charter: &issuer.Charter{Gen: gen, V: v}, At: time.Unix(at, 0), K: [32]byte{byte(gen)}}
	}
	r := NewKeyring([32]byte{5}, 5, 1)
	for _, tc := range []struct {
		n    *NewKey
		want bool
	}{
		{key(4, 2, 1), false}, {key(5, 2, 1), false}, {key(6, 1, 1), false}, // what it has, or from before it joined
		{key(7, 2, 1100), true}, {key(7, 2, 1100), false}, {key(6, 3, 0), false},
	} {
		if r.Add(tc.n) != tc.want {
			t.Errorf("generation %d, %d evictions: %v", tc.n.Charter.Gen, tc.n.Charter.V, !tc.want)
		}
	}
	for at, want := range map[int64]byte{0: 5, 1099: 5, 1100: 7, 9999: 7} {
		if got := r.Current(time.Unix(at, 0)); got != [32]byte{want} {
			t.Errorf("at %d: key %d, want %d", at, got[0], want)
		}
	}
	if at, ok := r.Next(now); !ok || at.Unix() != 1100 {
		t.Errorf("next at %v, %v", at, ok)
	}
	if _, ok := r.Next(time.Unix(1100, 0)); ok {
		t.Error("a key that counts is still to come")
	}
	r.Add(key(8, 3, 1050)) // a later eviction whose time comes first
	if r.Current(time.Unix(1060, 0)) != [32]byte{8} || r.Current(time.Unix(1100, 0)) != [32]byte{8} {
		t.Error("an older key comes back")
	}
	for gen := uint32(9); gen < 30; gen++ {
		r.Add(key(gen, gen, int64(gen)))
	}
	back := must(DecodeKeyring(r.Encode()))(t)
	if keys := back.DoorKeys(); len(keys) != MaxKeys || keys[0] != MemberKey([32]byte{29}) || keys[7] != MemberKey([32]byte{22}) {
		t.Errorf("%d keys are kept", len(keys))
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "no key": wire.MustMarshal(savedKeyring{Version: 1}), "later": wire.MustMarshal(savedKeyring{Version: 2, Keys: r.keys}),
		"too many":     wire.MustMarshal(savedKeyring{Version: 1, Keys: append([]ringKey{{}}, r.keys...)}),
		"out of order": wire.MustMarshal(savedKeyring{Version: 1, Keys: []ringKey{{Gen: 2, V: 1}, {Gen: 1, V: 2}}}),
		"v twice":      wire.MustMarshal(savedKeyring{Version: 1, Keys: []ringKey{{Gen: 1, V: 1}, {Gen: 2, V: 1}}}),
		"time":         wire.MustMarshal(savedKeyring{Version: 1, Keys: []ringKey{{At: maxUnix + 1}}}),
	} {
		if _, err := DecodeKeyring(b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
