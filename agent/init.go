// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
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

// initInfo is what init prints.
type initInfo struct {
	Name    string `json:"name"`
	Dir     string `json:"dir"`
	Broker  string `json:"broker"`
	Founded bool   `json:"founded"`
	Members int    `json:"members"`
}

func initCommand(std stdio) *cobra.Command {
	f := &initFlags{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Make this device's keys, and found or join a neighbourhood",
		Long: "Make this device's keys and configuration, and found a neighbourhood or join one by an invite code.\n" +
			"Founding without --broker runs a broker on this device, on port 1883, with an account of its own.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), std) },
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

func (f *initFlags) run(ctx context.Context, std stdio) error {
	if f.found == (f.join != "") {
		return &failure{code: exitUsage, err: errors.New("init: say either --found or --join CODE"), hint: "see vecino init --help"}
	}
	dir := f.dir
	if dir == "" {
		dir = store.StatePath(std.getenv)
	}
	h, err := openHome(dir, std.getenv)
	if err != nil {
		return err
	}
	defer h.dir.Close()
	if h.founded() {
		return hint(fmt.Errorf("%s already belongs to a neighbourhood", h.dir.Root()), "vecino peers leave ends that, or choose another --dir")
	}
	cfg, err := f.config(h, std)
	if err != nil {
		return err
	}
	id, err := h.newIdentity()
	if err != nil {
		return err
	}
	info := initInfo{Name: cfg.Name, Dir: h.dir.Root(), Founded: f.found, Members: 1}
	if f.found {
		err = f.foundHere(h, cfg, id)
	} else {
		info.Members, err = f.joinThere(ctx, std, h, cfg, id)
	}
	if err != nil {
		return err
	}
	if info.Broker = cfg.Broker.URL; info.Broker == "" {
		info.Broker = cfg.Broker.Listen
	}
	return f.print(std, info)
}

func (f *initFlags) print(std stdio, info initInfo) error {
	if f.asJSON {
		return writeJSON(std.out, info)
	}
	if f.found {
		fmt.Fprintf(std.out, "%s founded a neighbourhood; its state is in %s\n", info.Name, info.Dir)
		fmt.Fprintf(std.out, "next: vecino run, and then vecino peers invite for each device that is to join\n")
		return nil
	}
	fmt.Fprintf(std.out, "%s joined a neighbourhood of %d; its state is in %s\n", info.Name, info.Members, info.Dir)
	fmt.Fprintf(std.out, "next: vecino run\n")
	return nil
}

// config returns the settings that init writes: what the flags say over what
// stands in the files.
func (f *initFlags) config(h *home, std stdio) (*config.Config, error) {
	loaded, err := loadConfig(h.path(fileConfig), std)
	if err != nil {
		return nil, err
	}
	c := loaded.Config
	if f.name != "" {
		c.Name = f.name
	}
	if !issuer.ValidName(c.Name) {
		return nil, usage("init: the name %q does not do; use 1 to %d of a-z, 0-9 and dashes", c.Name, issuer.MaxName)
	}
	for _, s := range []struct{ to, from *string }{
		{&c.Broker.URL, &f.broker.URL}, {&c.Broker.Listen, &f.broker.Listen}, {&c.Broker.Username, &f.broker.Username},
	} {
		if *s.from != "" {
			*s.to = *s.from
		}
	}
	// Flags name files from where the user stands, the configuration from the
	// state folder.
	for _, s := range []struct{ to, from *string }{
		{&c.Broker.PasswordFile, &f.broker.PasswordFile}, {&c.Broker.CAFile, &f.broker.CAFile},
		{&c.Broker.CertFile, &f.broker.CertFile}, {&c.Broker.KeyFile, &f.broker.KeyFile}, {&c.FL.Data, &f.data},
	} {
		if *s.from == "" {
			continue
		}
		if *s.to, err = filepath.Abs(*s.from); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// newIdentity returns the identity, drawn now unless an interrupted init left
// one: an invite is bound to the first that uses it.
func (h *home) newIdentity() (*issuer.Identity, error) {
	if h.has(fileIdentity) {
		return h.identity()
	}
	id, err := issuer.NewIdentity(rand.Reader)
	if err != nil {
		return nil, err
	}
	return id, h.dir.Write(fileIdentity, id.Save())
}

// ownAccount gives the embedded broker an account where nobody named one.
func ownAccount(h *home, c *config.Broker) error {
	if c.Username != "" {
		return nil
	}
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	password := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	c.Username, c.PasswordFile = "neighbour", filePassword
	return h.dir.Write(filePassword, []byte(password+"\n"))
}

// foundHere makes a neighbourhood with this device as its only member and
// issuer. The charter is written last: with it the device is in.
func (f *initFlags) foundHere(h *home, cfg *config.Config, id *issuer.Identity) error {
	if cfg.Broker.URL == "" && cfg.Broker.Listen == "" {
		cfg.Broker.Listen = ":1883"
	}
	if cfg.Broker.Listen != "" {
		if err := ownAccount(h, &cfg.Broker); err != nil {
			return err
		}
	}
	keys, err := issuer.Found(rand.Reader)
	if err != nil {
		return err
	}
	var k [pseudonym.KeySize]byte
	var nbhd [16]byte
	rand.Read(k[:])
	rand.Read(nbhd[:])
	signed, err := keys.SignCharter(rand.Reader, &issuer.Charter{
		Label: wire.LabelCharter, Nbhd: nbhd, P: keys.P, T: 1, Issuers: []issuer.Issuer{keys.Public()},
		Members: []issuer.Member{{Name: cfg.Name, Ed25519: id.Ed25519(), X25519: id.X25519()}},
		Epoch0:  uint64(time.Now().Unix()), EpochLen: uint32(f.epoch / time.Second), Chunk: chunk.Payload,
		ChunksPerMinute: f.chunks, D: uint16(f.spread / time.Second),
	})
	if err != nil {
		return usage("init: %v", err)
	}
	if err := h.writeConfig(cfg); err != nil {
		return err
	}
	if err := h.dir.Write(fileIssuer, keys.Save()); err != nil {
		return err
	}
	if err := h.dir.Write(fileK, k[:]); err != nil {
		return err
	}
	return h.SaveCharter(signed)
}

func (h *home) writeConfig(cfg *config.Config) error {
	b, err := cfg.Encode()
	if err != nil {
		return err
	}
	return h.dir.Write(fileConfig, b)
}

// joinThere enters the neighbourhood of an invite.
func (f *initFlags) joinThere(ctx context.Context, std stdio, h *home, cfg *config.Config, id *issuer.Identity) (members int, err error) {
	code := f.join
	if code == "-" {
		if code, err = readCode(std); err != nil {
			return 0, err
		}
	}
	invite, err := door.ParseCode(code)
	if err != nil {
		return 0, usage("%v", err)
	}
	if invite.Expired(time.Now()) {
		return 0, hint(errors.New("the invite has run out"), "ask for a new one: vecino peers invite")
	}
	if err := takeInvite(h, &cfg.Broker, invite); err != nil {
		return 0, err
	}
	o, err := brokerOptions(&cfg.Broker, h.dir.Root())
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w, err := neighbour.Join(ctx, newLinks(o, log).dial, rand.Reader, invite, id, cfg.Name, func(reason string) {
		fmt.Fprintf(std.err, "vecino: %s\n", reason)
	})
	if err != nil {
		return 0, joinError(err, o)
	}
	if skew := time.Until(w.Time); skew.Abs() > 2*time.Minute {
		fmt.Fprintf(std.err, "vecino: this device's clock is %v off the issuer's; set it before vecino run\n", skew.Round(time.Second))
	}
	if err := h.writeConfig(cfg); err != nil {
		return 0, err
	}
	if err := h.dir.Write(fileK, w.K[:]); err != nil {
		return 0, err
	}
	return len(w.Charter.Members), h.SaveCharter(w.Signed)
}

// takeInvite puts what an invite says of the broker into the settings, where
// no flag says otherwise.
func takeInvite(h *home, c *config.Broker, i *door.Invite) error {
	if c.URL == "" {
		c.URL = i.Broker
	}
	if c.Username == "" && i.Username != "" {
		c.Username = i.Username
		if i.Password != "" {
			c.PasswordFile = filePassword
			if err := h.dir.Write(filePassword, []byte(i.Password+"\n")); err != nil {
				return err
			}
		}
	}
	if len(i.Pin) > 0 && c.Pin == "" && c.CAFile == "" {
		c.Pin = hex.EncodeToString(i.Pin)
	}
	return nil
}

func joinError(err error, o bus.Options) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return hint(fmt.Errorf("nobody answers at the door on %s", o.URL),
			"the device that made the invite has to run and reach the same broker; then try again with the same code")
	}
	return err
}

func readCode(std stdio) (string, error) {
	b := make([]byte, 4096)
	n, err := std.in.Read(b)
	if n == 0 && err != nil {
		return "", fmt.Errorf("read the invite from standard input: %w", err)
	}
	return string(b[:n]), nil
}

// loadConfig reads the settings of a device from all their places.
func loadConfig(stateFile string, std stdio) (*config.Loaded, error) {
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		cmdline = nil
	}
	return config.Load(config.Source{
		KernelCmdline: string(cmdline), EtcFile: etcConfig, StateFile: stateFile, Environ: std.environ,
	})
}

const etcConfig = "/etc/vecino/config.toml"
