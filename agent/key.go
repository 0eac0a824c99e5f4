// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"rsc.io/qr"
)

// keyInfo is what `vecino key show --json` prints. Nothing in it is secret.
type keyInfo struct {
	Ed25519     string `json:"ed25519"`
	X25519      string `json:"x25519"`
	Fingerprint string `json:"fingerprint"`
	Issuer      bool   `json:"issuer"`
	Owner       string `json:"owner"` // empty where there is no owner's key
}

func keyCommand(std stdio) *cobra.Command {
	return group("key", "This device's identity keys, and the issuers'", keyInitCommand(std), keyShowCommand(std), issuerCommand(std))
}

func keyInitCommand(std stdio) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "init", Short: "Make the identity keys and the owner's key, unless they are there", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			h, err := openHome(store.StatePath(std.getenv), std.getenv)
			if err != nil {
				return err
			}
			defer h.dir.Close()
			id, err := h.newIdentity()
			if err != nil {
				return err
			}
			if _, err := h.newOwner(); err != nil {
				return err
			}
			return showKey(std, h, id, asJSON, false)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func keyShowCommand(std stdio) *cobra.Command {
	var asJSON, code bool
	c := &cobra.Command{
		Use: "show", Short: "Show the public identity keys, and the owner's", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := store.View(store.StatePath(std.getenv))
			if err != nil {
				return hint(err, "vecino key init makes keys")
			}
			defer dir.Close()
			h := &home{dir: dir}
			id, err := h.identity()
			if errors.Is(err, fs.ErrNotExist) {
				return hint(errors.New("this device has no keys yet"), "vecino key init makes them")
			}
			if err != nil {
				return err
			}
			return showKey(std, h, id, asJSON, code)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&code, "qr", false, "show the fingerprint as a QR code as well")
	return c
}

func showKey(std stdio, h *home, id *issuer.Identity, asJSON, code bool) error {
	ed, x := id.Ed25519(), id.X25519()
	sum := sha256.Sum256(append(ed[:], x[:]...))
	info := keyInfo{
		Ed25519: hex.EncodeToString(ed[:]), X25519: hex.EncodeToString(x[:]), Fingerprint: hex.EncodeToString(sum[:16]), Issuer: h.isIssuer(),
	}
	owner, err := h.owner()
	switch {
	case err == nil:
		info.Owner = owner.String()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if asJSON {
		return writeJSON(std.out, info)
	}
	lines := []string{"fingerprint\t" + info.Fingerprint, "ed25519\t" + info.Ed25519, "x25519\t" + info.X25519}
	if info.Owner != "" {
		lines = append(lines, "owner\t"+info.Owner)
	}
	columns(std.out, lines...)
	if !code {
		return nil
	}
	q, err := qr.Encode(info.Fingerprint, qr.L)
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, blocks(q))
	return nil
}

// blocks draws a QR code for a terminal, two rows in a line, with its quiet
// zone.
func blocks(q *qr.Code) string {
	const margin = 2
	var out []rune
	for y := -margin; y < q.Size+margin; y += 2 {
		for x := -margin; x < q.Size+margin; x++ {
			upper, lower := q.Black(x, y), q.Black(x, y+1)
			switch {
			case upper && lower:
				out = append(out, ' ')
			case upper:
				out = append(out, '▄')
			case lower:
				out = append(out, '▀')
			default:
				out = append(out, '█')
			}
		}
		out = append(out, '\n')
	}
	return string(out)
}
