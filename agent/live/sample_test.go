// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var nan = float32(math.NaN())

// TestParse holds what is a sample, line after line of one source.
func TestParse(t *testing.T) {
	type want struct {
		names  string
		values []float32
	}
	for name, c := range map[string]struct {
		single bool
		lines  []string
		want   []want
	}{
		"object":       {false, []string{`{"b":2,"a":-1.5e2}`}, []want{{"a b", []float32{-150, 2}}}},
		"words":        {true, []string{`{"a":true,"b":false,"c":null,"d":1}`}, []want{{"a b c d", []float32{1, 0, nan, 1}}}},
		"passed over":  {true, []string{`{"t":"2026-01-01","deep":{"x":[1,{"y":2}]},"list":[1],"a":7}`}, []want{{"a", []float32{7}}}},
		"blanks":       {true, []string{" \t{ \"a\" : 1 } \r\n"}, []want{{"a", []float32{1}}}},
		"array":        {true, []string{`[1,2.5,null]`}, []want{{"x1 x2 x3", []float32{1, 2.5, nan}}}},
		"bare":         {true, []string{"21.5"}, []want{{"x1", []float32{21.5}}}},
		"commas":       {false, []string{"1, 2,,NA,-3e1"}, []want{{"x1 x2 x3 x4 x5", []float32{1, 2, nan, nan, -30}}}},
		"header":       {false, []string{`time,"b c"`, "1,2", "", "3,4"}, []want{{"time b c", []float32{1, 2}}, {"time b c", []float32{3, 4}}}},
		"other header": {false, []string{"a,b", "1,2", "c", "3"}, []want{{"a b", []float32{1, 2}}, {"c", []float32{3}}}},
		"most names": {true, []string{"[" + strings.Repeat("0,", MaxNames-1) + "9]"},
			[]want{{strings.Join((&parser{}).numbered(MaxNames), " "), append(make([]float32, MaxNames-1), 9)}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := &parser{single: c.single}, time.Unix(5, 0)
			var got []want
			for _, line := range c.lines {
				s, ok, err := p.parse([]byte(line), at)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if ok {
					if !s.At.Equal(at) || len(s.Layout.Names) != len(s.Values) {
						t.Errorf("%q: %+v", line, s)
					}
					got = append(got, want{strings.Join(s.Layout.Names, " "), s.Values})
				}
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(want{}), cmpopts.EquateNaNs()); d != "" {
				t.Error("(-want +got):", d)
			}
		})
	}
}

func (p *parser) numbered(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint("x", i+1))
	}
	return out
}

// TestHostileSamples holds what is refused, and by which word it is counted.
func TestHostileSamples(t *testing.T) {
	many := make([]string, MaxNames+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":1`, i)
	}
	for name, c := range map[string]struct {
		single bool
		text   string
		reason string
	}{
		"too long":          {true, `{"a":1` + strings.Repeat(" ", MaxBytes) + "}", reasonSize},
		"cut":               {true, `{"a":1`, reasonSyntax},
		"cut deep":          {true, `{"a":[[[1`, reasonSyntax},
		"deep":              {true, `{"a":` + strings.Repeat("[", 30_000), reasonSyntax},
		"behind":            {true, `{"a":1}{"a":2}`, reasonSyntax},
		"behind an array":   {true, `[1] 2`, reasonSyntax},
		"no colon":          {true, `{"a" 1}`, reasonSyntax},
		"empty object":      {true, `{}`, reasonSyntax},
		"texts alone":       {true, `{"a":"1"}`, reasonSyntax},
		"nulls alone":       {true, `{"a":null}`, reasonSyntax},
		"empty array":       {true, `[]`, reasonSyntax},
		"text in an array":  {true, `[1,"2"]`, reasonSyntax},
		"array in an array": {true, `[[1]]`, reasonSyntax},
		"commas":            {true, "1,2", reasonNumber},
		"word":              {true, "hello", reasonNumber},
		"infinite":          {true, "inf", reasonNumber},
		"not a number":      {true, "NaN", reasonNumber},
		"hexadecimal":       {true, "0x1p-2", reasonNumber},
		"underscore":        {true, "1_000", reasonNumber},
		"too large":         {true, `{"a":1e39}`, reasonNumber},
		"much too large":    {true, `[1e999999999]`, reasonNumber},
		"same name":         {true, `{"a":1,"b":2,"a":3}`, reasonNames},
		"no name":           {true, `{"":1}`, reasonNames},
		"long name":         {true, `{"` + strings.Repeat("n", MaxName+1) + `":1}`, reasonNames},
		"control":           {true, `{"a\u001b[2J":1}`, reasonNames},
		"too many names":    {true, "{" + strings.Join(many, ",") + "}", reasonNames},
		"too many numbers":  {true, "[" + strings.Repeat("1,", MaxNames) + "1]", reasonNames},
		"too many cells":    {false, strings.Repeat("1,", MaxNames) + "1", reasonNames},
		"bad cell":          {false, "1,x,3", reasonNumber},
		"header twice":      {false, "a,b,a", reasonNames},
		"odd header":        {false, "a,\x00", reasonNames},
		"empty cells":       {false, ",,", reasonSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			s, ok, err := (&parser{single: c.single}).parse([]byte(c.text), time.Time{})
			var r *refusal
			if ok || !errors.As(err, &r) || r.reason != c.reason || len(err.Error()) > 300 {
				t.Errorf("%+v, %v, %v; want %s", s, ok, err, c.reason)
			}
		})
	}
}

func TestHeaderAndRows(t *testing.T) {
	p := &parser{}
	p.parse([]byte("a,b"), time.Time{})
	if _, ok, err := p.parse([]byte("1,2,3"), time.Time{}); ok || err == nil || !strings.Contains(err.Error(), "3 values for 2 names") {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestLayoutIsShared holds that one layout serves all samples that look alike.
func TestLayoutIsShared(t *testing.T) {
	p := &parser{}
	var before *Layout
	for i, line := range []string{`{"a":1,"b":2}`, `{"b":3,"a":4}`, `[1,2]`, `[3,4]`} {
		s, _, err := p.parse([]byte(line), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 && s.Layout != before || i == 2 && s.Layout == before {
			t.Errorf("%s: another layout", line)
		}
		before = s.Layout
	}
}

// FuzzSample holds that no source brings the parser down, and that what it takes is
// within the limits.
func FuzzSample(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":null,"c":{"d":[1]}}`, `[1,2,3]`, "1,2,NA", "time,value\n1,2\n3", "21.5", `{"a":1e39}`, `{"a":1,"a":2}`, "[[[[", "\x00", `{"\u2028":1}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, single bool) {
		p := &parser{single: single}
		for line := range strings.Lines(string(b)) {
			s, ok, err := p.parse([]byte(line), time.Time{})
			var r *refusal
			if err != nil && (ok || !errors.As(err, &r) || r.reason == "") {
				t.Errorf("%q: %v, %v", line, ok, err)
			}
			if !ok {
				continue
			}
			if len(s.Values) == 0 || len(s.Values) > MaxNames || len(s.Values) != len(s.Layout.Names) {
				t.Errorf("%q: %d values, %d names", line, len(s.Values), len(s.Layout.Names))
			}
			for i, v := range s.Values {
				if math.IsInf(float64(v), 0) || checkName(s.Layout.Names[i]) != nil {
					t.Errorf("%q: %q is %v", line, s.Layout.Names[i], v)
				}
			}
		}
	})
}
