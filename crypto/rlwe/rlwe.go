// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package rlwe is the arithmetic of Vecino's secure sums: seeded
// key-homomorphic encryption on the ring learning with errors problem. Each
// party has a ternary secret s, shared by Shamir's scheme among the others, and
// hides a message as b = -a s + e + floor(Q/T) m under a public polynomial a
// that all derive from one seed. Anybody adds ciphertexts; t holders of shares
// open the sum of exactly those parties whose shares they added, and nothing
// else. The scheme is that of crypto/PROTOCOL.md, "Secure sums", which also has
// the rules of use that this package cannot hold: one ciphertext, one set of
// parties and one partial decryption under one a, ever. The flooding follows
// Boneh et al. (Threshold Cryptosystems from Threshold FHE, CRYPTO 2018).
//
// The zero Public, Secret, Message, Sum and Decryptor are not usable; the zero
// Ciphertext, Partial and Share are there to be filled, and the zero ShareSum
// is empty. What is only read is safe for concurrent use; the rest is not.
package rlwe

import "errors"

// The ring and its limits. The parameters are those of the Homomorphic
// Encryption Security Standard (2018) for 128 bits: N = 4096, a ternary secret,
// an error of standard deviation 3.16 and log Q = 108, at most 109.
const (
	N          = 4096    // coefficients of a polynomial, modulo X^N + 1
	MaxParties = 32      // ciphertexts of a sum, shares of a secret, partial decryptions
	MaxPoint   = 1 << 48 // greatest evaluation point, 1 + 48 bits of a hash

	SeedSize      = 64                    // bytes of the seed of a public polynomial
	ShareSeedSize = 32                    // bytes of a share that is sent as its seed
	PolySize      = 2 * N * primeBits / 8 // bytes of an encoded polynomial: 55,296
	ErrorBound    = 20                    // magnitude of a coefficient of an error, at most
)

// Width is the number of bits of a value in a message, 8 or 16. It fixes the
// lanes of a coefficient, and with them T and the size of the flooding noise.
type Width int

// The widths. A lane has five bits more than a value, for 32 parties. Wider
// lanes leave less room for noise below Q/2T, so the flooding of 16-bit values
// is smaller: 32 decryptors add up to 2^67 of Q/2T = 2^68, or to 2^64 of 2^65.
const (
	Width8  Width = 8  // 3 lanes of 13 bits, T = 2^39, flooding below 2^62
	Width16 Width = 16 // 2 lanes of 21 bits, T = 2^42, flooding below 2^59
)

// Reasons for which this package refuses its input. Each refusal wraps one.
var (
	ErrWidth     = errors.New("rlwe: width is neither 8 nor 16 bits")
	ErrSize      = errors.New("rlwe: wrong size")
	ErrRange     = errors.New("rlwe: coefficient not below its prime")
	ErrPoint     = errors.New("rlwe: evaluation points not distinct in 1 to 2^48")
	ErrThreshold = errors.New("rlwe: threshold not within 2 and the number of parties")
	ErrFull      = errors.New("rlwe: more than 32 parties")
	ErrEmpty     = errors.New("rlwe: nothing to open")
	ErrNoise     = errors.New("rlwe: partial decryptions do not belong to this sum")
	ErrLane      = errors.New("rlwe: sum over what its parties can reach")
)

// Valid reports whether w is one of the widths.
func (w Width) Valid() bool { return w == Width8 || w == Width16 }

// Lanes returns the values of one coefficient: 3 or 2.
func (w Width) Lanes() int { return 4 - int(w)/8 }

// Values returns the values of one message: 12,288 or 8,192.
func (w Width) Values() int { return N * w.Lanes() }

// laneBits is the length of a lane, 13 or 21.
func (w Width) laneBits() int { return int(w) + 5 }

// logT is the logarithm of the plaintext modulus T, 39 or 42.
func (w Width) logT() int { return w.Lanes() * w.laneBits() }

// floodBits is the logarithm of the bound on one flooding coefficient.
func (w Width) floodBits() int {
	if w == Width16 {
		return 59
	}
	return 62
}
