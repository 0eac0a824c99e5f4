// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// publicFiles are those of a state or runtime folder that hold no secret. What
// is in any other file must not be told, also in one that is new.
var publicFiles = map[string]bool{
	fileConfig: true, fileCharter: true, fileIssued: true, "lock": true, "task": true, "checkpoint": true, "vecino.sock": true,
	learn.FileImport: true, learn.FileOwn: true, "privacy": true,
	"clock": true, // nobody is told it either, but it is too short to look for
}

// secrets are what must not be told, by a name to complain with.
type secrets map[string][]byte

// add takes the secrets out of a file: every byte string of its CBOR, or the
// text, or pieces of 32 bytes.
func (s secrets) add(name string, b []byte) {
	var item any
	switch {
	case wire.Unmarshal(b, &item) == nil && len(b) > 2:
		s.addItem(name, item)
	case len(b)%32 == 0:
		for i := 0; i < len(b); i += 32 {
			s[fmt.Sprintf("%s byte %d", name, i)] = b[i : i+32]
		}
	default:
		s[name] = bytes.TrimSpace(b)
	}
}

func (s secrets) addItem(name string, item any) {
	switch v := item.(type) {
	case []any:
		for i, e := range v {
			s.addItem(fmt.Sprintf("%s.%d", name, i), e)
		}
	case map[any]any:
		for k, e := range v {
			s.addItem(fmt.Sprintf("%s.%v", name, k), e)
		}
	case []byte:
		if len(v) >= 16 {
			s[name] = v
		}
	}
}

// addCharter takes the byte strings of a signed charter, which all members know.
func (s secrets) addCharter(b []byte) {
	var signed struct {
		_          struct{} `cbor:",toarray"`
		Charter    []byte
		Signatures [][]byte
	}
	if wire.Unmarshal(b, &signed) == nil {
		s.add("charter", signed.Charter)
	}
}

