// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package shard cuts a ciphertext into data and parity shards, of which any K
// give it back, and names each by a truncated SHA-256, so that a corrupted shard
// is an erasure and never an error that decoding would have to find. The code is
// the systematic Reed-Solomon code over GF(2^8) with the polynomial 0x11d whose
// matrix is the Vandermonde matrix i^j times the inverse of its top square
// (Plank, "A tutorial on Reed-Solomon coding", with the correction of 2003).
//
// [Code] is a value and [Split] and [Plan] are functions, all safe for
// concurrent use; the zero Code is refused. A [Joiner] is made by [NewJoiner],
// its zero value is not usable, and one goroutine uses it at a time.
package shard

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/klauspost/reedsolomon"
)

// Limits on what is split and joined.
const (
	MaxShards    = 64      // data and parity shards together
	MaxSize      = 1 << 20 // bytes of a ciphertext
	MaxShardSize = 1 << 16 // bytes of one shard
	HashSize     = 16      // bytes of a shard's hash
)

// Reasons for which a code, a ciphertext or a shard is refused. Each refusal
// wraps one of them.
var (
	ErrCode      = errors.New("shard: bad code")
	ErrSize      = errors.New("shard: bad size")
	ErrIndex     = errors.New("shard: no such index")
	ErrHash      = errors.New("shard: hash does not match")
	ErrDuplicate = errors.New("shard: already have it")
	ErrPadding   = errors.New("shard: padding is not zero")
)

// Code says into how many shards a ciphertext is cut: any K of the K+M give it
// back.
type Code struct {
	K int // data shards, 1 or more
	M int // parity shards, 0 or more; K+M is at most [MaxShards]
}

// Hash is the first 16 bytes of SHA-256 of a shard. It withstands second
// preimages, not collisions: a sender can prepare two shards of one hash, which
// is why the hash of the whole ciphertext is signed and checked as well.
type Hash [HashSize]byte

// HashOf returns the hash of a shard.
func HashOf(data []byte) Hash {
	sum := sha256.Sum256(data)
	return Hash(sum[:HashSize])
}

// Validate returns an error that wraps [ErrCode] unless c is within its bounds.
func (c Code) Validate() error {
	if c.K < 1 || c.M < 0 || c.K > MaxShards || c.M > MaxShards-c.K {
		return fmt.Errorf("%w: %d data and %d parity shards, at most %d together", ErrCode, c.K, c.M, MaxShards)
	}
	return nil
}

// ShardSize returns the length of each shard of a ciphertext of size bytes under
// a valid code: size/K, rounded up.
func (c Code) ShardSize(size int) int { return (size + c.K - 1) / c.K }

// check validates the code together with the size of a ciphertext in bytes.
func (c Code) check(size int) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if size < 1 || size > MaxSize {
		return fmt.Errorf("%w: ciphertext of %d bytes, want 1 to %d", ErrSize, size, MaxSize)
	}
	if s := c.ShardSize(size); s > MaxShardSize {
		return fmt.Errorf("%w: shards of %d bytes, at most %d: use more data shards", ErrSize, s, MaxShardSize)
	}
	return nil
}

// encoder builds the matrices of the code anew, since keeping them would gain
// little: 6 µs for 10+4 and 0.3 ms for 45+18 on amd64, beside about 0.1 ms of
// hashing for each 100 kB. The library's cache of inverted matrices stays off,
// since whoever chooses the losses could fill it.
func (c Code) encoder() (reedsolomon.Encoder, error) {
	return reedsolomon.New(c.K, c.M,
		reedsolomon.WithInversionCache(false), reedsolomon.WithMaxGoroutines(1))
}

// Split cuts data, 1 to [MaxSize] bytes, into K+M shards of equal length and
// returns them with their hashes. The first K shards, one after the other, are
// data and its padding of zeros. All shards lie in one allocation that holds
// nothing else but gaps for their alignment; data is copied.
func Split(c Code, data []byte) (shards [][]byte, hashes []Hash, err error) {
	if err := c.check(len(data)); err != nil {
		return nil, nil, err
	}
	n, size := c.K+c.M, c.ShardSize(len(data))
	shards = aligned(n, size)
	for i := 0; i < c.K && i*size < len(data); i++ {
		copy(shards[i], data[i*size:])
	}
	if c.M > 0 {
		enc, err := c.encoder()
		if err != nil {
			return nil, nil, fmt.Errorf("make code %d+%d: %w", c.K, c.M, err)
		}
		if err := enc.Encode(shards); err != nil {
			return nil, nil, fmt.Errorf("encode shards: %w", err)
		}
	}
	hashes = make([]Hash, n)
	for i, s := range shards {
		hashes[i] = HashOf(s)
	}
	return shards, hashes, nil
}

// alignment is where a shard begins in memory: the library works on whole words,
// and MIPS faults on one that is not where words belong.
const alignment = 8

// aligned returns n shards of size bytes in one allocation, none of which can
// grow into the next.
func aligned(n, size int) [][]byte {
	stride := (size + alignment - 1) &^ (alignment - 1)
	all := make([]byte, n*stride)
	shards := make([][]byte, n)
	for i := range shards {
		shards[i] = all[i*stride : i*stride+size : i*stride+size]
	}
	return shards
}

// cut returns the pieces of size bytes of all, none of which can grow into the
// next.
func cut(all []byte, size int) [][]byte {
	pieces := make([][]byte, len(all)/size)
	for i := range pieces {
		pieces[i] = all[i*size : (i+1)*size : (i+1)*size]
	}
	return pieces
}

// How [Plan] weighs a code. MaxData leaves room for two fifths of parity within
// [MaxShards].
const (
	MaxData = 45   // data shards that Plan chooses at most
	Room    = 1200 // bytes of a chunk left for the overhead of a message and a copy of the header
)

// Plan returns the code for a ciphertext of size bytes that travels in chunks of
// chunk usable bytes: as many data shards as it takes for one shard and a copy
// of the update's header to fit a chunk, and parity for two fifths of them,
// rounded up. That withstands the loss of any 4 chunks of 14. Where [MaxData]
// shards are too few the shards outgrow the chunk, and where the chunk is no
// longer than [Room] they are as small as MaxData makes them. The code is always
// valid, also for a size that [Split] refuses.
func Plan(size, chunk int) Code {
	k := MaxData
	if chunk > Room {
		k = min(ceil(max(size, 1), chunk-Room), MaxData)
	}
	return Code{K: k, M: ceil(2*k, 5)}
}

// ceil returns a/b rounded up, for a and b of 1 or more.
func ceil(a, b int) int { return (a-1)/b + 1 }
