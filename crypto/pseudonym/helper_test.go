// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
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

// world is a neighbourhood with one issuer whose key the test knows.
type world struct {
	x     *group.Scalar
	scope *signcrypt.Scope
	rand  io.Reader
}

func newWorld(t testing.TB, seed string) *world {
	t.Helper()
	w := &world{rand: newStream(seed)}
	w.x = must(group.RandomScalar(w.rand))(t)
	w.scope = must(signcrypt.NewScope(group.EncodePoint(group.Base(w.x)), [16]byte([]byte("a neighbourhood!")), 7))(t)
	return w
}

func (w *world) issue(t testing.TB, usage signcrypt.Usage, usig, ukem [group.Size]byte) signcrypt.PartialKey {
	t.Helper()
	k := must(group.RandomScalar(w.rand))(t)
	r := group.EncodePoint(group.Base(k))
	h := signcrypt.Challenge(r, w.scope.P, signcrypt.PartialKeyMessage(usage, w.scope.Nbhd, w.scope.Epoch, usig, ukem))
	return signcrypt.PartialKey{R: r, D: group.EncodeScalar(group.MulAdd(h, w.x, k))}
}

func (w *world) device(t testing.TB) *signcrypt.KeyPair {
	t.Helper()
	sig := must(signcrypt.NewSecretValue(w.rand))(t)
	kem := must(signcrypt.NewSecretValue(w.rand))(t)
	return must(w.scope.NewKeyPair(sig, kem, w.issue(t, signcrypt.Sig, sig.U, kem.U), w.issue(t, signcrypt.Kem, sig.U, kem.U)))(t)
}

// hello returns a hello that fits the keys.
func (w *world) hello(t testing.TB, keys *signcrypt.KeyPair) Hello {
	t.Helper()
	h := Hello{
		Sig: keys.Sig.PublicKey, Kem: keys.Kem.PublicKey,
		Charter: [32]byte([]byte("the first half of a SHA-512 hash")), Versions: []uint8{1, 2, 255},
		Tags: must(RandomTags(w.rand, []Tag{{1, 2, 3}, {0xff}}))(t),
	}
	return h
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

// readGolden decodes a golden file, after writing got to it where the flag
// -update is set.
func readGolden(t *testing.T, file string, got, want any) {
	t.Helper()
	if *update {
		b := must(json.MarshalIndent(got, "", " "))(t)
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(must(os.ReadFile(file))(t), want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// writeSeeds writes a fuzz target's seeds where the flag -update is set.
func writeSeeds(t *testing.T, target string, seeds map[string][]byte) {
	t.Helper()
	if !*update {
		return
	}
	folder := filepath.Join("testdata", "fuzz", target)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range seeds {
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", b)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}
