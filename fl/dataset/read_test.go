// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func pack(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRead(t *testing.T) {
	plain := "a,b,label\n1,2.5,0\n-3,4e-1,2\n"
	want := &Table{
		Kind:    Classification,
		Columns: []string{"a", "b"},
		Target:  "label",
		Classes: 3,
		X:       []float32{1, 2.5, -3, 0.4},
		Y:       []float32{0, 2},
		Labels:  []int32{0, 2},
	}
	forms := map[string]string{
		"plain":            plain,
		"packed":           pack(t, plain),
		"packed twice":     pack(t, "a,b,label\n1,2.5,0\n") + pack(t, "-3,4e-1,2\n"),
		"CRLF":             strings.ReplaceAll(plain, "\n", "\r\n"),
		"byte order mark":  "\xef\xbb\xbf" + plain,
		"no last line end": strings.TrimSuffix(plain, "\n"),
		"blank at the end": plain + "\n\r\n\n",
		"blanks":           "a, b ,label\n 1,2.5 ,0\n-3,\t4e-1,2\n",
		"quotes":           "\"a\",\"b\",\"label\"\n\"1\",2.5,\"0\"\n-3,\"4e-1\",2\n",
		"quoted mark":      "\xef\xbb\xbf\"a\",b,label\n1,2.5,0\n-3,.4,2\n",
		"signs and points": "a,b,label\n+1,2.50,0.0\n-3.,.4,2e0\n",
	}
	for name, in := range forms {
		got, err := Read(strings.NewReader(in), "f.csv", Schema{}, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReadByBytes reads one byte at a time, so that lines cross all buffers.
func TestReadByBytes(t *testing.T) {
	long := strings.Repeat("x", 200)
	in := long + "1," + strings.Repeat(long+",", 1000) + "label\n" // not unique names
	if _, err := Read(iotest.OneByteReader(strings.NewReader(in)), "f", Schema{}, Limits{}); err == nil {
		t.Error("duplicate names were accepted")
	}
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(strings.Repeat("y", 150) + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + ",")
	}
	b.WriteString("label\n" + strings.Repeat("0.125,", 1000) + "7\n")
	table, err := Read(iotest.OneByteReader(strings.NewReader(b.String())), "f", Schema{}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if table.Features() != 1000 || table.X[999] != 0.125 || table.Labels[0] != 7 {
		t.Errorf("%d features, last %v, label %v", table.Features(), table.X[999], table.Labels)
	}
}

func TestReadBySchema(t *testing.T) {
	const in = "owner,a,y,b\nleft,1,2.5,3\nright,4,5,6\nleft,7,8,9\n"
	got, err := Read(strings.NewReader(in), "f.csv", Schema{Target: "y", Group: "owner"}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Table{
		Kind:    Regression,
		Columns: []string{"a", "b"},
		Target:  "y",
		GroupBy: "owner",
		X:       []float32{1, 3, 4, 6, 7, 9},
		Y:       []float32{2.5, 5, 8},
		Group:   []string{"left", "right", "left"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The last column is the target unless it is the group.
	last, err := Read(strings.NewReader("a,y,owner\n1,2,x\n"), "f.csv", Schema{Group: "owner"}, Limits{})
	if err != nil || last.Target != "y" || last.Kind != Classification {
		t.Errorf("target %v, kind %v, %v", last.Target, last.Kind, err)
	}
	whole, err := Read(strings.NewReader("a,y\n1,2000\n"), "f.csv", Schema{Kind: Regression}, Limits{})
	if err != nil || whole.Kind != Regression || whole.Labels != nil {
		t.Errorf("regression of whole numbers: %v, %v", whole, err)
	}
}

func TestReadRefuses(t *testing.T) {
	const head = "p1,p2,label\n"
	grouped, classes := Schema{Group: "who"}, Schema{Kind: Classification}
	tests := []struct {
		name, in string
		schema   Schema
		want     string
	}{
		{"empty", "", Schema{}, `f.csv: the file is empty; it needs a header and rows`},
		{"empty header", "\n1,2,3\n", Schema{}, `f.csv:1: column 1 has no name; the first line must name all columns`},
		{"no rows", head, Schema{}, `f.csv: there are no rows below the header`},
		{"no rows, blank", head + "\n\n", Schema{}, `f.csv: there are no rows below the header`},
		{"no header", "1,2,3\n4,5,6\n", Schema{}, `f.csv:1: the first line holds numbers; put a line with the names of the columns before it`},
		{"one column", "p1\n1\n", Schema{}, `f.csv:1: there is only one column; separate columns by commas`},
		{"semicolons", "p1;p2;label\n1;2;3\n", Schema{}, `f.csv:1: there is only one column; separate columns by commas, not semicolons`},
		{"same names", "p1,p2,p1\n1,2,3\n", Schema{}, `f.csv:1: there are two columns named p1; rename one`},
		{"no name", "p1,,label\n", Schema{}, `f.csv:1: column 2 has no name; the first line must name all columns`},
		{"UTF-16", "p\x001\x00,\x00l\x00\n\x00", Schema{}, `f.csv:1: the name of column 1 is not readable text; save the file as UTF-8`},
		{"Latin-1", "temp\xe9rature,label\n1,2\n", Schema{}, `f.csv:1: the name of column 1 is not readable text; save the file as UTF-8`},
		{"quote in header", "\"p1,label\n1,2\n", Schema{}, `f.csv:1: the header has a quote that does not end on its line; write names on one line`},
		{"word", head + "1,2,3\n1,abc,3\n", Schema{}, `f.csv:3: column p2: "abc" is not a number; write a number, or nothing where it is missing`},
		{"long word", head + "1," + strings.Repeat("w", 50) + ",3\n", Schema{}, `f.csv:2: column p2: "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"… is not a number; write a number, or nothing where it is missing`},
		{"binary", head + "1,\x00\x1b[31m,3\n", Schema{}, `f.csv:2: column p2: "\x00\x1b[31m" is not a number; write a number, or nothing where it is missing`},
		{"hexadecimal", head + "1,0x10,3\n", Schema{}, `f.csv:2: column p2: "0x10" is not a number; write a number, or nothing where it is missing`},
		{"underscore", head + "1,1_000,3\n", Schema{}, `f.csv:2: column p2: "1_000" is not a number; write a number, or nothing where it is missing`},
		{"two points", head + "1,1.2.3,3\n", Schema{}, `f.csv:2: column p2: "1.2.3" is not a number; write a number, or nothing where it is missing`},
		{"sign only", head + "1,-,3\n", Schema{}, `f.csv:2: column p2: "-" is not a number; write a number, or nothing where it is missing`},
		{"infinite target", head + "1,2,-Inf\n", Schema{}, `f.csv:2: column label: "-Inf" is not a finite number; write a number, or nothing where it is missing`},
		{"too large", head + "1e39,2,3\n", Schema{}, `f.csv:2: column p1: "1e39" is too large for a 32-bit float; write a number, or nothing where it is missing`},
		{"long field", head + strings.Repeat("0", MaxField) + "1,2,3\n", Schema{}, `f.csv:2: column p1: the field is longer than 256 bytes; remove the row or write a number`},
		{"short row", head + "1,2,3\n1,2\n", Schema{}, `f.csv:3: the line has 2 fields and the header 3; complete or remove the row`},
		{"long row", head + "1,2,3,4\n", Schema{}, `f.csv:2: the line has more than the 3 fields of the header; mend or remove the row`},
		{"trailing comma", head + "1,2,3,\n", Schema{}, `f.csv:2: the line has more than the 3 fields of the header; mend or remove the row`},
		{"blank line", head + "1,2,3\n\n1,2,3\n", Schema{}, `f.csv:3: the line is empty; remove it`},
		{"open quote", head + "1,\"2,3\n", Schema{}, `f.csv:2: column p2: the field has a quote that does not end on its line; mend or remove the row`},
		{"text behind quote", head + "1,\"2\"x,3\n", Schema{}, `f.csv:2: column p2: the field has a quote that does not end on its line; mend or remove the row`},
		{"quote within", head + "1,\"2\"x\",3\n", Schema{}, `f.csv:2: column p2: the field has a quote that does not end on its line; mend or remove the row`},
		{"class below 0", head + "1,2,3\n1,2,-1\n", Schema{}, `f.csv:3: column label: -1 is not a class; classes are whole numbers from 0 to 999; other numbers need kind = "regression" in schema.toml`},
		{"class too high", head + "1,2,1000\n", Schema{}, `f.csv:2: column label: 1000 is not a class; classes are whole numbers from 0 to 999; other numbers need kind = "regression" in schema.toml`},
		{"half a class", head + "1,2,0.5\n", classes, `f.csv:2: column label: 0.5 is not a class; classes are whole numbers from 0 to 999; other numbers need kind = "regression" in schema.toml`},
		{"no target in any row", head + "1,2,\n1,2,NA\n", Schema{}, `f.csv: no row has a target; fill in the column label`},
		{"no such target", head + "1,2,3\n", Schema{Target: "y"}, `f.csv:1: there is no target column "y"; the file has p1, p2, label`},
		{"no such group", head + "1,2,3\n", grouped, `f.csv:1: there is no group column "who"; the file has p1, p2, label`},
		{"empty group", "p1,who,label\n1, ,3\n", grouped, `f.csv:2: column who: the field is empty; remove the row or name its owner`},
		{"control in group", "p1,who,label\n1,a\x07,3\n", grouped, `f.csv:2: column who: "a\a" is not a readable name; use short names in UTF-8`},
		{"long group", "p1,who,label\n1," + strings.Repeat("g", MaxField+1) + ",3\n", grouped, `f.csv:2: column who: "gggggggggggggggggggggggggggggggg"… is not a readable name; use short names in UTF-8`},
		{"no feature", "who,label\na,1\n", grouped, `f.csv:1: there is no feature beside target and group; add columns to learn from`},
		{"gzip header", "\x1f\x8b\x08", Schema{}, `f.csv: cannot unpack the file: unexpected EOF; copy it again`},
		{"gzip cut off", pack(t, head+"1,2,3\n")[:20], Schema{}, `f.csv: cannot unpack the file: unexpected EOF; copy it again`},
		{"gzip damaged", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff", Schema{}, `f.csv: cannot unpack the file: flate: corrupt input before offset 1; copy it again`},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(tt.in), "f.csv", tt.schema, Limits{})
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var fe *FileError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %T is not a *FileError", tt.name, err)
		}
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken disk")
	for _, r := range []io.Reader{
		iotest.ErrReader(broken),
		io.MultiReader(strings.NewReader("a,b\n1,2\n"), iotest.ErrReader(broken)),
	} {
		if _, err := Read(r, "f.csv", Schema{}, Limits{}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "f.csv") {
			t.Errorf("%v, want one that wraps %v and names the file", err, broken)
		}
	}
	if _, err := Read(strings.NewReader("a,b\n1,2\n"), "f", Schema{Kind: 7}, Limits{}); err == nil {
		t.Error("a schema of an unknown kind was accepted")
	}
}

func BenchmarkRead(b *testing.B) {
	data, err := os.ReadFile("digits/train.csv.gz")
	if err != nil {
		b.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	whole, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	const rows = 5000
	var maps strings.Builder
	for range rows {
		maps.WriteString(items(b, cborRow{"a", float32(23.718), "b", 577.66667, "c", 0.0047699519, "label", 1}))
	}
	for _, bm := range []struct{ name, file, in string }{
		{"whole", "f.csv", string(whole)},
		{"packed", "f.csv.gz", string(data)},
		{"decimals", "f.csv", "a,b,c,label\n" + strings.Repeat("23.718,577.66667,0.0047699519,1\n", rows)},
		{"gaps", "f.csv", "a,b,c,label\n" + strings.Repeat("23.718,,0.0047699519,1\n", rows)},
		{"json", "f.jsonl", strings.Repeat(`{"a":23.718,"b":577.66667,"c":0.0047699519,"label":1}`+"\n", rows)},
		{"cbor", "f.cbor", maps.String()},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(bm.in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(strings.NewReader(bm.in), bm.file, Schema{}, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
