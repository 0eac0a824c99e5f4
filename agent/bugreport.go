// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
)

// bugReport is what `vecino bugreport` writes. It is made of what is known to be
// harmless, not of everything less what is known to be secret: no key, no name, no
// address, no pseudonym, and no text that may hold one.
type bugReport struct {
	About    string            `json:"about"`
	Made     time.Time         `json:"made"`
	Version  versionInfo       `json:"version"`
	Machine  machineInfo       `json:"machine"`
	Settings map[string]string `json:"settings"` // of texts, only whether they are set
	Files    []fileInfo        `json:"files"`    // of the state folder
	Device   *deviceReport     `json:"device,omitempty"`
	Problems []string          `json:"problems"` // with the report itself
}

type machineInfo struct {
	boardInfo
	Kernel string `json:"kernel"`
	Memory int64  `json:"memory"` // bytes
}

type fileInfo struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Mode     string    `json:"mode"`
	Modified time.Time `json:"modified"`
}

// deviceReport is the part of a status that names nobody.
type deviceReport struct {
	State      string            `json:"state"`
	Warnings   []string          `json:"warnings"`
	Uptime     float64           `json:"uptime_seconds"`
	Members    int               `json:"members"`
	Neighbours int               `json:"neighbours"` // that are there
	Refused    map[string]uint64 `json:"refused"`
	Traffic    bus.Counters      `json:"traffic"`
	Task       *learn.Status     `json:"task,omitempty"` // without name and id
}

const aboutReport = "made by vecino bugreport; it holds no keys, names, addresses or pseudonyms; read it before you send it"

func bugreportCommand(std stdio) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "bugreport", Short: "Write a report for those who look for a fault, without anything secret", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := json.MarshalIndent(newBugReport(cmd, std), "", "  ")
			if err != nil {
				return err
			}
			b = append(b, '\n')
			if out == "-" {
				_, err := std.out.Write(b)
				return err
			}
			if out == "" {
				out = "vecino-bugreport-" + time.Now().UTC().Format("20060102-150405") + ".json"
			}
			if err := writeReport(out, b); err != nil {
				return hint(err, "name another file with -o, or - for standard output")
			}
			fmt.Fprintf(std.out, "%s: %d bytes; read it before you send it\n", out, len(b))
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write, - for standard output (vecino-bugreport-TIME.json)")
	return c
}

// writeReport writes a file that is not there yet.
func writeReport(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func newBugReport(cmd *cobra.Command, std stdio) *bugReport {
	r := &bugReport{
		About: aboutReport, Made: time.Now().UTC().Truncate(time.Second), Version: currentVersion(),
		Machine: machineInfo{boardInfo: thisBoard(), Kernel: kernelRelease(), Memory: machineMemory()}, Problems: []string{},
	}
	state := store.StatePath(std.getenv)
	r.Files = r.listFiles(state)
	loaded, err := loadConfig(filepath.Join(state, fileConfig), std)
	if err != nil {
		var at *config.Error
		if errors.As(err, &at) {
			err = errors.New("a setting is wrong; vecino config check says which")
		}
		r.problem("settings", err)
	} else {
		r.Settings = settingsReport(loaded.Config)
	}
	s, err := askOrView(cmd.Context(), std, "status", func(h *home) (statusInfo, error) { return restingStatus(h, std) })
	if err != nil {
		r.problem("status", err)
		return r
	}
	r.Device = newDeviceReport(&s)
	return r
}

// problem notes that a part is missing: of an error of the file system its kind,
// of any other that there was one, since its text may tell more.
func (r *bugReport) problem(part string, err error) {
	text := "not to be had"
	for _, kind := range []error{fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, kind) {
			text = kind.Error()
		}
	}
	r.Problems = append(r.Problems, part+": "+text)
}

func (r *bugReport) listFiles(folder string) []fileInfo {
	out := []fileInfo{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		r.problem("state folder", err)
	}
	for _, e := range entries {
		if i, err := e.Info(); err == nil {
			out = append(out, fileInfo{publicName(e.Name()), i.Size(), i.Mode().String(), i.ModTime().UTC().Truncate(time.Minute)})
		}
	}
	return out
}

// publicName leaves out what a file's name tells behind its kind: records of sums
// and checkpoints are named by task.
func publicName(name string) string {
	kind, _, more := strings.Cut(name, "-")
	if more && (kind == "sums" || kind == "checkpoint") {
		return kind + "-…"
	}
	return name
}

// settingsReport tells choices, times and sizes; of texts only whether they are
// set, and of the broker's address its scheme.
func settingsReport(c *config.Config) map[string]string {
	out := map[string]string{}
	for _, s := range config.Settings() {
		v, _ := c.Get(s.Path)
		switch {
		case s.Type == "choice" || s.Type == "duration":
		case v == "":
			v = "not set"
		case s.Type == "url":
			scheme, _, _ := strings.Cut(v, "://")
			v = scheme + "://…"
		default:
			v = "set"
		}
		out[s.Path] = v
	}
	return out
}

func newDeviceReport(s *statusInfo) *deviceReport {
	r := &deviceReport{
		State: s.Health.State, Warnings: []string{}, Uptime: s.Uptime, Members: len(s.Members),
		Refused: s.Refused, Traffic: s.Traffic,
	}
	for _, w := range s.Health.Warnings { // what stands behind a colon may be anybody's words
		head, _, _ := strings.Cut(w, ":")
		if strings.HasPrefix(w, "task ") {
			head = "the task failed"
		}
		r.Warnings = append(r.Warnings, head)
	}
	for _, n := range s.Neighbours {
		if n.Present {
			r.Neighbours++
		}
	}
	if s.Learning != nil {
		task := *s.Learning
		task.ID, task.Name, task.Error, task.SignedBy = "", "", "", ""
		task.Data = nil // names of columns
		r.Task = &task
	}
	return r
}

// kernelRelease returns the kernel's version, empty where nobody says.
func kernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil || runtime.GOOS != "linux" {
		return ""
	}
	return strings.TrimSpace(string(b))
}
