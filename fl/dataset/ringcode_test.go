// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/crypto/wire"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// goldenRing is an entry of testdata/rings.json: what a ring was made with, how
// many samples came, and its bytes. Sample i of a and b is i and i/4, or its b is missing if i
// is divisible by 3; its target is i modulo 2, or missing if i is divisible by 5.
type goldenRing struct {
	Name    string       `json:"name"`
	Ring    RingSettings `json:"ring"`
	Samples int          `json:"samples"`
	Bytes   string       `json:"bytes"`
}

// goldenRings are rings of all kinds.
func goldenRings(t testing.TB) (rings []*Ring, entries []goldenRing) {
	columns := []string{"a", "b"}
	for _, e := range []goldenRing{
		{Name: "empty", Ring: RingSettings{Columns: columns, Kind: Regression, Capacity: 4}},
		{Name: "not full", Ring: RingSettings{Columns: columns, Target: "y", Kind: Regression, Capacity: 9, HoldOut: 3, Run: 1, Seed: math.MaxUint64}, Samples: 5},
		{Name: "full", Ring: RingSettings{Columns: columns, Target: "y", Kind: Classification, Classes: 2, Capacity: 6, HoldOut: 2, Run: 2, Seed: 1}, Samples: 40},
		{Name: "anomalies", Ring: RingSettings{Columns: columns, Target: "état", Kind: Anomaly, Capacity: 3}, Samples: 4},
	} {
		r := newRing(t, e.Ring)
		for i := range e.Samples {
			x, y := []float32{float32(i), float32(i) / 4}, float32(i%2)
			if i%3 == 0 {
				x[1] = nan
			}
			if i%5 == 0 {
				y = nan
			}
			if err := r.Add(x, y); err != nil {
				t.Fatal(err)
			}
		}
		e.Bytes = hex.EncodeToString(r.Encode())
		rings, entries = append(rings, r), append(entries, e)
	}
	return rings, entries
}

