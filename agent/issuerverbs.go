// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// issuersInfo is what `vecino key issuer status --json` prints.
type issuersInfo struct {
	Issuers    []namedIssuer `json:"issuers"`
	Threshold  int           `json:"threshold"`
	Tolerated  int           `json:"tolerated"` // corrupt issuers, against which one member still gets one token an epoch
	Self       int           `json:"self"`      // own index; 0: no issuer
	Stale      bool          `json:"stale"`
	Offers     bool          `json:"offers"`
	Serves     bool          `json:"serves"`
	Candidates []string      `json:"candidates"`
	Questions  []string      `json:"questions"`
	Changing   bool          `json:"changing"`
	Waiting    []string      `json:"waiting"`
	Silent     []string      `json:"silent"`
	Last       []string      `json:"last"`
}

type namedIssuer struct {
	Index int    `json:"index"`
	Name  string `json:"name,omitempty"`
	Self  bool   `json:"self"`
}

func (n namedIssuer) String() string {
	if n.Name == "" {
		return fmt.Sprintf("issuer %d", n.Index)
	}
	return fmt.Sprintf("issuer %d (%s)", n.Index, n.Name)
}

// maxIssuerWait bounds how long a verb waits for other issuers: a session of theirs
// ends by then.
const maxIssuerWait = 600 // seconds

// issuerArgs are the arguments of the verbs that change the issuers.
type issuerArgs struct {
	Threshold int      `json:"threshold"`
	Members   []string `json:"members"` // of init: who comes, all that offer themselves where it is empty
	With      []string `json:"with"`    // of refresh
	Without   []string `json:"without"`
	Seconds   int      `json:"wait_seconds"`
}

func (a *issuerArgs) check() error {
	switch {
	case a.Threshold < 0 || a.Threshold > issuer.MaxIssuers:
		return control.Errorf(control.Usage, "a threshold of %d; 1 to %d issuers are possible", a.Threshold, issuer.MaxIssuers)
	case a.Seconds < 1 || a.Seconds > maxIssuerWait:
		return control.Errorf(control.Usage, "a wait of %d s; 1 to %d are possible", a.Seconds, maxIssuerWait)
	}
	return nil
}

func (d *device) addIssuerVerbs() {
	d.table.Add("key/issuer/status", func(ctx context.Context, _ json.RawMessage) (any, error) { return d.issuers(ctx) })
	d.table.Add("key/issuer/init", control.Typed(func(ctx context.Context, a issuerArgs) (any, error) {
		return d.changeIssuers(ctx, a, neighbour.Change{New: true, Threshold: a.Threshold, With: a.Members})
	}))
	d.table.Add("key/issuer/refresh", control.Typed(func(ctx context.Context, a issuerArgs) (any, error) {
		return d.changeIssuers(ctx, a, neighbour.Change{Threshold: a.Threshold, With: a.With, Without: a.Without})
	}))
	d.table.Add("key/issuer/join", control.Typed(d.joinIssuers))
	d.table.Add("key/issuer/serve", control.Typed(d.serveIssuers))
}

// issuers returns how the issuers stand.
func (d *device) issuers(ctx context.Context) (*issuersInfo, error) {
	s, err := d.member.IssuerStatus(ctx)
	if err != nil {
		return nil, err
	}
	out := &issuersInfo{
		Threshold: s.Threshold, Tolerated: token.Tolerated(s.Threshold, len(s.Issuers)), Self: int(s.Self), Stale: s.Stale, Offers: s.Offers,
		Serves: !s.Stopped, Candidates: orNone(s.Candidates), Questions: orNone(s.Questions), Changing: s.Changing, Last: orNone(s.Last),
		Issuers: []namedIssuer{},
	}
	for _, i := range s.Issuers {
		out.Issuers = append(out.Issuers, namedIssuer{int(i.Index), i.Name, i.Self})
	}
	out.Waiting, out.Silent = out.named(s.Waiting), out.named(s.Silent)
	return out, nil
}

func orNone(list []string) []string { return append([]string{}, list...) }

// named names issuers, also one that is to become one and is not there yet.
func (s *issuersInfo) named(indices []uint8) []string {
	out := []string{}
	for _, index := range indices {
		who := namedIssuer{Index: int(index)}
		if i := slices.IndexFunc(s.Issuers, func(n namedIssuer) bool { return n.Index == who.Index }); i >= 0 {
			who = s.Issuers[i]
		}
		out = append(out, who.String())
	}
	return out
}

func (d *device) changeIssuers(ctx context.Context, a issuerArgs, change neighbour.Change) (any, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Duration(a.Seconds)*time.Second)
	defer cancel()
	if err := d.member.ChangeIssuers(waiting, change); err != nil {
		return nil, d.issuerError(ctx, err)
	}
	return d.issuers(ctx)
}

// issuerError classes why the issuers are not changed.
func (d *device) issuerError(ctx context.Context, err error) error {
	var silent *issuer.SilentError
	var offer *neighbour.OfferError
	var refused *issuer.RefusalError
	switch {
	case errors.Is(err, neighbour.ErrNotIssuer):
		return errNotIssuer
	case errors.As(err, &offer):
		return control.Errorf(control.Busy, "%v", err).WithHint("vecino key issuer join on that device offers it")
	case errors.Is(err, neighbour.ErrChanging), errors.Is(err, context.DeadlineExceeded):
		return control.Errorf(control.Busy, "not yet: %v", err).WithHint("try again; vecino key issuer status says what is waited for")
	case errors.As(err, &silent):
		names := "others"
		if s, err := d.issuers(ctx); err == nil {
			names = strings.Join(s.named(silent.Silent), ", ")
		}
		return control.Errorf(control.Busy, "not in time: %s did not answer", names).
			WithHint("they have to run and, where their policy is strict, their owners say yes by vecino key issuer serve; then try again, or go on without them")
	case errors.As(err, &refused), errors.Is(err, neighbour.ErrStale):
		return control.Errorf(control.Refused, "%v", err).WithHint("vecino key issuer status says who refused and why")
	}
	return err
}

// joinIssuers offers this device until the issuers take it.
func (d *device) joinIssuers(ctx context.Context, a issuerArgs) (any, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := d.member.OfferSelf(ctx, true); err != nil {
		return nil, err
	}
	patience := time.NewTimer(time.Duration(a.Seconds) * time.Second)
	defer patience.Stop()
	for d.member.Keeper() == nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, control.Errorf(control.Busy, "the issuers have not taken this device yet; it goes on offering itself").
				WithHint("vecino key issuer init, or refresh --with %s, on a device that is an issuer takes it", d.memberName())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return d.issuers(ctx)
}

// serveArgs say whether the device takes part in what others propose.
type serveArgs struct {
	Stop bool `json:"stop"`
}

// serveInfo is what `vecino key issuer serve --json` prints.
type serveInfo struct {
	Serves bool     `json:"serves"`
	Agreed []string `json:"agreed"`
}

func (d *device) serveIssuers(ctx context.Context, a serveArgs) (any, error) {
	agreed, err := d.member.Serve(ctx, a.Stop)
	if err != nil {
		return nil, err
	}
	return serveInfo{Serves: !a.Stop, Agreed: orNone(agreed)}, nil
}
