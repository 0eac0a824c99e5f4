// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestDemoOverMosquitto runs the demo as a process over a mosquitto of its own,
// and holds the bytes that the devices report against those that mosquitto counts,
// for updates in several forms.
func TestDemoOverMosquitto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	url := startMosquitto(t)
	received := watchSys(t.Context(), url, "$SYS/broker/bytes/received")
	if received == nil {
		t.Fatal("mosquitto tells nothing")
	}
	defer received.session.Close(context.Background())
	rest(t, received)
	for _, args := range [][]string{
		{"--compress", "q8"},
		{"--compress", "topk:0.1:1bit"},
		{"--compress", "topk:0.1:1bit", "--topology", "ring"},
	} {
		before := rest(t, received)
		cmd := exec.Command(os.Args[0], append([]string{"demo", "--nodes", "5", "--rounds", "5", "--json", "--broker", url}, args...)...)
		cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.Args[0] = "vecino"
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, out, stderr.Bytes())
		}
		var info demoInfo
		if err := json.Unmarshal(out, &info); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		sameBytes(t, &info, rest(t, received)-before)
		accounted(t, &info)
	}
}

// rest waits until a number has stopped growing and returns it.
func rest(t *testing.T, w *sysWatch) int64 {
	t.Helper()
	const quiet = 2500 * time.Millisecond // mosquitto tells every second
	for {
		select {
		case <-w.changed:
		case <-time.After(quiet):
			n, known := w.count()
			if !known {
				t.Fatal("mosquitto does not tell")
			}
			return n
		}
	}
}

// startMosquitto runs a mosquitto until the test ends, and returns its URL.
func startMosquitto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Skip("needs mosquitto")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nsys_interval 1\npersistence false\n", port)
	if os.Geteuid() == 0 {
		text += "user root\n"
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "mqtt://" + address
		}
		if time.Now().After(end) {
			t.Fatal("mosquitto does not start")
		}
	}
}
