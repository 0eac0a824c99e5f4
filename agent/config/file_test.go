// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBadFiles holds that the files in testdata/bad give the messages at their head.
func TestBadFiles(t *testing.T) {
	for _, v := range vectors(t, "bad") {
		t.Run(filepath.Base(v.path), func(t *testing.T) {
			want := strings.Join(v.want, "\n")
			if got := message(Check(v.path), v.path); got != want {
				t.Errorf("Check:\n got %s\nwant %s", got, want)
			}
			_, err := Load(Source{StateFile: v.path})
			if got := message(err, v.path); got != want {
				t.Errorf("Load:\n got %s\nwant %s", got, want)
			}
		})
	}
}

// TestGoodFiles holds that the files in testdata/good give the settings at their head.
func TestGoodFiles(t *testing.T) {
	for _, v := range vectors(t, "good") {
		t.Run(filepath.Base(v.path), func(t *testing.T) {
			if err := Check(v.path); err != nil {
				t.Errorf("Check: %v", err)
			}
			l, err := Load(Source{EtcFile: v.path})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range v.want {
				path, text, _ := strings.Cut(want, " =")
				text = strings.TrimPrefix(text, " ")
				if got, ok := l.Config.Get(path); got != text || !ok {
					t.Errorf("%s = %q (%v), want %q", path, got, ok, text)
				}
			}
		})
	}
}

// TestOddFiles tries what cannot stand in a file with a head.
func TestOddFiles(t *testing.T) {
	fill := func(size int) string {
		const line = "name = 'kitchen' #"
		return line + strings.Repeat("x", size-len(line))
	}
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "fl.x%d = 1\n", i)
		}
		return b.String()
	}
	tooMany := "FILE:257: there are more than 256 keys, tables and arrays; remove those that are no settings"
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", ""},
		"largest":         {fill(MaxFile), ""},
		"too large":       {fill(MaxFile + 1), "FILE: is larger than 65536 bytes; settings need few of them"},
		"byte order mark": {"\xef\xbb\xbfname = 'kitchen'\n", ""},
		"line ends of DOS": {"name = 'kitchen'\r\npolicy = 'lax'\r\n",
			`FILE:2: policy: "lax" is not one of open, balanced, strict`},
		"UTF-16":         {"n\x00a\x00m\x00e\x00", "FILE:1: not TOML: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8"},
		"Latin-1":        {"\nname = 'k\xfcche'", "FILE:2: not TOML: invalid UTF-8 byte: 0xfc"},
		"control in key": {"'a\u0085' = 1\n'a\u0085' = 1", "FILE:2: not TOML: Key '\"a \"' has already been defined"},
		"long text":      {"name = '" + strings.Repeat("n", 2000) + "'", "FILE:1: name: is longer than 1024 bytes; shorten it"},
		"long word":      {"name = " + strings.Repeat("1", 2000), "FILE:1: not TOML: " + strings.Repeat("1", 160)},
		"most keys":      {keys(MaxKeys), "and 237 more problems"},
		"too many":       {keys(MaxKeys + 1), tooMany},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, c.text)
			got := message(Check(path), path)
			if name == "most keys" {
				got = got[strings.LastIndexByte(got, '\n')+1:]
			}
			if name == "long word" {
				if len(got) > 250 || strings.ContainsRune(got, '\n') || !strings.HasPrefix(got, "FILE:1: not TOML: ") {
					t.Errorf("got %d bytes: %s", len(got), got)
				}
				return
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	err := Check(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), path+": cannot be read: ") {
		t.Errorf("Check: %v", err)
	}
	if _, err := Load(Source{StateFile: path, EtcFile: path}); err != nil {
		t.Errorf("Load: %v", err)
	}
}

func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := Load(Source{StateFile: path}); message(err, path) != "FILE: cannot be read: not a regular file" {
			t.Errorf("Load: %v", err)
		}
	}
}

func TestErrorTells(t *testing.T) {
	path := writeFile(t, "\nbroker.keep_alive = '5s'\n")
	var e *Error
	if !errors.As(Check(path), &e) || e.Path != "broker.keep_alive" || e.Place != path+":2: broker.keep_alive" {
		t.Errorf("got %+v", e)
	}
}

// TestHostileFiles holds that no file of the greatest size takes much time or
// memory, garbage counted too: the library alone would take gigabytes for some.
func TestHostileFiles(t *testing.T) {
	word := strings.Repeat("k", MaxFile/2)
	for name, text := range map[string]string{
		"dots":           strings.Repeat("a.", MaxFile/2-4) + "a=1",
		"dots in table":  "[" + strings.Repeat("a.", MaxFile/2-4) + "a]",
		"quoted dots":    strings.Repeat(`"".`, MaxFile/3-4) + "a=1",
		"inline tables":  strings.Repeat("a={", MaxFile/3),
		"with lines":     strings.Repeat("a={\n", MaxFile/4),
		"arrays":         "a=" + strings.Repeat("[", MaxFile-4),
		"arrays by line": "a=" + strings.Repeat("[\n", MaxFile/2-4),
		"long table":     "[" + word + "]\n" + strings.Repeat("a=1\n", MaxFile/8-4),
		"long keys":      "[" + word + "]\n" + numbered("%x=1\n", MaxKeys-1),
		"deep and long":  "[" + strings.TrimSuffix(strings.Repeat(word[:MaxFile/16]+".", MaxDepth), ".") + "]\n" + numbered("%x=1\n", MaxKeys-1),
		"tables":         strings.Repeat("[[a]]\n", MaxFile/6),
		"lines":          numbered("%x=1\n", MaxKeys) + strings.Repeat("\n", MaxFile/2),
	} {
		t.Run(name, func(t *testing.T) {
			if len(text) > MaxFile {
				t.Fatalf("%d bytes test nothing", len(text))
			}
			path := writeFile(t, text)
			before := allocated()
			began := time.Now()
			if Check(path) == nil {
				t.Error("is taken")
			}
			if used := allocated() - before; used > 256<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	path := writeFile(t, "")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(Source{StateFile: path}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}
