// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenToken is testdata/token.json: one request for two epochs to the two
// issuers of a neighbourhood, from both sides. What is sealed and the proofs are
// random; the samples open and verify with the keys of the file.
type goldenToken struct {
	Comment string         `json:"comment"`
	Nbhd    string         `json:"nbhd"`
	V       uint32         `json:"v"`
	T       uint8          `json:"t"`
	Issuers []goldenIssuer `json:"issuers"`
	Member  goldenPair     `json:"member_ed25519"`
	RID     string         `json:"rid"`
	Reply   goldenPair     `json:"reply_x25519"`
	Epochs  []goldenEpoch  `json:"epochs"`
	A       goldenRound    `json:"round_a_with_issuer_1"`
	B       goldenRound    `json:"round_b_with_issuer_1"`
	Wallet  string         `json:"saved_wallet"`
}

type goldenPair struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

type goldenIssuer struct {
	Index   uint8      `json:"index"`
	POPRF   goldenPair `json:"poprf"`
	HPKE    goldenPair `json:"hpke_x25519"`
	Ed25519 goldenPair `json:"ed25519"`
}

type goldenEpoch struct {
	Epoch   uint32       `json:"epoch"`
	Info    string       `json:"info"`
	Serial  string       `json:"serial"`
	Blind   string       `json:"blind"`
	Blinded string       `json:"blinded"`
	Message string       `json:"grant_message"`
	Of      []goldenGift `json:"of_issuers"`
}

type goldenGift struct {
	Grant   string `json:"grant"`
	Element string `json:"evaluated"`
	Proof   string `json:"sample_proof"`
	Y       string `json:"y"`
}

type goldenRound struct {
	Body         string `json:"request_body"`
	Signature    string `json:"signature"`
	Request      string `json:"request_plaintext"`
	RequestInfo  string `json:"request_info"`
	Packet       string `json:"sample_request_packet"`
	AnswerInfo   string `json:"answer_info"`
	Answer       string `json:"sample_answer_plaintext"`
	AnswerPacket string `json:"sample_answer_packet"`
}

// samples copies what is random from the file.
func (g *goldenToken) samples(from *goldenToken) {
	for i, e := range from.Epochs {
		for k, gift := range e.Of {
			g.Epochs[i].Of[k].Proof = gift.Proof
		}
	}
	g.A.Packet, g.A.AnswerPacket = from.A.Packet, from.A.AnswerPacket
	g.B.Packet, g.B.AnswerPacket, g.B.Answer = from.B.Packet, from.B.AnswerPacket, from.B.Answer
}

