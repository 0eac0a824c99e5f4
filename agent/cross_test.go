// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

var (
	crossInto = flag.String("cross", "", "build the release binaries of all targets into this `folder` and check them")
	crossSize = flag.Bool("size", false, "with -cross: pack each binary with xz and hold both sizes against their budgets")
)

// crossTargets are the processors that a release has a binary for, with the
// budgets of the stripped file and its xz, in bytes.
var crossTargets = []struct {
	name        string
	env         []string
	file, xz    int64
	interpreter string // of qemu-user, to see that the binary runs; empty where it runs as it is
}{
	{"amd64", []string{"GOARCH=amd64"}, 16_600_000, 4_920_000, nativeOn("amd64")},
	{"arm64", []string{"GOARCH=arm64"}, 14_250_000, 4_130_000, "qemu-aarch64-static"},
	{"armv7", []string{"GOARCH=arm", "GOARM=7"}, 14_500_000, 4_240_000, "qemu-arm-static"},
	{"armv6", []string{"GOARCH=arm", "GOARM=6"}, 14_500_000, 4_240_000, "qemu-arm-static"},
	{"riscv64", []string{"GOARCH=riscv64"}, 13_800_000, 4_440_000, "qemu-riscv64-static"},
	{"mipsle", []string{"GOARCH=mipsle", "GOMIPS=softfloat"}, 16_600_000, 3_970_000, "qemu-mipsel-static"},
	{"386", []string{"GOARCH=386"}, 14_650_000, 4_600_000, "qemu-i386-static"},
}

// nativeOn names the interpreter of a binary that runs as it is on one kind of
// machine, and on no other.
func nativeOn(arch string) string {
	if runtime.GOARCH == arch {
		return ""
	}
	return "a machine with " + arch
}

// TestCross builds every target as a release does. It is what `make cross` and
// `make size` run.
func TestCross(t *testing.T) {
	if *crossInto == "" {
		t.Skip("runs by make cross and make size")
	}
	for _, target := range crossTargets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel() // xz takes one core
			path := filepath.Join(*crossInto, "vecino-linux-"+target.name)
			build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.release="+version(t), "-o", path, ".")
			build.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOOS=linux"}, target.env...)...)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			checkStatic(t, path)
			checkRuns(t, path, target.interpreter)
			if *crossSize {
				checkSize(t, target.name, path, target.file, target.xz)
			}
		})
	}
}

// version is that of the checkout, if it is a tag.
func version(t *testing.T) string {
	t.Helper()
	if v := os.Getenv("VERSION"); v != "" {
		return v
	}
	return "dev"
}

// checkStatic holds that the binary asks for no loader and no library.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Error("the binary is not static")
		}
	}
}

func checkRuns(t *testing.T, path, interpreter string) {
	t.Helper()
	args := []string{path, "version"}
	if interpreter != "" {
		if _, err := exec.LookPath(interpreter); err != nil {
			t.Logf("not run: %s is not installed", interpreter)
			return
		}
		args = append([]string{interpreter}, args...)
	}
	command := exec.Command(args[0], args[1:]...)
	// The i386 emulation of qemu hands signals to the wrong stack.
	command.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	out, err := command.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "vecino ") {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// checkSize prints what the binary weighs and fails past the budget.
func checkSize(t *testing.T, name, path string, fileBudget, xzBudget int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", `xz -9e -k -c "$0" | wc -c`, path).Output()
	if err != nil {
		t.Fatalf("xz: %v", err)
	}
	packed, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%-8s %6.2f MB stripped (budget %.2f)  %5.2f MB xz (budget %.2f)",
		name, float64(info.Size())/1e6, float64(fileBudget)/1e6, float64(packed)/1e6, float64(xzBudget)/1e6)
	if info.Size() > fileBudget || packed > xzBudget {
		t.Errorf("%s is past its budget", name)
	}
}
