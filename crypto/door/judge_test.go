// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestEvictRefuses are evictions that are not proposed, or not agreed to.
func TestEvictRefuses(t *testing.T) {
	b := newBench(t, "refuse")
	b.move(t, "eve")
	k := b.keeper[0]
	for name, err := range map[string]error{
		"too soon":       k.Evict("eve", b.now.Add(MinNotice-1)),
		"too late":       k.Evict("eve", b.now.Add(MaxNotice+time.Second)),
		"nobody":         k.Evict("adam", b.now.Add(MinNotice)),
		"no place":       (&Keeper{Now: k.Now, Rand: k.Rand, c: k.c}).Evict("eve", b.now.Add(MinNotice)),
		"no charter":     (&Keeper{}).Evict("eve", b.now.Add(MinNotice)),
		"judged, none":   (&Keeper{}).Judge(k.c),
		"rekey, none":    (&Keeper{}).JudgeRekey(nil, b.ids[0]),
		"nothing to say": func() error { _, err := k.Enact(); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: agreed", name)
		}
	}
	h := newHouse(t, "last")
	h.Evictions = &benchDisk{}
	if err := h.Evict("founder", h.now.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "only member") {
		t.Errorf("the last member: %v", err)
	}
	b.disks[0].fail = 1
	if err := k.Evict("eve", b.now.Add(MinNotice)); !errors.Is(err, errDisk) || k.eviction != nil {
		t.Errorf("an eviction that is not written: %v", err)
	}
}

// TestJudge is what the other issuers agree to: one charter and one rekey, kept
// across a restart, until it is over.
func TestJudge(t *testing.T) {
	b := newBench(t, "judge")
	b.move(t, "ann")
	b.move(t, "eve")
	at := b.now.Add(MinNotice)
	if err := b.keeper[0].Evict("eve", at); err != nil {
		t.Fatal(err)
	}
	c := must(b.keeper[0].eviction.charter())(t)
	rekey := b.keeper[0].eviction.Rekey
	k := b.keeper[1]
	if m := Evicts(k.c, c); m == nil || m.Name != "eve" {
		t.Fatalf("removed is %+v", m)
	}
	if err := k.JudgeRekey(rekey, b.ids[1]); err == nil {
		t.Error("a rekey without its charter")
	}
	for name, change := range map[string]func(c *issuer.Charter){
		"v":          func(c *issuer.Charter) { c.V++ },
		"generation": func(c *issuer.Charter) { c.Gen = k.c.Gen },
		"nobody":     func(c *issuer.Charter) { c.Members = k.c.Members },
		"two":        func(c *issuer.Charter) { c.Members = c.Members[:3] },
		"t":          func(c *issuer.Charter) { c.T = 3 },
	} {
		bad := *c
		change(&bad)
		if k.Judge(&bad) == nil {
			t.Errorf("another %s: agreed", name)
		}
	}
	for range 2 {
		if err := k.Judge(c); err != nil {
			t.Fatal(err)
		}
		b.restart(t, 1)
		k = b.keeper[1]
	}
	ann := slices.IndexFunc(k.c.Members, func(m issuer.Member) bool { return m.Name == "ann" })
	if err := k.Judge(without(k.c, ann)); err == nil {
		t.Error("two evictions of one generation")
	}
	later := without(k.c, ann)
	later.Gen++
	if err := k.Judge(later); err == nil {
		t.Error("a later charter that names the one who goes")
	}
	joins := *k.c
	joins.Gen += 2
	joins.Members = append(slices.Clone(joins.Members), issuer.Member{Name: "new"})
	if err := k.Approve(&joins); !errors.Is(err, errEvicting) {
		t.Errorf("somebody joins beside the one who goes: %v", err)
	}
	wrong := must(newRekey(c, at, [32]byte{9}))(t)
	var body rekeyBody
	if err := bodyDecoder.Unmarshal(wrong, &body); err != nil {
		t.Fatal(err)
	}
	own := slices.IndexFunc(c.Members, func(m issuer.Member) bool { return m.Ed25519 == b.ids[1].Ed25519() })
	body.Slots[own][40] ^= 1
	if err := k.JudgeRekey(wire.MustMarshal(body), b.ids[1]); !errors.Is(err, ErrSlot) {
		t.Errorf("own slot is broken: %v", err)
	}
	if err := k.JudgeRekey(must(newRekey(c, b.now.Add(MinNotice/2-time.Second), [32]byte{9}))(t), b.ids[1]); err == nil {
		t.Error("no time to be heard")
	}
	for range 2 {
		if err := k.JudgeRekey(rekey, b.ids[1]); err != nil {
			t.Fatal(err)
		}
		b.restart(t, 1)
		k = b.keeper[1]
	}
	if err := k.JudgeRekey(wrong, b.ids[1]); err == nil {
		t.Error("two rekeys for one charter")
	}
	b.restart(t, 0)
	b.down[0] = true // the one who proposed it is gone; another issuer ends it
	b.deliverUp(t, must(k.Enact())(t))
	if b.keeper[2].c.V != 1 || b.keeper[1].c.V != 1 {
		t.Error("the eviction does not go on without the one who proposed it")
	}
}