// read takes the secrets of all files below a folder that are there now.
func (s secrets) read(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || publicFiles[finalName(d.Name())] {
			return nil // a file may go while we look
		}
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			s.add(filepath.Base(folder)+"/"+d.Name(), b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finalName returns the name that a file has when it is written whole, without the
// task that it is of.
func finalName(name string) string {
	if rest, ok := strings.CutPrefix(name, "."); ok {
		name = strings.TrimRight(rest, "0123456789")
	}
	if strings.HasPrefix(name, "checkpoint-") { // of a task
		return "checkpoint"
	}
	return name
}

// without leaves out what is public.
func (s secrets) without(public secrets) {
	known := map[string]bool{}
	for _, b := range public {
		known[string(b)] = true
	}
	for name, b := range s {
		if known[string(b)] {
			delete(s, name)
		}
	}
}

// told returns the names of the secrets that occur in a text, with the form.
func (s secrets) told(text []byte) (out []string) {
	upper := bytes.ToUpper(text)
	for name, b := range s {
		for form, f := range formsOf(b) {
			if bytes.Contains(text, f) || strings.HasPrefix(form, "base32") && bytes.Contains(upper, f) {
				out = append(out, name+" as "+form)
			}
		}
	}
	return out
}

// formsOf returns the ways in which bytes are written. Of base64 and base32 they
// are the letters that are the same wherever in a longer text the bytes stand.
func formsOf(b []byte) map[string][]byte {
	quoted := strconv.Quote(string(b))
	numbers := strings.Trim(fmt.Sprint(b), "[]")
	out := map[string][]byte{
		"bytes": b, "quoted": []byte(quoted[1 : len(quoted)-1]),
		"hex": []byte(hex.EncodeToString(b)), "upper hex": []byte(strings.ToUpper(hex.EncodeToString(b))),
		"spaced hex": []byte(fmt.Sprintf("% x", b)),
		"numbers":    []byte(numbers), "numbers of JSON": []byte(strings.ReplaceAll(numbers, " ", ",")),
	}
	add := func(form string, bits, group int, encode func([]byte) string) {
		for before := range group {
			letters := encode(append(make([]byte, before), b...))
			from, to := (8*before+bits-1)/bits, 8*(before+len(b))/bits
			out[fmt.Sprintf("%s at %d", form, before)] = []byte(letters[from:to])
		}
	}
	add("base64", 6, 3, base64.RawStdEncoding.EncodeToString)
	add("base64 for URLs", 6, 3, base64.RawURLEncoding.EncodeToString)
	add("base32", 5, 5, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString)
	return out
}

// TestSecretsAreFound is the control: whatever is planted is found.
func TestSecretsAreFound(t *testing.T) {
	secret := bytes.Repeat([]byte{0, 200, 'k', 0xfb}, 8)
	for i := range secret {
		secret[i] += byte(3 * i)
	}
	s := secrets{}
	s.add("identity", wire.MustMarshal([][]byte{secret, make([]byte, 4)}))
	s.add("broker-password", []byte("a pass word\n"))
	if len(s) != 2 {
		t.Fatalf("secrets %v", s)
	}
	long := append(append([]byte("before"), secret...), "behind"...)
	array, err := json.Marshal([32]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bytes": string(long), "hex": hex.EncodeToString(long), "HEX": fmt.Sprintf("%X", long), "spaced": fmt.Sprintf("% x", long),
		"%v": fmt.Sprint(long), "%q": fmt.Sprintf("%q", long), "JSON array": string(array),
		"base64": base64.StdEncoding.EncodeToString(long), "base64 of the rest": base64.StdEncoding.EncodeToString(long[1:]),
		"base64 for URLs": base64.URLEncoding.EncodeToString(long[2:]), "base32": base32.StdEncoding.EncodeToString(long),
		"lower base32": strings.ToLower(base32.StdEncoding.EncodeToString(long[3:])), "password": `err="login as a pass word"`,
	} {
		if told := s.told([]byte("one\n" + text + "\n")); len(told) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
	other := bytes.Clone(secret)
	other[16] ^= 1
	if told := s.told([]byte(fmt.Sprintf("%x %v %s a password", other, other, base32.StdEncoding.EncodeToString(other)))); len(told) > 0 {
		t.Errorf("found, though it is not there: %v", told)
	}
}

// TestNothingTellsSecrets lets three devices meet, learn, change pseudonyms and
// end, and holds that no secret of theirs is in anything they said at log level
// debug: output, errors, JSON, the page and its events. Invite codes, which are
// secrets too, are left out where they are made and looked for everywhere else.
func TestNothingTellsSecrets(t *testing.T) {
	if testing.Short() || !broker.Available {
		t.Skip("takes seconds, and a build with a broker")
	}
	t.Parallel()
	s := newSaid(t)
	s.verb("attic", "", "init", "--found", "--name", "attic", "--listen", "127.0.0.1:0", "--spread", "1s", "--epoch", "8s", "--chunks-per-minute", "6000", "--data", s.data())
	s.start("attic")
	s.until("attic", "an agent", func(v statusInfo) bool { return v.Health.State != "stopped" && len(v.Members) == 1 })
	for _, name := range []string{"cellar", "hall"} {
		s.verb(name, s.invite("attic"), "init", "--join", "-", "--name", name, "--data", s.data())
		s.start(name)
	}
	s.verb("late", s.codes[0], "init", "--join", "-", "--name", "late", "--timeout", "3s") // the code was used
	s.until("cellar", "neighbours", func(v statusInfo) bool { return len(v.Neighbours) == 2 })
	s.verb("cellar", "", "learn", "start", s.task())
	s.until("attic", "a task that is done", func(v statusInfo) bool { return v.Learning != nil && v.Learning.State == "done" })
	s.until("hall", "the next epoch", func(v statusInfo) bool { return bytes.Count(s.log("hall"), []byte("epoch entered")) >= 2 })
	for _, name := range []string{"attic", "cellar", "hall"} {
		for _, args := range [][]string{{"status"}, {"status", "--json"}, {"peers", "list", "--json"}, {"learn", "status", "--json"}, {"key", "show", "--json"}, {"bugreport", "-o", "-"}, {"peers", "admit", "abcd-efgh"}} {
			s.verb(name, "", args...)
		}
		s.page(name)
	}
	s.end()
	s.verb("attic", "", "status", "--json")
	for _, name := range []string{"identity.0", "identity.1", "attic/issuer.", fileK, filePassword, fileGuests, "keys-", "secret-", "invite 2"} {
		if n := s.count(name); n == 0 {
			t.Errorf("no secret %s was found, so that none was looked for", name)
		}
	}
	t.Logf("%d secrets, %d bytes said", len(s.secrets), len(s.text()))
	if told := s.secrets.told(s.text()); len(told) > 0 {
		t.Errorf("told: %v", told)
	}
	planted := append(s.text(), hex.EncodeToString(s.secrets["attic/identity.0"])...)
	if told := s.secrets.told(planted); len(told) != 1 {
		t.Errorf("one secret was planted, %d are found", len(told))
	}
}
