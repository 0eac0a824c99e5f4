// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestSleptWithFullWallet lets a device sleep until all its tokens are of epochs
// that are over: it fetches new ones and comes back.
func TestSleptWithFullWallet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(plausible))
		p, founder := clockPlace(t, &hub{})
		p.start(founder)
		eventually(t, "the founder has keys", func() bool { return founder.live() != nil })
		id, w := p.join("guest")
		mem := newMemory()
		guest := p.member(id, w.Signed, mem, nil)
		stop := p.start(guest)
		time.Sleep(150 * time.Second) // to stock up
		if !pair(guest) {
			t.Fatal("the guest is not there")
		}
		guest.wallet.mu.Lock()
		if n := len(guest.wallet.held.Epochs()); n < 16 {
			t.Errorf("%d tokens in stock", n)
		}
		guest.wallet.mu.Unlock()
		stop()
		time.Sleep(40 * time.Minute)
		guest = p.member(id, w.Signed, mem, nil)
		p.start(guest)
		time.Sleep(70 * time.Second)
		if !pair(guest) {
			t.Error("the guest is not back")
		}
	})
}
