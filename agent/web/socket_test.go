// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func exists(path string) error { _, err := os.Lstat(path); return err }

func TestSocketIsTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vecino.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.ModeSocket | 0o600; info.Mode() != want {
		t.Errorf("mode %v, want %v", info.Mode(), want)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if exists(path) == nil {
		t.Error("the socket is left behind")
	}
}

// staleSocket leaves a socket on which nobody listens, as a killed process does.
func staleSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := exists(path); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vecino.sock")
	staleSocket(t, path)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestSocketIsKept holds that nothing is removed that is in use or none of ours.
func TestSocketIsKept(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"live socket": func(t *testing.T, path string) {
			l, err := Listen(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		},
		"live socket with a full queue": fullQueue,
		"file": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("keep me"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"folder": func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"link to a stale socket": func(t *testing.T, path string) {
			staleSocket(t, path+".real")
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vecino.sock")
			make(t, path)
			l, err := Listen(path)
			if err == nil {
				l.Close()
				t.Fatal("it listens all the same")
			}
			if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stop the other agent") {
				t.Errorf("got %v", err)
			}
			if err := exists(path); err != nil {
				t.Errorf("it was removed: %v", err)
			}
		})
	}
}

// fullQueue listens with no room for those who wait, and has one wait: the next
// gets EAGAIN, which is no sign of death.
func fullQueue(t *testing.T, path string) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("x", maxSocketPath))
	for path, want := range map[string]string{
		long:                                 "set VECINO_STATE to a shorter one",
		filepath.Join(dir, "none", "x.sock"): "no such file or directory",
	} {
		l, err := Listen(path)
		if err == nil {
			l.Close()
			t.Fatalf("%s: it listens", path)
		}
		if !strings.HasPrefix(err.Error(), "listen on the socket "+path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	}
}

// TestLongestPath holds that the limit is the system's, not a lower one.
func TestLongestPath(t *testing.T) {
	dir := t.TempDir()
	if len(dir) > maxSocketPath-2 {
		t.Skip("the folder for tests has a name too long for a socket: " + dir)
	}
	l, err := Listen(filepath.Join(dir, strings.Repeat("x", maxSocketPath-len(dir)-1)))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// TestLimit holds that connections beyond the limit wait until another ends.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 3
		p := newPipes()
		l := limit(p, most)
		accepted := make(chan net.Conn)
		ended := make(chan error, 1)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				accepted <- c
			}
		}()
		dial := func() {
			go func() {
				if c, err := p.dial(t.Context(), "", ""); err == nil {
					io.Copy(io.Discard, c)
				}
			}()
		}
		var open []net.Conn
		for range most {
			dial()
			open = append(open, <-accepted)
		}
		dial()
		select {
		case <-accepted:
			t.Fatal("one connection too many")
		case <-time.After(time.Hour):
		}
		open[0].Close()
		open[0].Close() // counts once
		open[0] = <-accepted
		dial()
		select {
		case <-accepted:
			t.Fatal("one connection too many after a double close")
		case <-time.After(time.Hour):
		}
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		for _, c := range open {
			c.Close()
		}
	})
}

// TestServerIsLimited holds that the server makes use of the limit.
func TestServerIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client, stop := servePipes(testTable())
		var hogs []net.Conn
		for range maxOpen {
			c, err := p.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			hogs = append(hogs, c)
		}
		begin := time.Now()
		resp, err := client.Get("http://localhost/healthz") // is served when the hogs' time is over
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if took := time.Since(begin); took != readTimeout {
			t.Errorf("served after %v", took)
		}
		for _, c := range hogs {
			c.Close()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
