// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// join makes a file of a header and data.
func join(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// cut takes a file apart.
func cut(b []byte) (header string, data []byte) {
	n := binary.LittleEndian.Uint64(b)
	return string(b[8 : 8+n]), b[8+n:]
}

// put returns a copy of b with v at a place.
func put(b []byte, at int, v ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], v)
	return b
}

// refuses reads b and holds that the error says what is wrong.
func refuses(t *testing.T, name string, b []byte, want string) {
	t.Helper()
	a, err := ReadSafetensors(bytes.NewReader(b), Limits{})
	if a != nil || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want an error with %q", name, err, want)
	}
}

// mutation replaces a piece of a header.
type mutation struct{ name, old, new, want string }

// headerMutations are of the header of softmax.safetensors.
var headerMutations = []mutation{
	{"another format", `"vecino/1"`, `"vecino/2"`, `metadata format: "vecino/2", and this release reads "vecino/1" alone`},
	{"PyTorch's format", `"vecino/1"`, `"pt"`, `metadata format: "pt"`},
	{"another layout", `(in, out)`, `(out, in)`, "metadata layout"},
	{"no format", `"format":"vecino/1",`, ``, "the metadata lack format, without which"},
	{"no kind", `"kind":"classification",`, ``, "the metadata lack kind"},
	{"no classes", `"classes":"2",`, ``, "the metadata lack classes, which a model for classification"},
	{"no means", `"mean":`, `"mean2":`, `metadata "mean2"`},
	{"unknown key", `"kind"`, `"author":"me","kind"`, `metadata "author": vecino/1 has no such key`},
	{"number for text", `"classes":"2"`, `"classes":2`, `"__metadata__": "classes": a string is wanted`},
	{"list for metadata", `"__metadata__":{`, `"x":[],"__metadata__":{`, `"x": an object is wanted`},
	{"key twice", `"kind":"classification"`, `"kind":"anomaly","kind":"classification"`, `the key "kind" comes twice`},
	{"key twice, escaped", `"kind":"classification"`, `"\u006bind":"anomaly","kind":"classification"`, `the key "kind" comes twice`},
	{"metadata twice", `"dense1.bias"`, `"__metadata__":{},"dense1.bias"`, `the key "__metadata__" comes twice`},
	{"tensor twice", `"dense1.bias"`, `"dense1.weight"`, `the key "dense1.weight" comes twice`},
	{"half a character", `street noise`, `\ud800`, "not UTF-8"},
	{"half a character, the second", `street noise`, `\udc00\udc01`, "not UTF-8"},
	{"half a character, behind a backslash", `street noise`, `\\\ud800\ue000`, "not UTF-8"},
	{"half a character, then another", `street noise`, `\ud800\u0041`, "not UTF-8"},
	{"not UTF-8", `street noise`, "\xff", "not UTF-8"},
	{"comment", `"__metadata__"`, `/**/"__metadata__"`, "not JSON"},
	{"comma too many", `]}}`, `]},}`, "not JSON"},
	{"two objects", `]}}`, `]}}{}`, "not JSON"},
	{"blank before", `{"__metadata__"`, ` {"__metadata__"`, "does not begin with {"},

	{"softmax of numbers", `"softmax"`, `"linear"`, "model linear predicts numbers"},
	{"no model", `"softmax"`, `"transformer"`, `metadata model: model "transformer" is unknown`},
	{"another model", `"softmax"`, `"mlp:5"`, "its shape is [3 2], and model mlp:5 of 3 features has [3 5]"},
	{"huge model", `"softmax"`, `"mlp:65536:65536"`, "more than 16777216 parameters"},
	{"no kind known", `"classification"`, `"automatic"`, "metadata kind"},
	{"another kind", `"classification"`, `"regression"`, "metadata classes: a model for regression scaled by zscore has none"},
	{"huge classes", `"classes":"2"`, `"classes":"1001"`, "metadata classes: 1001 is above 1000"},
	{"huger classes", `"classes":"2"`, `"classes":"99999999999999999999"`, "metadata classes: 99999999999999999999: a whole number"},
	{"negative classes", `"classes":"2"`, `"classes":"-2"`, "a whole number is wanted"},
	{"no classes at all", `"classes":"2"`, `"classes":"0"`, "0 classes; there can be 1 to 1000"},
	{"classes and more", `"classes":"2"`, `"classes":"2 2"`, "metadata classes: "},
	{"more classes", `"classes":"2"`, `"classes":"3"`, "its shape is [3 2]"},
	{"null for a column", `\"sensor 1\"`, `null`, "metadata columns: a string is wanted"},
	{"column twice", `\"sensor 1\"`, `\"sensor 2\"`, `two columns are named "sensor 2"`},
	{"no name", `\"sensor 1\"`, `\"\"`, "a name is UTF-8 text of 1 to 256 bytes"},
	{"column less", `,\"sensor 1\"`, ``, "3 means and 3 deviations for 2 features"},
	{"no columns", `[\"sensor 0\",\"sensor 1\",\"sensor 2\"]`, `[]`, "0 columns"},
	{"columns no list", `[\"sensor 0\",\"sensor 1\",\"sensor 2\"]`, `{}`, "metadata columns: a list is wanted"},
	{"column is the target", `\"sensor 1\"`, `\"état\"`, "cannot be a feature and the target"},
	{"scale", `"zscore"`, `"log"`, "metadata scale"},
	{"another scale", `"zscore"`, `"none"`, "metadata mean: a model for classification scaled by none has none"},
	{"null for a mean", `"mean":"[`, `"mean":"[null,`, "metadata mean: a number is wanted"},
	{"huge mean", `"mean":"[`, `"mean":"[1e39,`, "metadata mean: 1e39 is too large"},
	{"mean too many", `"mean":"[`, `"mean":"[1,`, "4 means"},
	{"deviation of 0", `"deviation":"[`, `"deviation":"[0,`, "deviations"},
	{"threshold of classes", `"kind"`, `"threshold":"1","kind"`, "metadata threshold: a model for classification"},
	{"accuracy", `"0.9375"`, `"1.5"`, "accuracy 1.5 is not possible"},
	{"accuracy is no number", `"0.9375"`, `"good"`, "metadata accuracy"},
	{"r2 of classes", `"accuracy"`, `"r2"`, "metadata r2"},
	{"time", `2026-02-03T04:05:06Z`, `2026-02-03`, "metadata created"},
	{"local time", `2026-02-03T04:05:06Z`, `2026-02-03T04:05:06+01:00`, "metadata created"},
	{"early time", `2026-02-03T04:05:06Z`, `1066-02-03T04:05:06Z`, "created in the year 1066"},
	{"id", `ab000000000000000000000000000001`, `ab`, "metadata task_id"},
	{"rounds", `"40"`, `"4294967296"`, "metadata rounds: 4294967296 is above 4294967295"},

	{"wrong type", `"F32","shape":[3,2]`, `"F64","shape":[3,2]`, `tensor "dense1.weight": numbers of type "F64"`},
	{"transposed", `[3,2]`, `[2,3]`, "its shape is [2 3], and model softmax of 3 features has [3 2]"},
	{"flat", `[3,2]`, `[6]`, "its shape is [6]"},
	{"huge shape", `[3,2]`, `[4294967296,4294967296]`, "its shape is [4294967296 4294967296]"},
	{"shape beyond 64 bits", `[3,2]`, `[18446744073709551616,2]`, "a whole number is wanted"},
	{"negative shape", `[3,2]`, `[-3,-2]`, "a whole number is wanted"},
	{"broken shape", `[3,2]`, `[3.0,2]`, "a whole number is wanted"},
	{"shape by power", `[3,2]`, `[3e0,2]`, "a whole number is wanted"},
	{"nested shape", `[3,2]`, `[[3,2]]`, "a number is wanted"},
	{"many dimensions", `[3,2]`, `[3,2,1,1,1,1,1,1,1]`, "more than 8 elements"},
	{"no shape", `"shape":[3,2],`, ``, "dtype, shape and two data_offsets are wanted"},
	{"one offset", `[0,24]`, `[24]`, "dtype, shape and two data_offsets are wanted"},
	{"three offsets", `[0,24]`, `[0,24,32]`, "more than 2 elements"},
	{"overlap", `[24,32]`, `[20,28]`, "tensor dense1.bias begins at byte 20 of the data, and what comes before it ends at 24"},
	{"same place", `[24,32]`, `[0,8]`, "begins at byte 0"},
	{"gap", `[24,32]`, `[28,36]`, "begins at byte 28"},
	{"gap at the beginning", `[0,24]`, `[32,56]`, "begins at byte 24 of the data, and what comes before it ends at 0"},
	{"end before begin", `[0,24]`, `[24,0]`, "do not hold 24 bytes"},
	{"too short", `[0,24]`, `[0,20]`, "do not hold 24 bytes"},
	{"far away", `[24,32]`, `[9223372036854775799,9223372036854775807]`, "begins at byte 9223372036854775799"},
	{"key of a tensor", `"shape":[3,2]`, `"strides":[2,1]`, `the key "strides" is unknown`},
	{"key too many", `"shape":[3,2]`, `"x":1,"shape":[3,2]`, `the key "x" is unknown`},
	{"another name", `"dense1.bias"`, `"dense2.bias"`, `tensor "dense2.bias": model softmax has no such tensor`},
	{"tensor missing", `,"dense1.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}`, ``, "tensor dense1.bias of model softmax is not there"},
	{"tensor too many", `"dense1.bias"`, `"x":{"dtype":"F32","shape":[0],"data_offsets":[24,24]},"dense1.bias"`, `tensor "x": model softmax has no such tensor`},
}

