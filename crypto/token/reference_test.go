// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/sha512"
	"encoding/binary"
	"testing"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
)

// A second POPRF, written from RFC 9497 on another library than the package's, so
// that the golden file is not checked by the code that made it.

const refContext = "OPRFV1-\x02-ristretto255-SHA512"

// refLV is the RFC's framing: two bytes of length before each part.
func refLV(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(p))), p...)
	}
	return out
}

// refExpand is expand_message_xmd of RFC 9380 for 64 bytes, one block of SHA-512.
func refExpand(msg []byte, dst string) [64]byte {
	tail := append([]byte(dst), byte(len(dst)))
	b0 := sha512.Sum512(append(append(append(make([]byte, sha512.BlockSize), msg...), 0, 64, 0), tail...))
	return sha512.Sum512(append(append(b0[:], 1), tail...))
}

func refScalar(msg []byte) *group.Scalar {
	return group.Reduce(refExpand(msg, "HashToScalar-"+refContext))
}

func refPoint(t testing.TB, msg []byte) *group.Point {
	b := refExpand(msg, "HashToGroup-"+refContext)
	return must(ristretto255.NewIdentityElement().SetUniformBytes(b[:]))(t)
}

// refTweak is the scalar that info adds to a key.
func refTweak(info []byte) *group.Scalar { return refScalar(append([]byte("Info"), refLV(info)...)) }

func refOutput(input, info []byte, element *group.Point) [64]byte {
	return sha512.Sum512(append(refLV(input, info, element.Bytes()), "Finalize"...))
}

// refVerify checks the proof that the evaluated element times the tweaked key is
// the blinded one.
func refVerify(key, evaluated, blinded *group.Point, c, s *group.Scalar) bool {
	seed := sha512.Sum512(refLV(key.Bytes(), []byte("Seed-"+refContext)))
	first := append(refLV(seed[:]), 0, 0)
	d := refScalar(append(append(first, refLV(evaluated.Bytes(), blinded.Bytes())...), "Composite"...))
	m, z := group.Mul(d, evaluated), group.Mul(d, blinded)
	t2 := group.Add(group.Base(s), group.Mul(c, key))
	t3 := group.Add(group.Mul(s, m), group.Mul(c, z))
	again := refScalar(append(refLV(key.Bytes(), m.Bytes(), z.Bytes(), t2.Bytes(), t3.Bytes()), "Challenge"...))
	return again.Equal(c) == 1
}

// TestGoldenByReference recomputes the golden file: blinded and evaluated
// elements, proofs, outputs.
func TestGoldenByReference(t *testing.T) {
	var file goldenToken
	readJSON(t, "token.json", &file)
	scalar := func(s string) *group.Scalar { return must(group.DecodeScalar([32]byte(unhex(t, s))))(t) }
	point := func(s string) *group.Point { return must(group.DecodePoint([32]byte(unhex(t, s))))(t) }
	for _, e := range file.Epochs {
		serial, info := unhex(t, e.Serial), unhex(t, e.Info)
		blinded := group.Mul(scalar(e.Blind), refPoint(t, serial))
		same(t, "blinded element", blinded.Bytes(), unhex(t, e.Blinded))
		for i, of := range e.Of {
			tweaked := ristretto255.NewScalar().Add(scalar(file.Issuers[i].POPRF.Private), refTweak(info))
			inverse := ristretto255.NewScalar().Invert(tweaked)
			same(t, "evaluated element", group.Mul(inverse, blinded).Bytes(), unhex(t, of.Element))
			key := group.Add(point(file.Issuers[i].POPRF.Public), group.Base(refTweak(info)))
			if !refVerify(key, point(of.Element), blinded, scalar(of.Proof[:64]), scalar(of.Proof[64:])) {
				t.Errorf("epoch %d, issuer %d: the proof does not hold", e.Epoch, i+1)
			}
			y := refOutput(serial, info, group.Mul(inverse, refPoint(t, serial)))
			same(t, "output", y[:], unhex(t, of.Y))
		}
	}
}

// BenchmarkReferenceOutput is what BenchmarkOutput would take on the library of
// crypto/group.
func BenchmarkReferenceOutput(b *testing.B) {
	w := newPlace(b, "bench", 1, 1, 1)
	public, serial := info(w.charter.Nbhd, 100, 2), []byte("a serial of thirty-two bytes....")
	for b.Loop() {
		tweaked := ristretto255.NewScalar().Add(w.mints[0].POPRF, refTweak(public))
		refOutput(serial, public, group.Mul(ristretto255.NewScalar().Invert(tweaked), refPoint(b, serial)))
	}
}
