// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"fmt"
	"strings"
	"testing"
)

// hostile are texts that would break a picture if they came into it as they are.
var hostile = []string{
	"", " \t\n ", "</text></svg>", "<script>alert(1)</script>", `" onload="alert(1)`, "]]>", "<!-- ", "<![CDATA[", "&amp;&#0;&lol;", "'\"&<>",
	"\x00\x01\x1b[31m", "\xff\xfe\xed\xa0\x80", "\ufffe\uffff", "\u202eright to left", "a\u0000b", "two\nlines\r\nof\u2028it",
	strings.Repeat("W", 10_000), strings.Repeat("漢", 10_000), strings.Repeat("e\u0301\u0302\u0303\u0304\u0305\u0306", 60), "𝔊😀👩‍👩‍👧",
	strings.Repeat("<", 300), strings.Repeat(" ", 300) + "x", "שלום مرحبا",
}

// TestHostileTexts puts each text in each place: [inspect] holds them well
// formed and within the picture, and what a reader gets back is the cleaned text.
func TestHostileTexts(t *testing.T) {
	x := count(0, 3)
	for _, s := range hostile {
		t.Run(fmt.Sprintf("%.20q", s), func(t *testing.T) {
			pic := inspect(t, svg(t, Plot{
				Title: s, XLabel: s, YLabel: s, Series: []Series{{Name: s, X: x, Y: x}, {Name: "another", X: x, Y: x}},
			}))
			want := strings.TrimSuffix(clean(s), ellipsis)
			for _, text := range pic.texts {
				if text.class == "ink" && text.text != "another" && !strings.HasPrefix(want, strings.TrimSuffix(text.text, ellipsis)) {
					t.Errorf("%q in the picture", text.text)
				}
			}
			if n := len(pic.lines); n != 2 {
				t.Errorf("%d lines", n)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"accuracy", "accuracy"}, {" a\tb\n", "a b"}, {"a\x00\u202eb", "a\ufffd\ufffdb"}, {"\xff", "\ufffd"},
		{strings.Repeat("x", MaxText), strings.Repeat("x", MaxText)}, {strings.Repeat("x", MaxText+1), strings.Repeat("x", MaxText) + ellipsis},
		{"o\u0308\u0304\u0301\u0300\u0302k", "o\u0308\u0304\u0301k"},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 10, ""}, {"round", 100, "round"}, {"round", 41, "round"}, {"round", 40, "rou…"}, {"a word", 47, "a w…"}, {"a word", 40, "a…"}, {"漢漢漢", 31, "漢…"},
	} {
		if got := fit(tt.in, fontSize, tt.width); got != tt.want || textWidth(got, fontSize) > tt.width {
			t.Errorf("fit(%q, %d) = %q of %d pixels, want %q", tt.in, tt.width, got, textWidth(got, fontSize), tt.want)
		}
	}
}

// TestTextWidth holds the estimate above widths that were measured in DejaVu
// Sans, the widest of the fonts that readers use by default, and not far above.
func TestTextWidth(t *testing.T) {
	for _, tt := range []struct {
		text     string
		measured float64 // of the font's size
	}{
		{"accuracy on the test rows", 12.95}, {"K-GT", 2.40}, {"Ring of 10, Dirichlet 0.1", 11.86}, {"WWWWMMMM", 7.41}, {"−1.5e300", 4.95},
		{"100 %", 3.18}, {"{1: −8}", 4.04}, {"0123456789", 6.36}, {"The quick brown fox jumps over the lazy dog", 22.54}, {"Größe ÄÖÜ", 5.56},
	} {
		got := float64(textWidth(tt.text, 100)) / 100
		if got < tt.measured || got > 1.45*tt.measured {
			t.Errorf("%q is reckoned %.2f wide, and is %.2f", tt.text, got, tt.measured)
		}
	}
}
