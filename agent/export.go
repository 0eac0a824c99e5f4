// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/agent/web"
	"github.com/vecino-edge/vecino/fl/export"
)

// The forms of an exported model.
const (
	formatSafetensors = "safetensors"
	formatC           = "c"
)

// formatOf returns the form that a flag or, where it is empty, a file's name tells.
func formatOf(flag, path string) (string, error) {
	switch ext := filepath.Ext(path); {
	case flag == formatSafetensors || flag == formatC:
		return flag, nil
	case flag != "":
		return "", usage("learn export: --format %s is unknown; it is %s or %s", flag, formatSafetensors, formatC)
	case ext == ".safetensors":
		return formatSafetensors, nil
	case ext == ".h":
		return formatC, nil
	}
	return "", usage("learn export: the name %s does not tell the form; end it with .safetensors or .h, or use --format", path)
}

// modelArgs name a model, and carry one to be imported, as package export writes it.
type modelArgs struct {
	Task  string `json:"task"`
	Own   bool   `json:"own,omitempty"`
	Model []byte `json:"model,omitempty"`
}

// modelInfo is what `vecino learn export --json` and import print.
type modelInfo struct {
	File       string   `json:"file,omitempty"`
	Format     string   `json:"format,omitempty"`
	Task       string   `json:"task"` // of an import: for which alone it is kept; empty for the next that it fits
	Model      string   `json:"model"`
	Kind       string   `json:"kind"`
	Columns    int      `json:"columns"`
	Parameters int      `json:"parameters"`
	Rounds     uint32   `json:"rounds"` // 0 for unknown
	Rows       uint64   `json:"rows"`   // that this device learned from; 0 for unknown
	Measure    *float64 `json:"measure"`
	Bytes      int      `json:"bytes,omitempty"`
	Data       []byte   `json:"data,omitempty"` // from the agent to the command line
}

func newModelInfo(a *export.Artifact) modelInfo {
	return modelInfo{
		Task: a.Task, Model: a.Spec.String(), Kind: a.Kind.String(), Columns: len(a.Columns), Parameters: len(a.Theta),
		Rounds: a.Rounds, Rows: a.Rows, Measure: a.Measure,
	}
}

// learnExport is the verb of the agent: it gives the model, and the command line writes
// the file, with the rights of whoever asks.
func (d *device) learnExport(_ context.Context, a modelArgs) (any, error) {
	model, err := d.learner.Export(a.Task, a.Own)
	if err != nil {
		return nil, err
	}
	return exported(model)
}

func exported(a *export.Artifact) (modelInfo, error) {
	info := newModelInfo(a)
	var b bytes.Buffer
	err := export.WriteSafetensors(&b, a)
	info.Data = b.Bytes()
	return info, err
}

func (d *device) learnImport(_ context.Context, a modelArgs) (any, error) {
	model, err := d.learner.Import(a.Model, a.Task)
	if err != nil {
		return nil, err
	}
	return newModelInfo(model), nil
}

// restingModel returns the model of a device whose agent does not run.
func restingModel(h *home, std stdio, a modelArgs) (modelInfo, error) {
	loaded, err := loadConfig(h.path(fileConfig), std)
	if err != nil {
		return modelInfo{}, err
	}
	folder := config.ResolvePath(h.dir.Root(), loaded.Config.FL.Data)
	model, err := learn.SavedModel(h.dir, a.Task, a.Own, func() (*learn.Data, error) { return deviceData(folder) })
	if err != nil {
		return modelInfo{}, err
	}
	return exported(model)
}

