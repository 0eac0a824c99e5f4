// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/cose"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// ownerOf returns an owner's key, the same for each number.
func ownerOf(t testing.TB, n byte) *cose.Signer {
	t.Helper()
	s, err := cose.NewSigner(bytes.NewReader(bytes.Repeat([]byte{n}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signedPlan returns a task signed by an owner.
func signedPlan(t testing.TB, p Plan, start time.Time, owner *cose.Signer) (*node.Task, []byte) {
	t.Helper()
	task, msg, err := p.Sign(dataOf(0), start, owner)
	if err != nil {
		t.Fatal(err)
	}
	return task, msg
}

// goldenSigned is testdata/signed.json: a signed task and what it is made of.
type goldenSigned struct {
	Name   string `json:"name"`
	Secret string `json:"secret"` // the owner's key
	Owner  string `json:"owner"`
	Task   string `json:"task"`
	ID     string `json:"id"`
	Bytes  string `json:"bytes"`
}

func TestSignedGolden(t *testing.T) {
	path, owner := filepath.Join("testdata", "signed.json"), ownerOf(t, 7)
	if *updateGolden {
		task, msg := signedPlan(t, plan(), time.UnixMilli(1_800_000_000_000), owner)
		id := task.ID()
		g := goldenSigned{
			Name: task.Name, Secret: strings.TrimSpace(string(owner.Encode())), Owner: owner.String(),
			Task: hex.EncodeToString(task.Encode()), ID: hex.EncodeToString(id[:]), Bytes: hex.EncodeToString(msg),
		}
		b, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g, msg := goldenOf(t)
	o, err := openTask(msg, []ed25519.PublicKey{owner.Public()})
	if err != nil {
		t.Fatal(err)
	}
	id := o.task.ID()
	got := goldenSigned{
		Name: o.task.Name, Secret: g.Secret, Owner: cose.EncodePublic(o.by),
		Task: hex.EncodeToString(o.task.Encode()), ID: hex.EncodeToString(id[:]), Bytes: hex.EncodeToString(o.msg),
	}
	if d := cmp.Diff(g, got); d != "" {
		t.Errorf("-golden +read:\n%s", d)
	}
	again, err := owner.Sign1(wire.LabelOwnerTask, o.task.Encode())
	if err != nil || !bytes.Equal(again, msg) || !IsSigned(msg) || IsSigned(o.task.Encode()) || IsSigned(nil) {
		t.Errorf("it is signed otherwise: %v", err)
	}
}

func goldenOf(t testing.TB) (g goldenSigned, msg []byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "signed.json"))
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err == nil {
		msg, err = hex.DecodeString(g.Bytes)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g, msg
}

// TestSignedMutated holds that nobody but the owner signs, and for nothing else: a
// task with another byte is refused or nobody's word, and so is one that is signed by
// another key or for another use.
func TestSignedMutated(t *testing.T) {
	owner, other := ownerOf(t, 7), ownerOf(t, 8)
	keys := []ed25519.PublicKey{ownerOf(t, 9).Public(), owner.Public()}
	task, good := signedPlan(t, plan(), time.UnixMilli(1_800_000_000_000), owner)
	if o, err := openTask(good, keys); err != nil || !o.by.Equal(owner.Public()) {
		t.Fatalf("%v", err)
	}
	for n := range good {
		if o, err := openTask(good[:n], keys); err == nil {
			t.Errorf("%d of %d bytes: %v", n, len(good), o.task.Name)
		}
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		if o, err := openTask(flipped, keys); err == nil && o.by != nil {
			t.Errorf("byte %d flipped: the owner's word", n)
		}
	}
	sign := func(s *cose.Signer, label wire.Label, payload []byte, aad ...[]byte) []byte {
		msg, err := s.Sign1(label, payload, aad...)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	signature := func(msg []byte) []byte { return msg[len(msg)-ed25519.SignatureSize:] }
	graft := func(msg []byte) []byte {
		out := slices.Clone(good)
		copy(signature(out), signature(msg))
		return out
	}
	later := *task
	later.Start++
	for name, tt := range map[string]struct {
		msg  []byte
		want error // nil: it is read, as nobody's word
	}{
		"a foreign key":           {sign(other, wire.LabelOwnerTask, task.Encode()), nil},
		"a foreign signature":     {graft(sign(other, wire.LabelOwnerTask, task.Encode())), ErrSignature},
		"the signature of later":  {graft(sign(owner, wire.LabelOwnerTask, later.Encode())), ErrSignature},
		"another use":             {sign(owner, wire.LabelTask, task.Encode()), ErrSignature},
		"further data":            {sign(owner, wire.LabelOwnerTask, task.Encode(), []byte{1}), ErrSignature},
		"no signature":            {graft(make([]byte, len(good))), ErrSignature},
		"no task":                 {sign(owner, wire.LabelOwnerTask, []byte("task")), node.ErrTask},
		"nothing":                 {sign(owner, wire.LabelOwnerTask, nil), node.ErrTask},
		"a signed signed task":    {sign(owner, wire.LabelOwnerTask, good), node.ErrTask},
		"a task that cannot be":   {sign(owner, wire.LabelOwnerTask, func() []byte { t := *task; t.Rate = 0; return t.Encode() }()), node.ErrTask},
		"more than a task can be": {sign(owner, wire.LabelOwnerTask, make([]byte, node.MaxTask+1)), wire.ErrLimit},
		"a byte more":             {append(slices.Clone(good), 0), wire.ErrMalformed},
	} {
		o, err := openTask(tt.msg, keys)
		if tt.want == nil && (err != nil || o.by != nil) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

// FuzzOpenTask reads any bytes as a task. What is read encodes to the same, and is
// the owner's word only where the owner signed it, of which there is one message.
func FuzzOpenTask(f *testing.F) {
	_, good := goldenOf(f)
	owner := ownerOf(f, 7)
	o, err := openTask(good, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(o.task.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := openTask(b, []ed25519.PublicKey{owner.Public()})
		if err != nil {
			return
		}
		if !bytes.Equal(o.msg, b) || (o.by != nil) != bytes.Equal(b, good) {
			t.Errorf("by %x", o.by)
		}
		if encoded := o.task.Encode(); !IsSigned(b) && !bytes.Equal(encoded, b) || IsSigned(b) && !bytes.Contains(b, encoded) {
			t.Error("another task")
		}
	})
}
