// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// outcomes names the results that testdata/appendix_a_outcomes.txt may state.
var outcomes = map[string]error{
	"accept":        nil,
	"limit":         wire.ErrLimit,
	"malformed":     wire.ErrMalformed,
	"not-canonical": wire.ErrNotCanonical,
}

type vector struct {
	Hex     string
	Decoded any // nil where JSON cannot hold the value
}

func TestAppendixA(t *testing.T) {
	vectors, want := readVectors(t), readOutcomes(t)
	if len(vectors) != 82 || len(want) != len(vectors) {
		t.Fatalf("have %d vectors and %d outcomes, want 82 of each", len(vectors), len(want))
	}
	for _, v := range vectors {
		t.Run(v.Hex, func(t *testing.T) {
			reason, ok := want[v.Hex]
			if !ok {
				t.Fatal("no outcome is stated for this vector")
			}
			testVector(t, v, reason)
		})
	}
}

func testVector(t *testing.T, v vector, want error) {
	var got any
	err := wire.Unmarshal(unhex(t, v.Hex), &got)
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	if want != nil {
		return
	}
	if again := wire.MustMarshal(got); hex.EncodeToString(again) != v.Hex {
		t.Errorf("encodes back to %x", again)
	}
	if v.Decoded != nil && !same(got, v.Decoded) {
		t.Errorf("decodes to %v, want %v", got, v.Decoded)
	}
}

// same compares a decoded value with its form in JSON, whose numbers are
// json.Number.
func same(got, want any) bool {
	switch want := want.(type) {
	case []any:
		got, ok := got.([]any)
		for i := range want {
			ok = ok && len(got) == len(want) && same(got[i], want[i])
		}
		return ok && len(got) == len(want)
	case map[string]any:
		got, ok := got.(map[any]any)
		for k, v := range want {
			ok = ok && same(got[k], v)
		}
		return ok && len(got) == len(want)
	case json.Number:
		return sameNumber(got, want)
	}
	return got == want
}

func sameNumber(got any, want json.Number) bool {
	switch got := got.(type) {
	case float64:
		f, err := strconv.ParseFloat(string(want), 64)
		return err == nil && f == got
	case big.Int:
		return got.String() == string(want)
	}
	return fmt.Sprint(got) == string(want)
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/appendix_a.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func readOutcomes(t *testing.T) map[string]error {
	t.Helper()
	f, err := os.Open("testdata/appendix_a_outcomes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := make(map[string]error)
	for s := bufio.NewScanner(f); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		field := strings.Fields(line)
		if len(field) == 0 {
			continue
		}
		reason, known := outcomes[field[1]]
		if _, twice := want[field[0]]; len(field) != 2 || !known || twice {
			t.Fatalf("bad line %q", s.Text())
		}
		want[field[0]] = reason
	}
	return want
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
