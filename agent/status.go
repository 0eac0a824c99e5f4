// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/learn"
)

// statusCommand is `vecino status`. Where no agent runs, it says what the state
// folder holds.
func statusCommand(std stdio) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use: "status", Short: "Show how the device is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for {
				err := printStatus(cmd.Context(), std, asJSON)
				if err != nil || !watch {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(time.Second):
				}
			}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&watch, "watch", false, "print it again every second")
	return c
}

func printStatus(ctx context.Context, std stdio, asJSON bool) error {
	s, err := askOrView(ctx, std, "status", func(h *home) (statusInfo, error) { return restingStatus(h, std) })
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(std.out, s)
	}
	showStatus(std.out, s)
	return nil
}

// restingStatus is what can be said of a device whose agent does not run.
func restingStatus(h *home, std stdio) (statusInfo, error) {
	probe, _ := thisMachine()
	s := statusInfo{
		Version: release, Board: boardNow(probe), Neighbours: []neighbourInfo{}, Members: []string{}, Tasks: []learn.Status{}, Refused: map[string]uint64{},
		Health: healthInfo{State: "stopped", Warnings: []string{"no agent is running"}},
	}
	loaded, err := loadConfig(h.path(fileConfig), std)
	if err != nil {
		return s, err
	}
	s.Name = loaded.Config.Name
	if !h.founded() {
		s.Health.Warnings = append(s.Health.Warnings, "this device is in no neighbourhood yet")
		return s, nil
	}
	_, c, err := h.charter()
	if err != nil {
		return s, err
	}
	s.Members = namesOf(c)
	tasks, err := restingTasks(h)
	s.Learning, s.Tasks = tasks.first(), tasks.Tasks
	return s, err
}

// shownTasks returns the tasks that run, or else the last one.
func shownTasks(all []learn.Status) []learn.Status {
	n := 0
	for n < len(all) && (all[n].State == learn.Waiting || all[n].State == learn.Running) {
		n++
	}
	return all[:max(n, min(1, len(all)))]
}

func showStatus(w io.Writer, s statusInfo) {
	fmt.Fprintf(w, "%s  %s  (vecino %s)\n", s.Name, s.Health.State, s.Version)
	for _, warning := range s.Health.Warnings {
		fmt.Fprintf(w, "  ! %s\n", warning)
	}
	var lines []string
	if len(s.Members) > 0 {
		lines = append(lines, "members\t"+strings.Join(s.Members, ", "))
	}
	running := s.Health.State != "stopped"
	if running {
		present := 0
		for _, n := range s.Neighbours {
			if n.Present {
				present++
			}
		}
		lines = append(lines, fmt.Sprintf("neighbours\t%d present, %d seen in this epoch", present, len(s.Neighbours)))
	}
	for _, l := range shownTasks(s.Tasks) {
		lines = append(lines,
			fmt.Sprintf("task\t%s, %s, round %d of %d", l.Name, stateInWords(&l), l.Round, l.Rounds),
			fmt.Sprintf("%s on this device's test rows, %d of %d neighbours heard", scoreInWords(&l), l.Heard, l.Neighbours))
	}
	if b := boardInWords(s.Board); running && b != "" {
		lines = append(lines, "board\t"+b)
	}
	lines = append(lines, liveLines(s.Live)...)
	if running {
		lines = append(lines, fmt.Sprintf("traffic\t%d kB sent, %d kB received", s.Traffic.BytesSent/1000, s.Traffic.BytesReceived/1000))
	}
	if len(s.Refused) > 0 {
		var parts []string
		for _, reason := range slices.Sorted(maps.Keys(s.Refused)) {
			parts = append(parts, fmt.Sprintf("%s %d", reason, s.Refused[reason]))
		}
		lines = append(lines, "refused\t"+strings.Join(parts, ", "))
	}
	columns(w, lines...)
}
