// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
)

func TestReadLimits(t *testing.T) {
	const in = "a,b,label\n1,2,0\n1,2,0\n1,2,0\n"
	tests := []struct {
		limits Limits
		want   string
	}{
		{Limits{Rows: 3, Columns: 3, Cells: 6, Bytes: int64(len(in))}, ""},
		{Limits{Rows: 2}, "f:4: there are more than 2 rows; thin them out"},
		{Limits{Columns: 2}, "f:1: there are more than 2 columns; leave some out"},
		{Limits{Cells: 5}, "f:4: there are more than 2 rows; thin them out"},
		{Limits{Bytes: int64(len(in)) - 1}, "f: the file is too large; split it or thin it out"},
		{Limits{Rows: MaxRows + 1, Cells: MaxCells + 1, Bytes: MaxBytes + 1}, ""},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(in), "f", Schema{}, tt.limits)
		if got := errorText(err); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.limits, got, tt.want)
		}
	}
	if _, err := Read(strings.NewReader("a,b\n"+strings.Repeat("1", MaxLine)+",0\n"), "f", Schema{}, Limits{}); errorText(err) != "f:2: the line is longer than 1048576 bytes; is this a CSV file?" {
		t.Errorf("long line: %v", err)
	}
	if _, err := Read(strings.NewReader(strings.Repeat("c", MaxField+1)+",b\n"), "f", Schema{}, Limits{}); errorText(err) != "f:1: the name of column 1 is longer than 256 bytes; shorten it" {
		t.Errorf("long name: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReadManyGroups(t *testing.T) {
	var b strings.Builder
	b.WriteString("a,who,label\n")
	for i := range MaxGroups + 1 {
		b.WriteString("1,")
		for v := i; ; v /= 26 {
			b.WriteByte(byte('a' + v%26))
			if v < 26 {
				break
			}
		}
		b.WriteString(",0\n")
	}
	_, err := Read(strings.NewReader(b.String()), "f", Schema{Group: "who"}, Limits{})
	if want := "f:65538: column who: there are more than 65536 groups; is this the group column?"; errorText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestBombs reads small files that unpack to large ones, each of which is
// refused before much memory is taken.
func TestBombs(t *testing.T) {
	const unpacked = 16 << 20
	fill := func(head, body string) string { return pack(t, head+strings.Repeat(body, unpacked/len(body))) }
	bombs := map[string]string{
		"one line":    fill("a,b\n", "0"),
		"header":      fill("", "0"),
		"columns":     fill("", "x,"),
		"blank lines": fill("a,b\n", "\n") + pack(t, "1,2\n"),
		"fields":      fill("a,b\n", ","),
		"quotes":      fill("a,b\n\"", "\"\""),
	}
	for name, in := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(strings.NewReader(in), "f", Schema{}, Limits{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 6<<20 {
			t.Errorf("%s: %d bytes allocated for %d bytes", name, got, len(in))
		}
	}
}

func TestReadAllocates(t *testing.T) {
	in := "a,b,label\n" + strings.Repeat("0.5,12.25,1\n", 1000)
	allocs := testing.AllocsPerRun(5, func() {
		if _, err := Read(strings.NewReader(in), "f", Schema{}, Limits{}); err != nil {
			t.Error(err)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations for 3,000 numbers", allocs)
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{
		"a,b,label\n1,2.5,0\n-3,4e-1,2\n",
		"\xef\xbb\xbf\"a\"\"x\",b\r\n\"1\",2\r\n\r\n",
		"g,a,y\nx,1,0.5\ny,2,1e38\n",
		"a;b\n1;2\n",
	} {
		f.Add([]byte(s), "g")
		f.Add([]byte(pack(f, s)), "")
	}
	f.Fuzz(func(t *testing.T, data []byte, group string) {
		limits := Limits{Rows: 1000, Columns: 100, Cells: 10_000, Bytes: 1 << 20}
		table, err := Read(bytes.NewReader(data), "f", Schema{Group: group}, limits)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("error with control characters: %q", err)
			}
			return
		}
		checkTable(t, table)
		if table.Rows() > limits.Rows || len(table.X) > limits.Cells {
			t.Errorf("%d rows, %d cells", table.Rows(), len(table.X))
		}
	})
}

// checkTable holds a table to what its fields promise.
func checkTable(t *testing.T, table *Table) {
	t.Helper()
	rows := table.Rows()
	if rows == 0 || table.Features() == 0 || len(table.X) != rows*table.Features() {
		t.Fatalf("%d rows of %d features in %d cells", rows, table.Features(), len(table.X))
	}
	missing := make([]int32, table.Features())
	for i, v := range table.X {
		if v != v {
			missing[i%len(missing)]++
		} else if v-v != 0 {
			t.Fatalf("%v is not finite", v)
		}
	}
	for i, n := range missing {
		if table.Missing == nil && n > 0 || table.Missing != nil && n != table.Missing[i] {
			t.Fatalf("feature %d is missing in %d rows, counted are %v", i, n, table.Missing)
		}
	}
	if !tensor.Finite(table.Y) || !tensor.Finite(table.Fill) || (table.Missing != nil && table.Fill == nil) {
		t.Fatalf("targets %v, filled with %v", table.Y, table.Fill)
	}
	if (table.GroupBy != "") != (len(table.Group) == rows) {
		t.Fatalf("%d group keys by %q", len(table.Group), table.GroupBy)
	}
	if table.Kind == Regression {
		if table.Labels != nil || table.Classes != 0 {
			t.Fatalf("regression with %d classes", table.Classes)
		}
		return
	}
	if len(table.Labels) != rows || table.Classes < 1 || table.Classes > MaxClasses {
		t.Fatalf("%d labels of %d classes", len(table.Labels), table.Classes)
	}
	for i, label := range table.Labels {
		if label < 0 || int(label) >= table.Classes || float32(label) != table.Y[i] {
			t.Fatalf("row %d: label %d of %d, target %v", i, label, table.Classes, table.Y[i])
		}
	}
}
