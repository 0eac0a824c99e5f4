// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/chunk"
	"pgregory.net/rapid"
)

// TestDelivery packs any messages, then shuffles, repeats and drops chunks:
// exactly the messages whose parts all arrived come out, each once.
func TestDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := drawMessages(t)
		p := chunk.NewPacker(rand.Reader)
		for _, m := range sent {
			if err := p.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		payloads := drain(t, p)
		same(t, "packed", sorted(sent), sorted(complete(t, payloads)))
		arrived, order := drawFate(t, payloads)
		a := chunk.NewAssembler(0)
		var got []chunk.Message
		for _, payload := range order {
			ms, err := a.Accept(payload[:])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ms...)
		}
		same(t, "delivered", sorted(complete(t, arrived)), sorted(got))
		if a.Counts().Dropped != 0 || a.Held() != a.Recount() {
			t.Fatalf("%+v, %d bytes held, counted %d", a.Counts(), a.Held(), a.Recount())
		}
	})
}

// drawFate drops some payloads, and returns the others and the order in which
// they come, some of them twice.
func drawFate(t *rapid.T, payloads []*[chunk.Payload]byte) (arrived, order []*[chunk.Payload]byte) {
	var indices []int
	for i, payload := range payloads {
		if rapid.IntRange(0, 9).Draw(t, "fate") == 0 {
			continue
		}
		arrived = append(arrived, payload)
		indices = append(indices, i)
		if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
			indices = append(indices, i)
		}
	}
	for _, i := range rapid.Permutation(indices).Draw(t, "order") {
		order = append(order, payloads[i])
	}
	return arrived, order
}

// drawMessages draws messages of all lengths that matter, with content that
// tells their bytes apart.
func drawMessages(t *rapid.T) []chunk.Message {
	size := rapid.OneOf(
		rapid.IntRange(1, 40), rapid.IntRange(1, 4*perFrame),
		rapid.SampledFrom([]int{perFrame - 1, perFrame, perFrame + 1, 2 * perFrame, 2*perFrame + 1}))
	sizes := rapid.SliceOfN(size, 0, 12).Draw(t, "sizes")
	messages := make([]chunk.Message, len(sizes))
	for i, n := range sizes {
		data := make([]byte, n+8)
		for j := 0; j < n; j += 4 {
			binary.BigEndian.PutUint32(data[j:], uint32(i<<16+j))
		}
		messages[i] = chunk.Message{Type: uint8(i), Data: data[:n]}
	}
	return messages
}

// complete puts together the messages all of whose parts lie in the payloads,
// by the tests' own reading of them.
func complete(t fataler, payloads []*[chunk.Payload]byte) (messages []chunk.Message) {
	byID := make(map[string][]part)
	for _, payload := range payloads {
		for _, f := range parse(t, payload) {
			byID[f.id] = append(byID[f.id], f)
		}
	}
	for _, parts := range byID {
		if len(parts) != int(parts[0].parts) {
			continue
		}
		slices.SortFunc(parts, func(a, b part) int { return int(a.part) - int(b.part) })
		var data strings.Builder
		for _, f := range parts {
			data.WriteString(f.data)
		}
		messages = append(messages, chunk.Message{Type: parts[0].kind, Data: []byte(data.String())})
	}
	return messages
}

// same compares lists of long messages, and shows them only where they differ.
func same(t *rapid.T, what string, want, got []chunk.Message) {
	equal := func(a, b chunk.Message) bool { return a.Type == b.Type && bytes.Equal(a.Data, b.Data) }
	if !slices.EqualFunc(want, got, equal) {
		t.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// sorted returns the messages in an order of their own, empty for none.
func sorted(messages []chunk.Message) []chunk.Message {
	s := append([]chunk.Message{}, messages...)
	slices.SortFunc(s, func(a, b chunk.Message) int {
		if a.Type != b.Type {
			return int(a.Type) - int(b.Type)
		}
		return bytes.Compare(a.Data, b.Data)
	})
	return s
}
