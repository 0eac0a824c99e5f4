// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"pgregory.net/rapid"
)

// slow is a council that needs a while.
type slow struct {
	Alone
	calls int
	err   error
	asked []*issuer.Charter
}

func (s *slow) Sign(c *issuer.Charter, rekey []byte) (*issuer.SignedCharter, error) {
	s.asked = append(s.asked, c)
	if s.err != nil {
		return nil, s.err
	}
	if s.calls--; s.calls >= 0 {
		return nil, nil
	}
	return s.Alone.Sign(c, rekey)
}

// TestWaitsWhileIssuersSign has one wait for the issuers, and another behind it.
func TestWaitsWhileIssuersSign(t *testing.T) {
	h := newHouse(t, "slow")
	council := &slow{Alone: Alone{h.keys, h.rand}, calls: 3}
	h.Council = council
	first, second := h.joining(t, h.invite(t), "first"), h.joining(t, h.invite(t), "second")
	for _, j := range []*Joining{first, second, first} {
		if reason, refused := h.reason(t, j); refused || !strings.Contains(reason, "signing") {
			t.Fatalf("refused %v: %s", refused, reason)
		}
	}
	for _, c := range council.asked {
		if c != council.asked[0] {
			t.Error("the issuers are asked for several charters at once")
		}
	}
	if signed := must(h.Settle())(t); signed == nil || len(h.members()) != 2 {
		t.Fatal("the charter is not there when the issuers are ready")
	}
	if signed := must(h.Settle())(t); signed != nil {
		t.Error("there is a second charter")
	}
	must(h.knock(t, first))(t)
	must(h.knock(t, second))(t)
	if got := h.members(); !slices.Equal(got, []string{"founder", "first", "second"}) {
		t.Errorf("members %v", got)
	}
}

// TestIssuersRefuse skips generations that others took, and comes back.
func TestIssuersRefuse(t *testing.T) {
	h := newHouse(t, "refuse")
	council := &slow{Alone: Alone{h.keys, h.rand}, err: errVote}
	h.Council = council
	j := h.joining(t, h.invite(t), "first")
	for range maxAhead + 2 {
		if _, charter, err := h.Answer(j.invite.J, j.Request()); !errors.Is(err, errVote) || charter != nil {
			t.Fatalf("got %v, %v", charter, err)
		}
	}
	var gens []uint32
	for _, c := range council.asked {
		gens = append(gens, c.Gen)
	}
	if gens[0] != 1 || gens[1] != 2 || gens[maxAhead] != maxAhead+1 || gens[maxAhead+1] != 1 {
		t.Errorf("generations %v", gens)
	}
	council.err = nil
	must(h.knock(t, j))(t)
	if _, c := h.Charter(); c.Gen != 2 {
		t.Errorf("generation %d", c.Gen)
	}
}

// TestAnyIssuerAnswers lets one in at an issuer that did not make its invite,
// while the one that did is down, and the answer is the same at the others.
func TestAnyIssuerAnswers(t *testing.T) {
	b := newBench(t, "any")
	invite := b.invite(t, 0)
	b.tellAll(t)
	b.down[0] = true
	j := must(NewJoining(b.rand, invite, must(issuer.NewIdentity(b.rand))(t), "kitchen"))(t)
	var wait *WaitError
	if _, err := b.knock(1, j); !errors.As(err, &wait) || wait.Refused { // issuer 2 does not know yet to whom the invite is bound
		t.Fatalf("before the issuers told each other: %v", err)
	}
	b.tell(t, 1, 2)
	w := must(b.knock(1, j))(t)
	if w == nil || w.Charter.Member(j.id.Ed25519()) == nil {
		t.Fatal("no welcome")
	}
	b.down[0] = false
	b.tellAll(t)
	for i := range 3 {
		w := must(b.knock(i, j))(t)
		if g := b.keeper[i].guests[0]; w == nil || !g.Joined || g.Ed25519 != j.id.Ed25519() {
			t.Errorf("issuer %d: welcome %v, guest %+v", i, w, g)
		}
	}
}

// TestLoserAsksAgain binds one invite at two issuers to two devices: one of them
// gets in, and the other is told to ask for a new invite.
func TestLoserAsksAgain(t *testing.T) {
	b := newBench(t, "loser")
	invite := b.invite(t, 0)
	b.tellAll(t)
	one := must(NewJoining(b.rand, invite, must(issuer.NewIdentity(b.rand))(t), "one"))(t)
	other := must(NewJoining(b.rand, invite, must(issuer.NewIdentity(b.rand))(t), "other"))(t)
	b.down[0], b.down[1], b.down[2] = false, true, true
	b.knock(0, one)
	b.down[0], b.down[1] = true, false
	b.knock(1, other)
	b.down = make([]bool, 3)
	welcomed, refused := 0, 0
	for range 20 {
		b.tellAll(t)
		for i := range 3 {
			b.knock(i, one)
			b.knock(i, other)
		}
	}
	for _, j := range []*Joining{one, other} {
		w, err := b.knock(2, j)
		var wait *WaitError
		switch {
		case w != nil:
			welcomed++
		case errors.As(err, &wait) && wait.Refused && strings.Contains(wait.Reason, "ask for a new one"):
			refused++
		}
	}
	// Both proposers keep their word to the one that they proposed; the third
	// decides, or another charter does.
	if welcomed > 1 || refused > 1 {
		t.Errorf("%d are welcome and %d turned down", welcomed, refused)
	}
	if welcomed == 0 {
		third := must(NewJoining(b.rand, b.invite(t, 2), must(issuer.NewIdentity(b.rand))(t), "third"))(t)
		for range 3 * (maxAhead + 1) {
			b.tellAll(t)
			b.knock(2, third)
			b.knock(2, one)
			b.knock(2, other)
		}
		b.tellAll(t)
		if w, _ := b.knock(2, third); w == nil {
			t.Error("a conflict keeps others out")
		}
		w1, _ := b.knock(2, one)
		w2, _ := b.knock(2, other)
		if (w1 == nil) == (w2 == nil) {
			t.Errorf("one: %v, other: %v", w1, w2)
		}
	}
}

