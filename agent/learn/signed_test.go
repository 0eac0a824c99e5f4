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

// TestSignedPolicy holds which tasks devices of each policy join, that what is
// refused is counted each time and logged once with what to do, and that the
// signature travels on.
func TestSignedPolicy(t *testing.T) {
	owner, other := ownerOf(t, 7), ownerOf(t, 8)
	for name, tt := range map[string]struct {
		msg     func(t *testing.T) []byte
		joined  [3]bool // by one that accepts all, one that wants signatures, one that refuses
		reason  [3]string
		trusted bool // as the owner's
	}{
		"the owner's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			return msg
		},
			[3]bool{true, true, false}, [3]string{}, true},
		"a stranger's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), other)
			return msg
		},
			[3]bool{true, false, false}, [3]string{"", reasonUnsigned, ""}, false},
		"nobody's": {func(t *testing.T) []byte {
			task, _ := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			return task.Encode()
		}, [3]bool{true, false, false}, [3]string{"", reasonUnsigned, ""}, false},
		"a forger's": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
			msg[len(msg)-1] ^= 1
			return msg
		}, [3]bool{}, [3]string{reasonSignature, reasonSignature, reasonSignature}, false},
		"one of yesterday": {func(t *testing.T) []byte {
			_, msg := signedPlan(t, long(), time.Now().Add(-24*time.Hour), owner)
			return msg
		},
			[3]bool{}, [3]string{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				with := func(accept, signed bool) func(*resident, *Options) {
					return func(_ *resident, o *Options) {
						o.Accept, o.Signed, o.Keys = accept, signed, []ed25519.PublicKey{owner.Public()}
					}
				}
				all := []*resident{settle(0, with(true, false)), settle(1, with(true, true)), settle(2, with(false, false))}
				msg := tt.msg(t)
				for range 3 {
					for _, r := range all {
						r.member.hear(pid(9), typeTask, 0, msg)
					}
					sleep(time.Second)
				}
				for i, r := range all {
					st := r.Status()
					if (st != nil) != tt.joined[i] {
						t.Errorf("device %d: %+v", i, st)
					}
					if st != nil && (st.SignedBy == owner.String()) != tt.trusted {
						t.Errorf("device %d: signed by %q", i, st.SignedBy)
					}
					if n := r.member.refused[tt.reason[i]]; tt.reason[i] != "" && n != 3 {
						t.Errorf("device %d refused %v", i, r.member.refused)
					}
					if n := strings.Count(r.log.buf.String(), "a neighbour's task is refused"); (n == 1) != (tt.reason[i] != "") || n > 1 {
						t.Errorf("device %d: %d words in the log:\n%s", i, n, r.log.buf.String())
					}
					if tt.reason[i] == reasonUnsigned && !r.log.has("set fl.task_keys to the owner's key") {
						t.Errorf("device %d says nothing of what to do", i)
					}
				}
			})
		})
	}
}

func long() Plan {
	p := plan()
	p.Rounds = 60
	return p
}

// TestSignedTravels starts a signed task on a device whose owner did not sign it:
// those who want signatures join, a newcomer is told by one of them with the
// signature, and a restart keeps it. When it is over nobody can begin it again.
func TestSignedTravels(t *testing.T) {
	owner := ownerOf(t, 7)
	strict := func(_ *resident, o *Options) { o.Signed, o.Keys = true, []ed25519.PublicKey{owner.Public()} }
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, nil), settle(1, strict)
		p := plan()
		p.Rounds = 20
		task, msg := signedPlan(t, p, time.Now().Add(2*time.Minute), owner)
		if st, err := first.StartSigned(msg); err != nil || st.State != Waiting || st.SignedBy != "" {
			t.Fatalf("%+v, %v", st, err)
		}
		if _, err := first.StartSigned(msg); !errors.Is(err, ErrBusy) {
			t.Errorf("twice: %v", err)
		}
		sleepUntil(task, 3, time.Second)
		if st := second.Status(); st == nil || st.SignedBy != owner.String() || st.Heard != 1 {
			t.Fatalf("%+v", st)
		}
		first.end()
		second.end()
		second.member = second.member.square.join(second.i)
		second.begin(strict)
		third := settle(2, strict)
		sleepUntil(task, 10, 0)
		if st := second.Status(); st == nil || st.SignedBy != owner.String() {
			t.Errorf("after a restart: %+v", st)
		}
		if st := third.Status(); st == nil || st.SignedBy != owner.String() || st.Heard != 1 {
			t.Errorf("the newcomer: %+v", st)
		}
		forged := slices.Clone(msg)
		forged[len(forged)-1] ^= 1
		if _, err := third.StartSigned(forged); !errors.Is(err, ErrSignature) {
			t.Errorf("a forged one: %v", err)
		}
		sleep(time.Until(task.End()) + time.Second)
		if _, err := third.StartSigned(msg); err == nil || !strings.Contains(err.Error(), "is over: its last round ended at") {
			t.Errorf("once more: %v", err)
		}
	})
}

// TestSignatureComesLater holds that a device which has a task without a signature
// tells it with the signature once it has heard that.
func TestSignatureComesLater(t *testing.T) {
	owner := ownerOf(t, 7)
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(_ *resident, o *Options) { o.Keys = []ed25519.PublicKey{owner.Public()} })
		task, msg := signedPlan(t, long(), time.Now().Add(time.Minute), owner)
		r.member.hear(pid(9), typeTask, 0, task.Encode())
		sleep(time.Second)
		if st := r.Status(); st == nil || st.SignedBy != "" {
			t.Fatalf("%+v", st)
		}
		r.member.hear(pid(9), typeTask, 0, msg)
		if st := r.Status(); st.SignedBy != owner.String() {
			t.Errorf("%+v", st)
		}
		strict := settle(1, func(_ *resident, o *Options) { o.Signed, o.Keys = true, []ed25519.PublicKey{owner.Public()} })
		sleep(time.Minute)
		strict.wantState(Running)
	})
}

// TestStoppedAndStartedAgain holds that the owner of a device who stopped a signed
// task can start it again while it goes on.
func TestStoppedAndStartedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task, msg := signedPlan(t, long(), time.Now().Add(time.Minute), ownerOf(t, 7))
		for range 2 {
			if _, err := r.StartSigned(msg); err != nil {
				t.Fatal(err)
			}
			sleepUntil(task, 3, time.Second)
			r.wantState(Running)
			if _, err := r.Stop("halves"); err != nil {
				t.Error(err)
			}
			sleep(time.Second)
			r.wantState(Stopped)
		}
		if n := len(r.Statuses()); n != 1 {
			t.Errorf("%d tasks", n)
		}
		jobs, _, _, err := readSaved(r.disk, time.Now(), nil)
		if err != nil || len(jobs) != 1 {
			t.Errorf("%d tasks are saved, %v", len(jobs), err)
		}
	})
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
