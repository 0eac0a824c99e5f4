// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/wire"
	"pgregory.net/rapid"
)

var sample = Invite{
	Version: 1, Broker: "mqtts://broker.example:8883", Username: "lane", Password: "a secret",
	Pin: bytes.Repeat([]byte{0xab}, 32), Nbhd: [16]byte([]byte("a neighbourhood!")), J: [16]byte([]byte("secret of invite")),
	IssuerHash: [32]byte([]byte("32 bytes of the hash of the key.")), Expiry: 1_700_000_000,
}

// TestCodeRoundTrip draws invites, and writes their codes as people do.
func TestCodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := sample
		i.Broker = rapid.StringMatching(`mqtts?://[a-z0-9.]{1,100}:[0-9]{1,5}`).Draw(t, "broker")
		i.Username = rapid.StringMatching(`[ -~äß]{0,60}`).Draw(t, "user")
		i.Password = rapid.StringMatching(`[ -~äß]{0,60}`).Draw(t, "password")
		i.Pin = []byte(rapid.SampledFrom([]string{"", strings.Repeat("p", 32)}).Draw(t, "pin"))
		i.J[0], i.IssuerHash[31] = rapid.Byte().Draw(t, "J"), rapid.Byte().Draw(t, "hash")
		i.Expiry = rapid.Uint64().Draw(t, "expiry")
		code := i.Code()
		if rapid.Bool().Draw(t, "lower") {
			code = strings.ToLower(code)
		}
		for range rapid.IntRange(0, 5).Draw(t, "gaps") {
			at := rapid.IntRange(0, len(code)).Draw(t, "at")
			code = code[:at] + rapid.SampledFrom([]string{" ", "-", "\n", "\r\n", "\t"}).Draw(t, "gap") + code[at:]
		}
		got, err := ParseCode(code)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(i, *got, cmp.Comparer(bytes.Equal)); d != "" {
			t.Fatalf("the invite changes (-want +got):\n%s", d)
		}
	})
}

func TestParseCodeRefuses(t *testing.T) {
	code := sample.Code()
	encode := func(change func(i *Invite)) string {
		i := sample
		change(&i)
		return inviteEncoding.EncodeToString(wire.MustMarshal(i))
	}
	for name, tc := range map[string]struct {
		code string
		want error
	}{
		"as it is":             {code, nil},
		"no pin":               {encode(func(i *Invite) { i.Pin = nil }), nil},
		"empty":                {"", ErrInvite},
		"no base32":            {code[:8] + "0" + code[9:], ErrInvite},
		"a letter missing":     {code[:10] + code[11:], ErrInvite},
		"cut off":              {code[:len(code)-8], ErrInvite},
		"bits behind the end":  {code[:len(code)-1] + "7", ErrInvite},
		"trailing letters":     {code + "AAAAAAAA", ErrInvite},
		"too long":             {strings.Repeat("A", 8192), ErrInvite},
		"no broker":            {encode(func(i *Invite) { i.Broker = "" }), ErrInvite},
		"longest broker":       {encode(func(i *Invite) { i.Broker = strings.Repeat("b", 256) }), nil},
		"too long a broker":    {encode(func(i *Invite) { i.Broker = strings.Repeat("b", 257) }), ErrInvite},
		"too long a password":  {encode(func(i *Invite) { i.Password = strings.Repeat("b", 257) }), ErrInvite},
		"too long a user name": {encode(func(i *Invite) { i.Username = strings.Repeat("b", 257) }), ErrInvite},
		"broker with escape":   {encode(func(i *Invite) { i.Broker = "mqtt://\x1b[2J" }), ErrInvite},
		"user with newline":    {encode(func(i *Invite) { i.Username = "a\nb" }), ErrInvite},
		"pin of 31 bytes":      {encode(func(i *Invite) { i.Pin = make([]byte, 31) }), ErrInvite},
		"not an array":         {inviteEncoding.EncodeToString(wire.MustMarshal("invite")), ErrInvite},
	} {
		if i, err := ParseCode(tc.code); !errors.Is(err, tc.want) || (i == nil) != (tc.want != nil) {
			t.Errorf("%s: %v, %v", name, i, err)
		}
	}
	for name, later := range map[string]string{
		"same form":    encode(func(i *Invite) { i.Version = 2 }),
		"another form": inviteEncoding.EncodeToString([]byte{0x82, 0x02, 0x61, 'x'}),
	} {
		if _, err := ParseCode(later); err == nil || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("version 2 in %s: %v", name, err)
		}
	}
}

