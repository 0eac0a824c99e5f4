// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Sealer signcrypts in the name of one signing key. Rand is crypto/rand's
// reader except where a test wants golden bytes.
type Sealer struct {
	Scope *Scope
	Key   *PrivateKey // of usage Sig
	Rand  io.Reader
}

// Seal returns the envelope in which msg of the given type and round goes to 1
// to [MaxReceivers] peers. The envelope is 271 bytes and 60 per slot longer
// than msg, up to five of a length's encoding and padding of at most an eighth.
func (s *Sealer) Seal(to []*Peer, round uint32, typ uint8, msg []byte) ([]byte, error) {
	if len(to) == 0 || len(to) > MaxReceivers {
		return nil, fmt.Errorf("signcrypt: seal: %d receivers, 1 to %d are possible", len(to), MaxReceivers)
	}
	t, err := group.RandomScalar(s.Rand)
	if err != nil {
		return nil, err
	}
	var cek [cekSize]byte
	if _, err := io.ReadFull(s.Rand, cek[:]); err != nil {
		return nil, fmt.Errorf("signcrypt: seal: %w", err)
	}
	h := &header{
		Ver: Version, Suite: Suite, Epoch: s.Scope.Epoch,
		E: group.EncodePoint(group.Base(t)), Com: commitment(cek[:]),
	}
	ctx := s.Scope.context(h.Com)
	if h.Slots, err = s.slots(t, h.E, cek[:], ctx, to); err != nil {
		return nil, err
	}
	in := &inner{R: s.Key.R, U: s.Key.U, Round: round, Type: typ, Msg: msg}
	if in.Sig, err = s.Scope.Sign(s.Rand, s.Key, transcript(ctx, h, in)); err != nil {
		return nil, fmt.Errorf("signcrypt: seal: %w", err)
	}
	return finish(h, cek[:], in)
}

// slots wraps the content key for each receiver and fills the bucket with
// random slots, which look the same to everybody else. Sorting by tag hides
// which is which.
func (s *Sealer) slots(t *group.Scalar, e [group.Size]byte, cek, ctx []byte, to []*Peer) ([]slot, error) {
	out := make([]slot, bucket(len(to)))
	for i, p := range to {
		tag, kek := slotKey(group.Mul(t, p.kemD), group.Mul(t, p.kemU), e, p.Kem, ctx)
		out[i] = slot{Tag: tag, Wrap: [wrapSize]byte(aeadSeal(kek[:], cek, nil))}
	}
	for i := len(to); i < len(out); i++ {
		var b [tagSize + wrapSize]byte
		if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
			return nil, fmt.Errorf("signcrypt: seal: %w", err)
		}
		copy(out[i].Tag[:], b[:])
		copy(out[i].Wrap[:], b[tagSize:])
	}
	slices.SortFunc(out, compareTags)
	return out, nil
}

func finish(h *header, cek []byte, in *inner) ([]byte, error) {
	plain := wire.MustMarshal(in)
	padded := append(plain, make([]byte, padme(len(plain))-len(plain))...)
	env, err := wire.Marshal(envelope{
		Ver: h.Ver, Suite: h.Suite, Epoch: h.Epoch, E: h.E, Com: h.Com, Slots: h.Slots,
		Body: aeadSeal(bodyKey(cek), padded, wire.MustMarshal(h)),
	})
	if err != nil {
		return nil, err
	}
	if len(env) > MaxEnvelope {
		return nil, fmt.Errorf("signcrypt: seal: envelope of %d bytes, at most %d", len(env), MaxEnvelope)
	}
	return env, nil
}

// padme returns the length to which n bytes are padded: at most an eighth more,
// and such that the length tells only O(log log n) bits (PURBs, Nikitin et al.
// 2019, algorithm 1).
func padme(n int) int {
	if n < 2 {
		return n
	}
	exponent := bits.Len(uint(n)) - 1
	mask := 1<<(exponent-bits.Len(uint(exponent))) - 1
	return (n + mask) &^ mask
}
