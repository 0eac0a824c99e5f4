// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// cborRow is a map in the order of its pairs.
type cborRow []any

// items encodes rows, whose keys and values take turns.
func items(t testing.TB, rows ...cborRow) string {
	t.Helper()
	var out []byte
	for _, row := range rows {
		if n := len(row) / 2; n < 24 {
			out = append(out, 5<<5|byte(n))
		} else {
			out = append(out, 5<<5|25, byte(n>>8), byte(n))
		}
		for _, v := range row {
			b, err := cbor.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b...)
		}
	}
	return string(out)
}

func TestReadCBOR(t *testing.T) {
	in := items(t,
		cborRow{"who", "left", "a", nil, "y", 2.5, "b", 3},
		cborRow{"who", 7, "a", float32(4), "y", 5},
		cborRow{"who", -7, "a", float32(4), "b", 5},
		cborRow{"who", "left", "a", math.NaN(), "b", true, "y", -2},
		cborRow{"y", false, "who", "ét\"e", "b", 1e-3},
	)
	want := &Table{
		Kind:    Regression,
		Columns: []string{"a", "b"},
		Target:  "y",
		GroupBy: "who",
		X:       []float32{nan, 3, 4, nan, nan, 1, nan, 1e-3},
		Y:       []float32{2.5, 5, -2, 0},
		Group:   []string{"left", "7", "left", "ét\"e"},
		Missing: []int32{3, 1},
		Fill:    []float32{4, 1.3336667},
		Dropped: 1,
	}
	for name, r := range map[string]io.Reader{
		"whole":    strings.NewReader(in),
		"packed":   strings.NewReader(pack(t, in)),
		"by bytes": iotest.OneByteReader(strings.NewReader(in)),
	} {
		got, err := Read(r, "f.cbor", Schema{Target: "y", Group: "who"}, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		checkTable(t, got)
	}
}

// TestCBORNumbers reads each form of a number, those of RFC 8949, appendix A,
// among them.
func TestCBORNumbers(t *testing.T) {
	tests := []struct {
		hex  string
		want float32
	}{
		{"00", 0}, {"17", 23}, {"1818", 24}, {"1903e8", 1000}, {"1a000f4240", 1e6}, {"1b000000e8d4a51000", 1e12},
		{"1bffffffffffffffff", 18446744073709551615}, {"3bffffffffffffffff", -18446744073709551616}, {"3b7fffffffffffffff", -9223372036854775808},
		{"20", -1}, {"3863", -100}, {"3903e7", -1000}, {"1800", 0},
		{"f90000", 0}, {"f93c00", 1}, {"f93e00", 1.5}, {"f97bff", 65504}, {"f90001", 5.9604645e-8}, {"f90400", 6.1035156e-5}, {"f9c400", -4}, {"f983ff", -6.097555e-5},
		{"fa47c35000", 1e5}, {"fa7f7fffff", math.MaxFloat32}, {"fa00000001", math.SmallestNonzeroFloat32},
		{"fb3ff199999999999a", 1.1}, {"fbc010666666666666", -4.1}, {"fb0000000000000001", 0},
		{"f4", 0}, {"f5", 1},
	}
	for _, tt := range tests {
		b, err := hex.DecodeString("a26161" + tt.hex + "617900")
		if err != nil {
			t.Fatal(err)
		}
		table, err := Read(bytes.NewReader(b), "f.cbor", Schema{}, Limits{})
		if err != nil || table.X[0] != tt.want {
			t.Errorf("%s: %v, want %v, %v", tt.hex, table, tt.want, err)
		}
	}
	for hexed, want := range map[string]string{"3b7fffffffffffffff": "-9223372036854775808", "1bffffffffffffffff": "18446744073709551615", "20": "-1"} {
		b, err := hex.DecodeString("a3616700" + "616100" + "617900")
		if err != nil {
			t.Fatal(err)
		}
		owner, err := hex.DecodeString(hexed)
		if err != nil {
			t.Fatal(err)
		}
		b = slices.Replace(b, 3, 4, owner...)
		table, err := Read(bytes.NewReader(b), "f.cbor", Schema{Group: "g"}, Limits{})
		if err != nil || table.Group[0] != want {
			t.Errorf("%s: %v, want the owner %s, %v", hexed, table, want, err)
		}
	}
	if _, err := readText("f.cbor", "\xa3\x61g\x3b\xff\xff\xff\xff\xff\xff\xff\xff\x61a\x00\x61y\x00", Schema{Group: "g"}); err == nil {
		t.Error("a number beyond 64 bits was accepted as an owner")
	}
	zero := float16(0x8000)
	if zero != 0 || !math.Signbit(float64(zero)) {
		t.Errorf("-0 in 16 bits is %v", zero)
	}
}

func TestReadCBORRefuses(t *testing.T) {
	row := items(t, cborRow{"a", 1, "label", 0})
	value := func(hexed string) string {
		b, err := hex.DecodeString(hexed)
		if err != nil {
			t.Fatal(err)
		}
		return row + "\xa2\x61a" + string(b) + "\x65label\x00"
	}
	const number = "; write a number, or null where it is missing"
	tests := []struct{ name, in, want string }{
		{"empty", "", "f.cbor: the file is empty; it needs rows"},
		{"empty map", "\xa0", "f.cbor: item 1: the first row is empty; it must have all keys; write null where a value is missing"},
		{"list", "\x81\x01", `f.cbor: item 1: the item is not a map; write a map for each row, such as {"temperature": 21.5, "label": 0}`},
		{"CSV", "a,label\n1,2\n", `f.cbor: item 1: the item is not a map; write a map for each row, such as {"temperature": 21.5, "label": 0}`},
		{"cut off", row + row[:len(row)-1], "f.cbor: item 2: the file ends within the item; copy it again"},
		{"reserved", row + "\x1c", "f.cbor: item 2: the item is not well-formed CBOR; is this a CBOR sequence of maps?"},
		{"indefinite", row + "\xbf\x61a\x01\x65label\x00\xff", "f.cbor: item 2: the item has no definite length; write maps with their number of pairs"},
		{"tag", row + "\xd9\xd9\xf7" + row, "f.cbor: item 2: the item has a tag; write plain numbers"},
		{"huge map", row + "\xba\x00\x10\x00\x00", "f.cbor: item 2: there are more than 4096 keys; leave some out"},
		{"deep", row + "\xa2\x61a" + strings.Repeat("\x81", 20) + "\x00\x65label\x00", "f.cbor: item 2: the item is not well-formed CBOR; is this a CBOR sequence of maps?"},
		{"number as key", row + "\xa1\x01\x01", "f.cbor: item 2: a key is not text; write the names of the columns as text strings"},
		{"key not UTF-8", row + "\xa1\x61\xff\x01", "f.cbor: item 2: a text is not in UTF-8; mend or remove the item"},
		{"key twice", row + items(t, cborRow{"a", 1, "a", 2}), "f.cbor: item 2: column a: the key is there twice; keep one of them"},
		{"extra key", row + items(t, cborRow{"b", 1, "a", 2}), `f.cbor: item 2: the key "b" is not in the first row; remove it, or write it there too, with null where it is missing`},
		{"bytes", value("4101"), "f.cbor: item 2: an array, map or byte string is the value of a key; write each of its numbers under a key of its own"},
		{"array", value("8101"), "f.cbor: item 2: an array, map or byte string is the value of a key; write each of its numbers under a key of its own"},
		{"map", value("a0"), "f.cbor: item 2: an array, map or byte string is the value of a key; write each of its numbers under a key of its own"},
		{"text", value("6131"), `f.cbor: item 2: column a: "1" is text; write a number, or null where it is missing; classes are numbered from 0`},
		{"text not UTF-8", value("61ff"), "f.cbor: item 2: a text is not in UTF-8; mend or remove the item"},
		{"infinite half", value("f97c00"), "f.cbor: item 2: column a: +Inf is not a finite number" + number},
		{"infinite", value("fbfff0000000000000"), "f.cbor: item 2: column a: -Inf is not a finite number" + number},
		{"too large", value("fb7fe0000000000000"), "f.cbor: item 2: column a: 8.98846567431158e+307 is too large for a 32-bit float" + number},
		{"simple value", value("f8ff"), "f.cbor: item 2: column a: simple value 255 is not a number" + number},
		{"gzip cut off", pack(t, row)[:20], "f.cbor: cannot unpack the file: unexpected EOF; copy it again"},
		{"long", row + "\xa1\x61a\x7a\x00\x20\x00\x00" + strings.Repeat("x", 2<<20), "f.cbor: item 2: the item is longer than 1048576 bytes; is this a CBOR sequence?"},
	}
	for _, tt := range tests {
		_, err := readText("f.cbor", tt.in, Schema{})
		if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var fe *FileError
		if !errors.As(err, &fe) {
			t.Errorf("%s: %T is not a *FileError", tt.name, err)
		}
	}
}

func TestReadCBORLimits(t *testing.T) {
	in := strings.Repeat(items(t, cborRow{"a", 1, "b", 2, "y", 0}), 3)
	tests := []struct {
		limits Limits
		want   string
	}{
		{Limits{Rows: 3, Columns: 3, Cells: 6, Bytes: int64(len(in))}, ""},
		{Limits{Rows: 2}, "f.cbor: item 3: there are more than 2 rows; thin them out"},
		{Limits{Columns: 2}, "f.cbor: item 1: there are more than 2 keys; leave some out"},
		{Limits{Cells: 5}, "f.cbor: item 3: there are more than 2 rows; thin them out"},
		{Limits{Bytes: int64(len(in)) - 1}, "f.cbor: the file is too large; split it or thin it out"},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(in), "f.cbor", Schema{}, tt.limits)
		if got := errorText(err); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.limits, got, tt.want)
		}
	}
	broken := errors.New("broken disk")
	_, err := Read(io.MultiReader(strings.NewReader(in+"\xa3"), iotest.ErrReader(broken)), "f.cbor", Schema{}, Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("%v, want one that wraps %v", err, broken)
	}
}

