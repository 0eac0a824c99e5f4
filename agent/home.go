// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// The files of a state folder.
const (
	fileConfig   = "config.toml"
	fileIdentity = "identity"          // secret: the keys shown at the door
	fileK        = "neighbourhood.key" // secret: K, and those before and after it
	fileCharter  = "charter"
	fileIssuer   = "issuer"           // secret: an issuer's keys
	fileGuests   = "guests"           // secret: open invites
	fileIssued   = "issued.journal"   // which token bought which keys
	fileGranted  = "granted.journal"  // which member has which blinded token
	fileCharters = "charters.journal" // which charter of a generation this issuer signed
	fileEviction = "eviction"         // of a member, which this issuer agreed to
	filePassword = "broker-password"  // secret: of the shared broker account
)

const (
	maxSmallFile  = 64 << 10
	maxSecretFile = 512 << 10
	maxIssued     = 1 << 20

	// The shares of others' secrets are the longest: homomorphic.MaxRoster of them.
	maxEpochSecret = 2 << 20
)

// home is a device's state folder.
type home struct {
	dir     *store.Dir
	runtime string // folder in memory for secrets, or empty
}

// openHome opens the state folder for the agent.
func openHome(path string, getenv func(string) string) (*home, error) {
	dir, err := store.Open(path)
	var inUse *store.InUseError
	if errors.As(err, &inUse) {
		return nil, &failure{code: exitBusy, err: err, hint: "one agent runs for each state folder; stop it, or choose another folder by VECINO_STATE"}
	}
	if err != nil {
		return nil, err
	}
	runtime, _, err := store.RuntimeDir(path, getenv)
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &home{dir: dir, runtime: runtime}, nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir.Root(), name) }

// has reports whether the folder holds a file.
func (h *home) has(name string) bool {
	_, err := os.Stat(h.path(name))
	return err == nil
}

// founded reports whether the device is in a neighbourhood.
func (h *home) founded() bool { return len(h.missing()) == 0 }

// damaged says what can be done where a file is spoilt without which the device
// is no member.
func (h *home) damaged(name, how string, args ...any) error {
	return hint(fmt.Errorf("%s %w", h.path(name), fmt.Errorf(how, args...)),
		"put a copy of the file back; where there is none, move %s away and enter the neighbourhood anew by vecino init --join CODE", h.dir.Root())
}

// missing returns the files that a member has and this device has not.
func (h *home) missing() (names []string) {
	for _, name := range []string{fileIdentity, fileK, fileCharter} {
		if !h.has(name) {
			names = append(names, name)
		}
	}
	return names
}

func (h *home) identity() (*issuer.Identity, error) {
	b, err := h.dir.Read(fileIdentity, maxSmallFile)
	if err != nil {
		return nil, err
	}
	id, err := issuer.RestoreIdentity(b)
	if err != nil {
		return nil, h.damaged(fileIdentity, "is damaged: %w", err)
	}
	return id, nil
}

func (h *home) charter() (*issuer.SignedCharter, *issuer.Charter, error) {
	b, err := h.dir.Read(fileCharter, maxSmallFile)
	if err != nil {
		return nil, nil, err
	}
	s, c, err := issuer.DecodeCharter(b)
	if err != nil {
		return nil, nil, h.damaged(fileCharter, "is damaged: %w", err)
	}
	return s, c, nil
}

// namesOf returns the names of the members.
func namesOf(c *issuer.Charter) []string {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.Name
	}
	return names
}

// SaveCharter keeps a newer charter.
func (h *home) SaveCharter(s *issuer.SignedCharter) error {
	return h.dir.Write(fileCharter, s.Encode())
}

// saveRing keeps the neighbourhood's keys.
func (h *home) saveRing(r *door.Keyring) error { return h.dir.Write(fileK, r.Encode()) }

func (h *home) ring() (*door.Keyring, error) {
	b, err := h.dir.Read(fileK, maxSmallFile)
	if err != nil {
		return nil, err
	}
	r, err := door.DecodeKeyring(b)
	if err != nil {
		return nil, h.damaged(fileK, "is damaged: %w", err)
	}
	return r, nil
}

// secretFolder keeps the files of the state folder that hold what a member must not lose
// and nobody else may see.
type secretFolder struct{ h *home }

// secretFiles are their names: see package neighbour.
var secretFiles = []string{"wallet", "pairs", "archive", "clock", "issuing", "neighbourhood.key"}

