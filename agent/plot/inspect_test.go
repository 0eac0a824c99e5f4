// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// box is a part of the picture, in pixels.
type box struct{ left, top, right, bottom float64 }

// slop is how far a dot reaches beyond its point, and a pixel that the frame is rounded by.
const slop = dotRadius + 1

func (b box) holds(c box) bool {
	return c.left >= b.left-slop && c.right <= b.right+slop && c.top >= b.top-slop && c.bottom <= b.bottom+slop
}

func (b box) meets(c box) bool {
	return c.left < b.right && b.left < c.right && c.top < b.bottom && b.top < c.bottom
}

// written is a text and where it stands.
type written struct {
	box
	class, text string
}

// parsed is a picture that was read.
type parsed struct {
	whole, frame box
	texts        []written
	lines, bands []string // data of the paths within the frame
	circles      int
}

// node is an element of the picture with what it has from those around it.
type node struct {
	name  string
	attrs map[string]string
}

// allowed are the elements that a picture consists of.
var allowed = map[string]bool{"svg": true, "title": true, "style": true, "rect": true, "path": true, "g": true, "text": true, "circle": true}

// inspect reads a picture, and fails where it is not well formed, where a text
// leaves it or lies on a curve or a curve leaves the frame.
func inspect(t testing.TB, doc []byte) *parsed {
	t.Helper()
	if !utf8.Valid(doc) {
		t.Fatal("not UTF-8")
	}
	p := new(parsed)
	stack := []node{{attrs: map[string]string{}}}
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, doc)
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := node{token.Name.Local, map[string]string{}}
			for k, v := range stack[len(stack)-1].attrs {
				n.attrs[k] = v
			}
			for _, a := range token.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			if !allowed[n.name] || token.Name.Space != "http://www.w3.org/2000/svg" {
				t.Fatalf("element %v", token.Name)
			}
			stack = append(stack, n)
			p.element(t, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if n := stack[len(stack)-1]; n.name == "text" {
				p.texts = append(p.texts, place(t, n, string(token)))
			}
		}
	}
	p.check(t)
	return p
}

func (p *parsed) element(t testing.TB, n node) {
	t.Helper()
	switch n.name {
	case "svg":
		p.whole = box{0, 0, coordinate(t, n.attrs["width"]), coordinate(t, n.attrs["height"])}
		if want := "0 0 " + n.attrs["width"] + " " + n.attrs["height"]; n.attrs["viewBox"] != want {
			t.Fatalf("view box %q, want %q", n.attrs["viewBox"], want)
		}
	case "circle":
		p.circles++
		x, y := coordinate(t, n.attrs["cx"]), coordinate(t, n.attrs["cy"])
		if !p.frame.holds(box{x, y, x, y}) {
			t.Errorf("a dot at %v, %v", x, y)
		}
	case "path":
		p.path(t, n)
	}
}

func (p *parsed) path(t testing.TB, n node) {
	t.Helper()
	d := n.attrs["d"]
	b, ok := bounds(t, d)
	switch class := n.attrs["class"]; {
	case class == "frame":
		p.frame = b
		if !p.whole.holds(b) {
			t.Errorf("the frame %v is not in the picture %v", b, p.whole)
		}
	case class == "grid":
	case n.attrs["opacity"] != "":
		p.bands = append(p.bands, d)
	case ok && !p.frame.meets(b) && !p.frame.holds(b):
		if !p.whole.holds(b) { // of the legend
			t.Errorf("a swatch at %v", b)
		}
		return
	default:
		p.lines = append(p.lines, d)
	}
	if ok && !p.frame.holds(b) && n.attrs["class"] != "grid" {
		t.Errorf("a path of %v leaves the frame %v: %s", b, p.frame, d)
	}
}

// bounds returns the box around a path of absolute commands, and false where it
// is empty.
func bounds(t testing.TB, d string) (b box, ok bool) {
	t.Helper()
	b = box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, op := range strings.FieldsFunc(strings.NewReplacer("M", ",M", "L", ",L", "H", ",H", "V", ",V", "Z", ",Z").Replace(d), func(r rune) bool { return r == ',' }) {
		numbers := strings.Fields(op[1:])
		for i, number := range numbers {
			v := coordinate(t, number)
			if op[0] == 'H' || op[0] != 'V' && i == 0 {
				b.left, b.right = math.Min(b.left, v), math.Max(b.right, v)
			} else {
				b.top, b.bottom = math.Min(b.top, v), math.Max(b.bottom, v)
			}
		}
		ok = true
	}
	return b, ok
}

func coordinate(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v-v != 0 || v < 0 || strings.ContainsAny(s, "eE+-") {
		t.Fatalf("coordinate %q", s)
	}
	return v
}

// place returns a text with the box that it takes, by the widths that the
// package reckons with.
func place(t testing.TB, n node, text string) written {
	t.Helper()
	size, err := strconv.Atoi(n.attrs["font-size"])
	if err != nil {
		t.Fatal(err)
	}
	w, h := float64(textWidth(text, size)), float64(size)
	var b box
	if turn, turned := strings.CutPrefix(n.attrs["transform"], "translate("); turned {
		x, y, _ := strings.Cut(strings.TrimSuffix(turn, ") rotate(-90)"), " ")
		b.right, b.bottom = coordinate(t, x), coordinate(t, y)+w/2
		b.left, b.top = b.right-h, b.bottom-w
	} else {
		b.left, b.bottom = coordinate(t, n.attrs["x"]), coordinate(t, n.attrs["y"])
		b.left -= map[string]float64{"": 0, "middle": w / 2, "end": w}[n.attrs["text-anchor"]]
		b.right, b.top = b.left+w, b.bottom-h
	}
	return written{b, n.attrs["class"], text}
}

func (p *parsed) check(t testing.TB) {
	t.Helper()
	if p.frame.right-p.frame.left < 300 || p.frame.bottom-p.frame.top < 200 {
		t.Errorf("the frame %v is too small to see anything", p.frame)
	}
	for i, a := range p.texts {
		if !p.whole.holds(a.box) {
			t.Errorf("the text %q at %v is not in the picture %v", a.text, a.box, p.whole)
		}
		if p.frame.meets(a.box) {
			t.Errorf("the text %q at %v lies in the frame %v", a.text, a.box, p.frame)
		}
		for _, b := range p.texts[:i] {
			if a.meets(b.box) {
				t.Errorf("the texts %q at %v and %q at %v overlap", b.text, b.box, a.text, a.box)
			}
		}
	}
}
