// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

var (
	topicForm  = regexp.MustCompile(`^t/[a-z2-7]{26}$`)
	clientForm = regexp.MustCompile(`^[a-z2-7]{23}$`)
)

// TestNamesShareNothing draws pairs of keys and epochs: unless both are the
// same, no topic and no key of the one is one of the other.
func TestNamesShareNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (k [KeySize]byte, epoch uint32) {
			k[0] = rapid.Byte().Draw(t, "key of "+name)
			return k, rapid.Uint32Range(0, 3).Draw(t, "epoch of "+name)
		}
		k1, e1 := draw("one")
		k2, e2 := draw("other")
		same := k1 == k2 && e1 == e2
		one, other := Topics(k1, e1), Topics(k2, e2)
		for i, a := range one {
			if !topicForm.MatchString(a) {
				t.Fatalf("topic %q has another form", a)
			}
			for j, b := range other {
				if (a == b) != (same && i == j) {
					t.Fatalf("topics %d of %x, %d and %d of %x, %d: %q and %q", i, k1, e1, j, k2, e2, a, b)
				}
			}
		}
		if (OuterKey(k1, e1) == OuterKey(k2, e2)) != same {
			t.Fatalf("outer keys of %x, %d and %x, %d", k1, e1, k2, e2)
		}
	})
}

func TestClientID(t *testing.T) {
	rand, seen := newStream("clients"), map[string]bool{}
	for range 1000 {
		id := must(ClientID(rand))(t)
		if !clientForm.MatchString(id) || seen[id] {
			t.Fatalf("client id %q is of another form or comes twice", id)
		}
		seen[id] = true
	}
	if _, err := ClientID(bytes.NewReader(make([]byte, 14))); err == nil {
		t.Error("a source that ends gives a client id")
	}
}

func TestRandomTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tag {
			return Tag(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "tag"))
		}), 0, Tags).Draw(t, "known")
		tags, err := RandomTags(newStream("tags"), known)
		if err != nil {
			t.Fatal(err)
		}
		have := map[Tag]int{}
		for i, tag := range tags {
			if i > 0 && compareTags(tags[i-1], tag) > 0 {
				t.Fatal("tags are not sorted")
			}
			have[tag]++
		}
		for _, tag := range known {
			if have[tag]--; have[tag] < 0 {
				t.Fatalf("known tag %x is lost", tag)
			}
		}
	})
	if _, err := RandomTags(newStream("tags"), make([]Tag, Tags+1)); err == nil {
		t.Error("more tags than a hello holds are known")
	}
	if _, err := RandomTags(bytes.NewReader(make([]byte, 8*Tags-1)), nil); err == nil {
		t.Error("a source that ends gives tags")
	}
}
