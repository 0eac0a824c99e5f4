// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenCharter is testdata/charter.json.
type goldenCharter struct {
	Comment string         `json:"comment"`
	Charter charterAsJSON  `json:"charter"`
	X       string         `json:"issuers_secret_key"`
	Hiding  string         `json:"hiding_nonce_randomness"`
	Binding string         `json:"binding_nonce_randomness"`
	Bytes   string         `json:"charter_bytes"`
	Signed  string         `json:"signed_charter"`
	Hash    string         `json:"hash"`
	Epochs  []goldenMoment `json:"epochs"`
}

type charterAsJSON struct {
	Nbhd            string     `json:"nbhd"`
	Gen             uint32     `json:"gen"`
	V               uint32     `json:"v"`
	P               string     `json:"P"`
	T               uint8      `json:"t"`
	Issuers         [][]any    `json:"issuers"`
	Members         [][]string `json:"members"`
	Epoch0          uint64     `json:"epoch0"`
	EpochLen        uint32     `json:"epoch_len"`
	Chunk           uint16     `json:"chunk"`
	ChunksPerMinute uint16     `json:"chunks_per_minute"`
	D               uint16     `json:"d"`
}

type goldenMoment struct {
	Unix  int64  `json:"unix"`
	Epoch uint32 `json:"epoch"`
}

func asJSON(c *Charter) charterAsJSON {
	out := charterAsJSON{
		Nbhd: hexOf(c.Nbhd[:]), Gen: c.Gen, V: c.V, P: hexOf(c.P[:]), T: c.T, Epoch0: c.Epoch0, EpochLen: c.EpochLen,
		Chunk: c.Chunk, ChunksPerMinute: c.ChunksPerMinute, D: c.D,
	}
	for _, s := range c.Issuers {
		out.Issuers = append(out.Issuers, []any{float64(s.Index), hexOf(s.Y[:]), hexOf(s.POPRF[:]), hexOf(s.HPKE[:]), hexOf(s.Ed25519[:])})
	}
	for _, m := range c.Members {
		out.Members = append(out.Members, []string{m.Name, hexOf(m.Ed25519[:]), hexOf(m.X25519[:])})
	}
	return out
}

func TestGoldenCharter(t *testing.T) {
	w := newPlace(t, "vecino golden charter 1", 1, 1)
	hiding, binding := bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 32)
	rand := bytes.NewReader(append(bytes.Clone(hiding), binding...))
	s := must(w.keys[0].SignCharter(rand, w.charter))(t)
	hash, x := s.Hash(), group.EncodeScalar(w.keys[0].Share.Secret)
	got := goldenCharter{
		Comment: "A charter of one issuer, signed (charter.cddl). Byte strings are hex; scalars are little-endian.",
		Charter: asJSON(w.charter), X: hexOf(x[:]), Hiding: hexOf(hiding), Binding: hexOf(binding),
		Bytes: hexOf(s.Charter), Signed: hexOf(s.Encode()), Hash: hexOf(hash[:]),
		Epochs: []goldenMoment{{1_700_000_000, 0}, {1_700_003_599, 0}, {1_700_003_600, 1}, {1_700_360_060, 100}},
	}
	var want goldenCharter
	golden(t, "charter.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden charter differs (-want +got):\n%s", d)
	}
	back, c, err := DecodeCharter(unhex(t, want.Signed))
	if err != nil || back.Hash() != hash {
		t.Fatalf("golden charter does not decode: %v", err)
	}
	if d := cmp.Diff(want.Charter, asJSON(c)); d != "" {
		t.Errorf("decoded charter differs (-want +got):\n%s", d)
	}
	for _, m := range want.Epochs {
		if e, ok := c.Epoch(time.Unix(m.Unix, 0)); !ok || e != m.Epoch {
			t.Errorf("epoch at %d is %d, want %d", m.Unix, e, m.Epoch)
		}
	}
}

func golden(t *testing.T, name string, got, want any) {
	t.Helper()
	writeFile(t, name, append(must(json.MarshalIndent(got, "", " "))(t), '\n'))
	readJSON(t, name, want)
}