func TestReadRefusesHeaders(t *testing.T) {
	header, data := cut(encode(t, everyKind(t)[0].Artifact))
	for _, m := range headerMutations {
		changed := strings.Replace(header, m.old, m.new, 1)
		if changed == header {
			t.Errorf("%s: nothing changes", m.name)
		}
		refuses(t, m.name, join(changed, data), m.want)
	}
	refuses(t, "no header", join("", data), "does not begin with {")
	refuses(t, "many keys", join(`{`+strings.Repeat(`"x":{},`, 300)+`}`, nil), "not JSON")
	many := map[string]any{}
	for i := range maxKeys + 1 {
		many[strings.Repeat("x", i+1)] = map[string]any{"dtype": "F32", "shape": []int{0}, "data_offsets": []int{0, 0}}
	}
	b, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, "more keys", join(string(b), nil), "more than 256 keys")
	refuses(t, "deep", join(`{"x":`+strings.Repeat(`[`, 1e5)+strings.Repeat(`]`, 1e5)+`}`, nil), "not JSON")
}

// TestReadRefusesOtherKinds mutates what softmax.safetensors does not have.
func TestReadRefusesOtherKinds(t *testing.T) {
	for name, mutations := range map[string][]mutation{
		"linear": {
			{"fill too short", `"fill":"[1,`, `"fill":"[`, "3 numbers to fill in for 4 columns"},
			{"divisor", `divide:255`, `divide:0`, "the divisor must be a number above 0"},
			{"r2", `"-0.5"`, `"1.5"`, "r2 1.5 is not possible"},
			{"r2 beyond", `"-0.5"`, `"-1e999"`, "metadata r2: -1e999 is too large for 64 bits"},
			{"no fit", `,"target_mean":"-3.25"`, ``, "the metadata lack target_mean"},
			{"deviation", `"7.5"`, `"0"`, "deviation 0 is not above 0"},
		},
		"autoencoder": {
			{"no threshold", `,"threshold":"0.75"`, ``, "the metadata lack threshold"},
			{"negative threshold", `"0.75"`, `"-1"`, "threshold -1; it is a number of 0 or above"},
			{"fill and mean", `"kind"`, `"fill":"[0,0,0,0,0]","kind"`, "metadata fill"},
		},
	} {
		header, data := cut(encode(t, find(t, name).Artifact))
		for _, m := range mutations {
			changed := strings.Replace(header, m.old, m.new, 1)
			if changed == header {
				t.Errorf("%s: nothing changes", m.name)
			}
			refuses(t, m.name, join(changed, data), m.want)
		}
	}
}

