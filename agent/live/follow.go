// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// followEvery is how often a file is looked at for more.
const followEvery = 100 * time.Millisecond

// follow takes the lines that are written to a file from now on, as tail -F does,
// or those that come out of a fifo.
func (s *Service) follow(ctx context.Context) error {
	info, err := os.Stat(s.o.Source.What)
	if err != nil {
		return err
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeNamedPipe != 0:
		return s.followFIFO(ctx)
	case !mode.IsRegular():
		return fmt.Errorf("%s is neither a file nor a fifo", s.o.Source.What)
	}
	fromEnd := true
	for ctx.Err() == nil {
		if err := s.followFile(ctx, fromEnd); err != nil {
			return err
		}
		fromEnd = false // another file has the name: all its lines are new
	}
	return nil
}

// followFIFO reads a fifo. It is opened for writing too, so that it does not end
// with each of those who write.
func (s *Service) followFIFO(ctx context.Context) error {
	f, err := os.OpenFile(s.o.Source.What, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	defer f.Close()
	s.tally.running()
	return s.lines(f)
}

// followFile reads a file until another has its name, or it was cut.
func (s *Service) followFile(ctx context.Context, fromEnd bool) error {
	f, err := os.Open(s.o.Source.What)
	if err != nil {
		return err
	}
	defer f.Close()
	if fromEnd {
		if _, err := f.Seek(0, io.SeekEnd); err != nil {
			return err
		}
	}
	s.tally.running()
	err = s.lines(&growing{ctx: ctx, file: f, path: s.o.Source.What})
	if errors.Is(err, errReplaced) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// errReplaced ends the reading of a file that is another one now.
var errReplaced = errors.New("another file has the name")

// growing reads a file that grows, and waits at its end.
type growing struct {
	ctx  context.Context
	file *os.File
	path string
}

// Read is of io.Reader.
func (g *growing) Read(b []byte) (int, error) {
	for {
		n, err := g.file.Read(b)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if g.replaced() {
			return 0, errReplaced
		}
		pause(g.ctx, followEvery)
		if g.ctx.Err() != nil {
			return 0, g.ctx.Err()
		}
	}
}

// replaced reports whether the file is not the one that has the name, or has been
// cut. While no file has it there may be more to come.
func (g *growing) replaced() bool {
	now, err := os.Stat(g.path)
	if err != nil {
		return false
	}
	old, err := g.file.Stat()
	if err != nil {
		return true
	}
	at, err := g.file.Seek(0, io.SeekCurrent)
	return err != nil || !os.SameFile(now, old) || now.Size() < at
}