// goldenKeys is testdata/keys.json: one key request from both sides. What is
// sealed is random; the samples open with the keys of the file.
type goldenKeys struct {
	Comment string       `json:"comment"`
	Nbhd    string       `json:"nbhd"`
	Epoch   uint32       `json:"epoch"`
	P       string       `json:"P"`
	Issuer  goldenIssuer `json:"issuer"`
	V       uint32       `json:"v"`
	Serial  string       `json:"serial"`
	Y       string       `json:"y"`
	RID     string       `json:"rid"`
	Reply   goldenPair   `json:"reply_x25519"`
	Sig     goldenUsage  `json:"sig"`
	Kem     goldenUsage  `json:"kem"`
	Pair    string       `json:"bound_pair"`
	A       goldenRound  `json:"round_a"`
	B       goldenRound  `json:"round_b"`
}

type goldenIssuer struct {
	Index uint8      `json:"index"`
	Share string     `json:"share"`
	POPRF goldenPair `json:"poprf"`
	HPKE  goldenPair `json:"hpke_x25519"`
}

type goldenPair struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

type goldenUsage struct {
	Secret     string `json:"u"`
	U          string `json:"U"`
	ProofNonce string `json:"proof_nonce"`
	Proof      string `json:"proof"`
	Message    string `json:"partial_key_message"`
	Hiding     string `json:"hiding_nonce_randomness"`
	Binding    string `json:"binding_nonce_randomness"`
	R          string `json:"R"`
	D          string `json:"d"`
}

type goldenRound struct {
	MACFields     string `json:"mac_fields"`
	MAC           string `json:"mac"`
	Request       string `json:"request_plaintext"`
	RequestInfo   string `json:"request_info"`
	RequestPacket string `json:"sample_request_packet"`
	Answer        string `json:"answer_plaintext"`
	AnswerInfo    string `json:"answer_info"`
	AnswerPacket  string `json:"sample_answer_packet"`
}

// goldenRequest makes the exchange of the golden file with fixed randomness.
func goldenRequest(t testing.TB) (w *place, a *Asking, random []byte) {
	t.Helper()
	w = newPlace(t, "vecino golden keys 1", 1, 1)
	own := w.secrets(t)
	a = w.asking(t, w.members[0], 100, own)
	random = make([]byte, 4*32)
	for i := range random {
		random[i] = byte(i)
	}
	w.signers[0].Rand = bytes.NewReader(random)
	return w, a, random
}

func TestGoldenKeys(t *testing.T) {
	w, a, random := goldenRequest(t)
	var want goldenKeys
	if !*update {
		readJSON(t, "keys.json", &want)
	}
	got := goldenKeys{
		Comment: "One key request (keys.cddl), both sides. Everything is hex; scalars are little-endian. The packets are samples: HPKE is random.",
		Nbhd:    hexOf(w.charter.Nbhd[:]), Epoch: 100, P: hexOf(w.charter.P[:]), RID: hexOf(a.rid[:]),
		Issuer: goldenIssuer{
			1, hexScalar(w.keys[0].Share.Secret), goldenPair{hexScalar(w.keys[0].POPRF), hexOf(w.charter.Issuers[0].POPRF[:])},
			goldenPair{hexOf(w.keys[0].HPKE.Bytes()), hexOf(w.keys[0].HPKE.PublicKey().Bytes())},
		},
		V: w.charter.V, Serial: hexOf(a.ask.S[:]),
		Reply: goldenPair{hexOf(a.reply.Bytes()), hexOf(a.ask.Reply[:])},
		Sig:   usageOf(a, signcrypt.Sig, a.sig, a.ask.ProofSig, random[:64]),
		Kem:   usageOf(a, signcrypt.Kem, a.kem, a.ask.ProofKem, random[64:]),
	}
	y := a.y[1]
	got.Y = hexOf(y[:])
	pair := wire.Digest(a.sig.U[:], a.kem.U[:])
	got.Pair = hexOf(pair[:])

	s := w.signers[0]
	var keys *signcrypt.KeyPair
	for i, round := range []*goldenRound{&got.A, &got.B} {
		request := a.Pending()[0]
		answer := must(s.Answer(request))(t)
		keys = must(a.Handle(answer))(t)
		sess := s.sessions[0]
		var fields, plain, reply any
		if i == roundA {
			fields, plain, reply = a.ask, a.ask.request(y), sess.first
		} else {
			l := lists{Sig: []Commitment{sess.first.Sig}, Kem: []Commitment{sess.first.Kem}}
			fields, plain, reply = l, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(y, l)}, *sess.parts
		}
		m := mac(y, fields)
		*round = goldenRound{
			MACFields: hexOf(wire.MustMarshal(fields)), MAC: hexOf(m[:]),
			Request: hexOf(wire.MustMarshal(plain)), RequestInfo: hexOf(requestInfo(a.rid, uint8(i), 1)), RequestPacket: hexOf(request),
			Answer: hexOf(wire.MustMarshal(reply)), AnswerInfo: hexOf(answerInfo(a.rid, 1, y)), AnswerPacket: hexOf(answer),
		}
	}
	got.Sig.R, got.Kem.R = hexOf(keys.Sig.R[:]), hexOf(keys.Kem.R[:])
	got.Sig.D, got.Kem.D = a.partialD(t, 0), a.partialD(t, 1)
	if !*update { // the samples are as random as those of the file
		got.A.RequestPacket, got.A.AnswerPacket = want.A.RequestPacket, want.A.AnswerPacket
		got.B.RequestPacket, got.B.AnswerPacket = want.B.RequestPacket, want.B.AnswerPacket
	}
	golden(t, "keys.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden key request differs (-want +got):\n%s", d)
	}
	samplesOpen(t, w, a, &want)
}

