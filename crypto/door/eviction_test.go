// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// resident is a member's device: its identity, the charter that it holds, its keys.
type resident struct {
	name    string
	id      *issuer.Identity
	signed  *issuer.SignedCharter
	held    *issuer.Charter
	ring    *Keyring
	archive Archive
	evicted bool
}

// move lets a device in at issuer 0.
func (b *bench) move(t testing.TB, name string) *resident {
	t.Helper()
	b.tellAll(t)
	r := &resident{name: name, id: must(issuer.NewIdentity(b.rand))(t)}
	j := must(NewJoining(b.rand, b.invite(t, 0), r.id, name))(t)
	b.knock(0, j)
	b.tellAll(t)
	w := must(b.knock(0, j))(t)
	if w == nil {
		t.Fatal("no welcome")
	}
	b.tellAll(t)
	r.take(w)
	return r
}

func (r *resident) take(w *Welcome) {
	r.signed, r.held, r.ring = w.Signed, w.Charter, NewKeyring(w.K, w.Charter.Gen, w.Charter.V)
}

// hear takes a message of type 18 as a member does.
func (r *resident) hear(msg []byte) error {
	if s, c, ok := DecodeCharter(msg); ok {
		if s.Follows(c, r.held) {
			r.signed, r.held = s, c
			r.archive.Keep(s, c)
		}
		return nil
	}
	n, err := OpenRekey(msg, r.held, r.id)
	if errors.Is(err, ErrEvicted) {
		r.evicted = true
	}
	if err != nil {
		return err
	}
	r.ring.Add(n)
	r.archive.KeepRekey(msg)
	if n.Signed.Follows(n.Charter, r.held) {
		r.signed, r.held = n.Signed, n.Charter
	}
	return nil
}

// evict removes a member by issuer i, and gives the other issuers their keys.
func (b *bench) evict(t testing.TB, i int, name string) []byte {
	t.Helper()
	if err := b.keeper[i].Evict(name, b.now.Add(MinNotice)); err != nil {
		t.Fatal(err)
	}
	msg := must(b.keeper[i].Enact())(t)
	if msg == nil {
		t.Fatal("the issuers are at it for ever")
	}
	b.deliver(t, msg)
	return msg
}

