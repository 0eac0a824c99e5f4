// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenRekey is testdata/rekey.json: one eviction, what one who slept asks, and
// what devices and issuers keep of it.
type goldenRekey struct {
	Comment   string `json:"comment"`
	P         string `json:"P"`
	Seed      string `json:"ed25519_seed"`
	Agree     string `json:"x25519_private"`
	EveSeed   string `json:"removed_ed25519_seed"`
	EveAgree  string `json:"removed_x25519_private"`
	Held      string `json:"held_charter"`
	Next      string `json:"next_charter"`
	Hash      string `json:"next_charter_hash"`
	At        uint64 `json:"at"`
	Slot      int    `json:"slot"`
	Sample    string `json:"sample_rekey"`
	SampleK   string `json:"sample_K"`
	Check     string `json:"check_of_sample_K"`
	Info      string `json:"info_of_sample_slot"`
	Sync      string `json:"sync_request"`
	Guest     string `json:"guest"`
	Unbound   string `json:"guest_unbound"`
	SwornHere string `json:"guest_saved_sworn"`
	Eviction  string `json:"sample_eviction_saved"`
	Ring      string `json:"sample_keyring_saved"`
	Archive   string `json:"sample_archive_saved"`
}

// sampleEviction makes the eviction of the golden file, up to what HPKE draws.
func sampleEviction(t testing.TB) (b *bench, ann, eve *resident, before *issuer.SignedCharter, msg []byte) {
	t.Helper()
	b = newBench(t, "vecino golden rekey 1")
	ann, eve = b.move(t, "ann"), b.move(t, "eve")
	before, _ = b.keeper[0].Charter()
	return b, ann, eve, before, b.evict(t, 0, "eve")
}

func TestGoldenRekey(t *testing.T) {
	b, ann, eve, before, msg := sampleEviction(t)
	var want goldenRekey
	if !*update {
		readJSON(t, "rekey.json", &want)
		msg = unhex(t, want.Sample)
	}
	_, held, err := issuer.DecodeCharter(before.Encode())
	if err != nil {
		t.Fatal(err)
	}
	n := must(OpenRekey(msg, held, ann.id))(t)
	_, c, body, err := decodeRekey(msg, held)
	if err != nil {
		t.Fatal(err)
	}
	hash, check := charterHash(c), keyCheck(c.Nbhd, c.Gen, n.K)
	ring := NewKeyring(ann.ring.Current(b.now), held.Gen, held.V)
	ring.Add(n)
	var archive Archive
	archive.KeepRekey(msg)
	guest := Guest{J: [16]byte{1}, Expiry: 1_700_003_600, Bound: true, Name: "ann", Ed25519: ann.id.Ed25519(), X25519: ann.id.X25519()}
	sworn := guest
	sworn.Admit, sworn.Sworn = true, 7
	got := goldenRekey{
		Comment: "An eviction (rekey.cddl). Everything is hex. The sample holds a K that was drawn and slots that HPKE drew; slot number " +
			"'slot' opens with x25519_private under the info, and none with that of the one who was removed.",
		P: hexOf(b.p.P[:]), Seed: hexOf(ann.id.Sign.Seed()), Agree: hexOf(ann.id.Agree.Bytes()),
		EveSeed: hexOf(eve.id.Sign.Seed()), EveAgree: hexOf(eve.id.Agree.Bytes()),
		Held: hexOf(before.Encode()), Next: hexOf(wire.MustMarshal(c)), Hash: hexOf(hash[:]), At: body.At, Slot: 3,
		Sample: hexOf(msg), SampleK: hexOf(n.K[:]), Check: hexOf(check[:]), Info: hexOf(body.slotInfo(ann.id.X25519())),
		Sync: hexOf(EncodeSync(held, NewKeyring(n.K, 1, 0))), Guest: hexOf(guest.Encode()), Unbound: hexOf(Guest{J: guest.J, Expiry: guest.Expiry}.Encode()),
		SwornHere: hexOf(wire.MustMarshal(sworn)),
		Eviction: hexOf(wire.MustMarshal(Eviction{
			Version: 1, Member: eve.id.Ed25519(), Until: 1_700_000_600, Charter: wire.MustMarshal(c), Rekey: wire.MustMarshal(body), Enacted: true,
		})),
		Ring: hexOf(ring.Encode()), Archive: hexOf(archive.Encode()),
	}
	golden(t, "rekey.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden rekey differs (-want +got):\n%s", d)
	}
	plain := must(issuer.OpenWith(ann.id.Agree, unhex(t, want.Info), body.Slots[want.Slot]))(t)
	if hexOf(plain) != want.SampleK || c.Members[want.Slot].Ed25519 != ann.id.Ed25519() {
		t.Error("the sample's slot does not open")
	}
	noSlotOpens(t, msg, eve.id, n.K)
	for name, again := range map[string]func() []byte{
		want.Ring:    func() []byte { return must(DecodeKeyring(unhex(t, want.Ring)))(t).Encode() },
		want.Archive: func() []byte { return must(DecodeArchive(unhex(t, want.Archive)))(t).Encode() },
		want.Guest:   func() []byte { return must(DecodeGuest(unhex(t, want.Guest)))(t).Encode() },
	} {
		if !bytes.Equal(again(), unhex(t, name)) {
			t.Errorf("%s does not come back", name)
		}
	}
	if err := b.keeper[0].LoadEviction(unhex(t, want.Eviction)); err != nil {
		t.Error(err)
	}
}

