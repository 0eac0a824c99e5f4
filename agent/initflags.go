// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// initFlags are the flags of init.
type initFlags struct {
	dir     string
	found   bool
	join    string
	name    string
	broker  config.Broker
	data    string
	epoch   time.Duration
	chunks  uint16
	spread  time.Duration
	timeout time.Duration
	asJSON  bool
}

func initCommand(std stdio) *cobra.Command {
	f := &initFlags{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Make this device's keys, and found or join a neighbourhood",
		Long: "Make this device's keys and configuration, and found a neighbourhood or join one by an invite code.\n" +
			"Founding without --broker runs a broker on this device, on port 1883, with an account of its own.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"epoch", "chunks-per-minute", "spread"} {
				if f.join != "" && cmd.Flags().Changed(name) {
					return usage("init: --%s: the founder of the neighbourhood has chosen that", name)
				}
			}
			return f.run(cmd.Context(), std)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "dir", "", "state folder (default $VECINO_STATE or /var/lib/vecino)")
	flags.BoolVar(&f.found, "found", false, "found a neighbourhood")
	flags.StringVar(&f.join, "join", "", "join the neighbourhood of this invite `CODE`; - reads it from standard input")
	flags.StringVar(&f.name, "name", "", "name of this device (default the host's name)")
	flags.StringVar(&f.broker.URL, "broker", "", "broker `URL`, mqtt://host:port or mqtts://host:port")
	flags.StringVar(&f.broker.Listen, "listen", "", "run a broker on this `ADDRESS`, host:port")
	flags.StringVar(&f.broker.Username, "username", "", "account at the broker, shared by the neighbourhood")
	flags.StringVar(&f.broker.PasswordFile, "password-file", "", "`FILE` with the account's password")
	flags.StringVar(&f.broker.CAFile, "ca-file", "", "PEM `FILE` of the authority that vouches for the broker")
	flags.StringVar(&f.broker.CertFile, "cert-file", "", "PEM `FILE` of a client certificate, shared by the neighbourhood")
	flags.StringVar(&f.broker.KeyFile, "key-file", "", "PEM `FILE` of its key")
	flags.StringVar(&f.data, "data", "", "folder with train.csv and test.csv to learn from")
	flags.DurationVar(&f.epoch, "epoch", time.Hour, "how long a pseudonym lasts (founding)")
	flags.Uint16Var(&f.chunks, "chunks-per-minute", 60, "chunks of 4 kB that each device may send (founding)")
	flags.DurationVar(&f.spread, "spread", 30*time.Second, "spread of leaving and entering at an epoch's edge (founding)")
	flags.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long to wait for an answer (joining)")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return c
}

// check refuses what the flags cannot mean, before anything is written.
func (f *initFlags) check() error {
	if f.found == (f.join != "") {
		return &failure{code: exitUsage, err: errors.New("init: say either --found or --join CODE"), hint: "see vecino init --help"}
	}
	for _, s := range []struct{ flag, path, value string }{
		{"--name", "name", f.name}, {"--broker", "broker.url", f.broker.URL}, {"--listen", "broker.listen", f.broker.Listen},
		{"--username", "broker.username", f.broker.Username},
	} {
		if s.value == "" {
			continue
		}
		if err := checkSetting("init: "+s.flag, s.path, s.value); err != nil {
			return err
		}
	}
	if err := f.checkNumbers(); err != nil {
		return err
	}
	return f.checkFiles()
}

func (f *initFlags) checkNumbers() error {
	const least, most = issuer.MinEpoch * time.Second, issuer.MaxEpoch * time.Second
	switch {
	case f.epoch < least || f.epoch > most || f.epoch%time.Second != 0:
		return usage("init: --epoch %v: whole seconds from %v to %v are possible", f.epoch, least, most)
	case f.spread < 0 || f.spread >= f.epoch/2 || f.spread > math.MaxUint16*time.Second || f.spread%time.Second != 0:
		return usage("init: --spread %v: whole seconds below half of --epoch %v are possible", f.spread, f.epoch)
	case f.chunks == 0:
		return usage("init: --chunks-per-minute 0: 1 to %d are possible", math.MaxUint16)
	case f.timeout <= 0:
		return usage("init: --timeout %v: a time above 0 is possible", f.timeout)
	}
	return nil
}

// checkFiles looks whether what the flags name is there: the agent that misses
// it starts much later, and perhaps with nobody looking on.
func (f *initFlags) checkFiles() error {
	for _, file := range []struct {
		flag, path string
		folder     bool
	}{
		{"--password-file", f.broker.PasswordFile, false}, {"--ca-file", f.broker.CAFile, false},
		{"--cert-file", f.broker.CertFile, false}, {"--key-file", f.broker.KeyFile, false}, {"--data", f.data, true},
	} {
		if file.path == "" {
			continue
		}
		info, err := os.Stat(file.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("init: %s %s is not there", file.flag, file.path)
		case err != nil:
			return fmt.Errorf("init: %s: %w", file.flag, err)
		case info.IsDir() && !file.folder:
			return fmt.Errorf("init: %s %s is a folder; name the file", file.flag, file.path)
		case !info.IsDir() && file.folder:
			return fmt.Errorf("init: %s %s is not a folder; name the folder with train.csv and test.csv", file.flag, file.path)
		}
	}
	return nil
}
