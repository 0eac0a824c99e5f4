// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestJoin goes from the invite to the welcome, and on to the first keys.
func TestJoin(t *testing.T) {
	h := newHouse(t, "join")
	invite := must(ParseCode(h.invite(t).Code()))(t)
	id := h.identity(t)
	j := must(NewJoining(h.rand, invite, id, "kitchen"))(t)
	before, _ := h.Charter()
	h.disk.calls = nil
	answer, charter, err := h.Answer(invite.J, j.Request())
	if err != nil || charter == nil || charter == before {
		t.Fatalf("charter %v, %v", charter, err)
	}
	if want := []string{"guests", "charter", "guests"}; !slices.Equal(h.disk.calls, want) {
		t.Errorf("written are %v, want %v", h.disk.calls, want)
	}
	w := must(j.Handle(answer))(t)
	if w.K != h.K || !w.Time.Equal(h.now) || w.Charter.Gen != 1 || w.Signed.Hash() != charter.Hash() {
		t.Errorf("welcome %+v", w)
	}
	if m := w.Charter.Member(id.Ed25519()); m == nil || m.Name != "kitchen" || m.X25519 != id.X25519() {
		t.Errorf("own entry %+v", m)
	}
	if h.disk.charter.Hash() != charter.Hash() || !charter.Follows(w.Charter, mustCharter(t, before)) {
		t.Error("the charter is not the next one, or not on the disk")
	}
	signed, c, ok := DecodeCharter(EncodeCharter(charter))
	if !ok || signed.Hash() != charter.Hash() || len(c.Members) != 2 {
		t.Error("members cannot read the new charter")
	}
	if _, _, ok := DecodeCharter(answer); ok {
		t.Error("an answer to one who joins is taken for a charter")
	}
}

