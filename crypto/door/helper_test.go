// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stream is the reproducible randomness of the golden files: block i is
// SHA-512(lv(seed, i as eight big-endian bytes)).
type stream struct {
	seed []byte
	i    uint64
	rest []byte
}

func newStream(seed string) io.Reader { return &stream{seed: []byte(seed)} }

func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.rest) == 0 {
			block := wire.Digest(s.seed, binary.BigEndian.AppendUint64(nil, s.i))
			s.rest, s.i = block[:], s.i+1
		}
		c := copy(p[n:], s.rest)
		n, s.rest = n+c, s.rest[c:]
	}
	return len(p), nil
}

// memRegistry is a registry whose disk can break: what a failed call was given
// is not on it.
type memRegistry struct {
	guests  []Guest
	charter *issuer.SignedCharter
	calls   []string // what was written, in order
	fail    int      // this many calls from now, counted from 1; 0 is never
}

var errDisk = errors.New("disk full")

func (r *memRegistry) write(what string) error {
	if r.fail--; r.fail == 0 {
		return errDisk
	}
	r.calls = append(r.calls, what)
	return nil
}

func (r *memRegistry) SaveGuests(g []Guest) error {
	if err := r.write("guests"); err != nil {
		return err
	}
	r.guests = slices.Clone(g)
	return nil
}

func (r *memRegistry) SaveCharter(s *issuer.SignedCharter) error {
	if err := r.write("charter"); err != nil {
		return err
	}
	r.charter = s
	return nil
}

// house is a neighbourhood of one issuer, and the clock of all.
type house struct {
	rand    io.Reader
	now     time.Time
	founder *issuer.Identity
	keys    *issuer.Keys
	disk    *memRegistry
	*Keeper
}

func newHouse(t testing.TB, seed string) *house {
	t.Helper()
	h := &house{rand: newStream(seed), now: time.Unix(1_700_000_000, 0), disk: &memRegistry{}}
	h.keys = must(issuer.Found(h.rand))(t)
	h.founder = must(issuer.NewIdentity(h.rand))(t)
	c := &issuer.Charter{
		Label: wire.LabelCharter, Nbhd: [16]byte([]byte("a neighbourhood!")), P: h.keys.P, T: 1,
		Issuers: []issuer.Issuer{h.keys.Public()},
		Members: []issuer.Member{{Name: "founder", Ed25519: h.founder.Ed25519(), X25519: h.founder.X25519()}},
		Epoch0:  uint64(h.now.Unix()), EpochLen: 3600, Chunk: 4096, ChunksPerMinute: 60, D: 30,
	}
	h.disk.charter = must(h.keys.SignCharter(h.rand, c))(t)
	h.restart(t)
	return h
}

// restart gives the neighbourhood a new process that knows what the disk holds.
func (h *house) restart(t testing.TB) {
	t.Helper()
	strict := h.Keeper != nil && h.Strict
	h.Keeper = &Keeper{
		Keys: h.keys, K: [pseudonym.KeySize]byte([]byte("K of a neighbourhood, 32 bytes..")), Registry: h.disk,
		Rand: h.rand, Now: func() time.Time { return h.now }, Strict: strict,
	}
	s, c, err := issuer.DecodeCharter(h.disk.charter.Encode())
	if err != nil {
		t.Fatal(err)
	}
	h.Load(s, c, h.disk.guests)
}

func (h *house) invite(t testing.TB) *Invite {
	t.Helper()
	i := must(h.Invite(time.Hour))(t)
	i.Broker = "mqtts://broker.example:8883"
	return i
}

func (h *house) identity(t testing.TB) *issuer.Identity {
	t.Helper()
	return must(issuer.NewIdentity(h.rand))(t)
}

// joining is a new device with an invite.
func (h *house) joining(t testing.TB, i *Invite, name string) *Joining {
	t.Helper()
	return must(NewJoining(h.rand, i, h.identity(t), name))(t)
}

// knock shows a request to the keeper, and the answer to the one who joins.
func (h *house) knock(t testing.TB, j *Joining) (*Welcome, error) {
	t.Helper()
	answer, _, err := h.Answer(j.invite.J, j.Request())
	if err != nil {
		t.Fatal(err)
	}
	return j.Handle(answer)
}

// reason knocks and returns what the keeper says instead of welcome.
func (h *house) reason(t testing.TB, j *Joining) (reason string, refused bool) {
	t.Helper()
	w, err := h.knock(t, j)
	var wait *WaitError
	if w != nil || !errors.As(err, &wait) {
		t.Fatalf("got %v, %v instead of a refusal", w, err)
	}
	return wait.Error(), wait.Refused
}

func (h *house) members() (names []string) {
	_, c := h.Charter()
	for _, m := range c.Members {
		names = append(names, m.Name)
	}
	return names
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func signWith(id *issuer.Identity, msg []byte) []byte { return ed25519.Sign(id.Sign, msg) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}

// golden decodes a file of testdata, after writing got to it where the flag
// -update is set.
func golden(t *testing.T, name string, got, want any) {
	t.Helper()
	writeFile(t, name, append(must(json.MarshalIndent(got, "", " "))(t), '\n'))
	readJSON(t, name, want)
}

func readJSON(t *testing.T, name string, want any) {
	t.Helper()
	b := must(os.ReadFile(filepath.Join("testdata", name)))(t)
	if err := json.Unmarshal(b, want); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if !*update {
		return
	}
	name = filepath.Join("testdata", name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeSeed writes a seed of a fuzz target where the flag -update is set.
func writeSeed(t testing.TB, target, name string, args ...any) {
	t.Helper()
	text := "go test fuzz v1\n"
	for _, a := range args {
		switch a := a.(type) {
		case []byte:
			text += fmt.Sprintf("[]byte(%q)\n", a)
		case string:
			text += fmt.Sprintf("string(%q)\n", a)
		default:
			text += fmt.Sprintf("%T(%v)\n", a, a)
		}
	}
	writeFile(t, filepath.Join("fuzz", target, name), []byte(text))
}
