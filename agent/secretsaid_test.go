// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// said runs devices as processes and keeps everything that they say, and every
// secret that lay in their folders at any time.
type said struct {
	t       *testing.T
	folder  string
	runtime string
	secrets secrets
	codes   []string // of invites
	heard   bytes.Buffer
	agents  map[string]*exec.Cmd
	ended   map[string]chan error
}

func newSaid(t *testing.T) *said {
	t.Helper()
	runtime, err := os.MkdirTemp("/dev/shm", "vecino-test-")
	if err != nil {
		t.Skipf("needs a folder in memory: %v", err)
	}
	s := &said{t: t, folder: t.TempDir(), runtime: runtime, secrets: secrets{}, agents: map[string]*exec.Cmd{}, ended: map[string]chan error{}}
	t.Cleanup(func() {
		for name, a := range s.agents {
			a.Process.Kill()
			<-s.ended[name]
		}
		os.RemoveAll(runtime)
	})
	return s
}

func (s *said) path(name string) string { return filepath.Join(s.folder, name) }

func (s *said) command(device string, args ...string) *exec.Cmd {
	c := exec.Command("vecino", args...)
	c.Dir = s.folder
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + s.folder, "VECINO_STATE=" + s.path(device), "VECINO_RUNTIME=" + s.runtime,
		"VECINO_HTTP_LISTEN=127.0.0.1:0", "VECINO_LOG_LEVEL=debug",
	}
	if device == "hall" {
		c.Env = append(c.Env, "VECINO_LOG_FORMAT=json")
	}
	return c
}

// verb runs a verb to its end, keeps what it says and returns its stdout.
func (s *said) verb(device, stdin string, args ...string) []byte {
	s.t.Helper()
	c := s.command(device, args...)
	c.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if c.ProcessState == nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(&s.heard, "%s%s%v\n", stdout.Bytes(), stderr.Bytes(), c.ProcessState)
	s.look()
	return stdout.Bytes()
}

// invite returns a new code, which itself is not kept but must not be told.
func (s *said) invite(device string) string {
	s.t.Helper()
	out, err := s.command(device, "peers", "invite", "--json").Output()
	var info inviteInfo
	if err == nil {
		err = json.Unmarshal(out, &info)
	}
	if err != nil || info.Code == "" {
		s.t.Fatalf("invite: %v: %s", err, out)
	}
	s.codes = append(s.codes, info.Code)
	s.secrets[fmt.Sprintf("invite %d", len(s.codes))] = []byte(info.Code)
	s.look()
	return info.Code
}

// start runs an agent in the background, with its output in a file.
func (s *said) start(device string) {
	s.t.Helper()
	f, err := os.Create(s.path(device + ".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	c := s.command(device, "run")
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	s.agents[device], s.ended[device] = c, ended
}

// end tells all agents to end and waits until they have.
func (s *said) end() {
	s.t.Helper()
	for name, a := range s.agents {
		if err := a.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Errorf("end %s: %v", name, err)
		}
	}
	for name := range s.agents {
		if err := <-s.ended[name]; err != nil {
			s.t.Errorf("%s ended with %v:\n%s", name, err, s.log(name))
		}
		delete(s.agents, name)
	}
	s.look()
}

// until asks a device for its status until it is as wanted.
func (s *said) until(device, what string, holds func(statusInfo) bool) {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(scriptPatience)
	for {
		var v statusInfo
		out := s.verb(device, "", "status", "--json")
		if json.Unmarshal(out, &v) == nil && holds(v) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not see %s: %s\n%s", device, what, out, s.log(device))
		}
		<-tick.C
	}
}

var pageAddress = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// page asks for everything that the page's address offers, and what it refuses.
func (s *said) page(device string) {
	s.t.Helper()
	url := pageAddress.FindString(string(s.log(device)))
	if url == "" {
		s.t.Fatalf("%s tells no address of its page:\n%s", device, s.log(device))
	}
	for _, path := range []string{"/", "/healthz", "/api/v1/status", "/api/v1/peers", "/api/v1/rounds", "/api/v1/events", "/nothing"} {
		s.get(url + path)
	}
	answer, err := http.Post(url+"/api/v1/peers/admit", "application/json", strings.NewReader(`{"code":"wrong"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(answer)
}

// get asks for a second; the stream of events has no end.
func (s *said) get(url string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(answer)
}

func (s *said) keep(answer *http.Response) {
	defer answer.Body.Close()
	fmt.Fprintln(&s.heard, answer.Status, answer.Header)
	if n, _ := io.Copy(&s.heard, answer.Body); n == 0 {
		s.t.Errorf("%s says nothing", answer.Request.URL)
	}
}

// look takes the secrets that are in the folders now.
func (s *said) look() {
	s.t.Helper()
	public := secrets{}
	for _, device := range []string{"attic", "cellar", "hall", "late"} {
		folder := s.path(device)
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		s.secrets.read(s.t, folder)
		if b, err := os.ReadFile(filepath.Join(folder, fileCharter)); err == nil {
			public.addCharter(b)
		}
	}
	s.secrets.read(s.t, s.runtime)
	s.secrets.without(public)
}

// count returns how many secrets have a name that holds part.
func (s *said) count(part string) (n int) {
	for name := range s.secrets {
		if strings.Contains(name, part) {
			n++
		}
	}
	return n
}

func (s *said) log(device string) []byte {
	b, err := os.ReadFile(s.path(device + ".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// text is all that was said.
func (s *said) text() []byte {
	out := bytes.Clone(s.heard.Bytes())
	for _, device := range []string{"attic", "cellar", "hall"} {
		out = append(out, s.log(device)...)
	}
	return out
}

// data makes a folder of rows to learn from.
func (s *said) data() string {
	s.t.Helper()
	folder := s.path("data")
	rows := "a,b,kind\n"
	for i := range 40 {
		rows += fmt.Sprintf("%d.%d,%d,%d\n", i%2, i%7, i%5, i%2)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"train.csv", "test.csv"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(rows), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return folder
}

// task makes a file of a task that takes seconds.
func (s *said) task() string {
	s.t.Helper()
	file := s.path("heating.toml")
	if err := os.WriteFile(file, []byte("model = \"softmax\"\nrounds = 3\nround = \"500ms\"\nrate = 0.2\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}
