// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/hex"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestDeny has the issuer deny a pseudonym: nobody sees it any more in this epoch,
// one who comes later neither, and in the next epoch it is back.
func TestDeny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		p, founder := foundWith(t, &hub{}, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 600, 6000, 1 })
		defer p.start(founder)()
		join := func(name string) *Member {
			id, w := p.join(name)
			m := p.member(id, w.Signed, newMemory(), nil)
			p.start(m)
			return m
		}
		second, third := join("second"), join("third")
		time.Sleep(30 * time.Second)
		all, self := third.Present()
		bad := hex.EncodeToString(all[self][:])

		if _, err := second.Deny(bad[:8]); !errors.Is(err, ErrNotIssuer) {
			t.Errorf("no issuer, and denies: %v", err)
		}
		for _, prefix := range []string{"", "zz", "00000000000000000000000000000000"} {
			if _, err := founder.Deny(prefix); err == nil {
				t.Errorf("%q is denied", prefix)
			}
		}
		forged := wire.MustMarshal(issuer.SignedDeny{Deny: (&issuer.Deny{
			Label: wire.LabelDeny, Nbhd: [16]byte{1}, Epoch: 0, PIDs: [][16]byte{all[self]},
		}).Encode()})
		s := third.live()
		s.mu.Lock()
		s.queue(chunk.Message{Type: issuer.TypeDeny, Data: forged})
		s.mu.Unlock()
		time.Sleep(10 * time.Second)
		if len(others(second)) != 2 || second.Refused()[reasonDeny] != 1 {
			t.Errorf("after a forged list second sees %d others, refused %v", len(others(second)), second.Refused())
		}

		if pid, err := founder.Deny(bad[:8]); err != nil || pid != bad {
			t.Fatalf("deny: %q, %v", pid, err)
		}
		time.Sleep(2 * time.Minute)
		late := join("late")
		time.Sleep(2 * time.Minute)
		for name, m := range map[string]*Member{"founder": founder, "second": second, "late": late} {
			for _, id := range others(m) {
				if hex.EncodeToString(id[:]) == bad {
					t.Errorf("%s still sees the one who is denied", name)
				}
			}
			if len(others(m)) != 2 {
				t.Errorf("%s sees %d others", name, len(others(m)))
			}
		}
		time.Sleep(6 * time.Minute)
		if n := len(others(founder)); n != 3 {
			t.Errorf("in the next epoch the founder sees %d others", n)
		}
	})
}