// TestCBORBombs reads small files that unpack to large ones.
func TestCBORBombs(t *testing.T) {
	row := items(t, cborRow{"a", 1, "label", 0})
	for name, in := range map[string]string{
		"one text": row + "\xa1\x61a\x7a\x7f\xff\xff\xff" + strings.Repeat("x", 16<<20),
		"nested":   row + strings.Repeat("\x81", 16<<20),
		"zeros":    strings.Repeat("\x00", 16<<20),
	} {
		var before, after runtime.MemStats
		packed := pack(t, in)
		runtime.ReadMemStats(&before)
		_, err := readText("f.cbor", packed, Schema{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("%s: %d bytes allocated for %d bytes", name, got, len(packed))
		}
	}
}

// FuzzReadCBOR also holds what is accepted against another reader.
func FuzzReadCBOR(f *testing.F) {
	for _, s := range []string{
		items(f, cborRow{"a", 1, "b", nil, "y", 0}, cborRow{"y", 1.5, "a", -2}),
		items(f, cborRow{"g", "x", "a", true, "y", 0}, cborRow{"g", 3, "a", float32(2.5)}),
		"\xa2\x61a\xf9\x3c\x00\x61y\xf7\xa2\x61y\x20\x61a\xf4",
	} {
		f.Add([]byte(s), "g")
		f.Add([]byte(pack(f, s)), "")
	}
	strict, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, group string) {
		limits := Limits{Rows: 1000, Columns: 100, Cells: 10_000, Bytes: 1 << 20}
		table, err := Read(bytes.NewReader(data), "f.cbor", Schema{Group: group}, limits)
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
		rows := 0
		for d := strict.NewDecoder(bytes.NewReader(data)); ; rows++ {
			var row map[string]any
			if err := d.Decode(&row); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("accepted, though another reader says %v", err)
			}
		}
		if rows != table.Rows()+table.Dropped {
			t.Errorf("%d rows and %d dropped of %d maps", table.Rows(), table.Dropped, rows)
		}
	})
}
