// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/agent/web"
	"github.com/vecino-edge/vecino/crypto/door"
)

// runCommand is `vecino run`: the agent in the foreground.
func runCommand(std stdio) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "run", Short: "Run the agent in the foreground", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgent(cmd.Context(), std, file) },
	}
	c.Flags().StringVar(&file, "config", "", "configuration `FILE` (default config.toml of the state folder)")
	return c
}

func runAgent(ctx context.Context, std stdio, file string) error {
	h, err := openHome(store.StatePath(std.getenv), std.getenv)
	if err != nil {
		return err
	}
	defer h.dir.Close()
	if file == "" {
		file = h.path(fileConfig)
	} else if _, err := os.Stat(file); err != nil {
		return hint(fmt.Errorf("configuration: %w", err), "vecino config schema describes the file")
	}
	loaded, err := loadConfig(file, std)
	if err != nil {
		return err
	}
	log := newLogger(std, &loaded.Config.Log)
	for _, w := range loaded.Warnings {
		log.Warn(w)
	}
	if h.runtime == "" {
		log.Warn("there is no folder in memory for the keys of an epoch: after a crash this device has none until the next epoch")
	}
	limitMemory(std.getenv)
	d, err := newDevice(loaded.Config, h, log, deviceOptions{})
	if err != nil {
		return err
	}
	defer d.close()
	listeners, err := d.listen(std)
	if err != nil {
		return err
	}
	log.Info("running", "version", release, "name", d.cfg.Name, "state", h.dir.Root(), "members", len(d.members()))
	err = d.run(ctx, listeners...)
	if errors.Is(err, door.ErrEvicted) {
		return &failure{code: exitRefused, err: err, hint: "vecino init --join CODE in a new state folder enters again, with an invite"}
	}
	if errors.Is(err, errLeft) {
		if err := h.forget(); err != nil {
			return err
		}
		log.Info("left the neighbourhood; its keys are erased here")
		return nil
	}
	return err
}

func newLogger(std stdio, c *config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(std.err, o))
	}
	return slog.New(slog.NewTextHandler(std.err, o))
}

// socketPath returns where the agent of a state folder is reached.
func socketPath(getenv func(string) string) string {
	if state := getenv("VECINO_STATE"); state != "" {
		return filepath.Join(state, "vecino.sock")
	}
	return "/run/vecino/vecino.sock"
}

// listen opens the unix socket, without which the verbs cannot reach the agent,
// and the page's address, without which everything else works.
func (d *device) listen(std stdio) ([]net.Listener, error) {
	path := socketPath(std.getenv)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("folder of the socket: %w", err)
	}
	socket, err := web.Listen(path)
	if err != nil {
		return nil, err
	}
	listeners := []net.Listener{socket}
	if d.cfg.HTTP.Listen == "" {
		return listeners, nil
	}
	page, err := net.Listen("tcp", d.cfg.HTTP.Listen)
	if err != nil {
		d.log.Warn("no page: set http.listen to another address", "err", err)
		return listeners, nil
	}
	d.log.Info("page", "url", "http://"+page.Addr().String())
	return append(listeners, page), nil
}
