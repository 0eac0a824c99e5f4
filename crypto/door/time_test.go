// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestTimeRefused are answers that are not to be believed.
func TestTimeRefused(t *testing.T) {
	issuers, ch, rand := dials(t, 1, 0, 0)
	var c Clock
	request := must(c.Ask(rand, truth))(t)
	answer := must(issuers[0].at(truth).Answer(request, truth))(t)
	var a timeAnswer
	if err := decoder.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	signed := func(change func(*timeAnswer)) []byte {
		b := a
		change(&b)
		b.Signature = [64]byte(ed25519.Sign(issuers[0].Keys.Ed25519, b.signed(ch.Nbhd)))
		return wire.MustMarshal(b)
	}
	for name, msg := range map[string][]byte{
		"nothing":            {},
		"kind":               signed(func(a *timeAnswer) { a.Kind = kindCharter }),
		"nonce":              signed(func(a *timeAnswer) { a.Nonce[0] ^= 1 }),
		"other issuer":       signed(func(a *timeAnswer) { a.Index = 2 }),
		"no issuer":          signed(func(a *timeAnswer) { a.Index = 3 }),
		"beyond all numbers": signed(func(a *timeAnswer) { a.UnixMilli = 1 << 63 }),
		"beyond our clock":   signed(func(a *timeAnswer) { a.UnixMilli = maxUnix * 1000 }),
		"request":            request,
	} {
		if err := c.Handle(ch, truth, msg); err != ErrAnswer {
			t.Errorf("%s: %v", name, err)
		}
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(answer)*8; i += step {
		msg := bytes.Clone(answer)
		msg[i/8] ^= 1 << (i % 8)
		if err := c.Handle(ch, truth, msg); err != ErrAnswer {
			t.Fatalf("bit %d is flipped: %v", i, err)
		}
	}
	if err := c.Handle(ch, truth.Add(-1), answer); err != ErrAnswer {
		t.Errorf("an answer before the question: %v", err)
	}
	if err := c.Handle(ch, truth, answer); err != nil {
		t.Fatalf("the unchanged answer: %v", err)
	}
	if err := c.Handle(ch, truth, answer); err != ErrAnswer {
		t.Errorf("a second answer: %v", err)
	}
	must(c.Ask(rand, truth))(t)
	if err := c.Handle(ch, truth, answer); err != ErrAnswer {
		t.Errorf("an answer to an earlier question: %v", err)
	}
	if _, err := c.Ask(bytes.NewReader(nil), truth); err == nil {
		t.Error("a source that ends gives a nonce")
	}
}

// TestTimekeeper answers a bounded number, and nothing while it knows no time.
func TestTimekeeper(t *testing.T) {
	issuers, _, rand := dials(t, 1, 0)
	var c Clock
	request := must(c.Ask(rand, truth))(t)
	keeper := issuers[0].at(truth)
	now := truth
	for i := range TimeBurst {
		if _, err := keeper.Answer(request, now); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	for _, step := range []time.Duration{0, TimeEvery - 1, -time.Hour} {
		now = now.Add(step)
		if _, err := keeper.Answer(request, now); err != ErrRequest {
			t.Errorf("one too many: %v", err)
		}
	}
	if _, err := keeper.Answer(request, now.Add(TimeEvery)); err != nil {
		t.Errorf("after a while: %v", err)
	}
	for name, msg := range map[string][]byte{"nothing": {}, "join": {0x82, 0x00, 0x40}, "cut": request[:10]} {
		if _, err := issuers[0].at(truth).Answer(msg, now.Add(time.Hour)); err != ErrRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	issuers[0].Clock = Clock{}
	if _, err := issuers[0].at(truth).Answer(request, now.Add(time.Hour)); err != ErrRequest {
		t.Errorf("an issuer without a clock answers: %v", err)
	}
}

func TestDenials(t *testing.T) {
	var d Denials
	if d.Denied(5, [16]byte{1}) {
		t.Error("somebody is denied from the start")
	}
	pids := func(from, n int) (out [][16]byte) {
		for i := range n {
			out = append(out, [16]byte{byte(from + i), 9})
		}
		return out
	}
	for _, tc := range []struct {
		epoch uint32
		pids  [][16]byte
		now   uint32
		ok    bool
	}{
		{5, pids(0, 32), 5, true}, {5, pids(0, 32), 5, true}, {6, pids(0, 1), 5, true}, {4, pids(0, 1), 5, true},
		{3, pids(0, 1), 5, false}, {7, pids(0, 1), 5, false}, {5, pids(32, 32), 5, true}, {5, pids(64, 1), 5, false}, {5, pids(3, 1), 5, true},
	} {
		if ok := d.Add(tc.epoch, tc.pids, tc.now); ok != tc.ok {
			t.Errorf("%d at %d: %v", tc.epoch, tc.now, ok)
		}
	}
	for epoch, want := range map[uint32]bool{3: false, 4: true, 5: true, 6: true, 7: false} {
		if d.Denied(epoch, [16]byte{0, 9}) != want {
			t.Errorf("epoch %d: %v", epoch, !want)
		}
	}
	d.Add(8, pids(0, 1), 7)
	if d.Denied(5, [16]byte{0, 9}) || !d.Denied(6, [16]byte{0, 9}) || len(d.epochs) > 3 {
		t.Error("an epoch that has ended is kept, or one that has not is lost")
	}
}

// FuzzTime shows an answer to one who asked: nothing but the issuer's own word
// sets its clock.
func FuzzTime(f *testing.F) {
	_, ch, rand := dials(f, 1, 0)
	var asking Clock
	must(asking.Ask(rand, truth))(f)
	f.Fuzz(func(t *testing.T, msg []byte) {
		c := asking
		err := c.Handle(ch, truth, msg)
		if err != nil && err != ErrAnswer {
			t.Fatal(err)
		}
		if err == nil && c.readings[0] != (reading{1, 0}) {
			t.Fatalf("taken is %+v", c.readings[0])
		}
	})
}

// FuzzTimeRequest shows requests to an issuer: it answers those that ask, and
// nothing that changes what it signs but the nonce.
func FuzzTimeRequest(f *testing.F) {
	issuers, ch, _ := dials(f, 1, 0)
	f.Fuzz(func(t *testing.T, msg []byte) {
		keeper := issuers[0].at(truth)
		keeper.spent = 0
		answer, err := keeper.Answer(msg, truth)
		if (answer == nil) != (err != nil) || err != nil && err != ErrRequest {
			t.Fatalf("got %x, %v", answer, err)
		}
		var a timeAnswer
		if err == nil && (decoder.Unmarshal(answer, &a) != nil || !bytes.Equal(encodeTimeRequest(a.Nonce), msg) ||
			!ed25519.Verify(ch.Issuers[0].Ed25519[:], a.signed(ch.Nbhd), a.Signature[:])) {
			t.Fatal("an answer to something else")
		}
	})
}

func BenchmarkTime(b *testing.B) {
	issuers, ch, rand := dials(b, 1, 0)
	for b.Loop() {
		var c Clock
		issuers[0].spent = 0
		if err := ask(b, &c, ch, rand, issuers, 0, time.Second); err != nil {
			b.Fatal(err)
		}
	}
}