func TestReadRefusesBytes(t *testing.T) {
	good := encode(t, everyKind(t)[0].Artifact)
	for n := range good {
		want := "model file refused: it ends after "
		if a, err := ReadSafetensors(bytes.NewReader(good[:n]), Limits{}); a != nil || !errors.Is(err, ErrRefused) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	refuses(t, "longer", append(slices.Clone(good), 0), "bytes follow the last tensor")
	refuses(t, "header too long", put(good, 0, 1, 0, 0x80), "a header of 8388609 bytes, at most 8388608")
	refuses(t, "header beyond", put(good, 0, 255, 255, 255, 255, 255, 255, 255, 255), "a header of 18446744073709551615 bytes")
	refuses(t, "header too short", put(good, 0, good[0]-16), "not JSON")
	refuses(t, "zip", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00 and so on"), "is it a safetensors file?")
	last := len(good) - 4
	refuses(t, "NaN", put(good, last, 0, 0, 0xc0, 0x7f), "tensor dense1.bias: a number is not finite")
	refuses(t, "infinite", put(good, last-8, 0, 0, 0x80, 0xff), "tensor dense1.weight: a number is not finite")
	refuses(t, "plain", join(`{"dense1.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"dense1.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}`, good[len(good)-32:]),
		"the metadata lack format, layout, kind, scale, model, columns, target, without which")
}

// TestReadLimits holds that limits are looked at before the bytes are, and that
// memory grows with what comes.
func TestReadLimits(t *testing.T) {
	good := encode(t, everyKind(t)[0].Artifact)
	header, _ := cut(good)
	for _, l := range []Limits{{}, {Header: int64(len(header))}, {File: int64(len(good))}, {Header: math.MaxInt64, File: math.MaxInt64}, {Header: -1, File: -1}} {
		if _, err := ReadSafetensors(bytes.NewReader(good), l); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
	for _, l := range []Limits{{Header: int64(len(header)) - 1}, {File: int64(len(good)) - 1}} {
		if _, err := ReadSafetensors(bytes.NewReader(good), l); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	huge := newArtifact(t, "mlp:8000", dataset.Regression, 256, 0, "none") // 8 MB
	b := encode(t, huge)
	header, _ = cut(b)
	short := join(header, make([]byte, 1000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	refuses(t, "short", short, "it ends after 1000 of the 8256004 bytes of its tensors")
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(len(b)/10) {
		t.Errorf("%d bytes are taken for a file of %d that promises %d", taken, len(short), len(b))
	}
}

// TestReadFails passes on an error that is not the file's.
func TestReadFails(t *testing.T) {
	good := encode(t, everyKind(t)[0].Artifact)
	lost := errors.New("connection lost")
	for _, n := range []int{0, 5, 8, 100, len(good) - 1, len(good)} {
		r := io.MultiReader(bytes.NewReader(good[:n]), iotest.ErrReader(lost))
		if a, err := ReadSafetensors(r, Limits{}); a != nil || !errors.Is(err, lost) || errors.Is(err, ErrRefused) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	if _, err := ReadSafetensors(iotest.OneByteReader(bytes.NewReader(good)), Limits{}); err != nil {
		t.Error(err)
	}
}

// TestReadAnyOrder reads what other libraries leave: tensors sorted by name,
// metadata last, blanks and escapes.
func TestReadAnyOrder(t *testing.T) {
	for _, a := range everyKind(t) {
		header, data := cut(encode(t, a.Artifact))
		var h map[string]json.RawMessage
		if err := json.Unmarshal([]byte(header), &h); err != nil {
			t.Fatal(err)
		}
		m, err := a.Model()
		if err != nil {
			t.Fatal(err)
		}
		layers := m.Layers()
		slices.Reverse(layers)
		var moved []byte
		parts := []string{}
		for _, l := range layers {
			shape, err := json.Marshal(l.Shape)
			if err != nil {
				t.Fatal(err)
			}
			begin := len(moved)
			moved = append(moved, data[4*l.From:4*l.To]...)
			offsets, err := json.Marshal([]int{begin, len(moved)})
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, `"`+l.Name+`" : {"data_offsets":`+string(offsets)+`, "shape":`+string(shape)+`, "dtype":"F\u00332"}`)
		}
		slices.Sort(parts)
		header = `{` + strings.Join(parts, ",\n\t") + `, "__metadata__":` + strings.ReplaceAll(string(h["__metadata__"]), "é", `\u00e9`) + "}  \n "
		got, err := ReadSafetensors(bytes.NewReader(join(header, moved)), Limits{})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		if diff := cmp.Diff(a.Artifact, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.name, diff)
		}
	}
}

// TestReadPair reads a character beyond 16 bits that is escaped in two halves.
func TestReadPair(t *testing.T) {
	header, data := cut(encode(t, everyKind(t)[0].Artifact))
	header = strings.Replace(header, "street noise", `\\ \ud83d\ude00`, 1)
	a, err := ReadSafetensors(bytes.NewReader(join(header, data)), Limits{})
	if err != nil || a.Task != "\\ \U0001f600" {
		t.Errorf("%v, %+v", err, a)
	}
}

// FuzzReadSafetensors reads a header and data behind a length that may be
// another than that of the header.
func FuzzReadSafetensors(f *testing.F) {
	for _, a := range everyKind(f) {
		header, data := cut(encode(f, a.Artifact))
		f.Add([]byte(header), data, int64(0))
		f.Add([]byte(header), data, int64(-1))
	}
	header, data := cut(encode(f, everyKind(f)[0].Artifact))
	for _, m := range headerMutations {
		f.Add([]byte(strings.Replace(header, m.old, m.new, 1)), data, int64(0))
	}
	f.Fuzz(func(t *testing.T, header, data []byte, lie int64) {
		b := join(string(header), data)
		binary.LittleEndian.PutUint64(b, uint64(int64(len(header))+lie))
		a, err := ReadSafetensors(bytes.NewReader(b), Limits{File: 1 << 16})
		if err != nil {
			if a != nil || !errors.Is(err, ErrRefused) {
				t.Errorf("%v, %v", a, err)
			}
			return
		}
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		again, err := ReadSafetensors(bytes.NewReader(encode(t, a)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bitsOf(a), bitsOf(again)); diff != "" {
			t.Errorf("(-read +again):\n%s", diff)
		}
		writeC(t, a, a.Task)
	})
}
