// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// home is one device of a scenario.
type home struct {
	binary, name, folder, broker string
	hidden                       int
	variables                    []string
	runtime                      string // folder in memory
	agent                        *exec.Cmd
	ended                        chan struct{} // closed when the agent has ended
	log                          *os.File
}

// Times that a device has for things.
const (
	verbPatience = 40 * time.Second
	endPatience  = 5 * time.Second
	askEvery     = 200 * time.Millisecond
)

// furnish writes the data, two classes of a plane, and the task. What is learned
// does not matter here.
func (h *home) furnish() (err error) {
	if err := os.MkdirAll(h.folder, 0o700); err != nil {
		return err
	}
	if h.runtime, err = os.MkdirTemp("/dev/shm", "vecino-tlink-"); err != nil {
		return fmt.Errorf("folder in memory for keys: %w", err)
	}
	rows := func(n int) string {
		b := strings.Builder{}
		b.WriteString("a,b,c,d,class\n")
		for i := range n {
			x, y := i*37%101, i*59%89
			class := 0
			if x > y {
				class = 1
			}
			fmt.Fprintf(&b, "%d,%d,%d,%d,%d\n", x, y, x*y%13, x+y, class)
		}
		return b.String()
	}
	task := fmt.Sprintf("name = %q\nmodel = \"mlp:%d\"\nrounds = 100000\nround = %q\n", h.name, h.hidden, scenarioRound)
	return errors.Join(h.write("train.csv", rows(64)), h.write("test.csv", rows(16)), h.write("task.toml", task))
}

func (h *home) write(name, text string) error {
	return os.WriteFile(filepath.Join(h.folder, name), []byte(text), 0o600)
}

func (h *home) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, h.binary, args...)
	c.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "VECINO_STATE=" + filepath.Join(h.folder, "state"), "VECINO_RUNTIME=" + h.runtime,
		"VECINO_HTTP_LISTEN=", "VECINO_FL_TASKS=refuse", "VECINO_FL_CHECKPOINT_EVERY=24h", "VECINO_LOG_LEVEL=debug",
	}, h.variables...)
	return c
}

// vecino runs a verb to its end.
func (h *home) vecino(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, verbPatience)
	defer cancel()
	c := h.command(ctx, args...)
	var out, text bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(in), &out, &text
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: vecino %s: %w: %s", h.name, args[0], err, bytes.TrimSpace(text.Bytes()))
	}
	return out.Bytes(), nil
}

// until runs a verb again and again until it succeeds, or the agent has ended.
func (h *home) until(ctx context.Context, args ...string) ([]byte, error) {
	for {
		out, err := h.vecino(ctx, nil, args...)
		if err == nil {
			return out, nil
		}
		if err := h.alive(); err != nil {
			return nil, err
		}
		if rest(ctx, askEvery) != nil {
			return nil, err
		}
	}
}

// start starts the agent.
func (h *home) start() (err error) {
	if h.log, err = os.Create(filepath.Join(h.folder, "log")); err != nil {
		return err
	}
	h.agent = h.command(context.Background(), "run")
	h.agent.Stderr = h.log
	if err := h.agent.Start(); err != nil {
		h.agent = nil
		return err
	}
	h.ended = make(chan struct{})
	go func() {
		defer close(h.ended)
		_ = h.agent.Wait() // how it ended says its log
	}()
	return nil
}

// learn starts the device's own task.
func (h *home) learn(ctx context.Context) error {
	_, err := h.until(ctx, "learn", "start", filepath.Join(h.folder, "task.toml"))
	return err
}

// neighbours returns how many others the device sees.
func (h *home) neighbours(ctx context.Context) (n int, err error) {
	out, err := h.vecino(ctx, nil, "peers", "list", "--json")
	if err != nil {
		return 0, err
	}
	var list struct {
		Neighbours []struct {
			Present bool `json:"present"`
		} `json:"neighbours"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return 0, fmt.Errorf("%s: peers list: %w", h.name, err)
	}
	for _, x := range list.Neighbours {
		if x.Present {
			n++
		}
	}
	return n, nil
}

// alive returns an error with the end of the log where the agent has ended.
func (h *home) alive() error {
	select {
	case <-h.ended:
		return fmt.Errorf("%s ended: %s", h.name, h.tail(1000))
	default:
		return nil
	}
}

// stop asks the agent to end.
func (h *home) stop() {
	if h.agent != nil {
		_ = h.agent.Process.Signal(syscall.SIGTERM) // it may have ended
	}
}

// end waits for an agent that was asked to end, and removes its folder in memory.
// One that does not end has its goroutines written to its log.
func (h *home) end() (err error) {
	if h.agent != nil {
		stuck := time.AfterFunc(endPatience, func() { _ = h.agent.Process.Signal(syscall.SIGQUIT) })
		killed := time.AfterFunc(2*endPatience, func() { _ = h.agent.Process.Kill() })
		<-h.ended
		if killed.Stop(); !stuck.Stop() {
			err = fmt.Errorf("%s did not end: %s", h.name, h.tail(maxTail))
		}
	}
	if h.log != nil {
		h.log.Close()
	}
	if h.runtime != "" {
		os.RemoveAll(h.runtime)
	}
	return err
}

// maxTail is how much of a log an error shows, in bytes.
const maxTail = 64 << 10

func (h *home) tail(n int) []byte {
	b, _ := os.ReadFile(h.log.Name()) // there is no more to say without it
	return b[max(0, len(b)-n):]
}
