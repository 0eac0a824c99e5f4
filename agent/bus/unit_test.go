// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	ceilings := []time.Duration{}
	b := backoff{draw: func(n int64) int64 { ceilings = append(ceilings, time.Duration(n-1)); return n - 1 }}
	for range 9 {
		b.next()
	}
	b.held(holdTime - 1)
	b.next()
	b.held(holdTime)
	b.next()
	s := time.Second
	want := []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s, 30 * s, 30 * s, s / 2}
	if fmt.Sprint(ceilings) != fmt.Sprint(want) {
		t.Errorf("ceilings %v, want %v", ceilings, want)
	}
}

// The jitter is full: waits lie anywhere from zero to the ceiling.
func TestBackoffJitter(t *testing.T) {
	low, high := time.Hour, time.Duration(0)
	for range 2000 {
		b := backoff{attempt: 50}
		w := b.next()
		low, high = min(low, w), max(high, w)
	}
	if low < 0 || low > backoffCap/50 || high > backoffCap || high < backoffCap*49/50 {
		t.Errorf("waits from %v to %v, want from 0 to %v", low, high, backoffCap)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"a/b", "a", false}, {"a", "a/", false},
		{"+", "a", true}, {"+", "a/b", false}, {"a/+", "a/b", true}, {"a/+", "a", false}, {"a/+", "a/", true},
		{"+/+", "/a", true}, {"/+", "/a", true}, {"+", "/a", false}, {"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false},
		{"#", "a", true}, {"#", "a/b/c", true}, {"a/#", "a", true}, {"a/#", "a/b/c", true}, {"a/#", "ab", false},
		{"a/+/#", "a/b", true}, {"a/+/#", "a", false}, {"+/b/#", "a/b", true},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"$SYS/+", "$SYS/x", true},
	} {
		if got := matches(strings.Split(c.filter, "/"), c.topic); got != c.want {
			t.Errorf("matches(%q, %q) = %t", c.filter, c.topic, got)
		}
	}
}

func TestCheckFilter(t *testing.T) {
	for filter, ok := range map[string]bool{
		"a": true, "#": true, "+": true, "a/#": true, "+/a/+": true, "$SYS/#": true, strings.Repeat("a", MaxTopic): true,
		"": false, "a#": false, "a/#/b": false, "a+/b": false, "\xff": false, "a\x00": false, strings.Repeat("a", MaxTopic+1): false,
	} {
		if err := checkFilter(filter, 1); (err == nil) != ok {
			t.Errorf("checkFilter(%q) = %v", filter, err)
		}
	}
	if err := checkFilter("a", 2); err == nil {
		t.Error("QoS 2 was taken")
	}
}

func TestCheckPublish(t *testing.T) {
	for _, c := range []struct {
		topic string
		size  int
		qos   byte
		want  string
	}{
		{"a/b", 0, 0, ""}, {"a", MaxPublish, 1, ""},
		{"a", MaxPublish + 1, 0, "at most 61440"}, {"a", 0, 2, "QoS 2"}, {"", 0, 0, "empty"},
		{"a/+", 0, 0, "for filters only"}, {"#", 0, 0, "for filters only"}, {"\xff", 0, 0, "plain text"},
		{strings.Repeat("a", MaxTopic+1), 0, 0, "257 bytes long, at most 256"},
	} {
		err := checkPublish(c.topic, c.size, c.qos)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("checkPublish(%.20q, %d, %d) = %v, want %q", c.topic, c.size, c.qos, err, c.want)
		}
	}
}

