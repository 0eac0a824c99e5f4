// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenExchange is an entry of testdata/exchanges.json. The key of the update is
// 1, 2 and on to 32, the sender, task and base are those of updates.json, and the
// round of the header is not in it.
type goldenExchange struct {
	Name        string        `json:"name"`
	Compression string        `json:"compression"`
	Params      int           `json:"params"`
	Gen         uint32        `json:"gen"`
	Receipts    string        `json:"receipts"`
	Frames      []goldenFrame `json:"frames"`
	Payload     string        `json:"payload"`
	Message     string        `json:"message"` // type 1
	Shards      string        `json:"shards"`  // SHA-256 of all messages of type 2, one after the other
}

type goldenFrame struct {
	Round  uint32  `json:"round"`
	Prev   *uint32 `json:"prev"`
	Degree uint8   `json:"degree"`
	Gain   uint8   `json:"gain"`
	Behind string  `json:"behind"`
	From   uint32  `json:"from"`
	Slice  string  `json:"slice"`
	Delta  string  `json:"delta"`
}

func goldenOf(t *testing.T, name string, c Compression, params int, x *Exchange) goldenExchange {
	g := goldenExchange{Name: name, Compression: c.String(), Params: params, Gen: x.Gen, Receipts: hex.EncodeToString(x.Receipts), Frames: []goldenFrame{}}
	for _, f := range x.Frames {
		g.Frames = append(g.Frames, goldenFrame{f.Round, f.Prev, f.Degree, f.Gain, hex.EncodeToString(f.Behind), f.From, hex.EncodeToString(f.Slice), hex.EncodeToString(f.Delta)})
	}
	p := packExchange(t, params, x)
	var shards []byte
	for _, s := range p.Shards {
		shards = append(shards, s.Encode()...)
	}
	g.Payload, g.Message, g.Shards = hex.EncodeToString(wire.MustMarshal(x)), hex.EncodeToString(p.Message), sum256(shards)
	return g
}

func TestExchangeGolden(t *testing.T) {
	first := &Exchange{Gen: 1, Frames: []Frame{{Round: 1, Slice: EncodeVector(Q8, []float32{1, -2, 3}), From: 2}}}
	got := []goldenExchange{
		goldenOf(t, "nothing", Compression{}, 1, &Exchange{}),
		goldenOf(t, "a slice, no delta", top, 5, first),
		goldenOf(t, "inline, three frames", Compression{coding: codeSign}, 300, exchange(Compression{coding: codeSign}, 300, 3)),
		goldenOf(t, "shards, sixteen frames", Compression{coding: codeTop4, share: whole / 20}, 700, exchange(Compression{coding: codeTop4, share: whole / 20}, 700, 16)),
	}
	var want []goldenExchange
	golden(t, "testdata/exchanges.json", got, &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
