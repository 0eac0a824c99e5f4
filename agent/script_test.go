// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/vecino-edge/vecino/agent/broker"
)

// TestMain makes the test binary the vecino of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vecino": main})
}

// TestScripts runs the command line as its users do: each script in
// testdata/script is a story of verbs, of what they print and of how they end.
// Scripts that let agents live begin with [short] skip.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setupScript,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Condition: func(name string) (bool, error) {
			if holds := conditions[name]; holds != nil {
				return holds(), nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": cmdCode, "json": cmdJSON, "field": cmdField, "until": cmdUntil,
			"start": cmdStart, "end": cmdEnd, "line": cmdLine, "files": cmdFiles, "damage": cmdDamage,
		},
	})
}

// conditions that a script may ask for in brackets.
var conditions = map[string]func() bool{
	// broker: this build has one.
	"broker": func() bool { return broker.Available },
	// modes: the modes of files can be made to hold for us.
	"modes": func() bool {
		return os.Geteuid() != 0 || exec.Command("setpriv", "--bounding-set=-all", "true").Run() == nil
	},
	// mounts: a file system can be mounted that nobody else sees.
	"mounts": func() bool { return exec.Command("unshare", "-Urm", "true").Run() == nil },
}

// setupScript gives a script a machine of its own: a state folder that is not
// there yet, a runtime folder in memory and no port that others might have.
func setupScript(e *testscript.Env) error {
	e.Setenv("VECINO_STATE", filepath.Join(e.WorkDir, "state"))
	e.Setenv("VECINO_HTTP_LISTEN", "")
	e.Setenv("TMPDIR", filepath.Join(e.WorkDir, ".tmp"))
	e.Values[keyAgents{}] = map[string]*agent{}
	if runtime, err := os.MkdirTemp("/dev/shm", "vecino-test-"); err == nil {
		e.Defer(func() { os.RemoveAll(runtime) })
		e.Setenv("VECINO_RUNTIME", runtime)
	}
	return nil
}
