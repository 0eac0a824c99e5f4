// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/crypto/token"
)

func issuerCommand(std stdio) *cobra.Command {
	return group("issuer", "Have several devices issue keys together",
		issuerInitCommand(std), issuerJoinCommand(std), issuerServeCommand(std), issuerRefreshCommand(std),
		readVerb(std, &cobra.Command{Use: "status", Short: "Show the issuers and what they wait for"}, "key/issuer/status", restingIssuers, showIssuers))
}

// restingIssuers is what the state folder says of the issuers.
func restingIssuers(h *home) (issuersInfo, error) {
	s := issuersInfo{
		Issuers: []namedIssuer{}, Serves: true, Candidates: []string{}, Questions: []string{}, Waiting: []string{}, Silent: []string{}, Last: []string{},
	}
	if !h.founded() {
		return s, nil
	}
	_, c, err := h.charter()
	if err != nil {
		return s, err
	}
	keys, err := h.issuerKeys()
	if err != nil {
		return s, err
	}
	s.Threshold, s.Tolerated = int(c.T), token.Tolerated(int(c.T), len(c.Issuers))
	for _, i := range c.Issuers {
		own := keys != nil && i == keys.Public()
		if own {
			s.Self = int(i.Index)
		}
		s.Issuers = append(s.Issuers, namedIssuer{Index: int(i.Index), Self: own})
	}
	return s, nil
}

// waitFlag adds the flag that says how long to wait for others.
func waitFlag(c *cobra.Command) *time.Duration {
	return c.Flags().Duration("wait", 2*time.Minute, "how long to wait for the others")
}

// progressEvery is how often a command looks whom it waits for.
const progressEvery = 2 * time.Second

// withProgress has a command say on standard error whom it waits for.
func withProgress(std stdio, c *cobra.Command) *cobra.Command {
	do := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithCancel(cmd.Context())
		var beside sync.WaitGroup
		beside.Go(func() { tellWaiting(ctx, std) })
		defer beside.Wait()
		defer cancel()
		return do(cmd, args)
	}
	return c
}

func tellWaiting(ctx context.Context, std stdio) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var s issuersInfo
		if askAgent(ctx, std, "key/issuer/status", nil, &s) != nil || !s.Changing {
			continue
		}
		if now := strings.Join(s.Waiting, ", "); now != "" && now != told {
			fmt.Fprintf(std.err, "vecino: hint: waiting for %s\n", now)
			told = now
		}
	}
}

func issuerInitCommand(std stdio) *cobra.Command {
	c := &cobra.Command{
		Use: "init", Short: "Deal a new key to this issuer and members that offer themselves",
		Long: "Deal a new key to this issuer and members that offer themselves, so that several of them sign together.\n" +
			"Whoever has keys keeps them until the epoch ends. Invites made before are void.",
	}
	threshold := c.Flags().Int("threshold", 0, "how many of them sign (default more than half)")
	members := c.Flags().StringSlice("members", nil, "`NAMES` of the members that are to be issuers (default all that offer themselves)")
	wait := waitFlag(c)
	return withProgress(std, verb(std, c, "key/issuer/init", func(*cobra.Command, []string) (any, error) {
		return issuerArgs{Threshold: *threshold, Members: *members, Seconds: int(*wait / time.Second)}, nil
	}, showIssuers))
}

func issuerRefreshCommand(std stdio) *cobra.Command {
	c := &cobra.Command{
		Use: "refresh", Short: "Deal new shares of the same key, also to others",
		Long: "Deal new shares of the same key to the issuers, so that old shares are worth nothing.\n" +
			"With --with and --without, members become issuers and issuers cease to be.",
	}
	threshold := c.Flags().Int("threshold", 0, "how many of them sign (default as before where that is possible)")
	with := c.Flags().StringSlice("with", nil, "`NAMES` of members that become issuers")
	without := c.Flags().StringSlice("without", nil, "`NAMES` or indices of issuers that cease to be")
	wait := waitFlag(c)
	return withProgress(std, verb(std, c, "key/issuer/refresh", func(*cobra.Command, []string) (any, error) {
		return issuerArgs{Threshold: *threshold, With: *with, Without: *without, Seconds: int(*wait / time.Second)}, nil
	}, showIssuers))
}

func issuerJoinCommand(std stdio) *cobra.Command {
	c := &cobra.Command{Use: "join", Short: "Offer this device as an issuer until the issuers take it"}
	wait := waitFlag(c)
	return verb(std, c, "key/issuer/join", func(*cobra.Command, []string) (any, error) {
		return issuerArgs{Seconds: int(*wait / time.Second)}, nil
	}, showIssuers)
}

func issuerServeCommand(std stdio) *cobra.Command {
	c := &cobra.Command{
		Use: "serve", Short: "Say yes to what the other issuers propose and waits for you",
		Long: "Say yes to what the other issuers propose and, under the policy strict, waits for the owner of this device.\n" +
			"With --stop this device takes no part in anything new until serve is called again; it goes on issuing keys.",
	}
	stop := c.Flags().Bool("stop", false, "take no part in what others propose")
	return verb(std, c, "key/issuer/serve", func(*cobra.Command, []string) (any, error) {
		return serveArgs{Stop: *stop}, nil
	}, func(w io.Writer, s serveInfo) {
		switch {
		case !s.Serves:
			fmt.Fprintln(w, "this device takes no part in what other issuers propose")
		case len(s.Agreed) == 0:
			fmt.Fprintln(w, "nothing waits for you")
		}
		for _, what := range s.Agreed {
			fmt.Fprintf(w, "agreed: %s\n", what)
		}
	})
}

func showIssuers(w io.Writer, s issuersInfo) {
	fmt.Fprintf(w, "%d of %d issuers sign; %d may be corrupt before one member gets two pseudonyms in an epoch\n", s.Threshold, len(s.Issuers), s.Tolerated)
	for _, i := range s.Issuers {
		line := "  " + i.String()
		if i.Self {
			line += ", this device"
		}
		fmt.Fprintln(w, line)
	}
	for _, note := range []struct {
		is   bool
		text string
	}{
		{s.Stale, "this device's share is an old one: it issues nothing until another issuer deals new shares (vecino key issuer refresh)"},
		{s.Offers, "this device offers itself as an issuer"},
		{!s.Serves, "this device takes no part in what other issuers propose; vecino key issuer serve ends that"},
		{s.Changing, "the issuers are being changed"},
		{len(s.Candidates) > 0, "members that offer themselves: " + strings.Join(s.Candidates, ", ")},
		{len(s.Waiting) > 0, "have yet to answer: " + strings.Join(s.Waiting, ", ")},
		{len(s.Silent) > 0, "did not answer a request for keys in this epoch: " + strings.Join(s.Silent, ", ")},
	} {
		if note.is {
			fmt.Fprintln(w, note.text)
		}
	}
	for _, q := range s.Questions {
		fmt.Fprintf(w, "waits for you (vecino key issuer serve): %s\n", q)
	}
	for _, l := range s.Last {
		fmt.Fprintln(w, l)
	}
}
