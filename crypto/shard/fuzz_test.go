// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"bytes"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
)

// FuzzJoin plays a script of arrivals, two bytes each: the index, and what to
// add to the shard's first byte, so that zero leaves it whole. The joiner must
// agree with a count of the whole ones and never return other data.
func FuzzJoin(f *testing.F) {
	f.Add(uint8(3), uint8(2), []byte("an update"), []byte{0, 0, 1, 0, 4, 0})
	f.Add(uint8(1), uint8(0), []byte{7}, []byte{0, 1, 0, 0, 0, 0})
	f.Add(uint8(10), uint8(4), make([]byte, 95), []byte{13, 0, 12, 0, 11, 0, 10, 9, 10, 0, 99, 0})
	f.Fuzz(func(t *testing.T, k, m uint8, data, script []byte) {
		c := shard.Code{K: int(k), M: int(m)}
		shards, hashes, err := shard.Split(c, data)
		if err != nil {
			if c.Validate() == nil && len(data) > 0 && len(data) <= shard.MaxShardSize {
				t.Fatal(err)
			}
			return
		}
		j := newJoiner(t, c, len(data), hashes)
		whole := make(map[int]bool)
		for ; len(script) >= 2; script = script[2:] {
			index, change := int(script[0]), script[1]
			s := bytes.Clone(shards[index%len(shards)])
			s[0] += change
			want := index < len(shards) && change == 0 && !whole[index]
			if err := j.Add(index, s); (err == nil) != want {
				t.Fatalf("shard %d changed by %d: error %v", index, change, err)
			}
			if want {
				whole[index] = true
			}
		}
		got, err := j.Join()
		if (err == nil) != (len(whole) >= c.K) || err == nil && !bytes.Equal(got, data) {
			t.Fatalf("%+v with %d whole shards: error %v", c, len(whole), err)
		}
	})
}
