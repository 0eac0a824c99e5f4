// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// bench is a neighbourhood of three issuers, two of whom sign. The one key that
// signs stands for their shares; who agrees, and to one charter a generation only,
// is as it would be with three.
type bench struct {
	rand   io.Reader
	now    time.Time
	p      *issuer.Keys // signs under P
	nbhd   [16]byte
	ids    []*issuer.Identity // of the issuers as members
	keys   []*issuer.Keys
	disks  []*benchDisk
	bound  []map[uint32][]byte // charters that an issuer signed, by generation
	down   []bool
	keeper []*Keeper
	rings  []*Keyring
}

// benchDisk also keeps evictions.
type benchDisk struct {
	memRegistry
	eviction []byte
}

func (d *benchDisk) SaveEviction(b []byte) error {
	if err := d.write("eviction"); err != nil {
		return err
	}
	d.eviction = bytes.Clone(b)
	return nil
}

// seat is an issuer's place on the bench.
type seat struct {
	b    *bench
	self int
}

var errVote = errors.New("the issuers refuse")

// vote asks all issuers that are up and reports whether two agree; it fails where
// they cannot any more.
func (s seat) vote(agree func(i int) error) (bool, error) {
	yes, no := 0, 0
	for i := range s.b.keeper {
		switch {
		case s.b.down[i]:
		case agree(i) == nil:
			yes++
		default:
			no++
		}
	}
	if no > 1 {
		return false, errVote
	}
	return yes > 1, nil
}

func (s seat) Sign(c *issuer.Charter, rekey []byte) (*issuer.SignedCharter, error) {
	raw := wire.MustMarshal(c)
	ok, err := s.vote(func(i int) error {
		if was := s.b.bound[i][c.Gen]; was != nil && !bytes.Equal(was, raw) {
			return errVote
		}
		if i != s.self { // the one who asks has agreed
			judge := s.b.keeper[i].Approve
			if rekey != nil {
				judge = s.b.keeper[i].Judge
			}
			if _, held := s.b.keeper[i].Charter(); held.Gen < c.Gen {
				if err := judge(c); err != nil {
					return err
				}
			}
		}
		s.b.bound[i][c.Gen] = raw
		return nil
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.b.p.SignCharter(s.b.rand, c)
}

func (s seat) Attest(statement []byte) (*issuer.Signature, error) {
	ok, err := s.vote(func(i int) error {
		if i == s.self {
			return nil
		}
		return s.b.keeper[i].JudgeRekey(statement, s.b.ids[i])
	})
	if !ok || err != nil {
		return nil, err
	}
	return Alone{Keys: s.b.p, Rand: s.b.rand}.Attest(statement)
}

func newBench(t testing.TB, seed string) *bench {
	t.Helper()
	b := &bench{rand: newStream(seed), now: time.Unix(1_700_000_000, 0), nbhd: [16]byte([]byte("a neighbourhood!")), down: make([]bool, 3)}
	b.p = must(issuer.Found(b.rand))(t)
	c := &issuer.Charter{
		Label: wire.LabelCharter, Nbhd: b.nbhd, P: b.p.P, T: 2,
		Epoch0: uint64(b.now.Unix()), EpochLen: 3600, Chunk: 4096, ChunksPerMinute: 60, D: 30,
	}
	for i := range 3 {
		keys, id := must(issuer.Found(b.rand))(t), must(issuer.NewIdentity(b.rand))(t)
		keys.Share.Index, keys.P = uint8(i+1), b.p.P
		b.keys, b.ids = append(b.keys, keys), append(b.ids, id)
		c.Issuers = append(c.Issuers, keys.Public())
		c.Members = append(c.Members, issuer.Member{Name: "issuer-" + string(rune('a'+i)), Ed25519: id.Ed25519(), X25519: id.X25519()})
	}
	signed := must(b.p.SignCharter(b.rand, c))(t)
	k := [pseudonym.KeySize]byte([]byte("K of a neighbourhood, 32 bytes.."))
	for i := range 3 {
		b.disks = append(b.disks, &benchDisk{memRegistry: memRegistry{charter: signed}})
		b.bound, b.rings = append(b.bound, map[uint32][]byte{}), append(b.rings, NewKeyring(k, 0, 0))
		b.keeper = append(b.keeper, nil)
		b.restart(t, i)
	}
	return b
}

// restart gives an issuer a new process that knows what its disk holds.
func (b *bench) restart(t fataler, i int) {
	k := &Keeper{
		Keys: b.keys[i], Ring: b.rings[i], Council: seat{b, i}, Evictions: b.disks[i], Registry: b.disks[i],
		Rand: b.rand, Now: func() time.Time { return b.now },
	}
	s, c, err := issuer.DecodeCharter(b.disks[i].charter.Encode())
	if err != nil {
		t.Fatal(err)
	}
	k.Load(s, c, b.disks[i].guests)
	if b.disks[i].eviction != nil {
		if err := k.LoadEviction(b.disks[i].eviction); err != nil {
			t.Fatal(err)
		}
	}
	b.keeper[i] = k
}

type fataler interface{ Fatal(...any) }

// tell gives issuer i the invites of another, as bytes, and its charter.
func (b *bench) tell(t fataler, from, to int) {
	s, c := b.keeper[from].Charter()
	if err := b.keeper[to].Adopt(s, c); err != nil {
		t.Fatal(err)
	}
	for _, g := range b.keeper[from].Guests() {
		g, err := DecodeGuest(g.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.keeper[to].Merge(g); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) tellAll(t fataler) {
	for range 2 {
		for i := range b.keeper {
			for j := range b.keeper {
				b.tell(t, i, j)
			}
		}
	}
}

func (b *bench) invite(t testing.TB, i int) *Invite {
	t.Helper()
	invite := must(b.keeper[i].Invite(time.Hour))(t)
	invite.Broker = "mqtts://broker.example:8883"
	return invite
}

// knock shows a request to issuer i and the answer to the one who joins. No
// answer is neither a welcome nor an error.
func (b *bench) knock(i int, j *Joining) (*Welcome, error) {
	answer, _, err := b.keeper[i].Answer(j.invite.J, j.Request())
	if err != nil {
		return nil, nil
	}
	return j.Handle(answer)
}
