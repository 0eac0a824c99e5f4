// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/neighbour"
)

// release is the version, set by the linker (-X main.release=v0.1.0).
var release = "dev"

// versionInfo is what `vecino version --json` prints.
type versionInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Protocol int    `json:"protocol"`
	Broker   bool   `json:"embedded_broker"`
}

func currentVersion() versionInfo {
	return versionInfo{
		Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Protocol: neighbour.Version, Broker: broker.Available,
	}
}

func versionCommand(std stdio) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := currentVersion()
			if asJSON {
				return writeJSON(std.out, v)
			}
			fmt.Fprintf(std.out, "vecino %s, %s, %s/%s, protocol %d\n", v.Version, v.Go, v.OS, v.Arch, v.Protocol)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Print the shell's completion script",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			default:
				return root.GenFishCompletion(out, true)
			}
		},
	}
}
