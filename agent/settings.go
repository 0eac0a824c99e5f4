// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
)

// configCommand is `vecino config`.
func configCommand(std stdio) *cobra.Command {
	return group("config", "Check a configuration and print its schema", configCheckCommand(std), configSchemaCommand(std))
}

func configCheckCommand(std stdio) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "check FILE", Short: "Say what is wrong with a configuration file", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := config.Check(args[0]); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(std.out, map[string]any{"file": args[0], "ok": true})
			}
			fmt.Fprintf(std.out, "%s is well\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func configSchemaCommand(std stdio) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration file", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return writeJSON(std.out, json.RawMessage(config.Schema()))
			}
			_, err := std.out.Write(config.Schema())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print it on one line")
	return c
}

// loadConfig reads the settings of a device from all their places.
func loadConfig(stateFile string, std stdio) (*config.Loaded, error) {
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		cmdline = nil
	}
	return config.Load(config.Source{
		KernelCmdline: string(cmdline), EtcFile: etcConfig, StateFile: stateFile, Environ: std.environ,
	})
}

const etcConfig = "/etc/vecino/config.toml"