// TestOneInviteOneDevice lets two devices try one invite at all issuers in any
// order, with issuers that go down, restart and tell each other late: no charter
// ever names both.
func TestOneInviteOneDevice(t *testing.T) {
	seed := newBench(t, "one device")
	ids := []*issuer.Identity{must(issuer.NewIdentity(seed.rand))(t), must(issuer.NewIdentity(seed.rand))(t)}
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, "one device")
		invite := b.invite(t, 0)
		b.tellAll(rt)
		devices := []*Joining{
			must(NewJoining(b.rand, invite, ids[0], "one"))(t),
			must(NewJoining(b.rand, invite, ids[1], "other"))(t),
		}
		third := func(name string) { // a charter that settles what was open
			j := must(NewJoining(b.rand, b.invite(t, 2), must(issuer.NewIdentity(b.rand))(t), name))(t)
			b.tell(rt, 2, 1)
			b.knock(2, j)
			b.tell(rt, 2, 1)
			b.knock(2, j)
		}
		for n := range rapid.IntRange(4, 16).Draw(rt, "steps") {
			i := rapid.IntRange(0, 2).Draw(rt, "issuer")
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0:
				b.down[i] = !b.down[i]
			case 1:
				b.restart(rt, i)
			case 2:
				b.tell(rt, i, rapid.IntRange(0, 2).Draw(rt, "to"))
			case 3:
				third("third-" + string(rune('a'+n)))
			default:
				b.knock(i, devices[rapid.IntRange(0, 1).Draw(rt, "device")])
			}
			for i := range b.keeper {
				_, c := b.keeper[i].Charter()
				if c.Member(ids[0].Ed25519()) != nil && c.Member(ids[1].Ed25519()) != nil {
					rt.Fatalf("issuer %d let both in", i)
				}
			}
		}
	})
}

// TestApproveRefuses are charters to which an issuer does not say yes.
func TestApproveRefuses(t *testing.T) {
	b := newBench(t, "approve")
	invite := b.invite(t, 0)
	b.tellAll(t)
	b.down[1], b.down[2] = true, true
	j := must(NewJoining(b.rand, invite, must(issuer.NewIdentity(b.rand))(t), "kitchen"))(t)
	b.knock(0, j)
	b.tell(t, 0, 1)
	good := *b.keeper[0].pending
	if b.disks[0].guests[0].Sworn != good.Gen {
		t.Error("an issuer proposes a charter and may change its mind")
	}
	for name, change := range map[string]func(c *issuer.Charter){
		"same generation":  func(c *issuer.Charter) { c.Gen = 0 },
		"far generation":   func(c *issuer.Charter) { c.Gen = maxAhead + 2 },
		"other key":        func(c *issuer.Charter) { c.P = b.keys[0].Public().Y },
		"other numbers":    func(c *issuer.Charter) { c.EpochLen++ },
		"eviction":         func(c *issuer.Charter) { c.V++ },
		"fewer issuers":    func(c *issuer.Charter) { c.Issuers = c.Issuers[:2] },
		"nobody new":       func(c *issuer.Charter) { c.Members = c.Members[:3] },
		"somebody gone":    func(c *issuer.Charter) { c.Members = slices.Delete(slices.Clone(c.Members), 1, 2) },
		"somebody unbound": func(c *issuer.Charter) { c.Members[3].Ed25519[0] ^= 1 },
		"another name":     func(c *issuer.Charter) { c.Members[3].Name = "cellar" },
	} {
		c := good
		c.Members = slices.Clone(good.Members)
		change(&c)
		if err := b.keeper[1].Approve(&c); err == nil {
			t.Errorf("%s: agreed", name)
		}
	}
	if b.keeper[1].guests[0].Sworn != 0 {
		t.Error("a charter that was refused binds")
	}
	b.keeper[1].Strict = true
	if err := b.keeper[1].Approve(&good); !errors.Is(err, ErrUndecided) {
		t.Errorf("strict: %v", err)
	}
	must(b.keeper[1].Admit(AdmitCode(j.id.Ed25519())))(t)
	b.disks[1].fail = 1
	if err := b.keeper[1].Approve(&good); !errors.Is(err, errDisk) {
		t.Errorf("a yes that is not written: %v", err)
	}
	for range 2 {
		if err := b.keeper[1].Approve(&good); err != nil || b.keeper[1].guests[0].Sworn != good.Gen {
			t.Errorf("%v, sworn to %d", err, b.keeper[1].guests[0].Sworn)
		}
	}
	b.restart(t, 1)
	if b.keeper[1].guests[0].Sworn != good.Gen {
		t.Error("a restart forgets what was agreed to")
	}
	b.keeper[1].guests[0].Joined = true // and was removed since
	if err := b.keeper[1].Approve(&good); err == nil {
		t.Error("an invite that was used lets in again")
	}
}
