// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/agent/web"
)

var exitCodes = map[control.Code]int{
	control.Failed: exitFailed, control.Usage: exitUsage, control.Busy: exitBusy, control.Refused: exitRefused, control.Unknown: exitFailed,
}

// askAgent runs a verb of the running agent and decodes what it answers.
func askAgent(ctx context.Context, std stdio, verb string, args, out any) error {
	err := web.Client{Socket: socketPath(std.getenv)}.Do(ctx, verb, args, out)
	var refused *control.Error
	switch {
	case errors.As(err, &refused):
		code, known := exitCodes[refused.Code]
		if !known { // of an agent that is newer than this program
			code = exitFailed
		}
		return &failure{code: code, err: refused, hint: refused.Hint}
	case errors.Is(err, web.ErrNotRunning):
		return &failure{code: exitFailed, err: err, hint: "start it with vecino run; VECINO_STATE says which one is meant"}
	case errors.Is(err, fs.ErrPermission):
		return hint(err, "run as the user whose agent it is")
	}
	return err
}

// printer prints an answer for people.
type printer[T any] func(w io.Writer, v T)

// verb returns a command that runs a verb of the agent and prints its answer,
// as JSON or for people.
func verb[T any](std stdio, c *cobra.Command, name string, args func(cmd *cobra.Command, args []string) (any, error), show printer[T]) *cobra.Command {
	asJSON := c.Flags().Bool("json", false, "print JSON")
	if c.Args == nil {
		c.Args = cobra.NoArgs
	}
	c.RunE = func(cmd *cobra.Command, words []string) error {
		var in any
		if args != nil {
			var err error
			if in, err = args(cmd, words); err != nil {
				return err
			}
		}
		var raw json.RawMessage
		if err := askAgent(cmd.Context(), std, name, in, &raw); err != nil {
			return err
		}
		if *asJSON {
			_, err := fmt.Fprintf(std.out, "%s\n", strings.TrimSpace(string(raw)))
			return err
		}
		var out T
		if err := json.Unmarshal(raw, &out); err != nil {
			return fmt.Errorf("the agent's answer: %w", err)
		}
		show(std.out, out)
		return nil
	}
	return c
}

// readVerb returns a command for a verb that changes nothing. Where no agent runs,
// resting answers from the state folder.
func readVerb[T any](std stdio, c *cobra.Command, name string, resting func(h *home) (T, error), show printer[T]) *cobra.Command {
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		out, err := askOrView(cmd.Context(), std, name, resting)
		if err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(std.out, out)
		}
		show(std.out, out)
		return nil
	}
	return c
}

func askOrView[T any](ctx context.Context, std stdio, name string, resting func(h *home) (T, error)) (out T, err error) {
	err = askAgent(ctx, std, name, nil, &out)
	if !errors.Is(err, web.ErrNotRunning) {
		return out, err
	}
	return viewState(std, resting)
}

// viewState opens the state folder of a device whose agent does not run, for reading.
func viewState[T any](std stdio, resting func(h *home) (T, error)) (out T, err error) {
	path := store.StatePath(std.getenv)
	dir, err := store.View(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, hint(fmt.Errorf("no agent is running, and there is no state folder %s", path), "vecino init makes one; VECINO_STATE says which one is meant")
	}
	if err != nil {
		return out, err
	}
	defer dir.Close()
	return resting(&home{dir: dir})
}

// columns aligns lines of tab-separated cells.
func columns(w io.Writer, lines ...string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintln(t, l)
	}
	t.Flush()
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}
