// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/fl/sim"
)

// simCommand is `vecino learn sim`.
func simCommand(std stdio) *cobra.Command {
	f := &simFlags{}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Simulate neighbours in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.asked = cmd.Flags().Changed
			return f.run(cmd.Context(), std)
		},
	}
	f.register(c.Flags())
	return c
}

func (f *simFlags) run(ctx context.Context, std stdio) error {
	if err := f.check(); err != nil {
		return err
	}
	settings, err := f.settings()
	if err != nil {
		return err
	}
	var curve []sim.Point
	if f.curve != "" || f.plot != "" {
		settings.EvaluateEvery = 1
		settings.Progress = func(p sim.Point) { curve = append(curve, p) }
	}
	bar := newProgress(std, "simulating", f.rounds, f.asJSON)
	settings.Tick = bar.tick
	begin := time.Now()
	r, err := sim.Run(ctx, *settings)
	bar.end()
	if err != nil && ctx.Err() == nil {
		return usage("learn sim: %w", err) // the rows are read: what is left are flags that do not go together
	}
	if err != nil {
		return errors.New("interrupted")
	}
	info := f.info(r, settings, time.Since(begin))
	if f.curve != "" {
		if err := writeCurve(f.curve, curve); err != nil {
			return err
		}
	}
	if f.plot != "" {
		if err := f.writePlot(f.plot, curve, r.Measure); err != nil {
			return fmt.Errorf("plot: %w", err)
		}
	}
	if f.asJSON {
		return writeJSON(std.out, info)
	}
	showSim(std.out, info, r)
	return nil
}
