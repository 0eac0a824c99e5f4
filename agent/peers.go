// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

func peersCommand(std stdio) *cobra.Command {
	return group("peers", "See and change who belongs to the neighbourhood",
		readVerb(std, &cobra.Command{Use: "list", Short: "List members and neighbours"}, "peers/list", restingPeers, showPeers),
		inviteCommand(std), admitCommand(std), removeCommand(std), leaveCommand(std))
}

// restingPeers is what the state folder says of the neighbourhood.
func restingPeers(h *home) (peersInfo, error) {
	p := peersInfo{Members: []string{}, Neighbours: []neighbourInfo{}, Waiting: []waitingInfo{}, Issuer: h.isIssuer()}
	if !h.founded() {
		return p, nil
	}
	_, c, err := h.charter()
	if err != nil {
		return p, err
	}
	p.Members, p.Generation = namesOf(c), c.Gen
	return p, nil
}

func inviteCommand(std stdio) *cobra.Command {
	c := &cobra.Command{Use: "invite", Short: "Make an invite code that lets one device in"}
	lasts := c.Flags().Duration("for", 24*time.Hour, "how long the invite lasts")
	return verb(std, c, "peers/invite", func(*cobra.Command, []string) (any, error) {
		return inviteArgs{Minutes: int(*lasts / time.Minute)}, nil
	}, func(w io.Writer, i inviteInfo) { fmt.Fprintln(w, i.Code) })
}

func admitCommand(std stdio) *cobra.Command {
	c := &cobra.Command{Use: "admit CODE", Short: "Let a device in that waits at the door", Args: cobra.ExactArgs(1)}
	return verb(std, c, "peers/admit", func(_ *cobra.Command, args []string) (any, error) {
		return admitArgs{Code: args[0]}, nil
	}, func(w io.Writer, v map[string]string) { fmt.Fprintf(w, "%s is let in\n", v["admitted"]) })
}

func removeCommand(std stdio) *cobra.Command {
	c := &cobra.Command{
		Use: "remove NAME|PSEUDONYM", Short: "Remove a member for good, or deny a pseudonym until its epoch ends", Args: cobra.ExactArgs(1),
		Long: "Remove a member by its name: the others get another key a while later, and it gets none.\n" +
			"Or deny a neighbour by its pseudonym, or the first digits of it, where only that is known: nobody listens to it until the epoch ends.",
	}
	return verb(std, c, "peers/remove", func(_ *cobra.Command, args []string) (any, error) {
		return removeArgs{Who: args[0]}, nil
	}, func(w io.Writer, r removeInfo) {
		switch {
		case r.Removed != "":
			fmt.Fprintf(w, "%s is removed; the others change their key at %s\n", r.Removed, r.At)
		default:
			fmt.Fprintf(w, "%s is denied until the epoch ends\n", r.Denied)
		}
	})
}

func leaveCommand(std stdio) *cobra.Command {
	c := &cobra.Command{Use: "leave", Short: "Leave the neighbourhood and erase its keys on this device"}
	force := c.Flags().Bool("force", false, "also where this device is the only issuer")
	return verb(std, c, "peers/leave", func(*cobra.Command, []string) (any, error) {
		return map[string]bool{"force": *force}, nil
	}, func(w io.Writer, _ map[string]bool) { fmt.Fprintln(w, "this device leaves; its agent ends") })
}

// standingInWords says how a neighbour's models do here, and what they count.
func standingInWords(n *neighbourInfo) (text string) {
	if n.Reputation != nil {
		text += fmt.Sprintf("\treputation %.2f", *n.Reputation)
	}
	if n.Weight != nil {
		text += fmt.Sprintf("\tweight %.2f", *n.Weight)
	}
	return text
}

func showPeers(w io.Writer, p peersInfo) {
	lines := []string{fmt.Sprintf("members (charter %d)", p.Generation)}
	for _, m := range p.Members {
		lines = append(lines, "  "+m)
	}
	if len(p.Neighbours) == 0 {
		lines = append(lines, "no neighbours are seen in this epoch")
	} else {
		lines = append(lines, "neighbours in this epoch")
	}
	for _, n := range p.Neighbours {
		state := "silent"
		if n.Present {
			state = "present"
		}
		lines = append(lines, fmt.Sprintf("  %s\t%s\theard %s\t%d messages%s", n.Pseudonym[:8], state, n.Heard.Format(time.TimeOnly), n.Opened, standingInWords(&n)))
	}
	for _, x := range p.Waiting {
		lines = append(lines, fmt.Sprintf("waiting at the door\t%s\tvecino peers admit %s", x.Name, x.Code))
	}
	columns(w, lines...)
}
