// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// standingFile is the name under which it is kept how a device stands to issuing.
const standingFile = "issuing"

// standing is what a device's owner wants of it as an issuer, and which members
// the issuers are, as far as this device has seen them offer themselves: the
// charter does not say.
type standing struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Offers  bool // it offers itself as an issuer
	Stopped bool // it takes no part in what others propose
	Known   []knownIssuer
}

// knownIssuer is an issuer's key and the identity of the member that it is.
type knownIssuer struct {
	_              struct{} `cbor:",toarray"`
	Issuer, Member issuer.Pub
}

const (
	standingVersion = 1
	maxKnown        = 2 * issuer.MaxIssuers // of the charter, and of a plan
)

var standingDecoder = wire.New(wire.Limits{Bytes: 4096, Items: maxKnown, Depth: 4})

func loadStanding(state KeyStore) (standing, error) {
	b, err := state.Load(standingFile)
	if errors.Is(err, fs.ErrNotExist) {
		return standing{Version: standingVersion}, nil
	}
	if err != nil {
		return standing{}, err
	}
	return decodeStanding(b)
}

func decodeStanding(b []byte) (standing, error) {
	var s standing
	if err := standingDecoder.Unmarshal(b, &s); err != nil {
		return standing{}, err
	}
	if s.Version != standingVersion {
		return standing{}, fmt.Errorf("written in version %d, this program knows version %d; update it", s.Version, standingVersion)
	}
	return s, nil
}

func (d *desk) saveStanding() {
	if err := d.m.o.State.Save(standingFile, wire.MustMarshal(d.standing)); err != nil {
		d.m.o.Log.Error("it is not kept whether this device is to be an issuer", "err", err)
	}
}

// learn notes which members the receivers of a plan are.
func (s *standing) learn(c *issuer.Charter, p *issuer.Plan) {
	s.Known = slices.DeleteFunc(s.Known, func(k knownIssuer) bool {
		return !slices.ContainsFunc(c.Issuers, func(i issuer.Issuer) bool { return i.Ed25519 == k.Issuer })
	})
	for _, r := range p.Receivers {
		if r.Offer.Member != (issuer.Pub{}) {
			s.meet(r.Offer.Ed25519, r.Offer.Member)
		}
	}
}

func (s *standing) meet(key, member issuer.Pub) {
	known := slices.ContainsFunc(s.Known, func(k knownIssuer) bool { return k.Issuer == key })
	if !known && len(s.Known) < maxKnown {
		s.Known = append(s.Known, knownIssuer{Issuer: key, Member: member})
	}
}

// name returns the name of an issuer's member, empty where it is not known.
func (s *standing) name(c *issuer.Charter, key issuer.Pub) string {
	for _, k := range s.Known {
		if m := c.Member(k.Member); k.Issuer == key && m != nil {
			return m.Name
		}
	}
	return ""
}

// named returns the receivers of a plan, for people.
func (s *standing) named(c *issuer.Charter, p *issuer.Plan) string {
	var names []string
	for _, r := range p.Receivers {
		name := s.name(c, r.Offer.Ed25519)
		if m := c.Member(r.Offer.Member); m != nil {
			name = m.Name
		}
		if name == "" {
			name = "issuer " + strconv.Itoa(int(r.Index))
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// offer has a candidate offer itself to all issuers from time to time.
func (d *desk) offer() {
	if !d.standing.Offers || d.officeOf != nil || d.stale != nil || d.m.air.Load() == nil {
		return
	}
	if since := time.Since(d.offered); !d.offered.IsZero() && since < d.m.Wait(offerEvery) {
		return
	}
	d.offered = time.Now()
	var letters [][]byte
	for _, s := range d.m.Charter().Issuers {
		l, err := d.council.Offer(d.m.o.Identity, s.Index)
		if err != nil {
			d.m.o.Log.Warn("this device does not offer itself", "err", err)
			continue
		}
		letters = append(letters, l)
	}
	d.send(letters)
}