// deliver gives a rekey to all issuers, as members.
func (b *bench) deliver(t testing.TB, msg []byte) {
	t.Helper()
	for j := range b.keeper {
		_, held := b.keeper[j].Charter()
		n, err := OpenRekey(msg, held, b.ids[j])
		if err != nil {
			t.Fatal(err)
		}
		b.rings[j].Add(n)
		if err := b.keeper[j].Adopt(n.Signed, n.Charter); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEviction removes one of three residents: the others have the new K when it
// counts, and the one who goes has nothing.
func TestEviction(t *testing.T) {
	b := newBench(t, "eviction")
	ann, bob, eve := b.move(t, "ann"), b.move(t, "bob"), b.move(t, "eve")
	before := ann.ring.Current(b.now)
	msg := b.evict(t, 0, "eve")
	for _, r := range []*resident{ann, bob} {
		if err := r.hear(msg); err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		if at, ok := r.ring.Next(b.now); !ok || !at.Equal(b.now.Add(MinNotice)) || r.ring.Current(b.now) != before {
			t.Errorf("%s: next key at %v, %v", r.name, at, ok)
		}
		if r.held.V != 1 || r.held.Member(eve.id.Ed25519()) != nil {
			t.Errorf("%s holds charter %+v", r.name, r.held)
		}
	}
	if err := eve.hear(msg); !errors.Is(err, ErrEvicted) {
		t.Errorf("eve: %v", err)
	}
	b.now = b.now.Add(MinNotice)
	after := ann.ring.Current(b.now)
	if after == before || bob.ring.Current(b.now) != after || b.rings[2].Current(b.now) != after {
		t.Error("those who stay have different keys, or the old one")
	}
	if keys := ann.ring.DoorKeys(); len(keys) != 2 || keys[0] != MemberKey(after) || keys[1] != MemberKey(before) {
		t.Error("the door's keys are not the new one and the old one")
	}
	if w := b.move(t, "new"); w.ring.Current(b.now) != after {
		t.Error("one who joins afterwards gets another key")
	}
	noSlotOpens(t, msg, eve.id, after)
}

// noSlotOpens holds that an identity learns nothing of a key from a rekey: no
// slot opens with its key under the info of any member, and K is not in it.
func noSlotOpens(t testing.TB, msg []byte, id *issuer.Identity, k [pseudonym.KeySize]byte) {
	t.Helper()
	var a rekeyAnswer
	var b rekeyBody
	if err := errors.Join(rekeyDecoder.Unmarshal(msg, &a), bodyDecoder.Unmarshal(a.Body, &b)); err != nil {
		t.Fatal(err)
	}
	_, c, err := issuer.DecodeCharter(a.Charter)
	if err != nil {
		t.Fatal(err)
	}
	members := append(slices.Clone(c.Members), issuer.Member{X25519: id.X25519()})
	for i, slot := range b.Slots {
		for _, m := range members {
			if _, err := issuer.OpenWith(id.Agree, b.slotInfo(m.X25519), slot); err == nil {
				t.Errorf("slot %d opens to one who was removed", i)
			}
		}
	}
	if bytes.Contains(msg, k[:]) {
		t.Error("the key lies open in the rekey")
	}
}

// TestSleeper misses several evictions, and joins of others between: one answer
// brings it up to date. One that was removed meanwhile learns that, and no key.
func TestSleeper(t *testing.T) {
	b := newBench(t, "sleeper")
	sleeper, gone, awake := b.move(t, "sleeper"), b.move(t, "gone"), b.move(t, "awake")
	var keys [][32]byte
	for _, name := range []string{"x", "y", "gone", "z"} {
		if name != "gone" {
			x := b.move(t, name)
			if err := awake.hear(EncodeCharter(x.signed)); err != nil {
				t.Fatal(err)
			}
		}
		if err := awake.hear(b.evict(t, 1, name)); err != nil {
			t.Fatal(err)
		}
		b.now = b.now.Add(MinNotice)
		keys = append(keys, awake.ring.Current(b.now))
	}
	late := b.move(t, "late") // joined after all evictions
	if err := awake.hear(EncodeCharter(late.signed)); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(EncodeSync(sleeper.held, sleeper.ring), sleeper.id.Sign.Seed()[:4]) || len(EncodeSync(sleeper.held, sleeper.ring)) > 16 {
		t.Error("a request says more than two numbers")
	}
	for _, r := range []*resident{sleeper, gone} {
		b.now = b.now.Add(SyncEvery)
		for _, m := range awake.archive.Answer(EncodeSync(r.held, r.ring), b.now) {
			if err := r.hear(m); err != nil && !r.evicted {
				t.Errorf("%s: %v", r.name, err)
			}
			noSlotOpens(t, m, gone.id, keys[3])
		}
	}
	if sleeper.ring.Current(b.now) != keys[3] || sleeper.held.V != 4 {
		t.Errorf("the sleeper holds charter %d of %d evictions", sleeper.held.Gen, sleeper.held.V)
	}
	if !gone.evicted || gone.ring.Gen() != gone.held.Gen {
		t.Error("one who was removed does not learn it, or gets a key")
	}
	b.now = b.now.Add(SyncEvery)
	for name, out := range map[string][][]byte{
		"nothing missed":  awake.archive.Answer(EncodeSync(sleeper.held, sleeper.ring), b.now),
		"no request":      awake.archive.Answer(EncodeCharter(late.signed), b.now),
		"nothing":         awake.archive.Answer(nil, b.now),
		"an empty member": (&Archive{}).Answer(EncodeSync(gone.held, gone.ring), b.now),
	} {
		if out != nil {
			t.Errorf("%s: %d messages", name, len(out))
		}
	}
	if err := late.hear(awake.archive.Rekey()); !errors.Is(err, ErrRekey) || late.evicted {
		t.Errorf("a rekey from before the membership: %v", err)
	}
}

// TestAnswerIsBounded answers once, however many ask.
func TestAnswerIsBounded(t *testing.T) {
	b := newBench(t, "bounded")
	sleeper, awake := b.move(t, "sleeper"), b.move(t, "awake")
	b.move(t, "x")
	awake.hear(EncodeCharter(b.disks[0].charter))
	if err := awake.hear(b.evict(t, 1, "x")); err != nil {
		t.Fatal(err)
	}
	request := EncodeSync(sleeper.held, sleeper.ring)
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {0, 0}, {SyncEvery - 1, 0}, {1, 1}} {
		b.now = b.now.Add(tc.after)
		if got := len(awake.archive.Answer(request, b.now)); got != tc.want {
			t.Errorf("after %v: %d messages, want %d", tc.after, got, tc.want)
		}
	}
	b.now = b.now.Add(SyncEvery)
	awake.archive.Heard(b.now)
	if awake.archive.Answer(request, b.now.Add(SyncEvery-1)) != nil {
		t.Error("what another has just said is said again")
	}
}
