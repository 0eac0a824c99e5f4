// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oneObject decodes the one JSON object on the one line that text has to be.
func oneObject(text string) (object map[string]any, err error) {
	line, ended := strings.CutSuffix(text, "\n")
	if !ended || strings.Contains(line, "\n") {
		return nil, errors.New("not one line")
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	if object == nil {
		return nil, errors.New("not an object")
	}
	return object, nil
}

// lookUp returns the field at a path of names, and of numbers in lists, with
// dots between. The name LEN is the length of a list or an object.
func lookUp(v any, path string) (any, bool) {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			if name == "LEN" {
				return json.Number(strconv.Itoa(len(x))), true
			}
			inner, ok := x[name]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			if name == "LEN" {
				return json.Number(strconv.Itoa(len(x))), true
			}
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func checkAll(text string, checks []string) error {
	object, err := oneObject(text)
	if err != nil {
		return err
	}
	for _, c := range checks {
		if err := check(object, c); err != nil {
			return err
		}
	}
	return nil
}

// check holds one of
//
//	PATH=VALUE   the field is this: text as it is, everything else as in JSON
//	PATH:TYPE    the field is of this type, or of one of several with | between:
//	             number, fraction (from 0 to 1), string, bool, list, object, null, time
//	PATH>N       the field is a number above N; and so <
func check(object map[string]any, c string) error {
	i := strings.IndexAny(c, "=:<>")
	if i < 0 {
		return fmt.Errorf("check %q has no sign", c)
	}
	path, sign, want := c[:i], c[i], c[i+1:]
	v, ok := lookUp(object, path)
	if !ok {
		return fmt.Errorf("there is no %s", path)
	}
	text, isText := v.(string)
	if !isText {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		text = string(b)
	}
	switch sign {
	case '=':
		ok = text == want
	case ':':
		ok = slices.ContainsFunc(strings.Split(want, "|"), func(t string) bool { return slices.Contains(types(v), t) })
	default:
		number, isNumber := v.(json.Number)
		n, err := number.Float64()
		bound, err2 := strconv.ParseFloat(want, 64)
		ok = isNumber && err == nil && err2 == nil && (sign == '>' && n > bound || sign == '<' && n < bound)
	}
	if !ok {
		return fmt.Errorf("%s is %s, which is not %s", path, text, c[i:])
	}
	return nil
}

// types returns the names of what a value is.
func types(v any) []string {
	switch x := v.(type) {
	case nil:
		return []string{"null"}
	case bool:
		return []string{"bool"}
	case []any:
		return []string{"list"}
	case map[string]any:
		return []string{"object"}
	case json.Number:
		if n, err := x.Float64(); err == nil && n >= 0 && n <= 1 {
			return []string{"number", "fraction"}
		}
		return []string{"number"}
	case string:
		if _, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return []string{"string", "time"}
		}
		return []string{"string"}
	}
	return nil
}

// TestCheck holds that the checks of the scripts can fail.
func TestCheck(t *testing.T) {
	const text = `{"n":3,"f":0.5,"s":"a=b","z":null,"b":true,"l":["x",{"y":1}],"o":{"in":-2},"t":"2026-01-02T03:04:05Z","e":[]}` + "\n"
	for c, good := range map[string]bool{
		"n=3": true, "n=4": false, "n=3.0": false, "s=a=b": true, "s=a": false, "z=null": true, "b=true": true, "none=": false,
		"l.0=x": true, "l.1.y=1": true, "l.2=x": false, "l.-1=x": false, "l.LEN=2": true, "o.LEN=1": true, "e=[]": true, "o.in=-2": true, "s.x=1": false,
		"n:number": true, "n:fraction": false, "f:fraction": true, "f:number": true, "z:null": true, "z:number": false, "z:number|null": true,
		"s:string": true, "s:time": false, "t:time": true, "l:list": true, "l:object": false, "o:object": true, "b:bool": true, "none:null": false,
		"n>2": true, "n>3": false, "n<4": true, "n<3": false, "s>1": false, "o.in<0": true, "n>x": false, "n": false,
	} {
		if err := checkAll(text, []string{c}); (err == nil) != good {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, bad := range []string{"", "{}", "{}\n{}\n", "{}{}\n", "[]\n", "null\n", "{\n}\n", "x\n", "\n{}\n"} {
		if _, err := oneObject(bad); err == nil {
			t.Errorf("%q is taken for one object on one line", bad)
		}
	}
}