// goldenTime is testdata/time.json.
type goldenTime struct {
	Comment   string `json:"comment"`
	Nbhd      string `json:"nbhd"`
	Seed      string `json:"issuer_ed25519_seed"`
	Index     uint8  `json:"idx"`
	Nonce     string `json:"nonce"`
	UnixMilli uint64 `json:"unix_ms"`
	Request   string `json:"request"`
	Signed    string `json:"signed"`
	Answer    string `json:"answer"`
}

func TestGoldenTime(t *testing.T) {
	issuers, ch, _ := dials(t, 1, 0)
	var c Clock
	request := must(c.Ask(bytes.NewReader([]byte("sixteen bytes...")), truth))(t)
	answer := must(issuers[0].at(truth).Answer(request, truth))(t)
	var a timeAnswer
	if err := decoder.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	got := goldenTime{
		Comment: "The clock (clock.cddl). Everything is hex.",
		Nbhd:    hexOf(ch.Nbhd[:]), Seed: hexOf(issuers[0].Keys.Ed25519.Seed()), Index: a.Index, Nonce: hexOf(a.Nonce[:]), UnixMilli: a.UnixMilli,
		Request: hexOf(request), Signed: hexOf(a.signed(ch.Nbhd)), Answer: hexOf(answer),
	}
	var want goldenTime
	golden(t, "time.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden time differs (-want +got):\n%s", d)
	}
}

// TestRekeySeeds writes the seeds of the fuzz targets where the flag -update is set.
func TestRekeySeeds(t *testing.T) {
	if !*update {
		return
	}
	var g goldenRekey
	var tm goldenTime
	readJSON(t, "rekey.json", &g)
	readJSON(t, "time.json", &tm)
	issuers, _, rand := dials(t, 1, 0)
	var asking Clock
	request := must(asking.Ask(rand, truth))(t)
	right := must(issuers[0].at(truth).Answer(request, truth))(t)
	long := []byte{0x84, 0x03, 0x5b, 0, 0, 1, 0, 0, 0, 0, 0}
	for target, seeds := range map[string]map[string]string{
		"FuzzTime":        {"right": hexOf(right), "golden": tm.Answer, "cut": tm.Answer[:60], "request": tm.Request, "long": hexOf(long)},
		"FuzzTimeRequest": {"golden": tm.Request, "cut": tm.Request[:20], "answer": tm.Answer, "long": hexOf(long)},
		"FuzzRekey":       {"golden": g.Sample, "cut": g.Sample[:200], "charter": g.Held, "long": hexOf(long)},
		"FuzzSync":        {"golden": g.Sync, "none": "8303" + "00", "charter": g.Held, "all": "83030000"},
		"FuzzGuest":       {"golden": g.Guest, "unbound": g.Unbound, "sworn": g.SwornHere, "long": hexOf(long)},
		"FuzzSaved":       {"eviction": g.Eviction, "ring": g.Ring, "archive": g.Archive, "later": "8202", "long": hexOf(long)},
	} {
		for name, text := range seeds {
			b, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			writeSeed(t, target, name, b)
		}
	}
}

// FuzzRekey shows bytes to a member: what it takes is signed under P, and names
// it.
func FuzzRekey(f *testing.F) {
	b, ann, eve, before, _ := sampleEviction(f)
	_, held, err := issuer.DecodeCharter(before.Encode())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		n, err := OpenRekey(msg, held, ann.id)
		if (n == nil) != (err != nil) {
			t.Fatalf("got %v, %v", n, err)
		}
		if n != nil && (n.Charter.P != b.p.P || n.Charter.Member(ann.id.Ed25519()) == nil) {
			t.Fatal("a rekey that the issuers did not sign")
		}
		if n, _ := OpenRekey(msg, held, eve.id); n != nil && n.Charter.Member(eve.id.Ed25519()) == nil {
			t.Fatal("a key for one who was removed")
		}
	})
}

// FuzzSync shows bytes to a member that has a rekey: it answers requests, with
// what it has.
func FuzzSync(f *testing.F) {
	_, _, _, _, msg := sampleEviction(f)
	f.Fuzz(func(t *testing.T, request []byte) {
		var a Archive
		a.KeepRekey(msg)
		for _, m := range a.Answer(request, truth) {
			if !bytes.Equal(m, msg) {
				t.Fatal("an answer that is not the rekey")
			}
		}
	})
}

// FuzzGuest merges what another issuer says: one invite more or less, and
// what is kept comes back from the disk.
func FuzzGuest(f *testing.F) {
	h := newHouse(f, "guests")
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := DecodeGuest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(g.Encode(), b) {
			t.Fatal("the guest does not come back")
		}
		h.guests = nil
		if err := h.Merge(g); err != nil || len(h.guests) > 1 {
			t.Fatalf("%d guests, %v", len(h.guests), err)
		}
		if err := h.Merge(g); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSaved reads what lies in the state folder: no bytes end a program.
func FuzzSaved(f *testing.F) {
	h := newHouse(f, "saved")
	h.Evictions = &benchDisk{}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeKeyring(b); err == nil && !bytes.Equal(r.Encode(), b) {
			t.Fatal("the keys do not come back")
		}
		if a, err := DecodeArchive(b); err == nil && !bytes.Equal(a.Encode(), b) {
			t.Fatal("the archive does not come back")
		}
		h.eviction = nil
		if err := h.LoadEviction(b); err == nil {
			h.evicting()
			h.Enact()
		}
	})
}
