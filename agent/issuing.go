// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// issuing is what a device that is an issuer, or may become one, keeps in its state
// folder. It is a [neighbour.Issuing]; its books are opened when they are needed.
type issuing struct {
	d        *device
	issued   *issuedBook
	granted  *grantedBook
	charters *charterBook
}

// Keys returns the issuer's keys, nil where there are none.
func (i *issuing) Keys() (*issuer.Keys, error) { return i.d.home.issuerKeys() }

// SaveKeys keeps the issuer's keys.
func (i *issuing) SaveKeys(k *issuer.Keys) error { return i.d.home.dir.Write(fileIssuer, k.Save()) }

// BindCharter records which charter of a generation this issuer signs.
func (i *issuing) BindCharter(p issuer.Pub, gen uint32, charter []byte) ([]byte, error) {
	if i.charters == nil {
		var err error
		if i.charters, err = openCharters(i.d.home.path(fileCharters)); err != nil {
			return nil, err
		}
	}
	return i.charters.bind(p, gen, charter, i.d.member.Charter().Gen)
}

// Open returns the office of keys that hold a share.
func (i *issuing) Open(keys *issuer.Keys, before *neighbour.Office) (*neighbour.Office, error) {
	if err := i.openBooks(); err != nil {
		return nil, err
	}
	d := i.d
	_, charter, err := d.home.charter()
	if err != nil {
		return nil, err
	}
	o := &neighbour.Office{
		Signer: &issuer.Signer{
			Keys: keys, Book: i.issued, Charter: func() *issuer.Charter { return d.member.Charter() }, Rand: rand.Reader,
			Now: func() time.Time { return d.member.Now() },
		},
		Mint: &token.Mint{
			Index: keys.Share.Index, POPRF: keys.POPRF, Ed25519: keys.Ed25519, Book: i.granted,
			Open:    func(info, sealed []byte) ([]byte, error) { return issuer.OpenWith(keys.HPKE, info, sealed) },
			Charter: func() *token.Charter { return d.member.TokenCharter() },
			Epoch:   func() (uint32, bool) { return d.member.Charter().Epoch(d.member.Now()) },
		},
		Timekeeper: &door.Timekeeper{Keys: keys, Nbhd: charter.Nbhd, Time: func() (time.Time, bool) { return d.member.Time() }},
	}
	if before != nil {
		o.Keeper = before.Keeper
		return o, nil
	}
	o.Keeper, err = i.keeper(keys)
	return o, err
}

func (i *issuing) openBooks() (err error) {
	if i.issued == nil {
		if i.issued, err = openIssued(i.d.home.path(fileIssued)); err != nil {
			return hint(err, "wait until the next epoch has begun, move the file away and start again: it keeps a device from having two keys in one epoch")
		}
	}
	if i.granted == nil {
		if i.granted, err = openGranted(i.d.home.path(fileGranted)); err != nil {
			return hint(err, "wait until a day has passed, move the file away and start again: it keeps a device from having two tokens for one epoch")
		}
	}
	return nil
}

// keeper answers at the door, with what the disk says of invites and evictions.
func (i *issuing) keeper(keys *issuer.Keys) (*door.Keeper, error) {
	d := i.d
	signed, charter, err := d.home.charter()
	if err != nil {
		return nil, err
	}
	guests, err := d.home.guests()
	if err != nil {
		return nil, err
	}
	k := &door.Keeper{
		Keys: keys, Ring: d.ring, Registry: d.home, Evictions: d.home, Rand: rand.Reader, Strict: d.cfg.Policy == config.PolicyStrict,
		Now: func() time.Time { return d.member.Now() },
	}
	k.Load(signed, charter, guests)
	eviction, err := d.home.eviction()
	if err != nil || eviction == nil {
		return k, err
	}
	if err := k.LoadEviction(eviction); err != nil {
		return nil, hint(fmt.Errorf("%s: %w", d.home.path(fileEviction), err), "remove it; a member that was to be removed may have to be removed again")
	}
	return k, nil
}

// close releases the journals.
func (i *issuing) close() error {
	var errs []error
	if i.issued != nil {
		errs = append(errs, i.issued.close())
	}
	if i.granted != nil {
		errs = append(errs, i.granted.close())
	}
	if i.charters != nil {
		errs = append(errs, i.charters.close())
	}
	return errors.Join(errs...)
}