func hexScalar(s *group.Scalar) string { b := group.EncodeScalar(s); return hexOf(b[:]) }

func usageOf(a *Asking, usage signcrypt.Usage, secret *signcrypt.SecretValue, proof Proof, random []byte) goldenUsage {
	u := secret.Save()
	// z = nonce + c u, so that the nonce of the proof follows from the rest.
	c, _ := group.DecodeScalar([32]byte(proof[:32]))
	z, _ := group.DecodeScalar([32]byte(proof[32:]))
	us, _ := group.DecodeScalar(u)
	return goldenUsage{
		Secret: hexOf(u[:]), U: hexOf(secret.U[:]), Proof: hexOf(proof[:]), ProofNonce: hexScalar(group.MulAdd(group.Neg(c), us, z)),
		Message: hexOf(a.ask.message(usage, a.scope.Nbhd)), Hiding: hexOf(random[:32]), Binding: hexOf(random[32:64]),
	}
}

// partialD returns d of a request of one issuer that is over.
func (a *Asking) partialD(t *testing.T, i int) string {
	t.Helper()
	p := a.parts[1]
	_, d := a.signing[i].Sum([]*group.Scalar{must(group.DecodeScalar([][32]byte{p.Sig, p.Kem}[i]))(t)})
	return hexOf(d[:])
}

// samplesOpen opens the file's packets, and has a signer that draws the file's
// nonces answer them.
func samplesOpen(t *testing.T, w *place, a *Asking, want *goldenKeys) {
	t.Helper()
	w.restart(0)
	w.signers[0].Rand = bytes.NewReader(append(append(unhex(t, want.Sig.Hiding), unhex(t, want.Sig.Binding)...),
		append(unhex(t, want.Kem.Hiding), unhex(t, want.Kem.Binding)...)...))
	for i, r := range []goldenRound{want.A, want.B} {
		request, answer := must(decodePacket(unhex(t, r.RequestPacket)))(t), must(decodePacket(unhex(t, r.AnswerPacket)))(t)
		plain := must(OpenWith(w.keys[0].HPKE, unhex(t, r.RequestInfo), request.Sealed))(t)
		reply := must(OpenWith(a.reply, unhex(t, r.AnswerInfo), answer.Sealed))(t)
		if hexOf(plain) != r.Request || hexOf(reply) != r.Answer {
			t.Errorf("round %d: the samples hold something else", i)
		}
		fresh := must(decodePacket(must(w.signers[0].Answer(unhex(t, r.RequestPacket)))(t)))(t)
		if again := must(OpenWith(a.reply, unhex(t, r.AnswerInfo), fresh.Sealed))(t); hexOf(again) != r.Answer {
			t.Errorf("round %d: the sample request gets another answer", i)
		}
	}
}
