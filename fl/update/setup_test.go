// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"crypto/sha256"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// counter is a source of random bytes that anybody can repeat: 0, 1, 2 and on.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(*c)
		*c++
	}
	return len(p), nil
}

var (
	task = [16]byte{'t', 'a', 's', 'k'}
	base = [32]byte{'b', 'a', 's', 'e'}
	anna = [16]byte{'a', 'n', 'n', 'a'}
	eve  = [16]byte{'e', 'v', 'e'}
)

func vectors(seed uint64, n, count int) [][]float32 {
	v := make([][]float32, count)
	for i := range v {
		v[i] = noise(seed+uint64(i)*1000, n)
	}
	return v
}

// pack packs vectors as Anna, with a key that depends on seed alone.
func pack(t testing.TB, seed byte, q Quant, v [][]float32) *Packed {
	t.Helper()
	return packFrom(t, anna, seed, q, v)
}

func packFrom(t testing.TB, sender [16]byte, seed byte, q Quant, v [][]float32) *Packed {
	t.Helper()
	r := counter(seed)
	p, err := Pack(&r, Spec{Sender: sender, Task: task, Base: base, Quant: q}, v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func want(v [][]float32) Want {
	return Want{Task: task, Base: base, Params: len(v[0]), Vectors: len(v)}
}

func decode(t testing.TB, p *Packed) Message {
	t.Helper()
	var m Message
	if err := decoder.Unmarshal(p.Message, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// forge seals any payload as a sender could, with a header that is right for it
// but for what change does to it.
func forge(t testing.TB, p *Packed, payload []byte, change func(h *Header)) *Packed {
	t.Helper()
	m := decode(t, p)
	h := &m.Header
	h.MHash = sha256.Sum256(payload)
	sealed := seal(h, payload)
	h.CTHash, h.Size = sha256.Sum256(sealed), uint32(len(sealed))
	forged := &Packed{}
	if m.Inline != nil {
		m.Inline = &sealed
	} else if err := forged.split(h, sealed, 0); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(h)
	}
	forged.ID = h.ID
	for i := range forged.Shards {
		forged.Shards[i].ID = h.ID
	}
	forged.Message = wire.MustMarshal(m)
	return forged
}

// deliver gives the collector a header and then shards, and returns what came
// of them, and the first error.
func deliver(c *Collector, from [16]byte, round uint32, p *Packed, shards []shard.Message, w Want) (done *Complete, err error) {
	done, err = c.Header(from, round, p.Message, w)
	for _, s := range shards {
		got, e := c.Shard(s)
		if done == nil {
			done = got
		}
		if err == nil {
			err = e
		}
	}
	return done, err
}

// reason returns that of a refusal, or the text of any other error.
func reason(err error) Reason {
	if r, ok := err.(*Refused); ok {
		return r.Reason
	}
	if err != nil {
		return Reason("not a refusal: " + err.Error())
	}
	return ""
}
