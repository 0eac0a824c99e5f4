// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
)

// BenchmarkEvaluate is an issuer's work for one epoch once grants are verified.
func BenchmarkEvaluate(b *testing.B) {
	w := newPlace(b, "bench", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.ask(b, wallet, 0, 100)
	key, public, blinded := must(secretKey(w.mints[0].POPRF))(b), info(w.charter.Nbhd, 100, 2), wallet.held[100].state.blinded
	for b.Loop() {
		if _, err := evaluate(key, public, blinded); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBlind is a member's work for one epoch before it asks.
func BenchmarkBlind(b *testing.B) {
	w := newPlace(b, "bench", 1, 1, 1)
	key, r := must(publicKey(w.charter.Issuers[0].POPRF))(b), must(group.RandomScalar(w.rand))(b)
	serial := w.draw(b)
	for b.Loop() {
		if _, err := blind(key, serial, r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFinalize is a member's work for one epoch and issuer.
func BenchmarkFinalize(b *testing.B) {
	w := newPlace(b, "bench", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.ask(b, wallet, 0, 100)
	key, public, state := must(publicKey(w.charter.Issuers[0].POPRF))(b), info(w.charter.Nbhd, 100, 2), wallet.held[100].state
	e := must(evaluate(must(secretKey(w.mints[0].POPRF))(b), public, state.blinded))(b)
	for b.Loop() {
		if _, err := state.finalize(key, public, &e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutput is an issuer's work when a token is redeemed.
func BenchmarkOutput(b *testing.B) {
	w := newPlace(b, "bench", 1, 1, 1)
	for b.Loop() {
		if _, err := Output(w.mints[0].POPRF, w.charter.Nbhd, 100, 2, [32]byte{1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMintDay is an issuer's work for a member's day of tokens in a
// neighbourhood where three of five issuers sign, by rounds.
func BenchmarkMintDay(b *testing.B) {
	w := newPlace(b, "bench", 3, 5, 1)
	a := w.ask(b, NewWallet(w.charter.Nbhd), 0, day(100)...)
	for _, round := range []string{"grant", "evaluate"} {
		msg := a.Pending()[0]
		b.Run(round, func(b *testing.B) {
			var answer []byte
			for b.Loop() {
				answer = must(w.mints[0].Answer(msg))(b)
			}
			b.ReportMetric(float64(len(msg)), "request-bytes")
			b.ReportMetric(float64(len(answer)), "answer-bytes")
		})
		w.pass(b, a, nil)
	}
}
