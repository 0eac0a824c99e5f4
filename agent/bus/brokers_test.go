// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
)

const patience = 10 * time.Second

// setup is how a broker is to be run. Zero: plain, open to this machine.
type setup struct {
	username, password string
	tls                *certificate
	clientCA           string // file; mosquitto only
}

// endpoint is a broker of a test, which can be stopped and started again on
// its port.
type endpoint struct {
	url   string
	start func()
	stop  func()
}

// eachBroker runs test against the embedded broker and against mosquitto.
func eachBroker(t *testing.T, s setup, test func(t *testing.T, e *endpoint)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t, s)) })
	t.Run("mosquitto", func(t *testing.T) { test(t, mosquitto(t, s)) })
}

func embedded(t *testing.T, s setup) *endpoint {
	t.Helper()
	if !broker.Available {
		t.Skip("this build has no broker")
	}
	o := broker.Options{Listen: "127.0.0.1:0", Username: s.username, Password: bus.NewSecret(s.password)}
	scheme := "mqtt"
	if s.tls != nil {
		o.CertFile, o.KeyFile, scheme = s.tls.certFile, s.tls.keyFile, "mqtts"
	}
	var b *broker.Broker
	e := &endpoint{}
	e.start = func() {
		var next *broker.Broker
		eventually(t, "the broker starts", func() bool { // another socket may have the port for a while
			var err error
			if next, err = broker.Start(o); err != nil {
				t.Log(err)
			}
			return err == nil
		})
		b = next
		o.Listen = b.Addr().String()
	}
	e.stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	e.start()
	t.Cleanup(func() { e.stop() })
	e.url = scheme + "://" + o.Listen
	return e
}

func mosquitto(t *testing.T, s setup) *endpoint {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Skip("needs mosquitto:", err)
		}
	}
	port := freePort(t)
	config := writeConfig(t, s, port)
	scheme := "mqtt"
	if s.tls != nil {
		scheme = "mqtts"
	}
	var cmd *exec.Cmd
	e := &endpoint{url: fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)}
	e.start = func() {
		cmd = exec.Command(program, "-c", config)
		var out strings.Builder
		cmd.Stderr, cmd.Stdout = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
			if err == nil {
				c.Close()
				return
			}
			if time.Now().After(end) {
				cmd.Process.Kill()
				cmd.Wait()
				t.Fatalf("mosquitto does not listen: %s", out.String())
			}
		}
	}
	e.stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	e.start()
	t.Cleanup(func() { e.stop() })
	return e
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func writeConfig(t *testing.T, s setup, port int) string {
	t.Helper()
	dir := t.TempDir()
	lines := []string{
		"persistence false", "sys_interval 1", "user root", "log_type none",
		"max_queued_messages 10000", fmt.Sprintf("listener %d 127.0.0.1", port),
	}
	if s.username == "" {
		lines = append(lines, "allow_anonymous true")
	} else {
		lines = append(lines, "allow_anonymous false", "password_file "+passwordFile(t, dir, s))
	}
	if s.tls != nil {
		lines = append(lines, "certfile "+s.tls.certFile, "keyfile "+s.tls.keyFile)
	}
	if s.clientCA != "" {
		lines = append(lines, "cafile "+s.clientCA, "require_certificate true")
	}
	path := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func passwordFile(t *testing.T, dir string, s setup) string {
	t.Helper()
	path := filepath.Join(dir, "passwords")
	out, err := exec.Command("mosquitto_passwd", "-b", "-c", path, s.username, s.password).CombinedOutput()
	if err != nil {
		t.Skipf("needs mosquitto_passwd: %v: %s", err, out)
	}
	return path
}

// dial opens a session that ends with the test.
func dial(t testing.TB, o bus.Options) *bus.Session {
	t.Helper()
	s, err := tryDial(t, o, patience)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryDial(t testing.TB, o bus.Options, within time.Duration) (*bus.Session, error) {
	t.Helper()
	if o.ClientID == "" {
		o.CleanSession = true
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	s, err := bus.Dial(ctx, o)
	if err == nil {
		t.Cleanup(func() { closeSession(t, s) })
	}
	return s, err
}

// dialOnce makes one attempt, which is to fail.
func dialOnce(t testing.TB, o bus.Options) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o.CleanSession = true
	o.OnState = func(s bus.State, _ error) {
		if s == bus.Waiting {
			cancel()
		}
	}
	s, err := bus.Dial(ctx, o)
	if err == nil {
		closeSession(t, s)
	}
	return err
}

func closeSession(t testing.TB, s *bus.Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not in %v: %s", patience, what)
}