func TestMaxSubscriptions(t *testing.T) {
	var r router
	for i := range MaxSubscriptions {
		if err := r.add(subscription{filter: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.add(subscription{filter: "over"}); err == nil {
		t.Error("one too many was taken")
	}
	if err := r.add(subscription{filter: "0", qos: 1}); err != nil || r.all()[0].qos != 1 {
		t.Error("a known one was not replaced:", err)
	}
	r.remove("1")
	if err := r.add(subscription{filter: "over"}); err != nil {
		t.Error("after one was removed:", err)
	}
}

// However a Secret is shown, by itself or within something, it stays one.
func TestSecret(t *testing.T) {
	const password = "correct horse"
	s := NewSecret(password)
	if s.Reveal() != password || s.IsZero() || !(Secret{}).IsZero() || (Secret{}).Reveal() != "" || !NewSecret("").IsZero() {
		t.Error("Reveal or IsZero is wrong")
	}
	type holder struct {
		Shown  Secret
		hidden Secret
		ptr    *Secret
	}
	o := Options{URL: "mqtt://h", Username: "u", Password: s}
	session := newSession(o, address{url: mustParse(t, "mqtt://h:1").url})
	defer session.cancel()
	var out bytes.Buffer
	for _, v := range []any{s, &s, holder{s, s, &s}, &holder{s, s, &s}, o, &o, session, []Secret{s}, map[string]Secret{"k": s}, fmt.Errorf("with %v", s)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%5.2f"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		log.Info("m", "s", s, "p", &s, "h", holder{Shown: s, hidden: s}, "o", struct{ Password Secret }{s})
		log.With("s", s).WithGroup("g").Info("m", slog.Group("x", "s", s))
	}
	enc, err := json.Marshal(struct{ Password Secret }{s})
	if err != nil || string(enc) != `{"Password":"(hidden)"}` {
		t.Errorf("JSON %s, %v", enc, err)
	}
	for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password), fmt.Sprint([]byte(password))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("shown as %q", form)
		}
	}
	if !strings.Contains(out.String(), hidden) {
		t.Error("no stand-in is shown")
	}
}

func mustParse(t *testing.T, s string) address {
	t.Helper()
	a, err := parseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"mqtt://h":           "mqtt://h:1883 false false",
		"tcp://h:1":          "tcp://h:1 false false",
		"mqtts://h/":         "mqtts://h:8883 true false",
		"ssl://[::1]":        "ssl://[::1]:8883 true false",
		"ws://h/mqtt?x=1":    "ws://h:80 false true",
		"wss://1.2.3.4:5/ws": "wss://1.2.3.4:5 true true",
	} {
		a := mustParse(t, in)
		if got := fmt.Sprint(a, a.secure, a.websocket); got != want {
			t.Errorf("parseURL(%q) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"":                       "scheme",
		"h:1883":                 "scheme",
		"http://h":               "scheme",
		"mqtt://":                "no host",
		"mqtt://:1883":           "no host",
		"mqtt://h/path":          "path",
		"mqtt://u:secret@h":      "user name and password in their own settings",
		"mqtt://u:secret@h:port": "cannot be read",
		"mqtt://h\x7f:1":         "cannot be read",
	} {
		_, err := parseURL(in)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("parseURL(%q) = %v, want %q", in, err, want)
		}
	}
}

func TestOptionsCheck(t *testing.T) {
	for want, o := range map[string]Options{
		"needs a client id": {},
		"needs a user name": {ClientID: "c", Password: NewSecret("p")},
		"whole seconds":     {ClientID: "c", KeepAlive: time.Millisecond},
		"for filters only":  {ClientID: "c", Will: &Message{Topic: "#"}},
		"up to 18 hours":    {ClientID: "c", KeepAlive: 19 * time.Hour},
		"at most 61440":     {ClientID: "c", Will: &Message{Topic: "a", Payload: make([]byte, MaxPublish+1)}},
	} {
		if err := o.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check = %v, want %q", err, want)
		}
	}
	if err := (&Options{CleanSession: true}).check(); err != nil {
		t.Error(err)
	}
}

func TestStateString(t *testing.T) {
	if got := fmt.Sprint(Connecting, Connected, Waiting, Closed); got != "connecting connected waiting closed" {
		t.Error(got)
	}
}
