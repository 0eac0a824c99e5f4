// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"fmt"

	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"

	"github.com/vecino-edge/vecino/crypto/group"
)

// suite is the one suite of the protocol, in its mode 0x02, POPRF.
var suite = oprf.SuiteRistretto255

var (
	errKey   = errors.New("token: not a POPRF key")
	errProof = errors.New("token: wrong evaluation")
)

// evaluation is an issuer's answer to one blinded element.
type evaluation struct {
	_       struct{} `cbor:",toarray"`
	Epoch   uint32
	Element [group.Size]byte
	Proof   [2 * group.Size]byte // c, s of RFC 9497, section 2.2.1
}

func secretKey(k *group.Scalar) (*oprf.PrivateKey, error) {
	b, key := group.EncodeScalar(k), new(oprf.PrivateKey)
	if err := key.UnmarshalBinary(suite, b[:]); err != nil {
		return nil, errKey
	}
	return key, nil
}

func publicKey(b Pub) (*oprf.PublicKey, error) {
	key := new(oprf.PublicKey)
	if _, err := group.DecodePoint(b); err != nil || key.UnmarshalBinary(suite, b[:]) != nil {
		return nil, errKey
	}
	return key, nil
}

// element decodes a point by the rules of crypto/group.
func element(b [group.Size]byte) (oprf.Blinded, error) {
	if _, err := group.DecodePoint(b); err != nil {
		return nil, err
	}
	e := suite.Group().NewElement()
	if err := e.UnmarshalBinary(b[:]); err != nil {
		return nil, group.ErrEncoding
	}
	return e, nil
}

// evaluate is the server's BlindEvaluate for one element, with its proof.
func evaluate(key *oprf.PrivateKey, info []byte, blinded [group.Size]byte) (out evaluation, err error) {
	e, err := element(blinded)
	if err != nil {
		return out, err
	}
	got, err := oprf.NewPartialObliviousServer(suite, key).Evaluate(&oprf.EvaluationRequest{Elements: []oprf.Blinded{e}}, info)
	if err != nil {
		return out, fmt.Errorf("token: evaluate: %w", err)
	}
	point, err := got.Elements[0].MarshalBinaryCompress()
	if err != nil {
		return out, fmt.Errorf("token: evaluate: %w", err)
	}
	proof, err := got.Proof.MarshalBinary()
	if err != nil {
		return out, fmt.Errorf("token: evaluate: %w", err)
	}
	out.Element, out.Proof = [group.Size]byte(point), [2 * group.Size]byte(proof)
	return out, nil
}

// blinding is a serial under its blind.
type blinding struct {
	state   *oprf.FinalizeData
	blinded [group.Size]byte
}

// blind is the client's Blind with a blind that is given. The key may be that of
// any issuer: the client wants one, and does not use it before it finalizes.
func blind(key *oprf.PublicKey, input []byte, r *group.Scalar) (*blinding, error) {
	b, scalar := group.EncodeScalar(r), suite.Group().NewScalar()
	if err := scalar.UnmarshalBinary(b[:]); err != nil {
		return nil, fmt.Errorf("token: blind: %w", err)
	}
	state, request, err := oprf.NewPartialObliviousClient(suite, key).DeterministicBlind([][]byte{input}, []oprf.Blind{scalar})
	if err != nil {
		return nil, fmt.Errorf("token: blind: %w", err)
	}
	point, err := request.Elements[0].MarshalBinaryCompress()
	if err != nil {
		return nil, fmt.Errorf("token: blind: %w", err)
	}
	return &blinding{state: state, blinded: [group.Size]byte(point)}, nil
}

// finalize checks the proof against the issuer's key and returns the output.
func (b *blinding) finalize(key *oprf.PublicKey, info []byte, e *evaluation) (y [64]byte, err error) {
	point, err := element(e.Element)
	if err != nil {
		return y, errProof
	}
	proof := new(dleq.Proof)
	if err := proof.UnmarshalBinary(suite.Group(), e.Proof[:]); err != nil {
		return y, errProof
	}
	answer := &oprf.Evaluation{Elements: []oprf.Evaluated{point}, Proof: proof}
	out, err := oprf.NewPartialObliviousClient(suite, key).Finalize(b.state, answer, info)
	if err != nil {
		return y, errProof
	}
	return [64]byte(out[0]), nil
}

// output is the server's Evaluate: what finalize gives, without blinding.
func output(k *group.Scalar, info, input []byte) (y [64]byte, err error) {
	key, err := secretKey(k)
	if err != nil {
		return y, err
	}
	out, err := oprf.NewPartialObliviousServer(suite, key).FullEvaluate(input, info)
	if err != nil {
		return y, fmt.Errorf("token: output: %w", err)
	}
	return [64]byte(out), nil
}
