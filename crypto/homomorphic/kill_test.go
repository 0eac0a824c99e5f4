// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"pgregory.net/rapid"
)

// word is what a device may say once only: that it signs and answers for an
// active set of a round.
type word struct {
	id    signcrypt.PID
	round uint32
}

// written fails the test unless a device has written down that it does a thing.
func written(d *device, a act, round uint32, fail func(format string, args ...any)) {
	var m marks
	if err := recordDecoder.Unmarshal(d.runtime.data, &m); err != nil || m.Next[a] <= round {
		fail("round %d: act %d came before its record: %v", round, a, err)
	}
}

// watch records what devices say and fails the test when one says two different
// things of a round, or says something before it is written down.
func watch(net *network, fail func(format string, args ...any)) {
	said := make(map[word]active)
	pieces := make(map[word]map[uint8][]byte)
	net.tamper = func(p packet) []byte {
		var w word
		var a active
		if p.kind == TypeControl && subtype(p.data) == subSignature {
			var m activeMessage
			if err := decode(controlDecoder, p.data, &m); err != nil {
				fail("signature: %v", err)
			}
			w, a = word{p.from.id, m.Round}, m.Active
			written(p.from, signing, m.Round, fail)
		} else if p.kind == TypeAnswer {
			var m answerMessage
			if err := decode(answerDecoder, p.data, &m); err != nil {
				fail("answer: %v", err)
			}
			w, a = word{p.from.id, m.Round}, m.Active
			written(p.from, answering, m.Round, fail)
			if pieces[w] == nil {
				pieces[w] = make(map[uint8][]byte)
			}
			if first := pieces[w][m.Piece]; first != nil && !bytes.Equal(first, m.Data) {
				fail("round %d: two answers", m.Round)
			}
			pieces[w][m.Piece] = m.Data
		} else {
			return p.data
		}
		if first, ok := said[w]; ok && first != a {
			fail("round %d: a second active set", w.round)
		}
		said[w] = a
		return p.data
	}
}

// single fails the test if a device made two uploads of a round.
func single(net *network, fail func(format string, args ...any)) {
	for i, d := range net.devices {
		for round, uploads := range d.uploads {
			if len(uploads) > 1 {
				fail("device %d made %d uploads of round %d", i, len(uploads), round)
			}
		}
	}
}

// TestKilled kills a device at each step of writing, and lets it train anew.
func TestKilled(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		plan.Params = 3
		steps := 0
		for at := 0; at <= steps; at++ { // 0 counts the steps
			net := newNetwork(t, 4, plan)
			d := net.devices[1]
			d.killAt = at
			watch(net, t.Errorf)
			for round := range uint32(2) {
				net.runUntil(testStart.Add(time.Duration(round)*testRound + testStep))
				net.encryptAll(round)
				net.encryptAll(round) // those that have encrypted are refused
				net.runUntil(middleOf(round))
				net.encryptAll(round)
				net.runUntil(endOf(round).Add(testStep))
				net.check(round)
			}
			single(net, t.Errorf)
			if steps = max(steps, d.steps); (d.restarts > 0) != (at > 0 && d.steps >= at) {
				t.Fatalf("step %d: killed %d times", at, d.restarts)
			}
		}
		if steps < 14 {
			t.Errorf("only %d steps", steps)
		}
	}
}

// TestUnguarded is the control: without its guard a device that was killed and
// trains anew gives away the difference of its vectors.
func TestUnguarded(t *testing.T) {
	net := newNetwork(t, 3, latticePlan)
	net.runUntil(testStart.Add(testStep))
	d := net.devices[0]
	if err := net.encrypt(d, 0); err != nil {
		t.Fatal(err)
	}
	first := net.vectors[0][d.id][0]
	net.restart(d)
	if err := net.encrypt(d, 0); !errors.Is(err, ErrSitOut) {
		t.Fatalf("with its guard: %v", err)
	}
	d.guard.floor, d.guard.marks.Next = 0, [acts]uint32{}
	if err := net.encrypt(d, 0); err != nil {
		t.Fatal(err)
	}
	second := net.vectors[0][d.id][0]
	for k, got := range difference(t, d.uploads[0][0], d.uploads[0][1], latticePlan.Params) {
		if want := int(first[k]) - int(second[k]); got != want {
			t.Fatalf("value %d: difference %d, not %d", k, got, want)
		}
	}
}

