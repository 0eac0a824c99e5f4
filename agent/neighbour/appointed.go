// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// sit takes keys and, where the charter names them, opens the office.
func (d *desk) sit(keys *issuer.Keys) error {
	signed, c := d.m.current()
	council := &issuer.Council{Ledger: d, Rand: d.m.o.Rand, Now: d.m.Now, Approve: d.approve}
	d.keys = keys
	err := council.Load(keys, c)
	if err != nil && !errors.Is(err, issuer.ErrShare) {
		return err
	}
	d.council, d.stale, d.charter = council, err, signed.Hash()
	return d.furnish(c)
}

// SaveKeys writes keys down for the council.
func (d *desk) SaveKeys(k *issuer.Keys) error {
	if err := d.m.o.Issuing.SaveKeys(k); err != nil {
		return err
	}
	d.keys = k
	return nil
}

// BindCharter records a charter for the council.
func (d *desk) BindCharter(p issuer.Pub, gen uint32, charter []byte) ([]byte, error) {
	return d.m.o.Issuing.BindCharter(p, gen, charter)
}

// furnish opens the office that a charter gives this device, or closes it.
func (d *desk) furnish(c *issuer.Charter) error {
	keys := d.council.Keys()
	own := c.Issuer(keys.Share.Index)
	if keys.Share.Index == 0 || own == nil || *own != keys.Public() || c.P != keys.P {
		d.officeOf = nil
		d.m.hold(&Office{})
		return nil
	}
	among := len(c.Issuers) > 1
	before := d.m.office()
	if d.officeOf == keys && d.among == among {
		return nil
	}
	if before.Keeper == nil {
		before = nil
	}
	o, err := d.m.o.Issuing.Open(keys, before)
	if err != nil {
		return err
	}
	var council door.Council
	if o.Notary = (door.Alone{Keys: keys, Rand: d.m.o.Rand}); among {
		council, o.Notary = d, d
	}
	o.Keeper.Use(keys, council)
	d.officeOf, d.among = keys, among
	d.m.hold(o)
	if d.standing.Offers {
		d.standing.Offers = false
		d.saveStanding()
	}
	return nil
}

// follow has the council and the office take up the newest charter, which is on
// the disk.
func (d *desk) follow() error {
	signed, c := d.m.current()
	d.mu.Lock()
	d.signed = signed
	d.mu.Unlock()
	if d.council == nil || signed.Hash() == d.charter {
		return nil
	}
	_, err := d.council.Adopt(signed, c)
	if err != nil && !errors.Is(err, issuer.ErrShare) {
		return fmt.Errorf("charter of generation %d: %w", c.Gen, err)
	}
	if d.stale = err; err != nil {
		d.m.o.Log.Error("this device's share of the issuers' key is an old one; it issues nothing until new shares are dealt", "err", err)
	}
	d.charter = signed.Hash()
	for gen := range d.plans {
		if gen <= c.Gen {
			delete(d.plans, gen)
		}
	}
	if err := d.furnish(c); err != nil {
		d.officeOf = nil
		d.m.hold(&Office{})
		return err
	}
	if k := d.m.Keeper(); k != nil {
		return k.Adopt(signed, c)
	}
	return nil
}
