// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
)

// Refusal is an issuer's word that it does not take part.
type Refusal struct {
	Index  uint8
	Reason uint8
	Text   string // printable
}

// Result is how a session has ended. Where Err is nil it holds what was asked
// for; the other fields tell who was of no help, also where it ended well.
type Result struct {
	Matter   Matter
	Err      error
	Charter  *SignedCharter // of MatterCharter
	Proposal []byte         // what Signature signs, of MatterDeny and MatterRekey
	Sig      Signature
	Dealt    *Dealt  // of MatterDealing
	Noted    []uint8 // of MatterInvite: who has registered it

	Silent  []uint8
	Refused []Refusal
	Cheats  []error // *CheatError or *DoubtError
}

// SilentError says that a session ran out of time, and who had yet to answer.
type SilentError struct {
	Silent []uint8
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("issuer: the session has run out; issuers %v did not answer", e.Silent)
}

// RefusalError says that a session cannot end well without those who refuse.
type RefusalError struct {
	Refused []Refusal
}

func (e *RefusalError) Error() string {
	if len(e.Refused) == 0 {
		return "issuer: too few issuers are left to sign"
	}
	r := e.Refused[len(e.Refused)-1]
	return fmt.Sprintf("issuer: %d refused; issuer %d says: %s", len(e.Refused), r.Index, r.Text)
}

// BoundError holds the other charter of the same generation that an issuer has
// signed before. Propose that one, or one of a later generation.
type BoundError struct {
	Index   uint8
	Charter []byte
}

func (e *BoundError) Error() string {
	return fmt.Sprintf("issuer: issuer %d has signed another charter of this generation; propose that one, or a later generation", e.Index)
}

// DoubtError says that a share did not open at its receiver, where it cannot be
// told who of the two is to blame.
type DoubtError struct {
	Receiver, Dealer uint8
}

func (e *DoubtError) Error() string {
	return fmt.Sprintf("issuer: the share of issuer %d for issuer %d did not open; one of them cheats", e.Dealer, e.Receiver)
}

// ErrBusy refuses a second session while one is under way.
var ErrBusy = errors.New("issuer: a session of this issuer is under way")
