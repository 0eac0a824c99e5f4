// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenDoor is testdata/door.json: names, an invite, and one join from both
// sides. What is sealed is random; the sample opens with the keys of the file.
type goldenDoor struct {
	Comment   string        `json:"comment"`
	Nbhd      string        `json:"nbhd"`
	K         string        `json:"K"`
	P         string        `json:"P"`
	Topic     string        `json:"topic"`
	MemberKey string        `json:"member_key"`
	Invite    goldenInvite  `json:"invite"`
	Request   goldenRequest `json:"join_request"`
	Welcome   goldenWelcome `json:"welcome"`
	Waiting   string        `json:"waiting_plaintext"`
	Charter   string        `json:"charter_message"`
}

type goldenInvite struct {
	Broker     string `json:"broker"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	Pin        string `json:"pin"`
	J          string `json:"J"`
	JoinKey    string `json:"join_key"`
	IssuerHash string `json:"issuer_hash"`
	Expiry     uint64 `json:"expiry"`
	Bytes      string `json:"bytes"`
	Code       string `json:"code"`
}

type goldenRequest struct {
	Name      string `json:"name"`
	Seed      string `json:"ed25519_seed"`
	Agree     string `json:"x25519_private"`
	Reply     string `json:"reply_private"`
	Nonce     string `json:"nonce"`
	Signed    string `json:"signed"`
	Request   string `json:"request"`
	AdmitCode string `json:"admit_code"`
}

type goldenWelcome struct {
	IssuerSeed string `json:"issuer_ed25519_seed"`
	UnixMilli  uint64 `json:"unix_ms"`
	Signed     string `json:"signed"`
	Info       string `json:"info"`
	Plaintext  string `json:"plaintext"`
	Sample     string `json:"sample_answer"`
}

// goldenJoin makes the join of the golden file with fixed randomness.
func goldenJoin(t testing.TB) (h *house, j *Joining, answer []byte) {
	t.Helper()
	h = newHouse(t, "vecino golden door 1")
	i := h.invite(t)
	i.Username, i.Password, i.Pin = sample.Username, sample.Password, sample.Pin
	j = h.joining(t, i, "kitchen")
	answer, _, err := h.Answer(i.J, j.Request())
	if err != nil {
		t.Fatal(err)
	}
	return h, j, answer
}

func TestGolden(t *testing.T) {
	h, j, answer := goldenJoin(t)
	i, s := j.invite, h.signed
	var want goldenDoor
	if !*update {
		readJSON(t, "door.json", &want)
	}
	joinKey, memberKey := JoinKey(i.J), MemberKey(h.K)
	var r joinRequest
	if err := decoder.Unmarshal(j.request, &r); err != nil {
		t.Fatal(err)
	}
	welcomed := opened(t, j, answer)
	reason := "waiting for the owner to say: vecino peers admit " + AdmitCode(r.Ed25519)
	got := goldenDoor{
		Comment: "The door (door.cddl). Everything but text is hex. The sample answer opens with reply_private: HPKE is random.",
		Nbhd:    hexOf(i.Nbhd[:]), K: hexOf(h.K[:]), P: hexOf(h.keys.P[:]), Topic: Topic(i.Nbhd), MemberKey: hexOf(memberKey[:]),
		Invite: goldenInvite{
			Broker: i.Broker, Username: i.Username, Password: i.Password, Pin: hexOf(i.Pin), J: hexOf(i.J[:]), JoinKey: hexOf(joinKey[:]),
			IssuerHash: hexOf(i.IssuerHash[:]), Expiry: i.Expiry, Bytes: hexOf(wire.MustMarshal(*i)), Code: i.Code(),
		},
		Request: goldenRequest{
			Name: r.Name, Seed: hexOf(j.id.Sign.Seed()), Agree: hexOf(j.id.Agree.Bytes()), Reply: hexOf(j.reply.Bytes()), Nonce: hexOf(r.Nonce[:]),
			Signed: hexOf(r.signed(i.Nbhd)), Request: hexOf(j.request), AdmitCode: AdmitCode(r.Ed25519),
		},
		Welcome: goldenWelcome{
			IssuerSeed: hexOf(h.keys.Ed25519.Seed()), UnixMilli: welcomed.UnixMilli, Signed: hexOf(welcomed.signed(i.Nbhd, j.request, s)),
			Info: hexOf(answerInfo(i.J, j.request)), Plaintext: hexOf(wire.MustMarshal(welcomed)), Sample: hexOf(answer),
		},
		Waiting: hexOf(wire.MustMarshal(joinResult{Status: waiting, Reason: reason})),
		Charter: hexOf(EncodeCharter(s)),
	}
	if !*update { // the sample is as random as that of the file
		got.Welcome.Sample = want.Welcome.Sample
	}
	golden(t, "door.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden door differs (-want +got):\n%s", d)
	}
	w := must(j.Handle(unhex(t, want.Welcome.Sample)))(t)
	if w.K != h.K || w.Signed.Hash() != s.Hash() {
		t.Error("the sample welcomes to another neighbourhood")
	}
	if invite := must(ParseCode(want.Invite.Code))(t); hexOf(wire.MustMarshal(invite)) != want.Invite.Bytes {
		t.Error("the code is of another invite")
	}
	if _, c, ok := DecodeCharter(unhex(t, want.Charter)); !ok || len(c.Members) != 2 {
		t.Error("the charter does not decode")
	}
}

// TestSeeds writes the seeds of the fuzz targets where the flag -update is set.
func TestSeeds(t *testing.T) {
	h, j, answer := goldenJoin(t)
	for name, code := range map[string]string{
		"golden": j.invite.Code(), "spaces": "AA AA-aa", "later": "QIBGC", "empty": "", "claims_2_40": inviteEncoding.EncodeToString([]byte{0x9b, 0, 0, 1, 0, 0, 0, 0, 0}),
	} {
		writeSeed(t, "FuzzInvite", name, code)
	}
	bad := h.withRequest(t, j, func(r *joinRequest) { r.Name = "Kitchen" })
	weak := h.withRequest(t, j, func(r *joinRequest) { r.Reply = issuer.Pub{} })
	for name, b := range map[string][]byte{
		"golden": j.request, "bad_name": bad.request, "weak_key": weak.request, "empty": {}, "answer": answer,
	} {
		writeSeed(t, "FuzzRequest", name, b)
	}
	r := opened(t, j, answer)
	other := *r
	other.K[0] ^= 1
	for name, seed := range map[string]struct {
		b      []byte
		inside bool
	}{
		"golden": {answer, false}, "cut": {answer[:50], false}, "charter": {EncodeCharter(h.signed), false},
		"welcome": {wire.MustMarshal(r), true}, "other_K": {wire.MustMarshal(other), true},
		"wait": {wire.MustMarshal(joinResult{Status: waiting, Reason: "wait"}), true}, "escape": {wire.MustMarshal(joinResult{Status: refused, Reason: "\x1b["}), true},
	} {
		writeSeed(t, "FuzzHandle", name, seed.b, seed.inside)
	}
	for name, b := range map[string][]byte{"golden": EncodeCharter(h.signed), "answer": answer, "null": {0x82, 0x01, 0xf6}} {
		writeSeed(t, "FuzzDecodeCharter", name, b)
	}
}
