// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// How long a script waits for something to come true, and for an agent to end.
const (
	scriptPatience = 30 * time.Second
	scriptEnd      = 5 * time.Second
)

// cmdCode is
//
//	code N COMMAND…
//
// It runs a command that must end with the exit code N. A command that begins
// with ordinary runs without root's power to disregard the modes of files.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	command := args[1:]
	if command[0] == "ordinary" {
		command = command[1:]
		if os.Geteuid() == 0 {
			command = append([]string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}, command...)
		}
	}
	if got := exitCode(ts, ts.Exec(command[0], command[1:]...)); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func exitCode(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v", err)
	return -1
}

// cmdJSON is
//
//	json [FILE] CHECK…
//
// It holds that stdout, or a file, is one JSON object on one line, and checks
// its fields; see [check].
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	file := "stdout"
	if len(args) > 0 && !strings.ContainsAny(args[0], ":=<>") {
		file, args = args[0], args[1:]
	}
	if neg {
		ts.Fatalf("json cannot be negated; check for another value")
	}
	text := ts.ReadFile(file)
	object, err := oneObject(text)
	if err != nil {
		ts.Fatalf("%s: %v: %.200q", file, err, text)
	}
	for _, c := range args {
		if err := check(object, c); err != nil {
			ts.Fatalf("%s: %v", file, err)
		}
	}
}

// cmdField is
//
//	field NAME PATH [PREFIX]
//
// It sets a variable to a field of the JSON on stdout, without the prefix.
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: field NAME PATH [PREFIX]")
	}
	object, err := oneObject(ts.ReadFile("stdout"))
	ts.Check(err)
	v, ok := lookUp(object, args[1])
	if !ok {
		ts.Fatalf("there is no %s", args[1])
	}
	ts.Setenv(args[0], strings.TrimPrefix(fmt.Sprint(v), strings.Join(args[2:], "")))
}

// cmdUntil is
//
//	until CHECK[,CHECK…] COMMAND…
//
// It runs a command again and again until it ends well and the JSON on its
// stdout passes the checks.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until CHECK[,CHECK…] COMMAND…")
	}
	deadline := time.Now().Add(scriptPatience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil {
			err = checkAll(ts.ReadFile("stdout"), strings.Split(args[0], ","))
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is not to be: %v", args[0], err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// cmdLine is
//
//	line FILE PATTERN
//
// It waits until a file, which a command in the background writes, has a line
// that matches.
func cmdLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: line FILE PATTERN")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	deadline := time.Now().Add(scriptPatience)
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && pattern.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no line of %s matches %s: %v\n%s", args[0], args[1], err, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// agent is a command in the background.
type agent struct {
	cmd   *exec.Cmd
	ended chan error
}

type keyAgents struct{}

func agents(ts *testscript.TestScript) map[string]*agent {
	return ts.Value(keyAgents{}).(map[string]*agent)
}

// cmdStart is
//
//	start NAME COMMAND…
//
// It runs a command in the background, with its output in NAME.out and NAME.err.
func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || agents(ts)[args[0]] != nil {
		ts.Fatalf("usage: start NAME COMMAND…, with a new NAME")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	for end, to := range map[string]*io.Writer{".out": &cmd.Stdout, ".err": &cmd.Stderr} {
		f, err := os.Create(ts.MkAbs(args[0] + end))
		ts.Check(err)
		defer f.Close()
		*to = f
	}
	ts.Check(cmd.Start())
	a := &agent{cmd: cmd, ended: make(chan error, 1)}
	go func() { a.ended <- cmd.Wait() }()
	agents(ts)[args[0]] = a
	ts.Defer(func() {
		if a.cmd.Process.Kill() == nil {
			a.ended <- <-a.ended
		}
	})
}

// scriptEnv returns the variables of a script that the program looks at.
func scriptEnv(ts *testscript.TestScript) (out []string) {
	for _, name := range []string{"PATH", "TMPDIR", "VECINO_STATE", "VECINO_RUNTIME", "VECINO_HTTP_LISTEN", "VECINO_POLICY", "VECINO_LOG_FORMAT", "VECINO_POWER_WINDOW", "VECINO_FL_EPSILON"} {
		if v := ts.Getenv(name); v != "" || name == "VECINO_HTTP_LISTEN" { // of which empty means none
			out = append(out, name+"="+v)
		}
	}
	return out
}

// cmdEnd is
//
//	end NAME [SIGNAL [CODE]]
//
// It sends a signal, TERM unless another is named, to what start started, and
// holds that it ends in time with the exit code, 0 unless another is named. The
// signal none waits for an end that comes by itself.
func cmdEnd(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill, "HUP": syscall.SIGHUP, "none": syscall.Signal(0)}
	args = append(slices.Clone(args), []string{"", "TERM", "0"}[min(len(args), 3):]...)
	a, signal := agents(ts)[args[0]], signals[args[1]]
	want, err := strconv.Atoi(args[2])
	if neg || a == nil || signal == nil || err != nil {
		ts.Fatalf("usage: end NAME [TERM|INT|HUP|KILL|none [CODE]]")
	}
	delete(agents(ts), args[0])
	begin := time.Now()
	if err := a.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Fatalf("%v", err)
	}
	patience := scriptEnd
	if args[1] == "none" {
		patience = scriptPatience
	}
	select {
	case err = <-a.ended:
		a.ended <- err
	case <-time.After(patience):
		ts.Fatalf("%s does not end in %v", args[0], patience)
	}
	ts.Logf("%s ended after %v", args[0], time.Since(begin).Round(time.Millisecond))
	if got := a.cmd.ProcessState.ExitCode(); got != want {
		text, _ := os.ReadFile(ts.MkAbs(args[0] + ".err"))
		ts.Fatalf("%s ended with %v, want exit code %d\n%s", args[0], a.cmd.ProcessState, want, text)
	}
}

// cmdFiles is
//
//	files FOLDER NAME…
//
// It holds that a folder holds these files and no others.
func cmdFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: files FOLDER NAME…")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := append([]string{}, args[1:]...)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		ts.Fatalf("%s holds other files (-want +got):\n%s", args[0], d)
	}
}

// cmdDamage is
//
//	damage FILE missing|empty|cut|garbage|folder|stale
//
// It does to a file what a bad day does. A stale file is the socket that a killed
// agent leaves.
func cmdDamage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE HOW")
	}
	path := ts.MkAbs(args[0])
	old, err := os.ReadFile(path)
	if err != nil && args[1] != "stale" {
		ts.Fatalf("%v", err)
	}
	switch args[1] {
	case "stale":
		var l net.Listener
		if l, err = net.Listen("unix", path); err == nil {
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close()
		}
	case "missing":
		err = os.Remove(path)
	case "empty":
		err = os.WriteFile(path, nil, 0o600)
	case "cut":
		err = os.WriteFile(path, old[:len(old)-3], 0o600)
	case "garbage":
		err = os.WriteFile(path, bytes.Repeat([]byte{0x9f, 0xff, 0x00, 0x5b}, 25), 0o600)
	case "folder":
		if err = os.Remove(path); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	default:
		err = fmt.Errorf("damage %q is unknown", args[1])
	}
	ts.Check(err)
}