// TestExpiry holds an invite against the clock.
func TestExpiry(t *testing.T) {
	for _, tc := range []struct {
		expiry uint64
		now    int64
		want   bool
	}{{100, 99, false}, {100, 100, true}, {100, 101, true}, {0, 0, true}, {1 << 63, 100, true}} {
		if got := (&Invite{Expiry: tc.expiry}).Expired(time.Unix(tc.now, 0)); got != tc.want {
			t.Errorf("an invite until %d has run out at %d: %v", tc.expiry, tc.now, got)
		}
	}
}

// TestNames holds the door's names apart, and that the one constant of a
// neighbourhood is a topic like any other.
func TestNames(t *testing.T) {
	one, other := [16]byte{1}, [16]byte{2}
	if !regexp.MustCompile(`^t/[a-z2-7]{26}$`).MatchString(Topic(one)) || Topic(one) == Topic(other) {
		t.Errorf("topics %q and %q", Topic(one), Topic(other))
	}
	if JoinKey(one) == JoinKey(other) || MemberKey([32]byte{1}) == MemberKey([32]byte{2}) {
		t.Error("two secrets give one key")
	}
	if IssuerHash([32]byte{1}) == IssuerHash([32]byte{2}) {
		t.Error("two keys have one hash")
	}
	if AdmitCode([32]byte{1}) == AdmitCode([32]byte{2}) || !regexp.MustCompile(`^[A-Z2-7]{4}-[A-Z2-7]{4}$`).MatchString(AdmitCode([32]byte{1})) {
		t.Errorf("codes %s and %s", AdmitCode([32]byte{1}), AdmitCode([32]byte{2}))
	}
}

// TestInviteLimits fills the keeper with invites, and with members.
func TestInviteLimits(t *testing.T) {
	h := newHouse(t, "limits")
	for range MaxInvites {
		h.invite(t)
	}
	if _, err := h.Invite(time.Hour); err == nil || !strings.Contains(err.Error(), "64 invites") {
		t.Errorf("one more: %v", err)
	}
	if n := len(h.JoinKeys()); n != MaxInvites {
		t.Errorf("%d keys for %d invites", n, MaxInvites)
	}
	h.now = h.now.Add(time.Hour)
	if n := len(h.JoinKeys()); n != 0 {
		t.Errorf("%d keys after all ran out", n)
	}
	newest := h.invite(t)
	if len(h.guests) != 1 || len(h.disk.guests) != 1 || h.JoinKeys()[0] != newest.J {
		t.Errorf("%d invites are remembered after all others ran out", len(h.guests))
	}
	last := h.invite(t)
	if h.JoinKeys()[0] != last.J {
		t.Error("the newest invite does not come first")
	}
	for _, lasts := range []time.Duration{0, -time.Hour, time.Second - 1} {
		if _, err := h.Invite(lasts); err == nil {
			t.Errorf("an invite that lasts %v", lasts)
		}
	}
	h.disk.fail = 1
	if i, err := h.Invite(time.Hour); !errors.Is(err, errDisk) || i != nil || len(h.guests) != 2 {
		t.Errorf("an invite that is not written: %v", err)
	}
	h.Rand = bytes.NewReader(nil)
	if _, err := h.Invite(time.Hour); err == nil {
		t.Error("an invite without randomness")
	}
}
