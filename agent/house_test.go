// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

const module = "github.com/vecino-edge/vecino/"

// floors says on which floor each package lives. An import goes down; within
// one room also sideways. A package that is not here has no place yet: give it
// one, and say in the commit why it stands there.
var floors = map[string]int{
	"agent": 6,

	"agent/config": 5, "agent/control": 5, "agent/web": 5, "agent/learn": 5, "agent/live": 5, "agent/neighbour": 5,
	"agent/tlink": 5, "agent/plot": 5,

	"fl/sim": 4, "fl/bench": 4, "agent/bus": 4, "agent/broker": 4,

	"fl/node": 3, "crypto/issuer": 3, "crypto/door": 3, "crypto/homomorphic": 3,

	"crypto/signcrypt": 2, "crypto/pseudonym": 2, "crypto/token": 2, "fl/update": 2, "fl/privacy": 2, "fl/aggregate": 2, "fl/export": 2,

	"crypto/shard": 1, "crypto/chunk": 1, "crypto/frost": 1, "crypto/rlwe": 1, "crypto/cose": 1, "fl/model": 1, "fl/dataset": 1, "fl/dataset/digits": 1, "fl/topology": 1, "fl/feature": 1,

	"board/linux": 1, "board/sim": 1,

	"board": 0,

	"crypto/wire": 0, "crypto/group": 0, "fl/tensor": 0, "agent/store": 0,
}

// rooms that may not import one another.
var rooms = []string{"board", "fl", "llm", "ota"}

// forbidden are imports that a room other than agent has no business with.
var forbidden = map[string]string{
	"github.com/eclipse/paho.mqtt.golang": "only agent speaks MQTT; ask for a small interface instead",
	"github.com/mochi-mqtt/server/v2":     "only agent/broker is a broker",
	"net/http":                            "only agent speaks HTTP; ask for a small interface instead",
	"github.com/BurntSushi/toml":          "only agent/config reads TOML; take typed settings instead",
	"github.com/spf13/cobra":              "only agent has a command line",
}

// heavy are packages that no file of the device binary may pull in.
var heavy = map[string]string{
	"html/template":                  "it adds 1.9 MB: reflection ends the linker's removal of dead code; serve a static page and JSON",
	"google.golang.org/protobuf":     "the wire format is deterministic CBOR",
	"github.com/golang/protobuf":     "the wire format is deterministic CBOR",
	"github.com/stretchr/testify":    "tests use go-cmp and the standard library, and the binary holds no test library",
	"github.com/gogo/protobuf/proto": "the wire format is deterministic CBOR",
}

// dragged are packages below heavy ones that a dependency imports in vain: what
// the linker leaves of them is a few kilobytes, and no code of the binary calls it.
var dragged = map[string]string{
	"github.com/stretchr/testify/assert":  "lattigo/v5/utils/buffer keeps a test's helper beside its code",
	"github.com/stretchr/testify/require": "likewise",
}

// tooHeavy says what speaks against a package or one above it, if anything does.
func tooHeavy(pkg string) string {
	if dragged[pkg] != "" {
		return ""
	}
	for path, why := range heavy {
		if pkg == path || strings.HasPrefix(pkg, path+"/") {
			return why
		}
	}
	return ""
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path, Version string }
	Standard     bool
}

// goList runs go list for a target, given as environment and flags.
func goList(t *testing.T, env []string, args ...string) (out []goPackage) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports,Module,Standard"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0"}, env...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

// targets are the ways in which the device binary is built.
var targets = []struct {
	name string
	env  []string
	args []string
}{
	{"amd64", []string{"GOARCH=amd64"}, nil},
	{"arm64", []string{"GOARCH=arm64"}, nil},
	{"nobroker", []string{"GOARCH=arm64"}, []string{"-tags", "nobroker"}},
}

func room(pkg string) string { r, _, _ := strings.Cut(pkg, "/"); return r }

func TestFloors(t *testing.T) {
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			for _, p := range goList(t, target.env, append(target.args, "./...")...) {
				from := strings.TrimPrefix(p.ImportPath, module)
				floor, ok := floors[from]
				if !ok {
					t.Errorf("%s stands on no floor: add it to the list in this test", from)
				}
				for _, i := range p.Imports {
					if why, bad := forbidden[i]; bad && room(from) != "agent" {
						t.Errorf("%s imports %s: %s", from, i, why)
					}
					to, ours := strings.CutPrefix(i, module)
					if !ours {
						continue
					}
					checkImport(t, from, floor, to)
				}
			}
		})
	}
}

func checkImport(t *testing.T, from string, floor int, to string) {
	t.Helper()
	sideways := room(from) == room(to) && floors[to] == floor
	if floors[to] >= floor && !sideways {
		t.Errorf("%s (floor %d) imports %s (floor %d): imports go down", from, floor, to, floors[to])
	}
	if room(to) == "agent" && room(from) != "agent" {
		t.Errorf("%s imports %s: no other room imports agent", from, to)
	}
	if room(from) != room(to) && slices.Contains(rooms, room(from)) && slices.Contains(rooms, room(to)) {
		t.Errorf("%s imports %s: these rooms do not know each other", from, to)
	}
	if room(from) == "crypto" && room(to) != "crypto" {
		t.Errorf("%s imports %s: crypto knows no other room", from, to)
	}
}

// TestDependencies holds the device binary's modules and, of each, the packages
// that are linked, against a committed list: a new one shows in the diff.
func TestDependencies(t *testing.T) {
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			var list []string
			for _, p := range goList(t, target.env, append(target.args, "-deps", "./agent")...) {
				if why := tooHeavy(p.ImportPath); why != "" {
					t.Errorf("the binary holds %s: %s", p.ImportPath, why)
				}
				if p.Standard || strings.HasPrefix(p.ImportPath+"/", module) {
					continue
				}
				list = append(list, p.ImportPath+" "+p.Module.Version)
			}
			slices.Sort(list)
			file := filepath.Join("testdata", "dependencies-"+target.name+".txt")
			got := strings.Join(list, "\n") + "\n"
			if *updateGolden {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("the list of dependencies differs (-committed +now); if that is meant, run go test ./agent -run Dependencies -update:\n%s", d)
			}
			if target.name == "nobroker" && strings.Contains(got, "mochi") {
				t.Error("the build without a broker holds one")
			}
		})
	}
}

// TestFiles holds that every Go file has the licence header, and every package
// exactly one comment, of two sentences at least.
func TestFiles(t *testing.T) {
	comments := map[string][]string{}
	packages := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != ".." || d.Name() == "build" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(src, []byte("// Copyright The Vecino Authors\n// SPDX-License-Identifier: Apache-2.0\n\n")) {
			t.Errorf("%s: no licence header", path)
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if !strings.HasSuffix(path, "_test.go") {
			packages[dir] = true
		}
		if text := packageComment(f); text != "" {
			comments[dir] = append(comments[dir], text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range packages {
		if n := len(comments[dir]); n != 1 {
			t.Errorf("%s: %d package comments, one is wanted", dir, n)
			continue
		}
		if strings.Count(comments[dir][0], ". ")+strings.Count(comments[dir][0], ".\n") < 2 {
			t.Errorf("%s: the package comment says too little: what it does, after which specification, zero value, concurrency", dir)
		}
	}
}

func packageComment(f *ast.File) string {
	if f.Doc == nil {
		return ""
	}
	return f.Doc.Text()
}