// record runs round a or b and writes down the exchange with issuer 1. It returns
// all answers' plaintexts.
func (w *place) record(t *testing.T, a *Asking, out *goldenRound) (answers [][]byte) {
	t.Helper()
	for i, msg := range a.Pending() {
		plain, _ := w.open(t, msg)
		answer := must(w.mints[i].Answer(msg))(t)
		p := must(decodePacket(answer))(t)
		info := answerInfo(p.RID, p.Round, p.Index, a.pending[p.Index].digest)
		answers = append(answers, must(openWith(a.reply, info, p.Sealed))(t))
		if i == 0 {
			var r request
			if err := packetDecoder.Unmarshal(plain, &r); err != nil {
				t.Fatal(err)
			}
			*out = goldenRound{
				Body: hexOf(r.Body), Signature: hexOf(r.Signature[:]), Request: hexOf(plain),
				RequestInfo: hexOf(requestInfo(p.RID, p.Round, 1)), Packet: hexOf(msg),
				AnswerInfo: hexOf(info), Answer: hexOf(answers[0]), AnswerPacket: hexOf(answer),
			}
		}
		if err := a.Handle(answer); err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

func TestGoldenToken(t *testing.T) {
	w := newPlace(t, "vecino golden tokens 1", 2, 2, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100, 101)
	reply, member := a.reply.PublicKey().Bytes(), w.member(0)
	got := goldenToken{
		Comment: "Tokens of two epochs from two issuers (token.cddl, wallet.cddl), both sides. Everything is hex; scalars are little-endian. Samples are random: packets and proofs.",
		Nbhd:    hexOf(w.charter.Nbhd[:]), V: w.charter.V, T: w.charter.T, RID: hexOf(a.rid[:]),
		Member: goldenPair{hexOf(w.members[0].Seed()), hexOf(member[:])}, Reply: goldenPair{hexOf(a.reply.Bytes()), hexOf(reply)},
	}
	for i, s := range w.charter.Issuers {
		k := group.EncodeScalar(w.mints[i].POPRF)
		got.Issuers = append(got.Issuers, goldenIssuer{
			s.Index, goldenPair{hexOf(k[:]), hexOf(s.POPRF[:])}, goldenPair{hexOf(w.hpke[i].Bytes()), hexOf(s.HPKE[:])},
			goldenPair{hexOf(w.mints[i].Ed25519.Seed()), hexOf(s.Ed25519[:])},
		})
	}
	w.record(t, a, &got.A)
	got.Epochs = w.epochs(t, wallet, w.record(t, a, &got.B))
	got.Wallet = hexOf(wallet.Save())

	var want goldenToken
	if !*update {
		readJSON(t, "token.json", &want)
		got.samples(&want)
	}
	writeFile(t, "token.json", append(must(json.MarshalIndent(got, "", " "))(t), '\n'))
	readJSON(t, "token.json", &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden token differs (-want +got):\n%s", d)
	}
	w.samplesHold(t, &want)
}

// epochs writes down the tokens, with the evaluations that the issuers answered.
func (w *place) epochs(t *testing.T, wallet *Wallet, answers [][]byte) (out []goldenEpoch) {
	t.Helper()
	for i, e := range wallet.Epochs() {
		s, tok := wallet.held[e], wallet.Token(w.charter, e)
		r := group.EncodeScalar(s.blind)
		g := goldenEpoch{
			Epoch: e, Info: hexOf(info(w.charter.Nbhd, e, w.charter.V)), Serial: hexOf(s.serial[:]), Blind: hexOf(r[:]),
			Blinded: hexOf(s.state.blinded[:]), Message: hexOf(w.charter.grantMessage(w.member(0), e, s.state.blinded)),
		}
		for k, by := range w.charter.Issuers {
			var list []evaluation
			if err := packetDecoder.Unmarshal(answers[k], &list); err != nil {
				t.Fatal(err)
			}
			sig, y := s.grants[by.Ed25519], tok.Y[by.Index]
			g.Of = append(g.Of, goldenGift{hexOf(sig[:]), hexOf(list[i].Element[:]), hexOf(list[i].Proof[:]), hexOf(y[:])})
		}
		out = append(out, g)
	}
	return out
}

// samplesHold opens the file's packets and verifies its proofs.
func (w *place) samplesHold(t *testing.T, want *goldenToken) {
	t.Helper()
	wallet := must(RestoreWallet(unhex(t, want.Wallet)))(t)
	a := w.ask(t, wallet, 0, 100, 101) // blinds again
	for i, e := range want.Epochs {
		for k, by := range w.charter.Issuers {
			one := evaluation{Element: [32]byte(unhex(t, e.Of[k].Element)), Proof: [64]byte(unhex(t, e.Of[k].Proof))}
			y, err := wallet.held[e.Epoch].state.finalize(must(publicKey(by.POPRF))(t), unhex(t, e.Info), &one)
			if err != nil || hexOf(y[:]) != e.Of[k].Y {
				t.Errorf("epoch %d, issuer %d: the sample proof does not hold: %v", i, by.Index, err)
			}
		}
	}
	again := must(a.wallet.Ask(newStream("again"), w.charter, w.members[0], 102))(t)
	again.reply = must(w.hpke[0].Curve().NewPrivateKey(unhex(t, want.Reply.Private)))(t)
	for i, r := range []goldenRound{want.A, want.B} {
		plain, _ := w.open(t, unhex(t, r.Packet))
		p := must(decodePacket(unhex(t, r.AnswerPacket)))(t)
		inside := must(openWith(again.reply, unhex(t, r.AnswerInfo), p.Sealed))(t)
		if hexOf(plain) != r.Request || hexOf(inside) != r.Answer {
			t.Errorf("round %d: the samples hold something else", i)
		}
		digest := wire.Digest(plain)
		if hexOf(answerInfo(p.RID, p.Round, 1, digest)) != r.AnswerInfo {
			t.Errorf("round %d: another info", i)
		}
		if _, err := w.mints[0].Answer(unhex(t, r.Packet)); err != nil {
			t.Errorf("round %d: the sample request is refused: %v", i, err)
		}
	}
}