// difference recovers the difference of the messages in two ciphertexts under
// one polynomial, as anybody could.
func difference(t *testing.T, first, second []byte, values int) (out []int) {
	t.Helper()
	var a, b upload
	if err := errors.Join(decode(uploadDecoder, first, &a), decode(uploadDecoder, second, &b)); err != nil {
		t.Fatal(err)
	}
	q0, q1 := big.NewInt(1<<54-172031), big.NewInt(1<<54-188415)
	q := new(big.Int).Mul(q0, q1)
	half := new(big.Int).Rsh(q, 1)
	m0 := new(big.Int).Mul(q1, new(big.Int).ModInverse(q1, q0)) // 1 mod q0, 0 mod q1
	m1 := new(big.Int).Mul(q0, new(big.Int).ModInverse(q0, q1))
	for k := range (values + 2) / 3 {
		c := new(big.Int).Mul(m0, big.NewInt(residue(a.Data, k)-residue(b.Data, k)))
		c.Add(c, new(big.Int).Mul(m1, big.NewInt(residue(a.Data[rlwe.PolySize/2:], k)-residue(b.Data[rlwe.PolySize/2:], k))))
		c.Mod(c, q)
		c.Lsh(c, 39)
		c.Add(c, half)
		c.Div(c, q) // the message modulo 2^39
		v := c.Int64() << 25 >> 25
		for range min(3, values-len(out)) { // signed lanes of 13 bits
			lane := v << 51 >> 51
			out = append(out, int(lane))
			v = (v - lane) >> 13
		}
	}
	return out
}

// residue returns coefficient k of an encoded half of a polynomial.
func residue(b []byte, k int) int64 {
	bit := 54 * k
	var word [16]byte
	copy(word[:], b[bit/8:])
	hi, lo := binary.BigEndian.Uint64(word[:]), binary.BigEndian.Uint64(word[8:])
	shift := bit % 8
	return int64((hi<<shift | lo>>(64-shift)) >> 10)
}

// TestRestarted lets chance kill devices, set clocks back and restore old copies
// of one folder or the other.
func TestRestarted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := maskPlan
		plan.Params, plan.Vectors = 2, 1
		net := newNetwork(t, 4, plan)
		watch(net, rt.Errorf)
		var old [4][2][]byte
		var wrong, rebooted [4]bool
		for range rapid.IntRange(4, 40).Draw(rt, "events") {
			net.runUntil(net.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(rt, "wait")) * time.Second))
			for round := range uint32(8) {
				net.encryptAll(round)
			}
			i := rapid.IntRange(0, 3).Draw(rt, "device")
			d := net.devices[i]
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				net.restart(d)
			case 1: // a clock set back, or forward
				wrong[i] = true
				d.clock = time.Duration(rapid.IntRange(-600, 60).Draw(rt, "clock")) * time.Second
				net.restart(d)
			case 2:
				old[i] = [2][]byte{d.state.data, d.runtime.data}
			case 3: // an old state folder, beside the pseudonym's keys
				if !rebooted[i] {
					d.state.data = old[i][0]
					net.restart(d)
				}
			case 4: // an old runtime folder; only a clock that goes right tells it then
				if !wrong[i] && !rebooted[i] {
					d.runtime.data = old[i][1]
					net.restart(d)
				}
			case 5: // a reboot: what is in memory is gone
				if d.state.data != nil {
					rebooted[i] = true
					d.runtime.data, d.shares.data = nil, nil
					net.restart(d)
				}
			}
		}
		single(net, rt.Errorf)
	})
}
