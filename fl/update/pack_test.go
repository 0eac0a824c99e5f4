// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/crypto/wire"
)

var updateGolden = flag.Bool("update", false, "write the golden bytes anew")

// vector is one case of testdata/updates.json.
type vector struct {
	Name    string `json:"name"`
	Quant   uint8  `json:"quant"`
	Params  int    `json:"params"`
	Vectors int    `json:"vectors"`
	Chunk   int    `json:"chunk"`
	Random  string `json:"random"`  // the key
	Sender  string `json:"sender"`  // 16 bytes
	Task    string `json:"task"`    // 16 bytes
	Base    string `json:"base"`    // 32 bytes
	Payload string `json:"payload"` // detCBOR of the encoded vectors, or its SHA-256 when it is long
	Message string `json:"message"` // type 1
	Shards  string `json:"shards"`  // SHA-256 of all messages of type 2, one after the other
}

func goldenVector(t *testing.T, name string, q Quant, params, count, chunk int) vector {
	t.Helper()
	v := vectors(7, params, count)
	r, random := counter(1), make([]byte, 32)
	if _, err := r.Read(random); err != nil {
		t.Fatal(err)
	}
	r = 1
	spec := Spec{Sender: anna, Task: task, Base: base, Quant: q, Chunk: chunk}
	p, err := Pack(&r, spec, v)
	payload := encodePayload(q, v)
	if q == Bytes { // byte i is 7 i
		r = 1
		p, err = PackBytes(&r, spec, text(params))
		payload = wire.MustMarshal([][]byte{text(params)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(payload) > 600 {
		sum := sha256.Sum256(payload)
		payload = sum[:]
	}
	h := sha256.New()
	for _, s := range p.Shards {
		h.Write(s.Encode())
	}
	return vector{
		Name: name, Quant: uint8(q), Params: params, Vectors: count, Chunk: chunk,
		Random: hex.EncodeToString(random), Sender: hex.EncodeToString(anna[:]),
		Task: hex.EncodeToString(task[:]), Base: hex.EncodeToString(base[:]),
		Payload: hex.EncodeToString(payload), Message: hex.EncodeToString(p.Message), Shards: hex.EncodeToString(h.Sum(nil)),
	}
}

func TestPackGolden(t *testing.T) {
	got := []vector{
		goldenVector(t, "inline, one vector of three numbers", F32, 3, 1, 0),
		goldenVector(t, "inline, two vectors in 8 bits", Q8, 300, 2, 0),
		goldenVector(t, "shards, one vector", F32, 4810, 1, 0),
		goldenVector(t, "shards, two vectors in 8 bits", Q8, 4810, 2, 0),
		goldenVector(t, "shards of small chunks", Q8, 4810, 2, 1400),
		goldenVector(t, "inline, bytes", Bytes, 500, 1, 0),
		goldenVector(t, "shards, bytes", Bytes, 55_400, 1, 0),
	}
	var want []vector
	golden(t, "testdata/updates.json", got, &want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEncodePayloadIsCBOR compares with the encoder of package wire, at every
// length at which the head of a byte string grows.
func TestEncodePayloadIsCBOR(t *testing.T) {
	for _, n := range []int{1, 5, 6, 63, 64, 255, 256, 16383, 16384, 70000} {
		for _, q := range []Quant{F32, Q8, Q4} {
			v := vectors(1, n, 2)
			want := wire.MustMarshal([][]byte{EncodeVector(q, v[0]), EncodeVector(q, v[1])})
			got := encodePayload(q, v)
			if !slices.Equal(got, want) || len(got) != PayloadSize(q, n, 2) {
				t.Errorf("%d numbers, %v: %d bytes, want %d", n, q, len(got), len(want))
			}
		}
	}
}

// TestRoundTrip packs, loses some shards, shuffles and repeats the rest, and
// joins.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom([]Quant{F32, Q8, Q4}).Draw(t, "quant")
		v := vectors(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 5000).Draw(t, "params"), rapid.IntRange(1, 2).Draw(t, "vectors"))
		chunk := rapid.SampledFrom([]int{0, 100, 1300, 4096, 1 << 16}).Draw(t, "chunk")
		p, err := Pack(rand.Reader, Spec{Sender: anna, Task: task, Base: base, Quant: q, Chunk: chunk}, v)
		if err != nil {
			t.Fatal(err)
		}
		shards := rapid.Permutation(p.Shards).Draw(t, "order")
		lost := p.Copies() - 1
		if lost > 0 {
			shards = shards[:len(shards)-rapid.IntRange(0, lost).Draw(t, "lost")]
		}
		headerAt := rapid.IntRange(0, len(shards)).Draw(t, "header")
		c := NewCollector(0)
		var done []*Complete
		note := func(got *Complete, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if got != nil {
				done = append(done, got)
			}
		}
		for i := range len(shards) + 1 {
			if i == headerAt {
				note(c.Header(anna, 5, p.Message, want(v)))
			}
			if i < len(shards) {
				note(c.Shard(shards[i]))
			}
		}
		note(c.Header(anna, 5, p.Message, want(v))) // another copy
		if len(done) != 1 {
			t.Fatalf("%d updates of one", len(done))
		}
		for i := range v {
			Quantize(q, v[i])
		}
		if !cmp.Equal(v, done[0].Vectors) || done[0].From != anna || done[0].Round != 5 || done[0].Header.ID != p.ID {
			t.Fatal("another update came out")
		}
		if s := c.Stats(); s.Held != 0 || s.Updates != 0 || s.Orphans != 0 || s.Bad != 0 || s.Evicted != 0 {
			t.Fatalf("left over: %+v", s)
		}
	})
}

func TestPackSizes(t *testing.T) {
	tests := []struct {
		q              Quant
		params, count  int
		payload        int
		shards, copies int
	}{
		{F32, 245, 1, 1 + 3 + 980, 0, 1},
		{F32, 251, 1, 1 + 3 + 1004, 0, 1}, // 1,024 bytes sealed, the most that goes inline
		{F32, 252, 1, 1 + 3 + 1008, 2, 2},
		{Q8, 4810, 1, 1 + 3 + 4810 + 19*4, 3, 2},
		{Q4, 4810, 1, 1 + 3 + 2405 + 19*2, 2, 2},
		{F32, 4810, 2, 1 + 2*(3+19240), 14 + 6, 7},
		{F32, 262138, 1, 1 + 5 + 1048552, 63, 19},
	}
	for _, tt := range tests {
		p := pack(t, 1, tt.q, vectors(1, tt.params, tt.count))
		if p.Payload != tt.payload || len(p.Shards) != tt.shards || p.Copies() != tt.copies {
			t.Errorf("%v %d: payload %d, %d shards, %d copies", tt.q, tt.params, p.Payload, len(p.Shards), p.Copies())
		}
		if len(p.Message) > MaxMessage {
			t.Errorf("%v %d: header of %d bytes", tt.q, tt.params, len(p.Message))
		}
		// One more at the edge of a size, since the number of vectors is open.
		least := max(1, tt.shards)
		if got := Chunks(tt.count*VectorSize(tt.q, tt.params), DefaultChunk); tt.params < 100_000 && got != least && got != least+1 {
			t.Errorf("%v %d: %d chunks", tt.q, tt.params, got)
		}
	}
	// Shards of 23 kB take six chunks each, beside 19 copies of the header.
	if got := Chunks(VectorSize(F32, 262138), DefaultChunk); got != 63*6+19 {
		t.Errorf("%d chunks for the largest update", got)
	}
	if got := Chunks(5000, 10); got <= 0 {
		t.Errorf("%d chunks of ten bytes", got)
	}
}

// TestKeysAreFresh packs the same vectors twice.
func TestKeysAreFresh(t *testing.T) {
	v := vectors(1, 500, 1)
	a, errA := Pack(rand.Reader, Spec{Task: task}, v)
	b, errB := Pack(rand.Reader, Spec{Task: task}, v)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	x, y := decode(t, a).Header, decode(t, b).Header
	if x.Key == y.Key || x.ID == y.ID || x.CTHash == y.CTHash || x.MHash != y.MHash {
		t.Error("two updates share key, id or ciphertext")
	}
}

func TestPackRefuses(t *testing.T) {
	tests := []struct {
		name string
		spec Spec
		v    [][]float32
		want string
	}{
		{"nothing", Spec{}, nil, "0 vectors"},
		{"three", Spec{}, vectors(1, 4, 3), "3 vectors"},
		{"empty", Spec{}, [][]float32{{}}, "empty"},
		{"unequal", Spec{}, [][]float32{{1, 2}, {1}}, "different length"},
		{"NaN", Spec{}, [][]float32{{1, nan}}, "not finite"},
		{"infinite", Spec{Quant: Q8}, [][]float32{{1}, {-inf}}, "not finite"},
		{"unknown", Spec{Quant: 9}, [][]float32{{1}}, "quantization"},
		{"large", Spec{}, [][]float32{make([]float32, 262139)}, "1048578 bytes are too many for an update, at most 1048576"},
		{"large q8", Spec{Quant: Q8}, [][]float32{make([]float32, 600_000), make([]float32, 600_000)}, "smaller model"},
		{"huge", Spec{Quant: Q8}, [][]float32{make([]float32, MaxSize+1)}, "smaller model"},
	}
	for _, tt := range tests {
		if _, err := Pack(rand.Reader, tt.spec, tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	broken := errors.New("no entropy")
	if _, err := Pack(iotest.ErrReader(broken), Spec{}, [][]float32{{1}}); !errors.Is(err, broken) {
		t.Errorf("random bytes that cannot be read: %v", err)
	}
	if _, err := Pack(strings.NewReader("short"), Spec{}, [][]float32{{1}}); err == nil {
		t.Error("packed with too few random bytes")
	}
}

func BenchmarkPack(b *testing.B) {
	v := [][]float32{noise(1, 25_000)}
	b.SetBytes(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Pack(rand.Reader, Spec{Task: task, Base: base}, v); err != nil {
			b.Fatal(err)
		}
	}
}
