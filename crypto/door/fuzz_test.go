// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func FuzzInvite(f *testing.F) {
	f.Fuzz(func(t *testing.T, code string) {
		i, err := ParseCode(code)
		if (i == nil) != (err != nil) {
			t.Fatalf("got %v, %v", i, err)
		}
		if err != nil {
			return
		}
		again, err := ParseCode(i.Code())
		if err != nil || again.Code() != i.Code() {
			t.Fatalf("the invite does not come back: %v", err)
		}
	})
}

// FuzzRequest shows requests to a keeper that let somebody in already: nobody
// else gets in, and nothing but that device's own request is welcome.
func FuzzRequest(f *testing.F) {
	h, j, _ := goldenJoin(f)
	calls := len(h.disk.calls)
	f.Fuzz(func(t *testing.T, msg []byte) {
		answer, charter, err := h.Answer(j.invite.J, msg)
		if (answer == nil) != (err != nil) || err != nil && err != ErrRequest {
			t.Fatalf("got %x, %v", answer, err)
		}
		if charter != nil || len(h.disk.calls) != calls {
			t.Fatal("something is written")
		}
	})
}

// FuzzHandle takes an answer as it comes from the network, or the plaintext of
// one, which it seals as one who has the invite can.
func FuzzHandle(f *testing.F) {
	h, j, _ := goldenJoin(f)
	f.Fuzz(func(t *testing.T, b []byte, inside bool) {
		if inside {
			sealed := must(issuer.SealTo(issuer.Pub(j.reply.PublicKey().Bytes()), answerInfo(j.invite.J, j.request), b))(t)
			b = wire.MustMarshal(joinAnswer{Kind: kindJoin, Nonce: j.nonce, Sealed: sealed})
		}
		w, err := j.Handle(b)
		var wait *WaitError
		if (w == nil) != (err != nil) || err != nil && err != ErrAnswer && !errors.As(err, &wait) {
			t.Fatalf("got %v, %v", w, err)
		}
		if wait != nil && !printable(wait.Reason, maxReason) {
			t.Fatalf("reason %q", wait.Reason)
		}
		if w != nil && (w.K != h.K || w.Signed.Hash() != h.signed.Hash()) {
			t.Fatal("a welcome that no issuer gave")
		}
	})
}

func FuzzDecodeCharter(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg []byte) {
		s, c, ok := DecodeCharter(msg)
		if nbhd, gen, peeked := PeekCharter(msg); ok && (!peeked || nbhd != c.Nbhd || gen != c.Gen) {
			t.Error("a charter is another at a glance")
		}
		if ok != (s != nil) || ok != (c != nil) || ok && !bytes.Equal(EncodeCharter(s), msg) {
			t.Fatalf("got %v, %v, %v", s, c, ok)
		}
	})
}