func (h *home) secrets() secretFolder { return secretFolder{h} }

func (s secretFolder) Save(name string, secret []byte) error { return s.h.dir.Write(name, secret) }

func (s secretFolder) Load(name string) ([]byte, error) { return s.h.dir.Read(name, maxSecretFile) }

func (s secretFolder) Forget(name string) error {
	err := os.Remove(s.h.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// issuerKeys returns the keys of an issuer, nil where the device is none.
func (h *home) issuerKeys() (*issuer.Keys, error) {
	b, err := h.dir.Read(fileIssuer, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := issuer.RestoreKeys(b)
	if err != nil {
		return nil, h.damaged(fileIssuer, "is damaged: %w", err)
	}
	return keys, nil
}

// isIssuer reports whether the device holds a share of the issuers' key.
func (h *home) isIssuer() bool {
	keys, err := h.issuerKeys()
	return err == nil && keys != nil && keys.Share.Index != 0
}

// SaveEviction keeps what this issuer agreed to.
func (h *home) SaveEviction(e []byte) error { return h.dir.Write(fileEviction, e) }

// eviction returns what SaveEviction kept, nil where there is none.
func (h *home) eviction() ([]byte, error) {
	b, err := h.dir.Read(fileEviction, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// SaveGuests keeps the open invites.
func (h *home) SaveGuests(g []door.Guest) error {
	b, err := wire.Marshal(g)
	if err != nil {
		return err
	}
	return h.dir.Write(fileGuests, b)
}

func (h *home) guests() ([]door.Guest, error) {
	b, err := h.dir.Read(fileGuests, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var g []door.Guest
	if err := wire.Unmarshal(b, &g); err != nil {
		return nil, hint(fmt.Errorf("%s is damaged: %w", h.path(fileGuests), err), "remove it; open invites are void then, and new ones can be made")
	}
	return g, nil
}

// forget erases what makes the device a member, the charter last, so that an
// interrupted leave is finished by the next.
func (h *home) forget() error {
	if err := h.forgetBroker(); err != nil {
		return err
	}
	names := append([]string{fileIssuer, fileGuests, fileIssued, fileGranted, fileCharters, fileEviction, "task", "checkpoint", learn.FileImport, learn.FileOwn, filePassword}, secretFiles...)
	sums, err := filepath.Glob(h.path("sums*")) // of secure sums: see package neighbour
	if err != nil {
		return err
	}
	checkpoints, err := filepath.Glob(h.path("checkpoint-*")) // of tasks: see package learn
	if err != nil {
		return err
	}
	for _, path := range append(sums, checkpoints...) {
		names = append(names, filepath.Base(path))
	}
	for _, name := range append(names, fileIdentity, fileCharter) {
		if err := os.Remove(h.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// forgetBroker takes the neighbourhood's broker out of the configuration, in
// which the next invite, or the next founding, would otherwise find it.
func (h *home) forgetBroker() error {
	if !h.has(fileConfig) {
		return nil
	}
	loaded, err := config.Load(config.Source{StateFile: h.path(fileConfig)})
	if err != nil {
		return nil // the next init says what is wrong with the file, and stops
	}
	keepAlive := loaded.Config.Broker.KeepAlive
	loaded.Config.Broker = config.Broker{KeepAlive: keepAlive}
	return h.writeConfig(loaded.Config)
}

// epochKeys keeps the secrets of an epoch in a folder in memory, or where the
// machine has none in the process, which then forgets them when it ends.
type epochKeys struct {
	folder string

	mu  sync.Mutex
	own map[string][]byte
}

func (h *home) epochKeys() *epochKeys {
	return &epochKeys{folder: h.runtime, own: map[string][]byte{}}
}

func (k *epochKeys) Save(name string, secret []byte) error {
	if k.folder != "" {
		return store.WriteFile(filepath.Join(k.folder, name), secret, 0o600)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.own[name] = secret
	return nil
}

func (k *epochKeys) Load(name string) ([]byte, error) {
	if k.folder != "" {
		return store.ReadFile(filepath.Join(k.folder, name), maxEpochSecret)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if b, ok := k.own[name]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

func (k *epochKeys) Forget(name string) error {
	if k.folder != "" {
		err := os.Remove(filepath.Join(k.folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.own, name)
	return nil
}
