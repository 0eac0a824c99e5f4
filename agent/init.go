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
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

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

// initInfo is what init prints.
type initInfo struct {
	Name    string `json:"name"`
	Dir     string `json:"dir"`
	Broker  string `json:"broker"`
	Founded bool   `json:"founded"`
	Members int    `json:"members"`
}

func (f *initFlags) run(ctx context.Context, std stdio) error {
	if err := f.check(); err != nil {
		return err
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
	next := "vecino run"
	if f.dir != "" && f.dir != store.StatePath(std.getenv) { // the other verbs find the folder by the variable alone
		next = "export VECINO_STATE=" + info.Dir + ", vecino run"
	}
	if f.found {
		fmt.Fprintf(std.out, "%s founded a neighbourhood; its state is in %s\n", info.Name, info.Dir)
		fmt.Fprintf(std.out, "next: %s, and then vecino peers invite for each device that is to join\n", next)
		return nil
	}
	fmt.Fprintf(std.out, "%s joined a neighbourhood of %d; its state is in %s\n", info.Name, info.Members, info.Dir)
	fmt.Fprintf(std.out, "next: %s\n", next)
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
	switch {
	case c.Username != "" && c.PasswordFile == "":
		return usage("init: --username %s: a broker on this device wants --password-file as well", c.Username)
	case c.Username != "" || c.PasswordFile != "":
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
		Epoch0:  uint64(machineClock().Unix()), EpochLen: uint32(f.epoch / time.Second), Chunk: chunk.Payload,
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
	if err := h.saveRing(door.NewKeyring(k, 0, 0)); err != nil {
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
	if invite.Expired(machineClock()) {
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
	told := ""
	w, err := neighbour.Join(ctx, newLinks(o, log).dial, rand.Reader, invite, id, cfg.Name, func(reason string) {
		if told != reason {
			fmt.Fprintf(std.err, "vecino: hint: %s\n", reason)
		}
		told = reason
	})
	if err != nil {
		return 0, joinError(err, o, told)
	}
	skew := w.Time.Sub(machineClock())
	if skew.Abs() > 2*time.Minute {
		fmt.Fprintf(std.err, "vecino: hint: this device's clock is %v off the issuer's; the device reckons with that\n", skew.Round(time.Second))
	}
	if err := neighbour.SaveOffset(h.secrets(), skew); err != nil {
		return 0, err
	}
	if err := h.writeConfig(cfg); err != nil {
		return 0, err
	}
	if err := h.saveRing(door.NewKeyring(w.K, w.Charter.Gen, w.Charter.V)); err != nil {
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

// joinError says why a device did not come in; told is what the issuers said last.
func joinError(err error, o bus.Options, told string) error {
	var wait *door.WaitError
	switch {
	case errors.As(err, &wait) && wait.Refused:
		return &failure{code: exitRefused, err: err}
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case !errors.Is(err, context.DeadlineExceeded):
		return err
	case told != "":
		return &failure{code: exitBusy, err: errors.New("not let in yet: " + told), hint: "try again with the same code"}
	}
	return hint(fmt.Errorf("nobody answers at the door on %s", o.URL),
		"the device that made the invite has to run and reach the same broker; then try again with the same code")
}

func readCode(std stdio) (string, error) {
	b, err := io.ReadAll(io.LimitReader(std.in, 4096))
	if err != nil {
		return "", fmt.Errorf("read the invite from standard input: %w", err)
	}
	return string(b), nil
}
