// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
	"golang.org/x/sync/errgroup"
)

// Scenario is a neighbourhood of real devices, each a process of its own, that
// found, invite and join, and then learn while the recorder looks on. Each learns
// a model of a size of its own, in rounds of its own.
type Scenario struct {
	Binary          string   // vecino, built with -tags testhooks where Variables or skews are to have an effect
	Folder          string   // scratch, in which everything lies that the devices write
	Variables       []string // NAME=VALUE, for every device
	Devices, Epochs int
	Epoch, Spread   time.Duration // whole seconds
	Skew            time.Duration // that a device's clock is off at most, either way
	ChunksPerMinute int
	Seed            uint64 // of the skews of clocks
	Logf            func(format string, args ...any)

	skewed bool // the binary knows skewVariable
}

// What a scenario's devices learn: hidden units of the model, from least to most,
// and the length of a round.
const (
	leastHidden   = 20
	mostHidden    = 560
	scenarioRound = 5 * time.Second
)

// hookPrefix begins the variables that only builds with -tags testhooks know,
// and skewVariable is the one that shifts a device's clock, a duration of Go.
const (
	hookPrefix   = "VECINOTEST_"
	skewVariable = hookPrefix + "CLOCK_SKEW"
)

const (
	joinsAtOnce  = 4
	patience     = 2 * time.Minute // for the whole neighbourhood to come together
	account      = "neighbour"
	passwordText = "the-account-of-all\n"
)

// Run lets the devices live for the epochs and returns what was recorded.
func (s *Scenario) Run(ctx context.Context) (*Recording, Truth, error) {
	if err := s.checkHooks(); err != nil {
		return nil, nil, err
	}
	password := filepath.Join(s.Folder, "password")
	if err := os.WriteFile(password, []byte(passwordText), 0o600); err != nil {
		return nil, nil, err
	}
	b, err := broker.Start(broker.Options{
		Listen: "127.0.0.1:0", Username: account, Password: bus.NewSecret(passwordText[:len(passwordText)-1]),
	})
	if err != nil {
		return nil, nil, err
	}
	defer b.Close(context.WithoutCancel(ctx))
	rec := NewRecorder(b.Addr().String())
	err = s.live(ctx, rec, password)
	recording, truth := rec.Close()
	return recording, truth, err
}

// checkHooks looks into the binary for the names of the variables: one that it
// does not know would leave the cover on that the scenario is to switch off.
func (s *Scenario) checkHooks() error {
	b, err := os.ReadFile(s.Binary)
	if err != nil {
		return err
	}
	for _, v := range s.Variables {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, hookPrefix) && !bytes.Contains(b, []byte(name)) {
			return fmt.Errorf("%s does not know %s: build it with -tags testhooks", s.Binary, name)
		}
	}
	if s.skewed = bytes.Contains(b, []byte(skewVariable)); !s.skewed {
		s.Logf("%s does not know %s: all clocks are right", s.Binary, skewVariable)
	}
	return nil
}

// live brings the devices together, waits, and ends them.
func (s *Scenario) live(ctx context.Context, rec *Recorder, password string) (err error) {
	homes, err := s.homes(rec)
	defer func() {
		for _, h := range homes {
			h.stop()
		}
		for _, h := range homes {
			err = errors.Join(err, h.end())
		}
	}()
	if err != nil {
		return err
	}
	settled, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.settle(settled, homes, password); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	for _, h := range homes {
		if err := h.learn(settled); err != nil {
			return err
		}
	}
	rec.Begin()
	s.Logf("%d devices are together and learn", len(homes))
	// The epoch that goes on counts for nothing, and that after the last is there
	// for the last to end.
	if err := rest(ctx, time.Duration(s.Epochs+1)*s.Epoch+s.Epoch/2); err != nil {
		return err
	}
	rec.End()
	return s.together(ctx, homes)
}

// together holds that the devices, but for one in eight, have keys and see half
// of the others: silence would hide them better than any cover.
func (s *Scenario) together(ctx context.Context, homes []*home) error {
	lonely := 0
	for _, h := range homes {
		if err := h.alive(); err != nil {
			return err
		}
		n, err := h.neighbours(ctx)
		if err != nil {
			return err
		}
		if 2*n < len(homes)-1 {
			lonely++
			s.Logf("%s sees %d of %d others", h.name, n, len(homes)-1)
		}
	}
	if 8*lonely > len(homes) {
		return fmt.Errorf("%d of %d devices are not in the neighbourhood", lonely, len(homes))
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// homes makes a folder, data and a skew for each device.
func (s *Scenario) homes(rec *Recorder) (homes []*home, err error) {
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	for i := range s.Devices {
		address, err := rec.Listen(i)
		if err != nil {
			return homes, err
		}
		skew := time.Duration((2*rng.Float64() - 1) * float64(s.Skew))
		h := &home{
			binary: s.Binary, name: fmt.Sprintf("device-%02d", i), folder: filepath.Join(s.Folder, fmt.Sprintf("%02d", i)),
			broker: "mqtt://" + address, hidden: leastHidden, variables: slices.Clone(s.Variables),
		}
		if s.skewed {
			h.variables = append(h.variables, skewVariable+"="+skew.Round(time.Millisecond).String())
		}
		if s.Devices > 1 {
			h.hidden += i * (mostHidden - leastHidden) / (s.Devices - 1)
		}
		homes = append(homes, h)
		if err := h.furnish(); err != nil {
			return homes, err
		}
	}
	return homes, nil
}

// settle founds the neighbourhood on the first device and lets the others join.
func (s *Scenario) settle(ctx context.Context, homes []*home, password string) error {
	founder := homes[0]
	_, err := founder.vecino(ctx, nil, "init", "--found", "--name", founder.name, "--broker", founder.broker,
		"--username", account, "--password-file", password, "--data", founder.folder, "--epoch", s.Epoch.String(),
		"--spread", s.Spread.String(), "--chunks-per-minute", fmt.Sprint(s.ChunksPerMinute))
	if err != nil {
		return err
	}
	if err := founder.start(); err != nil {
		return err
	}
	if _, err := founder.until(ctx, "peers", "invite"); err != nil { // of the agent: without one nobody can invite
		return err
	}
	s.Logf("%s has founded", founder.name)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(joinsAtOnce)
	for _, h := range homes[1:] {
		code, err := founder.vecino(ctx, nil, "peers", "invite")
		if err != nil {
			return cmp.Or(g.Wait(), err) // one that cannot join ends the invites, too
		}
		g.Go(func() error { return h.join(ctx, code) })
	}
	return g.Wait()
}

func (h *home) join(ctx context.Context, code []byte) error {
	_, err := h.vecino(ctx, code, "init", "--join", "-", "--name", h.name, "--broker", h.broker, "--data", h.folder)
	if err != nil {
		return err
	}
	return h.start()
}
