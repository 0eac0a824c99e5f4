// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenDealing is testdata/dealing.json: a new key of 2 of 3, then the same key
// handed on to 2 of 3 others.
type goldenDealing struct {
	Comment string      `json:"comment"`
	Steps   []dealtJSON `json:"dealings"`
}

type dealtJSON struct {
	Session   string       `json:"session"`
	T         uint8        `json:"t"`
	Dealers   []int        `json:"dealers"`
	Receivers []int        `json:"receivers"`
	Deals     []dealJSON   `json:"deals"`
	P         string       `json:"P"`
	Results   []resultJSON `json:"results"`
}

type dealJSON struct {
	Dealer       uint8    `json:"dealer"`
	OldShare     string   `json:"old_share,omitempty"`
	Coefficients []string `json:"coefficients"`
	NonceRandom  string   `json:"proof_nonce_randomness"`
	Deal         string   `json:"deal"`
	Values       []string `json:"values_for_receivers"`
}

type resultJSON struct {
	Receiver uint8  `json:"receiver"`
	Share    string `json:"share"`
	Y        string `json:"Y"`
}

// fixed is the randomness of the file: coefficient k is the scalar of 64 bytes
// of which the first four are a counter; then come 32 bytes for the nonce.
func fixed(seed uint32, n int) (b []byte) {
	for k := range n {
		var block [64]byte
		binary.LittleEndian.PutUint32(block[:], seed+uint32(k)+1)
		b = append(b, block[:]...)
	}
	for i := range 32 {
		b = append(b, byte(seed)+byte(i))
	}
	return b
}

func ints(set []uint8) (out []int) {
	for _, i := range set {
		out = append(out, int(i))
	}
	return out
}

func goldenStep(t *testing.T, d *Dealing, old map[uint8]Share, seed uint32) (dealtJSON, result) {
	t.Helper()
	out := dealtJSON{Session: hexOf(d.Session[:]), T: d.T, Dealers: ints(d.Dealers), Receivers: ints(d.Receivers)}
	res := result{shares: map[uint8]Share{}}
	values := map[uint8][]*group.Scalar{}
	for i, dealer := range d.Dealers {
		random := fixed(seed+1000*uint32(i), int(d.T))
		share := Share{Index: dealer}
		one := dealJSON{Dealer: dealer, NonceRandom: hexOf(random[64*int(d.T):])}
		if old != nil {
			share = old[dealer]
			one.OldShare = hexScalar(share.Secret)
		}
		poly, deal, err := d.Deal(&bytesReader{random}, share)
		if err != nil {
			t.Fatal(err)
		}
		one.Deal = hexOf(wire.MustMarshal(deal))
		for _, c := range poly.coefficients {
			one.Coefficients = append(one.Coefficients, hexScalar(c))
		}
		for _, j := range d.Receivers {
			values[j] = append(values[j], poly.At(j))
			one.Values = append(one.Values, hexScalar(poly.At(j)))
		}
		out.Deals, res.deals = append(out.Deals, one), append(res.deals, *deal)
	}
	for _, j := range d.Receivers {
		share, public, err := d.Receive(j, res.deals, values[j])
		if err != nil {
			t.Fatal(err)
		}
		y, _ := public.Share(j)
		out.P, res.public, res.shares[j] = hexOf(public.P[:]), public, share
		out.Results = append(out.Results, resultJSON{j, hexScalar(share.Secret), hexOf(y[:])})
	}
	return out, res
}

type bytesReader struct{ b []byte }

func (r *bytesReader) Read(p []byte) (int, error) {
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

func TestGoldenDealing(t *testing.T) {
	first, res := goldenStep(t, &Dealing{Session: [32]byte{1}, T: 2, Dealers: indices(3), Receivers: indices(3)}, nil, 0)
	second, _ := goldenStep(t, &Dealing{
		Session: [32]byte{2}, T: 2, Dealers: []uint8{1, 3}, Receivers: []uint8{1, 2, 4}, Old: res.public,
	}, res.shares, 50_000)
	got := goldenDealing{
		Comment: "Dealings (frost.cddl): a new key, then the same key handed on by two of its signers. Byte strings are hex; scalars are little-endian.",
		Steps:   []dealtJSON{first, second},
	}
	var want goldenDealing
	golden(t, "dealing.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("golden dealing differs (-want +got):\n%s", d)
	}
	if want.Steps[0].P != want.Steps[1].P {
		t.Error("the key has changed")
	}
}
