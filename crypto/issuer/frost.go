// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// context is FROST's contextString of RFC 9591, section 6.2.
const context = "FROST-RISTRETTO255-SHA512-v1"

// Share is an issuer's share of the signing key: point Index of a polynomial
// whose value at 0 nobody needs to know.
type Share struct {
	Index  uint8 // 1 to MaxIssuers
	Secret *group.Scalar
}

// Public returns the share's verification key Y.
func (s Share) Public() *group.Point { return group.Base(s.Secret) }

// Nonces are an issuer's secret numbers for one signature. They live in memory
// only and are never used twice: [Sign] takes them away.
type Nonces struct {
	hiding, binding *group.Scalar
}

// Commitment is the public side of an issuer's nonces.
type Commitment struct {
	_       struct{} `cbor:",toarray"`
	Index   uint8
	Hiding  [group.Size]byte
	Binding [group.Size]byte
}

// valid reports whether both commitments are points other than the identity.
func (c Commitment) valid() bool {
	_, hidingErr := group.DecodePoint(c.Hiding)
	_, bindingErr := group.DecodePoint(c.Binding)
	return hidingErr == nil && bindingErr == nil
}

// Commit is round one: fresh nonces and their commitment (RFC 9591, 5.1).
func Commit(rand io.Reader, s Share) (*Nonces, Commitment, error) {
	hiding, err := nonce(rand, s.Secret)
	if err != nil {
		return nil, Commitment{}, err
	}
	binding, err := nonce(rand, s.Secret)
	if err != nil {
		return nil, Commitment{}, err
	}
	return &Nonces{hiding, binding}, Commitment{
		Index: s.Index, Hiding: group.EncodePoint(group.Base(hiding)), Binding: group.EncodePoint(group.Base(binding)),
	}, nil
}

// nonce mixes fresh randomness with the secret (RFC 9591, 4.1).
func nonce(rand io.Reader, secret *group.Scalar) (*group.Scalar, error) {
	var fresh [32]byte
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return nil, fmt.Errorf("issuer: read randomness: %w", err)
	}
	return hash("nonce", fresh[:], secret.Bytes()), nil
}

func hash(tag string, parts ...[]byte) *group.Scalar {
	return group.Reduce(digest(tag, parts...))
}

func digest(tag string, parts ...[]byte) [sha512.Size]byte {
	h := sha512.New()
	io.WriteString(h, context+tag)
	for _, p := range parts {
		h.Write(p)
	}
	return [sha512.Size]byte(h.Sum(nil))
}

func identifier(index uint8) *group.Scalar { return group.Reduce([64]byte{index}) }

// Signing is one message under one set of signers: what both rounds agree on.
type Signing struct {
	P       [group.Size]byte
	Message []byte

	commitments []Commitment
	factors     []*group.Scalar // binding factor of each commitment
	points      [][2]*group.Point
	R           *group.Point
}

var errCommitments = errors.New("issuer: commitments are not of distinct signers in order")

// NewSigning computes the binding factors and the group commitment R of the
// signers, whose commitments come in ascending order (RFC 9591, 4.4 and 4.5).
func NewSigning(p [group.Size]byte, msg []byte, commitments []Commitment) (*Signing, error) {
	if len(commitments) == 0 || len(commitments) > MaxIssuers {
		return nil, errCommitments
	}
	s := &Signing{P: p, Message: msg, commitments: slices.Clone(commitments), R: ristretto255.NewIdentityElement()}
	var list []byte
	for i, c := range commitments {
		if c.Index == 0 || i > 0 && c.Index <= commitments[i-1].Index {
			return nil, errCommitments
		}
		list = append(list, identifier(c.Index).Bytes()...)
		list = append(append(list, c.Hiding[:]...), c.Binding[:]...)
	}
	m, l := digest("msg", msg), digest("com", list)
	for _, c := range commitments {
		rho := hash("rho", p[:], m[:], l[:], identifier(c.Index).Bytes())
		hiding, err := group.DecodePoint(c.Hiding)
		if err != nil {
			return nil, err
		}
		binding, err := group.DecodePoint(c.Binding)
		if err != nil {
			return nil, err
		}
		s.factors = append(s.factors, rho)
		s.points = append(s.points, [2]*group.Point{hiding, binding})
		s.R.Add(s.R, group.Add(hiding, group.Mul(rho, binding)))
	}
	return s, nil
}

func (s *Signing) position(index uint8) int {
	return slices.IndexFunc(s.commitments, func(c Commitment) bool { return c.Index == index })
}

func (s *Signing) challenge() *group.Scalar {
	return signcrypt.Challenge(group.EncodePoint(s.R), s.P, s.Message)
}

// lagrange is the coefficient of a signer at 0 among the signing set.
func (s *Signing) lagrange(index uint8) *group.Scalar {
	num, den := group.Reduce([64]byte{1}), group.Reduce([64]byte{1})
	own := identifier(index)
	for _, c := range s.commitments {
		if c.Index == index {
			continue
		}
		x := identifier(c.Index)
		num.Multiply(num, x)
		den.Multiply(den, ristretto255.NewScalar().Subtract(x, own))
	}
	return num.Multiply(num, den.Invert(den))
}

// Sign is round two: the share's part of the signature (RFC 9591, 5.2). The
// nonces are gone afterwards, whatever happens. It fails where the list does
// not hold the commitment that belongs to them.
func (s *Signing) Sign(share Share, n *Nonces) (*group.Scalar, error) {
	if n == nil {
		return nil, ErrRefused
	}
	hiding, binding := n.hiding, n.binding
	n.hiding, n.binding = nil, nil
	i := s.position(share.Index)
	if hiding == nil || i < 0 {
		return nil, ErrRefused
	}
	c := s.commitments[i]
	if group.EncodePoint(group.Base(hiding)) != c.Hiding || group.EncodePoint(group.Base(binding)) != c.Binding {
		return nil, ErrRefused
	}
	z := group.MulAdd(binding, s.factors[i], hiding)
	lambda := s.lagrange(share.Index)
	return group.MulAdd(lambda.Multiply(lambda, share.Secret), s.challenge(), z), nil
}

// Check reports whether z is the part of the signer with the public share y
// (RFC 9591, 5.4), so that a cheating issuer is named.
func (s *Signing) Check(index uint8, y *group.Point, z *group.Scalar) bool {
	i := s.position(index)
	if i < 0 {
		return false
	}
	comm := group.Add(s.points[i][0], group.Mul(s.factors[i], s.points[i][1]))
	lambda := s.lagrange(index)
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
	c := signcrypt.Challenge([group.Size]byte(sig[:group.Size]), p, msg)
	return group.VarTimeDouble(group.Neg(c), pp, z).Equal(r) == 1
}

// signAlone runs both rounds of a neighbourhood's only issuer.
func signAlone(rand io.Reader, share Share, p [group.Size]byte, msg []byte) (sig Signature, err error) {
	nonces, commitment, err := Commit(rand, share)
	if err != nil {
		return sig, err
	}
	s, err := NewSigning(p, msg, []Commitment{commitment})
	if err != nil {
		return sig, err
	}
	z, err := s.Sign(share, nonces)
	if err != nil {
		return sig, err
	}
	r, sum := s.Sum([]*group.Scalar{z})
	copy(sig[:], r[:])
	copy(sig[group.Size:], sum[:])
	return sig, nil
}
