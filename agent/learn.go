// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/learn"
)

func learnCommand(std stdio) *cobra.Command {
	stop := &cobra.Command{Use: "stop TASK", Short: "Stop a task on this device, by its name or the beginning of its id", Args: cobra.ExactArgs(1)}
	return group("learn", "Learn together with the neighbours",
		readVerb(std, &cobra.Command{Use: "status", Short: "Show this device's tasks"}, "learn/status", restingTasks, showTasks),
		startCommand(std), signCommand(std),
		verb(std, stop, "learn/stop", func(_ *cobra.Command, args []string) (any, error) {
			return map[string]string{"name": args[0]}, nil
		}, showTask),
		exportCommand(std), importCommand(std),
		simCommand(std))
}

type tasksInfo struct {
	Tasks []learn.Status `json:"tasks"`
}

// restingTasks are the tasks that the state folder tells of.
func restingTasks(h *home) (tasksInfo, error) {
	all, err := learn.Saved(h.dir)
	if err != nil {
		return tasksInfo{Tasks: []learn.Status{}}, hint(fmt.Errorf("%s: %w", h.dir.Root(), err), "remove the file task; the device forgets its tasks then")
	}
	return tasksInfo{Tasks: all}, nil
}

// first returns the task that runs, or ran last, nil where there is none.
func (t *tasksInfo) first() *learn.Status {
	if len(t.Tasks) == 0 {
		return nil
	}
	return &t.Tasks[0]
}

func showTasks(w io.Writer, t tasksInfo) {
	if len(t.Tasks) == 0 {
		fmt.Fprintln(w, "no task; vecino learn start TASK starts one")
	}
	for i, s := range t.Tasks {
		if i > 0 {
			fmt.Fprintln(w)
		}
		showTask(w, s)
	}
}

// modeInWords says what each mode protects, and what it does not.
var modeInWords = map[string]string{
	"robust":  "robust: neighbours read each other's updates; what does not fit is refused",
	"private": "private: nobody reads a single update, only the sum of all; a member that lies is not found out",
	"hybrid":  "hybrid: sums of groups of five or more are read; a member that lies hides in its group",
	"mask":    "mask: like private, by pairwise masks; lighter, and a round fails where too many leave",
}

// startCommand is `vecino learn start`.
func startCommand(std stdio) *cobra.Command {
	c := verb(std, &cobra.Command{
		Use: "start TASK", Short: "Start a task, a TOML file or one that learn sign made, with all neighbours whose data fit", Args: cobra.ExactArgs(1),
	}, "learn/start", func(_ *cobra.Command, args []string) (any, error) { return readTask(args[0]) }, showTask)
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error { return inTaskFile(args[0], run(cmd, args)) }
	return c
}

func showTask(w io.Writer, s learn.Status) {
	lines := []string{
		fmt.Sprintf("%s\t%s (%s)", s.Name, stateInWords(&s), s.ID[:8]),
		fmt.Sprintf("round\t%d of %d, %s on %s", s.Round, s.Rounds, s.Algorithm, s.Topology),
		"mode\t" + modeInWords[s.Mode],
	}
	if s.SignedBy != "" {
		lines = append(lines, "signed\tby "+s.SignedBy)
	}
	if s.Round > 0 {
		lines = append(lines,
			scoreInWords(&s),
			fmt.Sprintf("neighbours\t%d of %d heard in the last round", s.Heard, s.Neighbours),
			fmt.Sprintf("payload\t%d bytes a round, %d bytes of checkpoints written", s.PayloadBytes, s.SavedBytes))
	}
	lines = append(lines, costsInWords(&s.Spending)...)
	lines = append(lines, dataInWords(s.Data)...)
	lines = append(lines, privacyInWords(s.Privacy)...)
	lines = append(lines, personalInWords(s.Personal)...)
	if s.Sums != nil {
		lines = append(lines, "sums\t"+sumsInWords(s.Sums))
	}
	if s.Skipped > 0 {
		lines = append(lines, fmt.Sprintf("skipped\t%d rounds without a sum, the last for: %s", s.Skipped, s.LastSkip))
	}
	if s.Ended != "" {
		lines = append(lines, "ended\t"+s.Ended)
	}
	if s.Error != "" {
		lines = append(lines, "error\t"+s.Error)
	}
	columns(w, lines...)
}

// scoreInWords returns how well a task's model does, and what that is called.
func scoreInWords(s *learn.Status) string {
	switch {
	case s.R2 != nil:
		return fmt.Sprintf("R2\t%.3f", *s.R2)
	case s.AUC != nil:
		return fmt.Sprintf("AUC\t%.3f", *s.AUC)
	}
	return "accuracy\t" + percent(s.Accuracy)
}

// sumsInWords says who adds, and how many may put together what they know.
func sumsInWords(s *learn.SumStatus) string {
	if s.Roster == 0 {
		return "none at the moment; waits for " + s.Waits
	}
	text := fmt.Sprintf("%d members, %d of them open a sum, %d may collude", s.Roster, s.Tau, s.Tolerated)
	if s.Group != nil {
		text = fmt.Sprintf("group %d, %s", *s.Group, text)
	}
	if s.Waits != "" {
		text += "; this device waits for " + s.Waits
	}
	return text
}
