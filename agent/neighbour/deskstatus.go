// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
)

// report is how the last session ended that this device began.
type report struct {
	at      time.Time
	matter  issuer.Matter
	err     error
	silent  []uint8
	refused []issuer.Refusal
	cheats  []error
}

// unhelpful reports whether an issuer was silent or refused in the session.
func (r *report) unhelpful(index uint8) bool {
	if r == nil {
		return false
	}
	refused := slices.ContainsFunc(r.refused, func(f issuer.Refusal) bool { return f.Index == index })
	return refused || slices.Contains(r.silent, index)
}

// note keeps how a session has ended.
func (d *desk) note(r *issuer.Result) {
	d.last = &report{at: d.m.Now(), matter: r.Matter, err: r.Err, silent: r.Silent, refused: r.Refused, cheats: r.Cheats}
	for _, c := range d.cheatsOf(r.Err, r.Cheats) {
		d.m.o.Log.Error("an issuer cheats", "err", c)
	}
}

// cheatsOf returns the cheats of a session, also where one ended it.
func (d *desk) cheatsOf(err error, cheats []error) []error {
	var cheat *issuer.CheatError
	var doubt *issuer.DoubtError
	if len(cheats) == 0 && (errors.As(err, &cheat) || errors.As(err, &doubt)) {
		return []error{err}
	}
	return cheats
}

// NamedIssuer is an issuer of the charter. Its name is empty where this device has
// not seen it offer itself.
type NamedIssuer struct {
	Index uint8
	Name  string
	Self  bool
}

// IssuerStatus is how the issuers stand, as this device sees it.
type IssuerStatus struct {
	Issuers    []NamedIssuer
	Threshold  int
	Self       uint8    // own index, 0: it is no issuer
	Stale      bool     // it is named, and its share is an old one
	Offers     bool     // it offers itself
	Stopped    bool     // it takes no part
	Candidates []string // members that offer themselves, as an issuer hears them
	Questions  []string // what waits for the owner's yes
	Changing   bool     // the issuers are being changed from here
	Waiting    []uint8  // who has yet to answer in the session under way
	Silent     []uint8  // who kept a request for keys waiting in this epoch
	Last       []string // the last session that this device began, in sentences
}

// IssuerStatus returns how the issuers stand.
func (m *Member) IssuerStatus(ctx context.Context) (s IssuerStatus, err error) {
	c := m.Charter()
	s = IssuerStatus{Threshold: int(c.T), Self: indexOf(m.office().Signer), Silent: m.SilentIssuers()}
	for _, i := range c.Issuers {
		s.Issuers = append(s.Issuers, NamedIssuer{Index: i.Index, Self: i.Index == s.Self})
	}
	if m.desk == nil {
		return s, nil
	}
	err = m.desk.do(ctx, func() { m.desk.status(c, &s) })
	return s, err
}

func (d *desk) status(c *issuer.Charter, s *IssuerStatus) {
	for i := range s.Issuers {
		who := &s.Issuers[i]
		who.Name = d.standing.name(c, c.Issuers[i].Ed25519)
		if m := c.Member(d.m.Identity()); who.Self && m != nil {
			who.Name = m.Name
		}
	}
	s.Stale, s.Offers, s.Stopped, s.Changing = d.stale != nil, d.standing.Offers, d.standing.Stopped, d.ceremony != nil
	for _, q := range d.questions {
		if !q.yes {
			s.Questions = append(s.Questions, q.about)
		}
	}
	if d.council == nil {
		return
	}
	for _, y := range d.council.Candidates() {
		if m := c.Member(y.Member); m != nil {
			s.Candidates = append(s.Candidates, m.Name)
		}
	}
	if d.running != nil {
		s.Waiting = d.council.Waiting()
	}
	s.Last = d.sentences(c)
}

// sentences says how the last session ended, for people.
func (d *desk) sentences(c *issuer.Charter) (out []string) {
	r := d.last
	if r == nil {
		return nil
	}
	what := map[issuer.Matter]string{
		issuer.MatterDealing: "shares were dealt", issuer.MatterCharter: "a charter was signed",
		issuer.MatterDeny: "a deny list was signed", issuer.MatterRekey: "another key was signed",
	}[r.matter]
	if r.err != nil {
		what = "the last session failed: " + r.err.Error()
	}
	out = append(out, fmt.Sprintf("%s at %s", what, r.at.Format(time.TimeOnly)))
	if len(r.silent) > 0 {
		out = append(out, fmt.Sprintf("silent: %s", d.nameAll(c, r.silent)))
	}
	for _, f := range r.refused {
		out = append(out, fmt.Sprintf("%s refused: %s", d.nameAll(c, []uint8{f.Index}), f.Text))
	}
	for _, cheat := range d.cheatsOf(r.err, r.cheats) {
		out = append(out, cheat.Error())
	}
	return out
}

// nameAll names issuers by index and, where it is known, by name.
func (d *desk) nameAll(c *issuer.Charter, indices []uint8) (out string) {
	for i, index := range slices.Sorted(slices.Values(indices)) {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("issuer %d", index)
		if s := c.Issuer(index); s != nil && d.standing.name(c, s.Ed25519) != "" {
			out += " (" + d.standing.name(c, s.Ed25519) + ")"
		}
	}
	return out
}
