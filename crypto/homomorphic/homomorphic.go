// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package homomorphic adds up vectors of a neighbourhood so that every member
// learns the exact sum and nobody a part of it. It is the protocol around the
// arithmetic of crypto/rlwe: who shares secrets with whom (the roster), whose
// uploads are complete where (holdings), which sum is opened (the active set)
// and who opens it, after crypto/PROTOCOL.md, "Secure sums"; the light mode
// works with masks instead, after Bonawitz et al. (Practical secure aggregation
// for privacy-preserving machine learning, CCS 2017). A [Session] is a pure state
// machine for one task, group and epoch: messages and times go in, messages come
// out, and the caller signcrypts them, so that a sender is who it says it is.
//
// The zero Session is not usable; take one from [NewSession]. A Session is not
// safe for concurrent use, the functions of the package are.
package homomorphic

import (
	"errors"

	"github.com/vecino-edge/vecino/crypto/rlwe"
)

// Message types of the neighbours' protocol that belong to this package.
const (
	TypeShare   = 5 // a share of a secret, to one member
	TypeControl = 6 // roster, ack, holdings, active set, signature, to all
	TypeAnswer  = 7 // a decryptor's part in opening a sum, to all
)

// Limits. Whatever the network can fill is bounded by one of them.
const (
	MinRoster = 3
	MaxRoster = rlwe.MaxParties // 32

	MaxVectors   = 2         // vectors of an upload
	MaxPieces    = 64        // polynomials of an upload
	MaxMemory    = 8_000_000 // bytes of the uploads of a round that a member holds; answers, as much again
	MaxControl   = 4096      // bytes of a message of type 6
	MaxShare     = rlwe.PolySize + 256
	MaxAnswer    = rlwe.PolySize + 256
	MaxUpload    = MaxMemory/MinRoster + 256 // bytes of an encoded upload
	MaxRepeats   = 4                         // times that the same message goes out again
	MaxReminders = 10                        // times that a valid roster is announced to members not heard under it
	MaxOutcomes  = 4                         // rounds whose outcome is remembered
	SetupPercent = 5                         // of an epoch's bytes that sharing secrets may take

	// Reserve is the number of rounds that a guard reserves ahead in one write.
	Reserve = 64
)

// Reasons for which this package refuses a message or a call. Each refusal wraps
// one of them.
var (
	ErrConfig    = errors.New("homomorphic: not a session that can be")
	ErrMalformed = errors.New("homomorphic: malformed message")
	ErrStranger  = errors.New("homomorphic: sender is not a member")
	ErrScope     = errors.New("homomorphic: of another task, group or roster")
	ErrRound     = errors.New("homomorphic: not of a round under way")
	ErrTwice     = errors.New("homomorphic: a second time")
	ErrRule      = errors.New("homomorphic: against the rules of rosters and active sets")
	ErrSitOut    = errors.New("homomorphic: this device sits out")
	ErrPending   = errors.New("homomorphic: not yet known")
	ErrShape     = errors.New("homomorphic: vectors of the wrong shape or range")
	ErrPast      = errors.New("homomorphic: a later epoch has begun")
)

// Mode is how a sum is hidden until it is opened.
type Mode uint8

// The modes. Private and hybrid tasks use Lattice, mask tasks Mask.
const (
	Lattice Mode = iota // ciphertexts of crypto/rlwe, about 4.5 bytes a value
	Mask                // pairwise and own masks, 2 bytes a value
)

// Valid reports whether m is one of the modes.
func (m Mode) Valid() bool { return m <= Mask }
