// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/cose"
)

// signedInfo is what `vecino learn sign --json` prints.
type signedInfo struct {
	File   string    `json:"file"`
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Begins time.Time `json:"begins"`
	Ends   time.Time `json:"ends"`
	Owner  string    `json:"owner"`
	Bytes  int       `json:"bytes"`
}

type signFlags struct {
	out, data string
	in        time.Duration
	json      bool
}

// maxSignIn is how long before its first round a task is signed, at most.
const maxSignIn = 366 * 24 * time.Hour

// signCommand is `vecino learn sign`. It works on the state folder alone, whether or
// not an agent runs.
func signCommand(std stdio) *cobra.Command {
	var f signFlags
	c := &cobra.Command{
		Use: "sign TASK", Short: "Sign a task, a TOML file, by the owner's key, for learn start on any member", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := signTask(args[0], &f, std)
			if err != nil {
				return inTaskFile(args[0], err)
			}
			if f.json {
				return writeJSON(std.out, info)
			}
			fmt.Fprintf(std.out, "%s: task %s (%s), from %s to %s; vecino learn start %s tells the neighbours\n", info.File, info.Name, info.ID[:8],
				info.Begins.Format(time.RFC3339), info.Ends.Format(time.RFC3339), info.File)
			return nil
		},
	}
	c.Flags().StringVarP(&f.out, "output", "o", "", "`FILE` to write (TASK with the ending .task)")
	c.Flags().StringVar(&f.data, "data", "", "data `FOLDER` whose columns and scaling the task has (fl.data of the configuration)")
	c.Flags().DurationVar(&f.in, "in", 10*time.Minute, "time from now to the first round, which the signature holds")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func signTask(path string, f *signFlags, std stdio) (*signedInfo, error) {
	if f.in < 0 || f.in > maxSignIn {
		return nil, usage("--in %v: it is 0 to %v", f.in, maxSignIn)
	}
	a, err := readTask(path)
	if err != nil {
		return nil, err
	}
	if len(a.Signed) > 0 {
		return nil, usage("%s is signed already", path)
	}
	plan, err := a.plan()
	if err != nil {
		return nil, err
	}
	owner, data, err := signer(f, std)
	if err != nil {
		return nil, err
	}
	t, msg, err := plan.Sign(data, time.Now().Add(f.in), owner)
	if err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	out := f.out
	if out == "" {
		out = strings.TrimSuffix(path, ".toml") + ".task"
	}
	if err := store.WriteFile(out, msg, 0o644); err != nil {
		return nil, err
	}
	id := t.ID()
	return &signedInfo{
		File: out, ID: hex.EncodeToString(id[:]), Name: t.Name, Begins: t.RoundStart(0).UTC(), Ends: t.End().UTC(),
		Owner: cose.EncodePublic(owner.Public()), Bytes: len(msg),
	}, nil
}

// signer returns the owner's key, and the data that a task is made of.
func signer(f *signFlags, std stdio) (*cose.Signer, *learn.Data, error) {
	dir, err := store.View(store.StatePath(std.getenv))
	if err != nil {
		return nil, nil, hint(err, "vecino key init makes an owner's key")
	}
	defer dir.Close()
	h := &home{dir: dir}
	owner, err := h.owner()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, hint(errors.New("there is no owner's key here"), "vecino key init makes one")
	}
	if err != nil {
		return nil, nil, err
	}
	folder := f.data
	if folder == "" {
		loaded, err := loadConfig(h.path(fileConfig), std)
		if err != nil {
			return nil, nil, err
		}
		folder = config.ResolvePath(dir.Root(), loaded.Config.FL.Data)
	}
	data, err := loadData(folder)
	if errors.Is(err, learn.ErrNoData) {
		return nil, nil, hint(errors.New("a task has the columns and the scaling of data, and there are none here"), "name a data folder by --data")
	}
	return owner, data, err
}