func TestRingGolden(t *testing.T) {
	rings, made := goldenRings(t)
	path := filepath.Join("testdata", "rings.json")
	if *updateGolden {
		b, err := json.MarshalIndent(made, "", "  ")
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []goldenRing
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("-golden +made:\n%s", diff)
	}
	for i, r := range rings {
		got, err := DecodeRing(r.Encode())
		if err != nil {
			t.Errorf("%s: %v", made[i].Name, err)
			continue
		}
		sameRings(t, made[i].Name, r, got)
		// It goes on as the other does.
		for v := range 20 {
			for _, ring := range []*Ring{r, got} {
				if err := ring.Add([]float32{float32(v), 1}, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		sameRings(t, made[i].Name+", later", r, got)
	}
}

func sameRings(t *testing.T, name string, want, got *Ring) {
	t.Helper()
	a, b := want.Settings(), got.Settings()
	wantTrain, wantTest := want.Tables()
	gotTrain, gotTest := got.Tables()
	diff := cmp.Diff(wantTrain, gotTrain, cmpopts.EquateNaNs()) + cmp.Diff(wantTest, gotTest, cmpopts.EquateNaNs())
	if !a.Equal(&b) || diff != "" || !bytes.Equal(want.Encode(), got.Encode()) {
		t.Errorf("%s: settings %+v and %+v (-want +got):\n%s", name, a, b, diff)
	}
}

// sealRing sets the right checksum of a ring whose fields were changed.
func sealRing(s savedRing) []byte {
	b := wire.MustMarshal(s)
	sum := sha256.Sum256(b[:len(b)-sha256.Size])
	return append(b[:len(b)-sha256.Size], sum[:]...)
}

func TestDecodeRingRefuses(t *testing.T) {
	rings, _ := goldenRings(t)
	good := rings[2].Encode()
	refuses := func(name string, b []byte) {
		t.Helper()
		if r, err := DecodeRing(b); !errors.Is(err, ErrRing) || r != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range good {
		refuses("truncated", good[:n])
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		refuses("flipped", flipped)
	}
	refuses("longer", append(slices.Clone(good), 0))
	refuses("too long", make([]byte, MaxRing+1))
	put := func(b []byte, at int, v ...byte) []byte {
		b = slices.Clone(b)
		copy(b[at:], v)
		return b
	}
	for name, change := range map[string]func(s *savedRing){
		"other version":       func(s *savedRing) { s.Version++ },
		"another kind":        func(s *savedRing) { s.Kind = uint8(Regression) },
		"fewer classes":       func(s *savedRing) { s.Classes = 1 },
		"no kind":             func(s *savedRing) { s.Kind = 0 },
		"another column":      func(s *savedRing) { s.Columns = append(s.Columns, "c") },
		"another seed":        func(s *savedRing) { s.Seed++ },
		"huge":                func(s *savedRing) { s.Capacity = math.MaxUint32 },
		"smaller":             func(s *savedRing) { s.Capacity = 4 },
		"fewer came":          func(s *savedRing) { s.Sequence = 39 },
		"too many came":       func(s *savedRing) { s.Sequence = maxSequence },
		"parts swapped":       func(s *savedRing) { s.Train, s.Held = s.Held, s.Train },
		"held out, not known": func(s *savedRing) { s.HoldOut = 0 },
		"part of a number":    func(s *savedRing) { s.Train.X = s.Train.X[1:] },
		"part of a target":    func(s *savedRing) { s.Train.Y = s.Train.Y[1:] },
		"a number too few":    func(s *savedRing) { s.Train.Number = s.Train.Number[8:] },
		"number twice":        func(s *savedRing) { s.Train.Number = put(s.Train.Number, 8, s.Train.Number[:8]...) },
		"infinite feature":    func(s *savedRing) { s.Held.X = put(s.Held.X, 0, 0, 0, 0x80, 0x7f) },
		"other NaN":           func(s *savedRing) { s.Held.X = put(s.Held.X, 0, 1, 0, 0xc0, 0x7f) },
		"infinite target":     func(s *savedRing) { s.Held.Y = put(s.Held.Y, 0, 0, 0, 0x80, 0x7f) },
		"no class":            func(s *savedRing) { s.Held.Y = put(s.Held.Y, 0, 0, 0, 0, 0x3f) },
	} {
		var saved savedRing
		if err := ringDecoder.Unmarshal(good, &saved); err != nil {
			t.Fatal(err)
		}
		change(&saved)
		refuses(name, sealRing(saved))
	}
	var saved savedRing
	if err := ringDecoder.Unmarshal(good, &saved); err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeRing(sealRing(saved)); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// TestSaveCuts leaves out what came after the encoding began.
func TestSaveCuts(t *testing.T) {
	s := samples{x: []float32{1, 2, 3, 4, 5, 6}, y: []float32{1, 3, 5}, number: []uint64{4, 7, 9}}
	want := s
	want.x, want.y, want.number = s.x[:4], s.y[:2], s.number[:2]
	if diff := cmp.Diff(want.save(10), s.save(9), cmpopts.IgnoreUnexported(savedPart{})); diff != "" || len(s.save(9).X) != 16 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := s.save(4); len(none.Number)+len(none.X)+len(none.Y) != 0 {
		t.Errorf("%+v", none)
	}
}

// TestMaxRing encodes the largest rings.
func TestMaxRing(t *testing.T) {
	long := make([]string, MaxColumns)
	for i := range long {
		long[i] = string(bytes.Repeat([]byte{'x'}, MaxField))
	}
	for _, set := range []RingSettings{
		{Columns: long, Kind: Regression, Capacity: MaxRingCells / MaxColumns},
		{Columns: long[:MaxRingCells/MaxRingSamples], Kind: Regression, Capacity: MaxRingSamples, HoldOut: 2},
	} {
		if testing.Short() {
			set.Capacity /= 64
		}
		r := newRing(t, set)
		x := make([]float32, len(set.Columns))
		for range 2 * set.Capacity {
			if err := r.Add(x, 1); err != nil {
				t.Fatal(err)
			}
		}
		b := r.Encode()
		if len(b) > MaxRing || !testing.Short() && len(b) < MaxRing/10*8 {
			t.Errorf("%d bytes, at most %d", len(b), MaxRing)
		}
		if _, err := DecodeRing(b); err != nil {
			t.Error(err)
		}
	}
}

func FuzzDecodeRing(f *testing.F) {
	rings, _ := goldenRings(f)
	for _, r := range rings {
		f.Add(r.Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var saved savedRing
		if ringDecoder.Unmarshal(b, &saved) == nil {
			if saved.Capacity > 1<<12 {
				return // allowed, and slow
			}
			b = sealRing(saved)
		}
		r, err := DecodeRing(b)
		if err != nil {
			if !errors.Is(err, ErrRing) {
				t.Errorf("%v", err)
			}
			return
		}
		if !bytes.Equal(r.Encode(), b) {
			t.Error("encodes to other bytes")
		}
		r.Tables()
	})
}
