// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func readText(name, in string, schema Schema) (*Table, error) {
	return Read(strings.NewReader(in), name, schema, Limits{})
}

func TestReadJSON(t *testing.T) {
	plain := `{"a": 1, "b": 2.5, "label": 0}` + "\n" + `{"b":4e-1,"label":2,"a":-3}` + "\n"
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
		"CRLF":             strings.ReplaceAll(plain, "\n", "\r\n"),
		"byte order mark":  "\xef\xbb\xbf" + plain,
		"no last line end": strings.TrimSuffix(plain, "\n"),
		"blank at the end": plain + "\n\n",
		"blanks":           " { \"a\" :\t1 , \"b\":2.5 ,\"label\": 0 } \n" + plain[strings.Index(plain, "\n")+1:],
		"escapes":          `{"\u0061": 1, "b": 2.5, "l\u0061bel": 0}` + "\n" + `{"b":0.4,"label":2,"\u0061":-3.0}`,
		"truth":            `{"a": true, "b": 2.5, "label": false}` + "\n" + `{"b":0.40e0,"label":2E+0,"a":-30e-1}`,
	}
	for name, in := range forms {
		got, err := readText("f.jsonl", in, Schema{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReadJSONByBytes has a group, gaps and a row without a target.
func TestReadJSONByBytes(t *testing.T) {
	in := `{"who": "left", "a": null, "y": 2.5, "b": 3}` + "\n" +
		`{"who": 7, "a": 4, "y": 5}` + "\n" +
		`{"who": "left", "a": 7, "b": 9}` + "\n" +
		`{"y": 1, "who": "\u00e9t\"e", "b": 6}` + "\n"
	for _, name := range []string{"f.ndjson", "f.ndjson.gz", "dir.csv/f.jsonl"} {
		got, err := Read(iotest.OneByteReader(strings.NewReader(in)), name, Schema{Target: "y", Group: "who"}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want := &Table{
			Kind:    Regression,
			Columns: []string{"a", "b"},
			Target:  "y",
			GroupBy: "who",
			X:       []float32{nan, 3, 4, nan, nan, 6},
			Y:       []float32{2.5, 5, 1},
			Group:   []string{"left", "7", "ét\"e"},
			Missing: []int32{2, 1},
			Fill:    []float32{4, 4.5},
			Dropped: 1,
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		checkTable(t, got)
	}
}

func TestReadJSONRefuses(t *testing.T) {
	const row = `{"a": 1, "label": 0}` + "\n"
	grouped := Schema{Group: "who"}
	const plain = `; write one flat object on each line, such as {"temperature": 21.5, "label": 0}`
	const number = "; write a number, or null where it is missing"
	tests := []struct {
		name, in string
		schema   Schema
		want     string
	}{
		{"empty", "", Schema{}, "f.jsonl: the file is empty; it needs rows"},
		{"no object", "[1, 2]\n", Schema{}, "f.jsonl:1: the line is not an object" + plain},
		{"CSV", "a,label\n1,2\n", Schema{}, "f.jsonl:1: the line is not an object" + plain},
		{"two objects", `{"a": 1, "label": 0} {}` + "\n", Schema{}, "f.jsonl:1: there is more than one object on the line" + plain},
		{"over two lines", "{\"a\": 1,\n\"label\": 0}\n", Schema{}, "f.jsonl:1: a key is not a string with a colon behind it; mend or remove the line"},
		{"cut off", row + `{"a": 1, "label`, Schema{}, "f.jsonl:2: a key is not a string with a colon behind it; mend or remove the line"},
		{"cut off at a colon", row + `{"a": `, Schema{}, "f.jsonl:2: the object is not complete; mend or remove the line"},
		{"cut off at a number", row + `{"a": 1`, Schema{}, "f.jsonl:2: the object is not complete; mend or remove the line"},
		{"no comma", row + `{"a": 1 "label": 0}`, Schema{}, "f.jsonl:2: the object is not complete; mend or remove the line"},
		{"comma at the end", row + `{"a": 1, "label": 0,}`, Schema{}, "f.jsonl:2: a key is not a string with a colon behind it; mend or remove the line"},
		{"number as key", row + `{1: 1}`, Schema{}, "f.jsonl:2: a key is not a string with a colon behind it; mend or remove the line"},
		{"first row empty", "{}\n", Schema{}, "f.jsonl:1: the first row is empty; it must have all keys; write null where a value is missing"},
		{"no name", `{"": 1, "label": 2}`, Schema{}, "f.jsonl:1: column 1 has no name; the first line must name all columns"},
		{"control in name", `{"a\u0007": 1, "label": 2}`, Schema{}, "f.jsonl:1: the name of column 1 is not readable text; save the file as UTF-8"},
		{"Latin-1", "{\"\xe9\": 1, \"label\": 2}", Schema{}, "f.jsonl:1: a key is not a string with a colon behind it; mend or remove the line"},
		{"key twice in the first row", `{"a": 1, "a": 2, "label": 2}`, Schema{}, "f.jsonl:1: there are two columns named a; rename one"},
		{"key twice", row + `{"a": 1, "a": 2}`, Schema{}, "f.jsonl:2: column a: the key is there twice; keep one of them"},
		{"key twice by escape", row + `{"a": 1, "\u0061": 2}`, Schema{}, "f.jsonl:2: column a: the key is there twice; keep one of them"},
		{"extra key", row + `{"a": 1, "b": 2, "label": 0}`, Schema{}, `f.jsonl:2: the key "b" is not in the first row; remove it, or write it there too, with null where it is missing`},
		{"one key", `{"a": 1}`, Schema{}, "f.jsonl:1: there is no feature beside target and group; add columns to learn from"},
		{"text", row + `{"a": "warm", "label": 0}`, Schema{}, `f.jsonl:2: column a: "warm" is text; write a number, or null where it is missing; classes are numbered from 0`},
		{"number as text", row + `{"a": "1", "label": 0}`, Schema{}, `f.jsonl:2: column a: "1" is text; write a number, or null where it is missing; classes are numbered from 0`},
		{"class as text", row + `{"a": 1, "label": "yes"}`, Schema{}, `f.jsonl:2: column label: "yes" is text; write a number, or null where it is missing; classes are numbered from 0`},
		{"text in the first row", `{"a": "warm", "label": 0}`, Schema{}, `f.jsonl:1: column a: "warm" is text; write a number, or null where it is missing; classes are numbered from 0`},
		{"open text", row + `{"a": "warm`, Schema{}, "f.jsonl:2: a string is not complete or not in UTF-8; mend or remove the line"},
		{"bad escape", row + `{"a": "\x"}`, Schema{}, "f.jsonl:2: a string is not complete or not in UTF-8; mend or remove the line"},
		{"list", row + `{"a": [1, 2], "label": 0}`, Schema{}, "f.jsonl:2: an object or list is the value of a key; write each of its numbers under a key of its own"},
		{"object", row + `{"a": {"x": 1}, "label": 0}`, Schema{}, "f.jsonl:2: an object or list is the value of a key; write each of its numbers under a key of its own"},
		{"NaN", row + `{"a": NaN, "label": 0}`, Schema{}, `f.jsonl:2: column a: "NaN" is not a number` + number},
		{"plus", row + `{"a": +1, "label": 0}`, Schema{}, `f.jsonl:2: column a: "+1" is not a number` + number},
		{"zero before", row + `{"a": -01, "label": 0}`, Schema{}, `f.jsonl:2: column a: "-01" is not a number` + number},
		{"no digit before the point", row + `{"a": .5, "label": 0}`, Schema{}, `f.jsonl:2: column a: ".5" is not a number` + number},
		{"no digit behind the point", row + `{"a": 5.e1, "label": 0}`, Schema{}, `f.jsonl:2: column a: "5.e1" is not a number` + number},
		{"no exponent", row + `{"a": 5e+, "label": 0}`, Schema{}, `f.jsonl:2: column a: "5e+" is not a number` + number},
		{"nothing", row + `{"a": , "label": 0}`, Schema{}, `f.jsonl:2: column a: "," is not a number` + number},
		{"word", row + `{"a": True, "label": 0}`, Schema{}, `f.jsonl:2: column a: "True" is not a number` + number},
		{"too large", row + `{"a": 1e39, "label": 0}`, Schema{}, `f.jsonl:2: column a: "1e39" is too large for a 32-bit float` + number},
		{"long number", row + `{"a": 1` + strings.Repeat("0", MaxField) + `, "label": 0}`, Schema{}, `f.jsonl:2: column a: "10000000000000000000000000000000"… is too long` + number},
		{"empty line", row + "\n" + row, Schema{}, "f.jsonl:2: the line is empty; remove it"},
		{"no target", row, Schema{Target: "y"}, `f.jsonl:1: there is no target column "y"; the file has a, label`},
		{"no class", row + `{"a": 1, "label": 1000}`, Schema{}, `f.jsonl:2: column label: 1000 is not a class; classes are whole numbers from 0 to 999; other numbers need kind = "regression" in schema.toml`},
		{"no owner", `{"a": 1, "who": null, "y": 0}`, grouped, "f.jsonl:1: column who: the owner is missing; remove the row or name its owner"},
		{"owner left out", `{"a": 1, "who": "x", "y": 0}` + "\n" + `{"a": 1, "y": 0}`, grouped, "f.jsonl:2: column who: the key is not there; remove the row or name its owner"},
		{"owner with a fraction", `{"a": 1, "who": 1.5, "y": 0}`, grouped, "f.jsonl:1: column who: the value is not a name; write a string or a whole number"},
		{"owner empty", `{"a": 1, "who": "", "y": 0}`, grouped, "f.jsonl:1: column who: the field is empty; remove the row or name its owner"},
		{"no target in any row", `{"a": 1, "y": null}`, Schema{}, "f.jsonl: no row has a target; fill in the column y"},
		{"gzip cut off", pack(t, row)[:20], Schema{}, "f.jsonl: cannot unpack the file: unexpected EOF; copy it again"},
		{"long line", row + `{"a": ` + strings.Repeat(" ", MaxLine), Schema{}, "f.jsonl:2: the line is longer than 1048576 bytes; is this a JSON lines file?"},
	}
	for _, tt := range tests {
		_, err := readText("f.jsonl", tt.in, tt.schema)
		if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var fe *FileError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %T is not a *FileError", tt.name, err)
		}
	}
}

func TestReadJSONLimits(t *testing.T) {
	const in = `{"a":1,"b":2,"y":0}` + "\n" + `{"a":1,"b":2,"y":0}` + "\n" + `{"a":1,"b":2,"y":0}` + "\n"
	tests := []struct {
		limits Limits
		want   string
	}{
		{Limits{Rows: 3, Columns: 3, Cells: 6, Bytes: int64(len(in))}, ""},
		{Limits{Rows: 2}, "f.jsonl:3: there are more than 2 rows; thin them out"},
		{Limits{Columns: 2}, "f.jsonl:1: there are more than 2 keys; leave some out"},
		{Limits{Cells: 5}, "f.jsonl:3: there are more than 2 rows; thin them out"},
		{Limits{Bytes: int64(len(in)) - 1}, "f.jsonl: the file is too large; split it or thin it out"},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(in), "f.jsonl", Schema{}, tt.limits)
		if got := errorText(err); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.limits, got, tt.want)
		}
	}
}

// FuzzReadJSON also holds what is accepted against another reader.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{
		`{"a": 1, "b": null, "y": 0}` + "\n" + `{"y": 1.5e-3, "a": -0}`,
		`{"g": "x", "a": true, "y": 0}` + "\r\n" + `{"g": 3, "a\u0020": 1}`,
		`{"\u0061": 1, "g": "\ud800", "y": 1e38}`,
	} {
		f.Add([]byte(s), "g")
		f.Add([]byte(pack(f, s)), "")
	}
	f.Fuzz(func(t *testing.T, data []byte, group string) {
		limits := Limits{Rows: 1000, Columns: 100, Cells: 10_000, Bytes: 1 << 20}
		table, err := Read(bytes.NewReader(data), "f.jsonl", Schema{Group: group}, limits)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("error with control characters: %q", err)
			}
			return
		}
		checkTable(t, table)
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return
		}
		d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
		rows := 0
		for ; ; rows++ {
			var object map[string]any
			if err := d.Decode(&object); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("accepted, though another reader says %v", err)
			}
		}
		if rows != table.Rows()+table.Dropped {
			t.Errorf("%d rows and %d dropped of %d objects", table.Rows(), table.Dropped, rows)
		}
	})
}