func mustCharter(t *testing.T, s *issuer.SignedCharter) *issuer.Charter {
	t.Helper()
	_, c, err := issuer.DecodeCharter(s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRetry asks again and again: also after a restart on either side, and after
// the invite has run out, the answer is the same welcome and the charter stays.
func TestRetry(t *testing.T) {
	h := newHouse(t, "retry")
	invite, id := h.invite(t), h.identity(t)
	first := must(NewJoining(h.rand, invite, id, "kitchen"))(t)
	w := must(h.knock(t, first))(t)
	again := must(NewJoining(h.rand, invite, id, "kitchen"))(t)
	for name, step := range map[string]func(){
		"at once":         func() {},
		"after a restart": func() { h.restart(t) },
		"later":           func() { h.now = h.now.Add(2 * time.Hour) },
	} {
		step()
		for _, j := range []*Joining{first, again} {
			answer, charter, err := h.Answer(invite.J, j.Request())
			if err != nil || charter != nil {
				t.Fatalf("%s: charter %v, %v", name, charter, err)
			}
			got := must(j.Handle(answer))(t)
			if got.Signed.Hash() != w.Signed.Hash() || got.K != w.K {
				t.Errorf("%s: another welcome", name)
			}
		}
	}
	other := h.invite(t) // a member that lost its answer may come with a new invite
	must(h.knock(t, must(NewJoining(h.rand, other, id, "kitchen"))(t)))(t)
	must(h.knock(t, h.joining(t, other, "cellar")))(t)
	if got := h.members(); !slices.Equal(got, []string{"founder", "kitchen", "cellar"}) {
		t.Errorf("members %v", got)
	}
}

// TestTurnedDown are the requests to which the answer is no, in words.
func TestTurnedDown(t *testing.T) {
	for name, tc := range map[string]struct {
		knock func(h *house, i *Invite) *Joining
		want  string
	}{
		"second identity": {func(h *house, i *Invite) *Joining {
			must(h.knock(t, h.joining(t, i, "first")))(t)
			return h.joining(t, i, "second")
		}, "used by another device"},
		"second agreement key": {func(h *house, i *Invite) *Joining {
			id := h.identity(t)
			must(h.knock(t, must(NewJoining(h.rand, i, id, "first"))(t)))(t)
			id.Agree = h.identity(t).Agree
			return must(NewJoining(h.rand, i, id, "first"))(t)
		}, "used by another device"},
		"expired": {func(h *house, i *Invite) *Joining {
			h.now = h.now.Add(time.Hour)
			return h.joining(t, i, "late")
		}, "run out"},
		"name of a member": {func(h *house, i *Invite) *Joining { return h.joining(t, i, "founder") }, `"founder" is taken`},
		"keys of a member": {func(h *house, i *Invite) *Joining {
			id := h.identity(t)
			id.Agree = h.founder.Agree
			return must(NewJoining(h.rand, i, id, "thief"))(t)
		}, "same keys"},
		"a member with another key": {func(h *house, i *Invite) *Joining {
			id := h.identity(t)
			id.Sign = h.founder.Sign
			return must(NewJoining(h.rand, i, id, "changed"))(t)
		}, "same keys"},
		"bad name": {func(h *house, i *Invite) *Joining {
			return h.withRequest(t, h.joining(t, i, "good"), func(r *joinRequest) { r.Name = "B\x1b" + strings.Repeat("d", 9000) })
		}, "name does not do"},
		"full": {func(h *house, i *Invite) *Joining {
			last := h.joining(t, i, "last")
			for n := 1; n < issuer.MaxMembers; n++ {
				must(h.knock(t, h.joining(t, h.invite(t), fmt.Sprintf("m%d", n))))(t)
			}
			if _, err := h.Invite(time.Hour); err == nil || !strings.Contains(err.Error(), "full") {
				t.Errorf("an invite to a full neighbourhood: %v", err)
			}
			return last
		}, "full: it has 32 members"},
		"removed": {func(h *house, i *Invite) *Joining {
			j := h.joining(t, i, "gone")
			must(h.knock(t, j))(t)
			s, c := h.Charter()
			without := *c
			without.Members = without.Members[:1]
			h.Load(s, &without, h.disk.guests)
			return j
		}, "was used"},
		"removed after a power cut": {func(h *house, i *Invite) *Joining {
			j := h.joining(t, i, "gone")
			h.disk.fail = 3 // the charter is written, not that it was
			if _, charter, err := h.Answer(i.J, j.Request()); !errors.Is(err, errDisk) || charter == nil {
				t.Errorf("charter %v, %v", charter, err)
			}
			h.restart(t)
			guests := h.guests
			s, c := h.Charter()
			without := *c
			without.Members = without.Members[:1]
			h.Load(s, &without, guests)
			return j
		}, "was used"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "turned down")
			j := tc.knock(h, h.invite(t))
			members := h.members()
			if reason, refused := h.reason(t, j); !refused || !strings.Contains(reason, tc.want) {
				t.Errorf("refused %v: %s", refused, reason)
			}
			if got := h.members(); !slices.Equal(got, members) {
				t.Errorf("members %v, before %v", got, members)
			}
		})
	}
}

// withRequest replaces the request of one who joins by a changed one with a right
// signature.
func (h *house) withRequest(t testing.TB, j *Joining, change func(r *joinRequest)) *Joining {
	t.Helper()
	var r joinRequest
	if err := decoder.Unmarshal(j.request, &r); err != nil {
		t.Fatal(err)
	}
	change(&r)
	copy(r.Signature[:], signWith(j.id, r.signed(j.invite.Nbhd)))
	changed := *j
	changed.request = wire.MustMarshal(r)
	return &changed
}

// forgeWeak puts into a request the signature that holds for any message under
// the identity element as a key: R = B and s = 1, where h*A is always nothing.
func forgeWeak(t testing.TB, j *Joining) []byte {
	t.Helper()
	var r joinRequest
	if err := decoder.Unmarshal(j.request, &r); err != nil {
		t.Fatal(err)
	}
	base := []byte{0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}
	copy(r.Signature[:], append(append(base, bytes.Repeat([]byte{0x66}, 16)...), 1))
	clear(r.Signature[33:])
	if !ed25519.Verify(r.Ed25519[:], r.signed(j.invite.Nbhd), r.Signature[:]) {
		t.Fatal("the forged signature does not verify")
	}
	return wire.MustMarshal(r)
}

