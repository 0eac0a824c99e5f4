// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// FuzzUnmarshal holds the decoder to its word: whatever it accepts has exactly
// one encoding, the one that was sent. Each value is encoded several times,
// since an encoding that depends on the order of a map would differ by chance.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []any{0, "vecino", []byte{1, 2}, map[int]any{1: nil, -1: 1.5}, nest{Some: []pair{{}}, Opt: new(pair)}} {
		f.Add(wire.MustMarshal(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, target := range []any{new(any), new(nest), new(map[string][]byte)} {
			if wire.Unmarshal(data, target) != nil {
				continue
			}
			for range 4 {
				again, err := wire.Marshal(target)
				if err != nil || !bytes.Equal(again, data) {
					t.Fatalf("%T: %x is accepted and encodes to %x (error %v)", target, data, again, err)
				}
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	data := wire.MustMarshal(pair{B: make([]byte, 2800), N: 9})
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v pair
		if err := wire.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := pair{B: make([]byte, 2800), N: 9}
	b.SetBytes(2800)
	b.ReportAllocs()
	for b.Loop() {
		wire.MustMarshal(v)
	}
}
