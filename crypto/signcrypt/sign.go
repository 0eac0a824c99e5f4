// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"crypto/subtle"
	"io"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// SignatureSize is the length in bytes of a signature: c, z1 and z2.
const SignatureSize = 3 * group.Size

// Signature proves knowledge of both secrets of a signing key, d and u.
type Signature [SignatureSize]byte

// Sign signs the transcript th, which begins with a label, by an AND-Schnorr
// proof of d and u. The nonces are hedged: they hold 32 random bytes, both
// secrets and the transcript, so that neither a weak source of randomness nor
// a fault that repeats it gives two signatures with one nonce.
func (s *Scope) Sign(rand io.Reader, k *PrivateKey, th []byte) (Signature, error) {
	var hedge [32]byte
	if _, err := io.ReadFull(rand, hedge[:]); err != nil {
		return Signature{}, err
	}
	k1, k2 := k.nonce(1, hedge, th), k.nonce(2, hedge, th)
	t1, t2 := group.EncodePoint(group.Base(k1)), group.EncodePoint(group.Base(k2))
	c := s.signatureChallenge(k.PublicKey, t1, t2, th)
	return encodeSignature(c, group.MulAdd(c, k.d, k1), group.MulAdd(c, k.u, k2)), nil
}

func (k *PrivateKey) nonce(i uint8, hedge [32]byte, th []byte) *group.Scalar {
	d, u := group.EncodeScalar(k.d), group.EncodeScalar(k.u)
	return group.Reduce(wire.Hash(wire.LabelNonce, wire.U8(i), d[:], u[:], hedge[:], th))
}

// signatureChallenge holds every value that a forger could choose: the whole
// public key beside both commitments, so that no common factor cancels.
func (s *Scope) signatureChallenge(pub PublicKey, t1, t2 [group.Size]byte, th []byte) *group.Scalar {
	return group.Reduce(wire.Hash(wire.LabelSignature, s.P[:], pub.R[:], pub.U[:], t1[:], t2[:], th))
}

func encodeSignature(c, z1, z2 *group.Scalar) (sig Signature) {
	for i, s := range []*group.Scalar{c, z1, z2} {
		b := group.EncodeScalar(s)
		copy(sig[i*group.Size:], b[:])
	}
	return sig
}

func decodeSignature(sig Signature) (out [3]*group.Scalar, err error) {
	for i := range out {
		if out[i], err = group.DecodeScalar([group.Size]byte(sig[i*group.Size:])); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Verify reports whether sig is the peer's signature of the transcript th.
func (s *Scope) Verify(p *Peer, th []byte, sig Signature) bool {
	return s.verify(p.Sig, p.sigD, p.sigU, th, sig)
}

func (s *Scope) verify(pub PublicKey, d, u *group.Point, th []byte, sig Signature) bool {
	v, err := decodeSignature(sig)
	if err != nil {
		return false
	}
	minusC := group.Neg(v[0])
	t1 := group.EncodePoint(group.VarTimeDouble(minusC, d, v[1]))
	t2 := group.EncodePoint(group.VarTimeDouble(minusC, u, v[2]))
	c := group.EncodeScalar(s.signatureChallenge(pub, t1, t2, th))
	return subtle.ConstantTimeCompare(c[:], sig[:group.Size]) == 1
}