// TestNoAnswer are messages to which there is none.
func TestNoAnswer(t *testing.T) {
	h := newHouse(t, "no answer")
	i := h.invite(t)
	j := h.joining(t, i, "kitchen")
	elsewhere := *i
	elsewhere.Nbhd[0]++
	calls := len(h.disk.calls)
	for name, tc := range map[string]struct {
		j   [16]byte
		msg []byte
	}{
		"unknown invite":        {[16]byte{1}, j.Request()},
		"empty":                 {i.J, nil},
		"trailing byte":         {i.J, append(bytes.Clone(j.Request()), 0)},
		"over the limit":        {i.J, make([]byte, maxMessage+1)},
		"another neighbourhood": {i.J, h.joining(t, &elsewhere, "kitchen").Request()},
		"another kind":          {i.J, h.withRequest(t, j, func(r *joinRequest) { r.Kind = kindCharter }).Request()},
		"weak reply key":        {i.J, h.withRequest(t, j, func(r *joinRequest) { r.Reply = issuer.Pub{} }).Request()},
		"weak agreement key":    {i.J, h.withRequest(t, j, func(r *joinRequest) { r.X25519 = issuer.Pub{1} }).Request()},
		"weak identity":         {i.J, h.withRequest(t, j, func(r *joinRequest) { r.Ed25519 = issuer.Pub{1} }).Request()},
		"weak identity, signed": {i.J, forgeWeak(t, h.withRequest(t, j, func(r *joinRequest) { r.Ed25519 = issuer.Pub{1} }))},
		"another's identity":    {i.J, h.withRequest(t, j, func(r *joinRequest) { r.Ed25519 = h.founder.Ed25519() }).Request()},
		"a charter":             {i.J, EncodeCharter(h.signed)},
	} {
		answer, charter, err := h.Answer(tc.j, tc.msg)
		if err != ErrRequest || answer != nil || charter != nil {
			t.Errorf("%s: answer %x, %v", name, answer, err)
		}
	}
	request := bytes.Clone(j.Request())
	for bit := range 8 * len(request) {
		request[bit/8] ^= 1 << (bit % 8)
		if _, _, err := h.Answer(i.J, request); err != ErrRequest {
			t.Errorf("bit %d of byte %d: %v", bit%8, bit/8, err)
		}
		request[bit/8] ^= 1 << (bit % 8)
	}
	if len(h.disk.calls) != calls || len(h.members()) != 1 {
		t.Error("something was written")
	}
	if _, _, err := new(Keeper).Answer(i.J, request); err != ErrRequest {
		t.Errorf("the zero keeper: %v", err)
	}
	if _, err := new(Keeper).Invite(time.Hour); err == nil {
		t.Error("the zero keeper invites")
	}
	must(h.knock(t, j))(t)
}

// TestRegistryFails lets each write of a join fail in turn. Nothing is said, and
// whoever asks again after the disk is mended gets in once.
func TestRegistryFails(t *testing.T) {
	for fail := 1; fail <= 3; fail++ {
		t.Run(fmt.Sprintf("write %d", fail), func(t *testing.T) {
			h := newHouse(t, "registry")
			j := h.joining(t, h.invite(t), "kitchen")
			h.disk.fail = fail
			answer, charter, err := h.Answer(j.invite.J, j.Request())
			if answer != nil || !errors.Is(err, errDisk) {
				t.Fatalf("answer %x, %v", answer, err)
			}
			in := fail == 3 // the charter was written before
			if (len(h.members()) == 2) != in || (charter != nil) != in || (h.disk.charter.Hash() == h.signed.Hash()) != true {
				t.Errorf("members %v, charter %v", h.members(), charter)
			}
			h.restart(t)
			must(h.knock(t, j))(t)
			must(h.knock(t, j))(t)
			if got := h.members(); !slices.Equal(got, []string{"founder", "kitchen"}) {
				t.Errorf("members %v", got)
			}
		})
	}
}
