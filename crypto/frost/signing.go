// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"errors"
	"io"
	"slices"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
)

// Signing is one message under one set of signers: what both rounds agree on.
type Signing struct {
	P       [group.Size]byte
	Message []byte

	commitments []Commitment
	signers     []uint8
	factors     []*group.Scalar // binding factor of each commitment
	points      [][2]*group.Point
	R           *group.Point
}

var errCommitments = errors.New("frost: commitments are not of distinct signers in order")

// NewSigning computes the binding factors and the group commitment R of the
// signers, whose commitments come in ascending order (RFC 9591, 4.4 and 4.5).
func NewSigning(p [group.Size]byte, msg []byte, commitments []Commitment) (*Signing, error) {
	if len(commitments) == 0 || len(commitments) > MaxSigners {
		return nil, errCommitments
	}
	s := &Signing{P: p, Message: msg, commitments: slices.Clone(commitments), R: ristretto255.NewIdentityElement()}
	var list []byte
	for i, c := range commitments {
		if c.Index == 0 || i > 0 && c.Index <= commitments[i-1].Index {
			return nil, errCommitments
		}
		s.signers = append(s.signers, c.Index)
		list = append(list, identifier(c.Index).Bytes()...)
		list = append(append(list, c.Hiding[:]...), c.Binding[:]...)
	}
	m, l := digest("msg", msg), digest("com", list)
	for _, c := range commitments {
		if err := s.add(c, hash("rho", p[:], m[:], l[:], identifier(c.Index).Bytes())); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add takes a commitment with its binding factor into the group commitment.
func (s *Signing) add(c Commitment, rho *group.Scalar) error {
	hiding, err := group.DecodePoint(c.Hiding)
	if err != nil {
		return err
	}
	binding, err := group.DecodePoint(c.Binding)
	if err != nil {
		return err
	}
	s.factors = append(s.factors, rho)
	s.points = append(s.points, [2]*group.Point{hiding, binding})
	s.R.Add(s.R, group.Add(hiding, group.Mul(rho, binding)))
	return nil
}

func (s *Signing) challenge() *group.Scalar {
	return Challenge(group.EncodePoint(s.R), s.P, s.Message)
}

// Sign is round two: the share's part of the signature (RFC 9591, 5.2). The
// nonces are gone afterwards, whatever happens. It fails with [ErrRefused]
// where the list does not hold the commitment that belongs to them.
func (s *Signing) Sign(share Share, n *Nonces) (*group.Scalar, error) {
	if n == nil {
		return nil, ErrRefused
	}
	hiding, binding := n.hiding, n.binding
	n.hiding, n.binding = nil, nil
	i := slices.Index(s.signers, share.Index)
	if hiding == nil || i < 0 {
		return nil, ErrRefused
	}
	c := s.commitments[i]
	if group.EncodePoint(group.Base(hiding)) != c.Hiding || group.EncodePoint(group.Base(binding)) != c.Binding {
		return nil, ErrRefused
	}
	z := group.MulAdd(binding, s.factors[i], hiding)
	lambda := lagrange(share.Index, s.signers)
	return group.MulAdd(lambda.Multiply(lambda, share.Secret), s.challenge(), z), nil
}

// Check reports whether z is the part of the signer with the public share y
// (RFC 9591, 5.4), so that a cheating signer is named.
func (s *Signing) Check(index uint8, y *group.Point, z *group.Scalar) bool {
	i := slices.Index(s.signers, index)
	if i < 0 {
		return false
	}
	comm := group.Add(s.points[i][0], group.Mul(s.factors[i], s.points[i][1]))
	lambda := lagrange(index, s.signers)
	want := group.Add(comm, group.Mul(lambda.Multiply(lambda, s.challenge()), y))
	return group.Base(z).Equal(want) == 1
}

// Sum adds the signers' parts to the signature (RFC 9591, 5.3).
func (s *Signing) Sum(parts []*group.Scalar) (r, z [group.Size]byte) {
	sum := ristretto255.NewScalar()
	for _, p := range parts {
		sum.Add(sum, p)
	}
	return group.EncodePoint(s.R), group.EncodeScalar(sum)
}

// Join is Sum as a [Signature].
func (s *Signing) Join(parts []*group.Scalar) (sig Signature) {
	r, z := s.Sum(parts)
	copy(sig[:], r[:])
	copy(sig[group.Size:], z[:])
	return sig
}

// Signature is a FROST signature: R and z. It is an ordinary Schnorr signature
// under the group's public key.
type Signature [2 * group.Size]byte

// Verify reports whether sig signs msg under p.
func (sig Signature) Verify(p [group.Size]byte, msg []byte) bool {
	pp, err := group.DecodePoint(p)
	if err != nil {
		return false
	}
	r, err := group.DecodePoint([group.Size]byte(sig[:group.Size]))
	if err != nil {
		return false
	}
	z, err := group.DecodeScalar([group.Size]byte(sig[group.Size:]))
	if err != nil {
		return false
	}
	c := Challenge([group.Size]byte(sig[:group.Size]), p, msg)
	return group.VarTimeDouble(group.Neg(c), pp, z).Equal(r) == 1
}

// SignAlone runs both rounds of a group of one signer.
func SignAlone(rand io.Reader, share Share, p [group.Size]byte, msg []byte) (Signature, error) {
	nonces, commitment, err := Commit(rand, share)
	if err != nil {
		return Signature{}, err
	}
	s, err := NewSigning(p, msg, []Commitment{commitment})
	if err != nil {
		return Signature{}, err
	}
	z, err := s.Sign(share, nonces)
	if err != nil {
		return Signature{}, err
	}
	return s.Join([]*group.Scalar{z}), nil
}
