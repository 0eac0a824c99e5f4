// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// goldenNames is testdata/names.json.
type goldenNames struct {
	Comment string         `json:"comment"`
	Epochs  []goldenEpoch  `json:"epochs"`
	Clients []goldenClient `json:"client_ids"`
}

type goldenEpoch struct {
	K        string        `json:"K"`
	Epoch    uint32        `json:"epoch"`
	Topics   [Slots]string `json:"topics"`
	OuterKey string        `json:"outer_key"`
}

type goldenClient struct {
	Random string `json:"random"`
	ID     string `json:"client_id"`
}

func TestGoldenNames(t *testing.T) {
	got := goldenNames{Comment: "Topics and outer key of an epoch, client id of a connection (crypto/PROTOCOL.md). Keys and randomness are hex."}
	for _, c := range []struct {
		k     [KeySize]byte
		epoch uint32
	}{
		{[KeySize]byte{}, 0},
		{[KeySize]byte([]byte("K of a neighbourhood, 32 bytes..")), 1},
		{[KeySize]byte([]byte("K of a neighbourhood, 32 bytes..")), 0xffffffff},
	} {
		key := OuterKey(c.k, c.epoch)
		got.Epochs = append(got.Epochs, goldenEpoch{hexOf(c.k[:]), c.epoch, Topics(c.k, c.epoch), hexOf(key[:])})
	}
	for _, random := range [][]byte{make([]byte, 15), []byte("fifteen bytes!!"), bytes.Repeat([]byte{0xff}, 15)} {
		got.Clients = append(got.Clients, goldenClient{hexOf(random), must(ClientID(bytes.NewReader(random)))(t)})
	}
	var want goldenNames
	readGolden(t, "testdata/names.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("golden names differ (-want +got):\n%s", d)
	}
}

// goldenHello is testdata/hello.json: what another implementation needs to
// verify a hello, and to make the same bytes.
type goldenHello struct {
	Comment    string   `json:"comment"`
	P          string   `json:"issuers_public_key"`
	Nbhd       string   `json:"neighbourhood"`
	Epoch      uint32   `json:"epoch"`
	Keys       string   `json:"keys"`
	Hedge      string   `json:"hedge"`
	SigR       string   `json:"sig_R"`
	SigU       string   `json:"sig_U"`
	KemR       string   `json:"kem_R"`
	KemU       string   `json:"kem_U"`
	PID        string   `json:"pid"`
	Charter    string   `json:"charter"`
	Versions   []uint16 `json:"versions"`
	Tags       []string `json:"tags"`
	Transcript string   `json:"transcript"`
	Hello      string   `json:"hello"`
}

func TestGoldenHello(t *testing.T) {
	w := newWorld(t, "vecino golden hello 1")
	keys := w.device(t)
	h := w.hello(t, keys)
	hedge := bytes.Repeat([]byte{0x5a}, 32)
	msg := must(Encode(w.scope, keys.Sig, bytes.NewReader(hedge), h))(t)
	pid := signcrypt.PseudonymID(h.Sig.U)
	got := goldenHello{
		Comment: "Message type 0 (hello.cddl). Keys is what signcrypt.Save gives: [nbhd, epoch, sig R, d, u, kem R, d, u]. Everything is hex.",
		P:       hexOf(w.scope.P[:]), Nbhd: hexOf(w.scope.Nbhd[:]), Epoch: w.scope.Epoch,
		Keys: hexOf(w.scope.Save(keys)), Hedge: hexOf(hedge),
		SigR: hexOf(h.Sig.R[:]), SigU: hexOf(h.Sig.U[:]), KemR: hexOf(h.Kem.R[:]), KemU: hexOf(h.Kem.U[:]),
		PID: hexOf(pid[:]), Charter: hexOf(h.Charter[:]), Versions: widen(h.Versions),
		Transcript: hexOf(transcript(w.scope, &message{
			Sig: h.Sig, Kem: h.Kem, Charter: h.Charter, Versions: widen(h.Versions), Tags: h.Tags[:],
		})),
		Hello: hexOf(msg),
	}
	for _, tag := range h.Tags {
		got.Tags = append(got.Tags, hexOf(tag[:]))
	}
	var want goldenHello
	readGolden(t, "testdata/hello.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden hello differs (-want +got):\n%s", d)
	}
	back, peer, err := Decode(w.scope, unhex(t, want.Hello))
	if err != nil || peer.ID != pid {
		t.Fatalf("golden hello does not decode: %v", err)
	}
	if d := cmp.Diff(h, *back, cmp.Comparer(func(a, b signcrypt.PublicKey) bool { return a == b })); d != "" {
		t.Errorf("decoded hello differs (-want +got):\n%s", d)
	}
	writeSeeds(t, "FuzzHello", map[string][]byte{
		"golden":     msg,
		"cut":        msg[:len(msg)/2],
		"trailing":   append(bytes.Clone(msg), 0),
		"no_tags":    w.signed(t, keys, func(m *message) { m.Tags = nil }),
		"versions":   w.signed(t, keys, func(m *message) { m.Versions = []uint16{300, 2} }),
		"unsorted":   w.signed(t, keys, func(m *message) { m.Tags[0], m.Tags[1] = m.Tags[1], m.Tags[0] }),
		"identity":   w.signed(t, keys, func(m *message) { m.Kem.R = [32]byte{} }),
		"long_array": {0x86, 0x82, 0x58, 0x20, 0x9b, 0, 0, 1, 0, 0, 0, 0, 0},
	})
}
