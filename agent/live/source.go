// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// Spec names a source: its kind, and for all but a board what to read.
type Spec struct {
	Kind string // mqtt, exec, file or board
	What string // a topic, a command or a path
}

// The kinds of sources.
const (
	KindMQTT  = "mqtt"
	KindExec  = "exec"
	KindFile  = "file"
	KindBoard = "board"
)

// ParseSpec reads mqtt:TOPIC, exec:COMMAND, file:PATH or board.
func ParseSpec(text string) (Spec, error) {
	kind, what, found := strings.Cut(text, ":")
	switch s := (Spec{kind, what}); {
	case kind == KindBoard && !found:
		return s, nil
	case (kind == KindMQTT || kind == KindExec || kind == KindFile) && strings.TrimSpace(what) != "":
		return s, nil
	}
	return Spec{}, fmt.Errorf("%.80q is no source of samples; write mqtt:TOPIC, exec:COMMAND, file:PATH or board", text)
}

// Waits of a source between one that failed and the next attempt. They double
// until one has run for as long as the longest.
const (
	firstWait = time.Second
	lastWait  = time.Minute
)

// MaxRate is how many samples a source may give in a second; what goes beyond is
// refused.
const MaxRate = 1000

// feed keeps a source running until ctx ends.
func (s *Service) feed(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		began := time.Now()
		err := s.source(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it ended")
		}
		if time.Since(began) >= lastWait {
			wait = firstWait
		}
		s.tally.failed(err)
		s.o.Log.Warn("the source of live samples is tried again", "source", s.o.Source.Kind, "err", err, "wait", wait)
		pause(ctx, wait)
		wait = min(2*wait, lastWait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// source runs the source once.
func (s *Service) source(ctx context.Context) error {
	switch s.o.Source.Kind {
	case KindMQTT:
		return s.listen(ctx)
	case KindExec:
		return s.execute(ctx)
	case KindFile:
		return s.follow(ctx)
	case KindBoard:
		return s.poll(ctx)
	}
	panic("live: source " + s.o.Source.Kind)
}

// listen takes the messages of a topic, as they come, until ctx ends. What the
// broker had kept may be of last year, and what the device says itself must not
// come back as a sample.
func (s *Service) listen(ctx context.Context) error {
	p, own := &parser{single: true}, s.o.Plane.Topic("")
	err := s.o.Plane.Subscribe(ctx, s.o.Source.What, func(m bus.Message) {
		if !m.Retain && !strings.HasPrefix(m.Topic, own) {
			s.take(p, m.Payload)
		}
	})
	if err != nil {
		return err
	}
	s.tally.running()
	<-ctx.Done()
	return nil
}

// lines takes the lines of a stream until it ends. Of one that is too long the
// rest is passed over.
func (s *Service) lines(r io.Reader) error {
	p, b := &parser{}, bufio.NewReaderSize(r, MaxBytes+2)
	for {
		line, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			s.tally.refused(refuse(reasonSize, "a line is longer than %d bytes", MaxBytes))
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = b.ReadSlice('\n')
			}
			line = nil
		}
		if err != nil { // what has no newline behind it may be half a sample
			return err
		}
		s.take(p, line)
	}
}

// take makes a sample of what a source said just now, and hands it to the scorer.
func (s *Service) take(p *parser, b []byte) {
	at := time.Now()
	sample, ok, err := p.parse(b, at)
	if err != nil {
		s.tally.refused(err)
		return
	}
	if ok {
		s.put(sample)
	}
}

// put hands a sample to the scorer, unless there have been too many in its second.
func (s *Service) put(sample Sample) {
	if !s.tally.admit(sample.At) {
		return
	}
	s.queue.push(sample)
}
