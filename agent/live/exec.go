// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// killAfter is how long a command has to end once it is told to.
const killAfter = 2 * time.Second

// maxComplaint is how much of what a command says on stderr is kept for the log.
const maxComplaint = 256

// execute runs the command by the shell and takes its lines until it ends. It and
// all that it started are told to end with ctx. It does not see the settings of
// the agent, whose variables may hold what is not for it.
func (s *Service) execute(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", s.o.Source.What)
	cmd.Env = foreign(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	complaint := &tail{}
	cmd.Stderr = complaint
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout = in
	err = cmd.Start()
	in.Close()
	if err != nil {
		return fmt.Errorf("start the command: %w", err)
	}
	s.tally.running()
	ended, read := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- cmd.Wait()
		select {
		case <-read:
		case <-time.After(killAfter): // a child outlives the shell, and keeps the pipe open
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}()
	if err := s.lines(out); !errors.Is(err, io.EOF) {
		s.o.Log.Debug("output of the command", "err", err)
	}
	close(read)
	err = <-ended
	if text := complaint.String(); err != nil && text != "" {
		return fmt.Errorf("the command ended: %w: %s", err, text)
	} else if err != nil {
		return fmt.Errorf("the command ended: %w", err)
	}
	return errors.New("the command ended")
}

// foreign returns the variables that are no settings of the agent.
func foreign(environ []string) (out []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, "VECINO_") {
			out = append(out, v)
		}
	}
	return out
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[max(0, len(p)-maxComplaint):]...)
	t.b = t.b[max(0, len(t.b)-maxComplaint):]
	return len(p), nil
}

// String returns the last line.
func (t *tail) String() string {
	lines := bytes.Split(bytes.TrimSpace(t.b), []byte("\n"))
	return string(bytes.ToValidUTF8(lines[len(lines)-1], []byte("?")))
}