// deliverUp gives a rekey to the issuers that are up.
func (b *bench) deliverUp(t testing.TB, msg []byte) {
	t.Helper()
	for j := range b.keeper {
		if b.down[j] {
			continue
		}
		n := must(OpenRekey(msg, b.keeper[j].c, b.ids[j]))(t)
		if err := b.keeper[j].Adopt(n.Signed, n.Charter); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJoinsWait holds that nobody is let in while the key changes: there would be
// no slot for it.
func TestJoinsWait(t *testing.T) {
	b := newBench(t, "wait")
	b.move(t, "eve")
	if err := b.keeper[0].Evict("eve", b.now.Add(MinNotice)); err != nil {
		t.Fatal(err)
	}
	j := must(NewJoining(b.rand, b.invite(t, 0), must(issuer.NewIdentity(b.rand))(t), "new"))(t)
	expectWait := func(when string) {
		t.Helper()
		var wait *WaitError
		if w, err := b.knock(0, j); w != nil || !errors.As(err, &wait) || wait.Refused {
			t.Errorf("%s: %v, %v", when, w, err)
		}
	}
	expectWait("while the issuers sign")
	msg := must(b.keeper[0].Enact())(t)
	expectWait("before the issuer has the key itself")
	b.deliver(t, msg)
	expectWait("before the key counts")
	b.now = b.now.Add(MinNotice)
	b.tellAll(t)
	b.knock(0, j)
	b.tellAll(t)
	w := must(b.knock(0, j))(t)
	if w == nil || w.K != b.rings[1].Current(b.now) || w.Charter.V != 1 {
		t.Errorf("afterwards: %+v", w)
	}
}

// TestEnactAlone has a neighbourhood's only issuer crash at each write and go on.
func TestEnactAlone(t *testing.T) {
	for fail := range 3 {
		h := newHouse(t, "alone")
		disk := &benchDisk{memRegistry: memRegistry{charter: h.disk.charter}}
		boot := func() {
			h.Keeper = &Keeper{Keys: h.keys, K: h.K, Registry: disk, Evictions: disk, Rand: h.rand, Now: func() time.Time { return h.now }}
			s, c, err := issuer.DecodeCharter(disk.charter.Encode())
			if err != nil {
				t.Fatal(err)
			}
			h.Load(s, c, disk.guests)
			if disk.eviction != nil {
				if err := h.LoadEviction(disk.eviction); err != nil {
					t.Fatal(err)
				}
			}
		}
		boot()
		j := h.joining(t, h.invite(t), "eve")
		must(h.knock(t, j))(t)
		if err := h.Evict("eve", h.now.Add(MinNotice)); err != nil {
			t.Fatal(err)
		}
		body := bytes.Clone(h.eviction.Rekey)
		disk.fail = fail
		if _, err := h.Enact(); (err != nil) != (fail > 0) {
			t.Fatalf("write %d fails: %v", fail, err)
		}
		boot()
		msg := must(h.Enact())(t)
		var a rekeyAnswer
		if err := rekeyDecoder.Unmarshal(msg, &a); err != nil || !bytes.Equal(a.Body, body) {
			t.Errorf("write %d fails: another key is sealed afterwards, %v", fail, err)
		}
		if _, c := h.Charter(); c.V != 1 || len(c.Members) != 1 {
			t.Errorf("write %d fails: charter %+v", fail, c)
		}
		if _, refused := h.reason(t, j); !refused {
			t.Errorf("write %d fails: the invite lets in again", fail)
		}
	}
}
