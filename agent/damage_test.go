// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/agent/broker"
)

// ways in which files are spoilt.
var ways = map[string]func(path string, old []byte) error{
	"missing": func(path string, _ []byte) error { return os.Remove(path) },
	"empty":   func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
	"cut":     func(path string, old []byte) error { return os.WriteFile(path, old[:len(old)-3], 0o600) },
	"zeros":   func(path string, old []byte) error { return os.WriteFile(path, make([]byte, len(old)), 0o600) },
	"garbage": func(path string, _ []byte) error {
		return os.WriteFile(path, bytes.Repeat([]byte("neither TOML nor CBOR\n"), 9), 0o600)
	},
	"large": func(path string, old []byte) error {
		return os.WriteFile(path, append(old, make([]byte, 1<<20)...), 0o600)
	},
	"folder": func(path string, _ []byte) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o700)
	},
}

const (
	enterAnew     = "vecino: hint: put a copy of the file back; where there is none, move DIR away and enter the neighbourhood anew by vecino init --join CODE\n"
	writePassword = "vecino: hint: write the password of the broker's account into the file\n"
	nameBroker    = "vecino: hint: set broker.url in the configuration file, or broker.listen to run one here\n"
)

// TestDamagedState holds that an agent whose state is spoilt does not run, and
// says which file it is and what can be done.
func TestDamagedState(t *testing.T) {
	if !broker.Available {
		t.Skip("this build has no broker")
	}
	for _, c := range []struct {
		file  string
		ways  string // separated by spaces
		wants string // of stderr, with DIR for the state folder
		hint  string
	}{
		{"identity", "empty cut zeros garbage", "DIR/identity is damaged: issuer: ", enterAnew},
		{"charter", "empty cut zeros garbage", "DIR/charter is damaged: issuer: ", enterAnew},
		{"issuer", "empty cut zeros garbage", "DIR/issuer is damaged: issuer: ", enterAnew},
		{"neighbourhood.key", "empty cut zeros garbage", "DIR/neighbourhood.key is damaged: door: read keys: ", enterAnew},
		{"guests", "empty garbage", "DIR/guests is damaged: wire: ", "vecino: hint: remove it; "},
		{"issued.journal", "garbage", "open journal DIR/issued.journal: not a journal", "vecino: hint: wait until the next epoch has begun, "},
		{"granted.journal", "garbage", "open journal DIR/granted.journal: not a journal", "vecino: hint: wait until a day has passed, "},
		{"wallet", "empty zeros garbage", "DIR/wallet is damaged: ", "vecino: hint: move it away and start again: tokens "},
		{"pairs", "empty zeros garbage", "DIR/pairs is damaged: ", "vecino: hint: move it away and start again: neighbours "},
		{"archive", "empty zeros garbage", "DIR/archive is damaged: ", "vecino: hint: move it away and start again: others "},
		{"issuing", "empty zeros garbage", "DIR/issuing is damaged: ", "vecino: hint: move it away and start again: a device "},
		{"eviction", "garbage", "DIR/eviction: ", "vecino: hint: remove it; "},
		{"config.toml", "garbage zeros cut", "DIR/config.toml:", ""},
		{"broker-password", "empty", "broker.password_file: DIR/broker-password is empty\n", writePassword},

		{"identity", "missing", "DIR/identity is missing\n", enterAnew},
		{"neighbourhood.key", "missing", "DIR/neighbourhood.key is missing\n", enterAnew},
		{"charter", "missing", "this device is in no neighbourhood yet\n", ""},
		{"config.toml", "missing empty", "no broker is named\n", nameBroker},
		{"broker-password", "missing", "broker.password_file: read DIR/broker-password: no such file or directory\n", writePassword},

		{"identity", "large folder", "read DIR/identity: ", ""},
		{"charter", "large folder", "read DIR/charter: ", ""},
		{"issuer", "large folder", "read DIR/issuer: ", ""},
		{"neighbourhood.key", "large folder", "read DIR/neighbourhood.key: ", ""},
		{"guests", "large folder", "read DIR/guests: ", ""},
		{"broker-password", "large folder", "broker.password_file: read DIR/broker-password: ", writePassword},
		{"config.toml", "large folder", "DIR/config.toml: ", ""},
		{"issued.journal", "folder", "open journal: read DIR/issued.journal: not a regular file\n", ""},
	} {
		for _, way := range strings.Fields(c.ways) {
			t.Run(c.file+" "+way, func(t *testing.T) {
				dir := foundedState(t)
				path := filepath.Join(dir, c.file)
				old, err := os.ReadFile(path)
				if errors.Is(err, fs.ErrNotExist) { // of those that come with running
					err = os.WriteFile(path, nil, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := ways[way](path, old); err != nil {
					t.Fatal(err)
				}
				code, out, text := runVerb(t, dir, "run")
				text = strings.ReplaceAll(text, dir, "DIR")
				if code != exitFailed || out != "" {
					t.Errorf("exit code %d, stdout %q", code, out)
				}
				if !strings.HasPrefix(text, "vecino: error: "+c.wants) || !strings.Contains(text, c.hint) || strings.Count(text, "\n") > 2 {
					t.Errorf("stderr holds\n%swant\nvecino: error: %s…\n%s", text, c.wants, c.hint)
				}
				if _, err := os.Lstat(filepath.Join(dir, "vecino.sock")); err == nil {
					t.Error("a socket is left behind")
				}
			})
		}
	}
}

// foundedState returns the state folder of a founder.
func foundedState(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if code, _, text := runVerb(t, dir, "init", "--found", "--name", "attic", "--listen", "127.0.0.1:0"); code != 0 {
		t.Fatal(text)
	}
	return dir
}

// runVerb runs the command line in this process on a state folder.
func runVerb(t *testing.T, dir string, args ...string) (code int, out, err string) {
	t.Helper()
	environ := []string{"VECINO_STATE=" + dir, "VECINO_HTTP_LISTEN="}
	if runtime, err := os.MkdirTemp("/dev/shm", "vecino-test-"); err == nil {
		defer os.RemoveAll(runtime)
		environ = append(environ, "VECINO_RUNTIME="+runtime)
	}
	var stdout, stderr bytes.Buffer
	code = run(args, stdio{in: strings.NewReader(""), out: &stdout, err: &stderr, environ: environ})
	return code, stdout.String(), stderr.String()
}