func exportCommand(std stdio) *cobra.Command {
	var args modelArgs
	var format string
	var asJSON bool
	c := &cobra.Command{
		Use: "export FILE", Short: "Write a task's model to a file: .safetensors, or .h for a C program", Args: cobra.ExactArgs(1),
		Long: "Write the model of a task, as it was after the last round, to a file: safetensors, which the libraries of that\n" +
			"format read, or a C99 header for microcontrollers. With it go names and scale of the columns.",
		RunE: func(cmd *cobra.Command, words []string) error {
			format, err := formatOf(format, words[0])
			if err != nil {
				return err
			}
			info, err := fetchModel(cmd.Context(), std, args)
			if err != nil {
				return err
			}
			if err := info.write(words[0], format); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(std.out, info)
			}
			fmt.Fprintf(std.out, "%s: %s\n", info.File, info.inWords())
			return nil
		},
	}
	c.Flags().StringVar(&args.Task, "task", "", "`NAME` or beginning of the id of the task (the present one)")
	c.Flags().BoolVar(&args.Own, "own", false, "the device's own model, tuned to its rows")
	c.Flags().StringVar(&format, "format", "", "safetensors or c (as the file's name says)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// fetchModel asks the agent for a model, or the state folder where none runs.
func fetchModel(ctx context.Context, std stdio, args modelArgs) (info modelInfo, err error) {
	err = askAgent(ctx, std, "learn/export", args, &info)
	if !errors.Is(err, web.ErrNotRunning) {
		return info, err
	}
	return viewState(std, func(h *home) (modelInfo, error) { return restingModel(h, std, args) })
}

// write writes the model to a file, of a form that may be another than that of Data.
func (m *modelInfo) write(path, format string) error {
	b := m.Data
	m.Data = nil
	if format == formatC {
		a, err := export.ReadSafetensors(bytes.NewReader(b), export.Limits{})
		if err != nil {
			return fmt.Errorf("the agent's answer: %w", err)
		}
		var c bytes.Buffer
		if err := export.WriteC(&c, a, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))); err != nil {
			return err
		}
		b = c.Bytes()
	}
	const perm fs.FileMode = 0o644
	if err := store.WriteFile(path, b, perm); err != nil {
		return err
	}
	m.File, m.Format, m.Bytes = path, format, len(b)
	return nil
}

func (m *modelInfo) inWords() string {
	text := fmt.Sprintf("%s for %s, %d columns, %d parameters", m.Model, m.Kind, m.Columns, m.Parameters)
	if m.Rounds > 0 {
		text += fmt.Sprintf(", after %d rounds of %s", m.Rounds, m.Task)
	}
	if m.Bytes > 0 {
		text += fmt.Sprintf("; %d bytes", m.Bytes)
	}
	return text
}

// maxImport bounds a file to be imported: base64 of it fits the arguments of a verb.
const maxImport = (control.MaxArgs - 4096) / 4 * 3

func importCommand(std stdio) *cobra.Command {
	var task string
	c := &cobra.Command{
		Use: "import FILE", Short: "Begin the next task from the model of a safetensors file", Args: cobra.ExactArgs(1),
		Long: "Keep the model of a safetensors file for the next task that begins on this device and that it fits, or for that of a\n" +
			"name. Import it before the task is started. The neighbours begin with their own models and all are mixed: to let a\n" +
			"neighbourhood begin from a model, import the file on each device.",
	}
	c.Flags().StringVar(&task, "task", "", "`NAME` of the task that is to begin from it (the next that it fits)")
	return verb(std, c, "learn/import", func(_ *cobra.Command, words []string) (any, error) {
		b, err := store.ReadFile(words[0], maxImport)
		if err != nil {
			return nil, err
		}
		// What is no model at all is told without the agent.
		if _, err := export.ReadSafetensors(bytes.NewReader(b), export.Limits{}); err != nil {
			return nil, fmt.Errorf("%s: %w", words[0], err)
		}
		return modelArgs{Task: task, Model: b}, nil
	}, showImport)
}

func showImport(w io.Writer, m modelInfo) {
	which := "the next task that it fits"
	if m.Task != "" {
		which = "task " + m.Task
	}
	m.Rounds = 0 // of another task
	fmt.Fprintf(w, "%s begins from it: %s\n", which, m.inWords())
}
