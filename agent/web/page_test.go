// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"regexp"
	"testing"
)

// TestPageIsFresh holds that what is embedded was made of the page as it is.
func TestPageIsFresh(t *testing.T) {
	want, err := os.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	if got := unzip(t, page); !bytes.Equal(got, want) {
		t.Error("index.html.gz is not of this index.html; make it anew by gzip -9nkf index.html")
	}
	// gzip -n leaves name and time out of the head, so that the same page gives
	// the same bytes; -9 says so in the ninth byte.
	if head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2}; !bytes.HasPrefix(page, head) {
		t.Errorf("index.html.gz begins with % x, not as gzip -9n writes it", page[:len(head)])
	}
}

func TestPage(t *testing.T) {
	r := serve(t, testTable())
	want, err := os.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		accept, encoding string
	}{
		"gzip":        {"gzip, deflate, br", "gzip"},
		"plain":       {"", ""},
		"other plain": {"br", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := browser().Do(request(t, "GET", r.url+"/", "", "Accept-Encoding: "+c.accept))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Header.Get("Content-Encoding"); got != c.encoding {
				t.Errorf("encoding %q, want %q", got, c.encoding)
			}
			if c.encoding == "gzip" {
				body = unzip(t, body)
			}
			if !bytes.Equal(body, want) {
				t.Error("not the page")
			}
			for header, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Encoding"} {
				if got := resp.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestPageStandsAlone holds that the page asks nobody but the device: a router
// may have no way out, and the owner's reading is nobody else's matter.
func TestPageStandsAlone(t *testing.T) {
	html := unzip(t, page)
	if found := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]+|@import|url\(`).FindAll(html, -1); len(found) > 0 {
		t.Errorf("the page names %q", found)
	}
}

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
