// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"math/bits"
	"slices"
)

// TooFewError reports that fewer shards than the code needs have arrived whole.
type TooFewError struct {
	Have int // good shards
	Need int // good shards that [Joiner.Join] needs
	Bad  int // shards of which only corrupted copies have arrived
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("shard: have %d good shards and need %d; %d arrived corrupted", e.Have, e.Need, e.Bad)
}

// Joiner gathers the shards of one ciphertext as they arrive, in any order, and
// keeps the first K good ones. It is not safe for concurrent use.
type Joiner struct {
	code   Code
	size   int      // bytes of the ciphertext
	hashes []Hash   // (K+M)
	shards [][]byte // (K+M); nil where not held
	held   int      // shards that are not nil, at most K
	good   uint64   // set of the indices whose hash matched
	bad    uint64   // set of those of which only bad copies came; disjoint from good
}

// NewJoiner returns a joiner for a ciphertext of size bytes whose shards have
// the given hashes, as a signed header states them. It checks all three before
// it allocates; the error wraps [ErrCode] or [ErrSize].
func NewJoiner(c Code, size int, hashes []Hash) (*Joiner, error) {
	if err := c.check(size); err != nil {
		return nil, err
	}
	if len(hashes) != c.K+c.M {
		return nil, fmt.Errorf("%w: %d hashes for %d shards", ErrCode, len(hashes), c.K+c.M)
	}
	return &Joiner{
		code:   c,
		size:   size,
		hashes: slices.Clone(hashes),
		shards: make([][]byte, c.K+c.M),
	}, nil
}

// Add takes the shard of an index, 0 to K+M-1, and copies it. It refuses with
// [ErrIndex] or [ErrSize] what cannot be a shard of this ciphertext, with
// [ErrDuplicate] whatever comes for an index whose good shard has arrived, and
// with [ErrHash] a corrupted one, which counts as lost until a good one comes.
func (j *Joiner) Add(index int, data []byte) error {
	if index < 0 || index >= len(j.shards) {
		return fmt.Errorf("%w: %d of %d shards", ErrIndex, index, len(j.shards))
	}
	if want := j.code.ShardSize(j.size); len(data) != want {
		return fmt.Errorf("%w: shard %d has %d bytes, want %d", ErrSize, index, len(data), want)
	}
	bit := uint64(1) << index
	if j.good&bit != 0 {
		return fmt.Errorf("%w: shard %d", ErrDuplicate, index)
	}
	if HashOf(data) != j.hashes[index] {
		j.bad |= bit
		return fmt.Errorf("%w: shard %d", ErrHash, index)
	}
	j.good |= bit
	j.bad &^= bit
	if j.held < j.code.K { // the first K are enough, and more would only hold memory
		j.shards[index] = slices.Clone(data)
		j.held++
	}
	return nil
}

// Ready reports whether K good shards have arrived.
func (j *Joiner) Ready() bool { return j.held == j.code.K }

// Bytes returns the memory that the joiner holds, in bytes.
func (j *Joiner) Bytes() int {
	const perShard = HashSize + 3*bits.UintSize/8 // its hash and its slice
	return j.held*j.code.ShardSize(j.size) + len(j.shards)*perShard
}

// Join returns the ciphertext, or a [TooFewError] until the joiner is ready. It
// rebuilds the data shards only, and refuses padding that is not zero with
// [ErrPadding]. Each shard is then what the header promised; that the header
// told the same to everybody, the caller checks by the hash of the ciphertext.
func (j *Joiner) Join() ([]byte, error) {
	if !j.Ready() {
		return nil, &TooFewError{
			Have: bits.OnesCount64(j.good),
			Need: j.code.K,
			Bad:  bits.OnesCount64(j.bad),
		}
	}
	k, size := j.code.K, j.code.ShardSize(j.size)
	out := make([]byte, k*size)
	missing := false
	for i, piece := range cut(out, size) {
		missing = missing || j.shards[i] == nil
		copy(piece, j.shards[i])
	}
	if missing {
		if err := j.rebuild(out); err != nil {
			return nil, err
		}
	}
	for _, b := range out[j.size:] {
		if b != 0 {
			return nil, ErrPadding
		}
	}
	return out[:j.size:j.size], nil
}

// rebuild writes the data shards that did not arrive to their places in out. The
// library makes room for them itself, aligned as it needs.
func (j *Joiner) rebuild(out []byte) error {
	enc, err := j.code.encoder()
	if err != nil {
		return fmt.Errorf("make code %d+%d: %w", j.code.K, j.code.M, err)
	}
	shards := slices.Clone(j.shards)
	if err := enc.ReconstructData(shards); err != nil {
		return fmt.Errorf("reconstruct shards: %w", err)
	}
	for i, piece := range cut(out, j.code.ShardSize(j.size)) {
		if j.shards[i] == nil {
			copy(piece, shards[i])
		}
	}
	return nil
}
