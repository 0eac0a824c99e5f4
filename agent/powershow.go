// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/vecino-edge/vecino/agent/learn"
)

// boardInWords says what the board tells of itself, nothing where that is nothing.
func boardInWords(b boardInfo) string {
	var parts []string
	if b.Temperature != nil {
		parts = append(parts, fmt.Sprintf("%.0f °C", *b.Temperature))
	}
	if b.Battery != nil {
		parts = append(parts, fmt.Sprintf("battery at %.0f %%", 100**b.Battery))
	}
	if b.OnBattery != nil && *b.OnBattery {
		parts = append(parts, "on battery")
	}
	if b.Load != nil {
		parts = append(parts, fmt.Sprintf("load %.0f %%", 100**b.Load))
	}
	if b.Throttled != "" {
		parts = append(parts, "makes itself slower: "+b.Throttled)
	}
	return strings.Join(parts, ", ")
}

// stateInWords returns the state of a task, and why it pauses.
func stateInWords(s *learn.Status) string {
	if s.State == learn.Running && s.Paused != "" {
		return "paused: " + s.Paused
	}
	return string(s.State)
}

// costsInWords returns the lines about what a task has cost.
func costsInWords(s *learn.Spending) (lines []string) {
	if s.Last != nil && s.Total != nil {
		lines = append(lines, fmt.Sprintf("cost\t%s in the last round, %s since the start", costInWords(s.Last), costInWords(s.Total)))
	}
	if s.Pauses > 0 {
		lines = append(lines, fmt.Sprintf("pauses\t%d rounds since the start", s.Pauses))
	}
	return lines
}

func costInWords(c *learn.Cost) string {
	text := fmt.Sprintf("%.3g s of processor time", c.CPU)
	if c.Joules != nil {
		text += fmt.Sprintf(" and %.3g J (%s)", *c.Joules, c.Counter)
	}
	return text
}
