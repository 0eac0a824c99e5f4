// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStrict waits for the owner, also across a restart.
func TestStrict(t *testing.T) {
	h := newHouse(t, "strict")
	h.Strict = true
	j := h.joining(t, h.invite(t), "kitchen")
	if len(h.Waiting()) != 0 {
		t.Error("somebody waits before asking")
	}
	code := AdmitCode(j.id.Ed25519())
	for range 2 {
		if reason, refused := h.reason(t, j); refused || !strings.Contains(reason, "peers admit "+code) {
			t.Errorf("refused %v: %s", refused, reason)
		}
		if w := h.Waiting(); len(w) != 1 || w[0].Name != "kitchen" || w[0].Ed25519 != j.id.Ed25519() {
			t.Errorf("waiting are %+v", w)
		}
		h.restart(t)
	}
	if _, err := h.Admit("AAAA-AAAA"); err == nil || !strings.Contains(err.Error(), "nobody waits") {
		t.Errorf("a wrong code: %v", err)
	}
	h.disk.fail = 1
	if name, err := h.Admit(code); !errors.Is(err, errDisk) || name != "" || len(h.Waiting()) != 1 {
		t.Errorf("a yes that is not written: %q, %v", name, err)
	}
	if name, err := h.Admit("  " + strings.ToLower(code) + "\n"); err != nil || name != "kitchen" {
		t.Fatalf("admit: %q, %v", name, err)
	}
	if len(h.Waiting()) != 0 || len(h.members()) != 1 {
		t.Error("one who was admitted still waits, or is in without asking")
	}
	if _, err := h.Admit(code); err == nil {
		t.Error("a code is admitted twice")
	}
	h.restart(t)
	must(h.knock(t, j))(t)
	if got := h.members(); !slices.Equal(got, []string{"founder", "kitchen"}) || len(h.Waiting()) != 0 {
		t.Errorf("members %v, waiting %v", got, h.Waiting())
	}
}

// TestWaitingHoldTheirNames holds that one who waits can be let in, whatever
// others ask for meanwhile.
func TestWaitingHoldTheirNames(t *testing.T) {
	h := newHouse(t, "names")
	h.Strict = true
	first := h.joining(t, h.invite(t), "kitchen")
	h.reason(t, first)
	second := h.joining(t, h.invite(t), "kitchen")
	if reason, refused := h.reason(t, second); !refused || !strings.Contains(reason, `"kitchen" is taken`) {
		t.Errorf("refused %v: %s", refused, reason)
	}
	thief := h.identity(t)
	thief.Agree = first.id.Agree
	if reason, refused := h.reason(t, must(NewJoining(h.rand, second.invite, thief, "thief"))(t)); !refused || !strings.Contains(reason, "same keys") {
		t.Errorf("refused %v: %s", refused, reason)
	}
	renamed := must(NewJoining(h.rand, first.invite, first.id, "cellar"))(t)
	if reason, refused := h.reason(t, renamed); !refused || !strings.Contains(reason, `for the name "kitchen"`) {
		t.Errorf("refused %v: %s", refused, reason)
	}
	again := must(NewJoining(h.rand, second.invite, first.id, "kitchen"))(t) // the same device with another invite
	if _, refused := h.reason(t, again); refused {
		t.Error("a device stands in its own way")
	}
	must(h.Admit(AdmitCode(first.id.Ed25519())))(t)
	must(h.knock(t, first))(t)
	must(h.knock(t, again))(t)
	if got := h.members(); !slices.Equal(got, []string{"founder", "kitchen"}) {
		t.Errorf("members %v", got)
	}
}

// TestWaitingIsBounded has many wait. Those whose invites run out make room.
func TestWaitingIsBounded(t *testing.T) {
	h := newHouse(t, "crowd")
	h.Strict = true
	for n := range MaxWaiting {
		h.reason(t, h.joining(t, h.invite(t), fmt.Sprintf("m%d", n)))
	}
	h.now = h.now.Add(time.Hour - time.Second)
	late := h.joining(t, h.invite(t), "late")
	if reason, refused := h.reason(t, late); refused || !strings.Contains(reason, "too many") {
		t.Errorf("refused %v: %s", refused, reason)
	}
	if len(h.Waiting()) != MaxWaiting {
		t.Errorf("%d wait, at most %d may", len(h.Waiting()), MaxWaiting)
	}
	early := h.Waiting()[0]
	h.now = h.now.Add(time.Second)
	if reason, _ := h.reason(t, late); !strings.Contains(reason, "waiting for the owner") {
		t.Errorf("after the others' invites ran out: %s", reason)
	}
	if w := h.Waiting(); len(w) != 1 || w[0].Name != "late" {
		t.Errorf("waiting are %+v", w)
	}
	if _, err := h.Admit(AdmitCode(early.Ed25519)); err == nil {
		t.Error("one whose invite ran out is admitted")
	}
}
