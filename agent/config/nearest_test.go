// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 2},
		{"kitten", "sitting", 3}, {"saturday", "sunday", 3}, {"broker.urll", "broker.url", 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for key, want := range map[string]string{
		"broker.uri":               "broker.url",
		"borker.url":               "broker.url",
		"broker.keepalive":         "broker.keep_alive",
		"broker.password":          "broker.password_file",
		"broker.ca":                "broker.ca_file",
		"fl.checkpoint":            "fl.checkpoint_every",
		"NAME":                     "name",
		"tasks":                    "fl.tasks",
		"listen":                   "", // of two sections
		"foo":                      "",
		"x":                        "",
		"":                         "",
		"logs":                     "log",
		"log.lvl":                  "log.level",
		"learning.rate":            "",
		strings.Repeat("name", 20): "",
	} {
		if got := nearest(key, table().paths()); got != want {
			t.Errorf("nearest(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestScan(t *testing.T) {
	for text, want := range map[string]struct{ things, line int }{
		"":                                    {0, 1},
		"a=1\n[b]\nc='='":                     {3, 3},
		"a=\"=[{\\\"=\"\nb=1":                 {2, 2},
		"a='\\'\nb=1":                         {2, 2},
		"a='''=\n'=''=\n'''''\nb=1":           {2, 4},
		"a=\"\"\"=\n\\\"\"\"=\"\"\"\"\"\nb=1": {2, 3},
		"a=\"\"\nb=''\nc=1":                   {3, 3},
		"a={b='''x'''',c=1}":                  {4, 1},
		"a={b='\\',c=1}":                      {4, 1},
		"# = [[ ' \" '''\na=1":                {1, 2},
		"a='#'\n#":                            {1, 2},
		"a=[[1,2],{b=1}]":                     {5, 1},
		"a='''":                               {1, 1},
		"a=\"\\":                              {1, 1},
	} {
		things, line, reason := scan([]byte(text))
		if things != want.things || line != want.line || reason != "" {
			t.Errorf("%q: %d things, line %d, %q; want %+v", text, things, line, reason, want)
		}
	}
}

func TestScanLimits(t *testing.T) {
	dots := strings.Repeat("a.", MaxDepth) + "a = 1\n"
	deep := "a = " + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + "\n"
	for text, ok := range map[string]bool{
		dots + dots:                         true,
		"b." + dots:                         false,
		deep + deep:                         true,
		strings.Replace(deep, "[", "[[", 1): false,
		"a = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]": true,
		strings.Repeat("=", MaxKeys):                        true,
		strings.Repeat("=", MaxKeys+1):                      false,
	} {
		if _, _, reason := scan([]byte(text)); (reason == "") != ok {
			t.Errorf("%q: %q", text, reason)
		}
	}
}
