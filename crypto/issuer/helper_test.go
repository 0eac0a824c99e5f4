// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
	"github.com/vecino-edge/vecino/crypto/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// thorough asks for the long forms of tests that have one.
var thorough = flag.Bool("thorough", false, "run the long forms of tests")

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

// deal splits a secret into n shares of which t suffice, by Shamir's scheme. A
// neighbourhood with several issuers never has such a dealer.
func deal(t testing.TB, rand io.Reader, threshold, n int) (p Pub, shares []Share) {
	t.Helper()
	var coefficients []*group.Scalar
	for range threshold {
		coefficients = append(coefficients, must(group.RandomScalar(rand))(t))
	}
	for i := uint8(1); int(i) <= n; i++ {
		y := group.Reduce([64]byte{})
		for k := threshold - 1; k >= 0; k-- {
			y = group.MulAdd(y, group.Reduce([64]byte{i}), coefficients[k])
		}
		shares = append(shares, Share{Index: i, Secret: y})
	}
	return group.EncodePoint(group.Base(coefficients[0])), shares
}

// guest returns a member with keys that follow from n.
func guest(name string, n byte) Member {
	seed := append(make([]byte, 31), n)
	return Member{
		Name: name, Ed25519: Pub(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)), X25519: Pub{9, n},
	}
}

// memBook is a book without a disk.
type memBook struct {
	bound map[string][sha512.Size]byte
	binds int
	err   error
}

func (b *memBook) Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error) {
	if b.err != nil {
		return [sha512.Size]byte{}, b.err
	}
	if b.bound == nil {
		b.bound = map[string][sha512.Size]byte{}
	}
	b.binds++
	key := fmt.Sprintf("%d %x", epoch, s)
	if _, was := b.bound[key]; !was {
		b.bound[key] = hash
	}
	return b.bound[key], nil
}

// place is a neighbourhood with n issuers and some members.
type place struct {
	rand    io.Reader
	now     time.Time
	keys    []*Keys
	books   []*memBook
	signers []*Signer
	members []*Identity
	charter *Charter
}

const epochLen = 3600

// newPlace makes a neighbourhood whose epoch is 100 and whose charter wants t of
// n issuers.
func newPlace(t testing.TB, seed string, threshold, n int) *place {
	t.Helper()
	w := &place{rand: newStream(seed), now: time.Unix(1_700_000_000+100*epochLen+60, 0)}
	p, shares := deal(t, w.rand, threshold, n)
	w.charter = &Charter{
		Label: wire.LabelCharter, Nbhd: [16]byte([]byte("a neighbourhood!")), Gen: 3, V: 1, P: p, T: uint8(threshold),
		Epoch0: 1_700_000_000, EpochLen: epochLen, Chunk: chunkPayload, ChunksPerMinute: 60, D: 30,
	}
	for _, s := range shares {
		k := must(Found(w.rand))(t)
		k.Share, k.P = s, p
		w.keys, w.books = append(w.keys, k), append(w.books, &memBook{})
		w.charter.Issuers = append(w.charter.Issuers, k.Public())
		w.signers = append(w.signers, nil)
	}
	for range 3 {
		w.join(t)
	}
	for i := range w.signers {
		w.restart(i)
	}
	return w
}

// join adds a member.
func (w *place) join(t testing.TB) *Identity {
	t.Helper()
	id := must(NewIdentity(w.rand))(t)
	name := fmt.Sprintf("member-%d", len(w.charter.Members))
	w.members = append(w.members, id)
	w.charter.Members = append(w.charter.Members, Member{Name: name, Ed25519: id.Ed25519(), X25519: id.X25519()})
	return id
}

// restart gives an issuer a new process: its book stays, its sessions are gone.
func (w *place) restart(i int) {
	w.signers[i] = &Signer{
		Keys: w.keys[i], Book: w.books[i], Rand: w.rand,
		Charter: func() *Charter { return w.charter },
		Now:     func() time.Time { return w.now },
	}
}

func (w *place) epoch(t testing.TB) uint32 {
	t.Helper()
	e, ok := w.charter.Epoch(w.now)
	if !ok {
		t.Fatal("there is no epoch yet")
	}
	return e
}

func (w *place) scope(t testing.TB, epoch uint32) *signcrypt.Scope {
	t.Helper()
	return must(signcrypt.NewScope(w.charter.P, w.charter.Nbhd, epoch))(t)
}

// secrets are a device's secret values of an epoch.
type secrets struct{ sig, kem *signcrypt.SecretValue }

func (w *place) secrets(t testing.TB) secrets {
	t.Helper()
	return secrets{must(signcrypt.NewSecretValue(w.rand))(t), must(signcrypt.NewSecretValue(w.rand))(t)}
}

// asking begins a request for an epoch to the issuers with the given indices, or
// to the first t.
func (w *place) asking(t testing.TB, id *Identity, epoch uint32, own secrets, indices ...uint8) *Asking {
	t.Helper()
	for i := uint8(1); len(indices) < int(w.charter.T); i++ {
		indices = append(indices, i)
	}
	return must(NewAsking(w.rand, w.scope(t, epoch), w.charter, w.token(t, id, epoch), indices, own.sig, own.kem))(t)
}

// token returns the token of a device for an epoch. A stranger has none, and
// makes one up.
func (w *place) token(t testing.TB, id *Identity, epoch uint32) *token.Token {
	t.Helper()
	own := id.X25519()
	serial := wire.Digest([]byte("serial"), own[:], wire.U32(epoch))
	out := &token.Token{Epoch: epoch, V: w.charter.V, Serial: [32]byte(serial[:]), Y: map[uint8]output{}}
	member := w.charter.Member(id.Ed25519()) != nil
	for _, k := range w.keys {
		y := wire.Digest(serial[:], []byte{k.Share.Index})
		if member {
			y = must(token.Output(k.POPRF, w.charter.Nbhd, epoch, w.charter.V, out.Serial))(t)
		}
		out.Y[k.Share.Index] = y
	}
	return out
}

// signer returns the issuer to which a message goes.
func (w *place) signer(t testing.TB, msg []byte) *Signer {
	t.Helper()
	return w.signers[must(decodePacket(msg))(t).Index-1]
}

// run passes messages until there are keys, or an answer fails.
func (w *place) run(t testing.TB, a *Asking) (*signcrypt.KeyPair, error) {
	t.Helper()
	for range 2 {
		for _, msg := range a.Pending() {
			answer, err := w.signer(t, msg).Answer(msg)
			if err != nil {
				return nil, err
			}
			if keys, err := a.Handle(answer); keys != nil || err != nil {
				return keys, err
			}
		}
	}
	return nil, fmt.Errorf("no keys after two rounds, %v are silent", a.Silent())
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

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}

// readJSON decodes a file of testdata.
func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b := must(os.ReadFile(filepath.Join("testdata", name)))(t)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// writeFile writes a file of testdata where the flag -update is set.
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
		if b, ok := a.([]byte); ok {
			text += fmt.Sprintf("[]byte(%q)\n", b)
		} else {
			text += fmt.Sprintf("%T(%v)\n", a, a)
		}
	}
	writeFile(t, filepath.Join("fuzz", target, name), []byte(text))
}
