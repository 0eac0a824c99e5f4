// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/chunk"
)

const topic = "t/abcdefghijklmnopqrstuvwxyz"

// golden is testdata/chunks.json, with all bytes in hex.
type golden struct {
	Key, Topic  string
	Identifiers []string
	Messages    []struct {
		Type uint8
		Data string
	}
	Chunks []struct{ Name, Nonce, Payload, Chunk string }
}

func readGolden(t *testing.T) (g golden, key chunk.Key, messages []chunk.Message) {
	t.Helper()
	b, err := os.ReadFile("testdata/chunks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	for _, m := range g.Messages {
		messages = append(messages, chunk.Message{Type: m.Type, Data: unhex(t, m.Data)})
	}
	if len(g.Chunks) != 3 || len(messages) != 3 {
		t.Fatalf("%d chunks and %d messages, want 3 of each", len(g.Chunks), len(messages))
	}
	return g, chunk.Key(unhex(t, g.Key)), messages
}

func TestGoldenChunks(t *testing.T) {
	g, key, _ := readGolden(t)
	for _, c := range g.Chunks {
		t.Run(c.Name, func(t *testing.T) {
			var payload [chunk.Payload]byte
			copy(payload[:], unhex(t, c.Payload))
			got, err := chunk.Seal(bytes.NewReader(unhex(t, c.Nonce)), &key, g.Topic, &payload)
			if err != nil || hex.EncodeToString(got) != c.Chunk {
				t.Errorf("sealed %x, error %v", got, err)
			}
			opened, ok := chunk.Open(&key, g.Topic, unhex(t, c.Chunk))
			if !ok || !bytes.Equal(opened, payload[:]) {
				t.Errorf("opened %t: %x", ok, opened)
			}
		})
	}
}

func TestGoldenFrames(t *testing.T) {
	g, _, messages := readGolden(t)
	var ids []byte
	for _, id := range g.Identifiers {
		ids = append(ids, unhex(t, id)...)
	}
	p := chunk.NewPacker(bytes.NewReader(ids))
	a := chunk.NewAssembler(0)
	for _, m := range messages {
		if err := p.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	var got []chunk.Message
	for _, c := range g.Chunks[:2] {
		payload, ok := p.Next()
		if !ok {
			t.Fatal("too few payloads")
		}
		want := unhex(t, c.Payload)
		if !bytes.Equal(payload[:len(want)], want) || !isZero(payload[len(want):]) {
			t.Errorf("%s: payload %x", c.Name, payload)
		}
		ms, err := a.Accept(payload[:])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ms...)
	}
	if _, more := p.Next(); more {
		t.Error("a third payload")
	}
	want := []chunk.Message{messages[0], messages[2], messages[1]} // the long one completes last
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// TestBitFlips flips every bit of a chunk, or a sample of them.
func TestBitFlips(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 61
	}
	s := chunk.NewSealer(&chunk.Key{1}, topic)
	c := sealed(t, s)
	var payload [chunk.Payload]byte
	if !s.Open(&payload, c) {
		t.Fatal("the whole chunk is refused")
	}
	for bit := 0; bit < 8*len(c); bit += step {
		c[bit/8] ^= 1 << (bit % 8)
		if s.Open(&payload, c) {
			t.Fatalf("bit %d flipped, and the chunk opens", bit)
		}
		c[bit/8] ^= 1 << (bit % 8)
	}
}

func TestOpenRefuses(t *testing.T) {
	key := &chunk.Key{1}
	c := sealed(t, chunk.NewSealer(key, topic))
	tests := []struct {
		name  string
		key   *chunk.Key
		topic string
		chunk []byte
		ok    bool
	}{
		{"whole", key, topic, c, true},
		{"other key", &chunk.Key{2}, topic, c, false},
		{"other topic", key, "t/abcdefghijklmnopqrstuvwxya", c, false},
		{"no topic", key, "", c, false},
		{"short", key, topic, c[:len(c)-1], false},
		{"long", key, topic, append(bytes.Clone(c), 0), false},
		{"without its nonce", key, topic, c[24:], false},
		{"nothing", key, topic, nil, false},
		{"sealed, but longer", key, topic, sealedLonger(key), false},
		{"twice", key, topic, append(bytes.Clone(c), c...), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := chunk.Open(tt.key, tt.topic, tt.chunk)
			if ok != tt.ok || !ok && p != nil {
				t.Errorf("opened %t to %d bytes, want %t", ok, len(p), tt.ok)
			}
		})
	}
}

func TestSealNonce(t *testing.T) {
	s := chunk.NewSealer(&chunk.Key{}, topic)
	a, b := sealed(t, s), sealed(t, s)
	if len(a) != chunk.Size || bytes.Equal(a[:24], b[:24]) || bytes.Equal(a[24:], b[24:]) {
		t.Errorf("chunks of %d and %d bytes share their nonce or their bytes", len(a), len(b))
	}
	fault := errors.New("no randomness")
	for _, r := range []io.Reader{iotest.ErrReader(fault), io.MultiReader(bytes.NewReader(make([]byte, 23)), iotest.ErrReader(fault))} {
		if c, err := s.Seal(r, new([chunk.Payload]byte)); !errors.Is(err, fault) || c != nil {
			t.Errorf("sealed %d bytes, error %v, want %v", len(c), err, fault)
		}
	}
}

func TestNewSealerCopiesKey(t *testing.T) {
	key := chunk.Key{1}
	s := chunk.NewSealer(&key, topic)
	c := sealed(t, s)
	clear(key[:])
	if !s.Open(new([chunk.Payload]byte), c) {
		t.Error("clearing the key takes it from the sealer")
	}
}

// TestOpenAllocates holds a flood of garbage to no allocation at all.
func TestOpenAllocates(t *testing.T) {
	s := chunk.NewSealer(&chunk.Key{1}, topic)
	var payload [chunk.Payload]byte
	for _, c := range [][]byte{make([]byte, chunk.Size), make([]byte, 100), sealed(t, s)} {
		if n := testing.AllocsPerRun(20, func() { s.Open(&payload, c) }); n != 0 {
			t.Errorf("opening %d bytes allocates %v times", len(c), n)
		}
	}
}

// sealedLonger returns what a holder of the key could make of a payload that is
// one byte too long.
func sealedLonger(key *chunk.Key) []byte {
	nonce := make([]byte, 24)
	return chunk.NewSealer(key, topic).AEAD().Seal(nonce, nonce, make([]byte, chunk.Payload+1), []byte(topic))
}

func sealed(t testing.TB, s *chunk.Sealer) []byte {
	t.Helper()
	c, err := s.Seal(rand.Reader, &[chunk.Payload]byte{0: 7, chunk.Payload - 1: 9})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkSeal(b *testing.B) {
	s := chunk.NewSealer(&chunk.Key{1}, topic)
	var payload [chunk.Payload]byte
	b.SetBytes(chunk.Payload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(rand.Reader, &payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s := chunk.NewSealer(&chunk.Key{1}, topic)
	c := sealed(b, s)
	var payload [chunk.Payload]byte
	b.SetBytes(chunk.Payload)
	b.ReportAllocs()
	for b.Loop() {
		s.Open(&payload, c)
	}
}

func BenchmarkOpenGarbage(b *testing.B) {
	s := chunk.NewSealer(&chunk.Key{1}, topic)
	c := make([]byte, chunk.Size)
	var payload [chunk.Payload]byte
	b.SetBytes(chunk.Payload)
	b.ReportAllocs()
	for b.Loop() {
		s.Open(&payload, c)
	}
}
