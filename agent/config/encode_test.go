// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEncodeGolden(t *testing.T) {
	c := Default()
	c.Name = "kitchen"
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "default.toml", b)
	if b, err = c.EncodeAll(); err != nil {
		t.Fatal(err)
	}
	golden(t, "all.toml", b)
	c.Policy = PolicyStrict
	c.Broker.URL = "mqtts://broker.example:8883"
	c.Broker.Username = `a "b" \c`
	c.Broker.KeepAlive = 90 * time.Second
	c.HTTP.Listen = ""
	if b, err = c.Encode(); err != nil {
		t.Fatal(err)
	}
	golden(t, "some.toml", b)
}

func TestEncodeRefuses(t *testing.T) {
	c := Default()
	c.Name, c.Policy, c.Broker.KeepAlive = "kitchen", "lax", 1500*time.Millisecond
	_, err := c.Encode()
	want := `encode settings: policy: "lax" is not one of open, balanced, strict` + "\n" +
		`broker.keep_alive: "1.5s" is not a duration; write whole hours, minutes and seconds, such as "90s" or "1h30m"`
	if got := message(err, "\x00"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// anyConfig draws valid settings.
func anyConfig(t *rapid.T) *Config {
	c := &Config{}
	for i := range table().settings {
		s := &table().settings[i]
		s.put(c, anyText(s).Draw(t, s.Path))
	}
	b := &c.Broker
	if b.PasswordFile != "" && b.Username == "" {
		b.Username = "u"
	}
	if b.CertFile == "" || b.KeyFile == "" {
		b.CertFile, b.KeyFile = "", ""
	}
	if b.URL != "" && !isSecure(b.URL) {
		b.CAFile, b.Pin = "", ""
	}
	if c.Live.Target == "" || c.Live.Learn == "" {
		c.Live.Learn = "anomaly"
	}
	return c
}

// anyText draws what s may be.
func anyText(s *Setting) *rapid.Generator[string] {
	var g *rapid.Generator[string]
	switch {
	case s.Choices != nil:
		return rapid.SampledFrom(s.Choices)
	case s.Type == "duration":
		return rapid.Map(rapid.Int64Range(int64(s.Min/time.Second), int64(s.Max/time.Second)), func(n int64) string {
			return formatDuration(time.Duration(n) * time.Second)
		})
	case s.Type == "text", s.Type == "path":
		return rapid.StringN(0, 100, MaxValue).Filter(func(text string) bool { return s.check(text) == "" })
	case s.Type == "name":
		return rapid.StringMatching(s.format.pattern)
	case s.Type == "pin":
		g = rapid.StringMatching(s.format.pattern)
	default:
		g = rapid.SampledFrom(samples[s.Path])
	}
	return rapid.OneOf(g, rapid.Just(""))
}

func TestEncodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		for _, encode := range []func() ([]byte, error){c.Encode, c.EncodeAll} {
			b, err := encode()
			if err != nil {
				t.Fatal(err)
			}
			l := newLoader()
			l.toml("FILE", b)
			got, err := l.finish()
			if err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			if d := cmp.Diff(c, got.Config); d != "" {
				t.Fatalf("%s\n%s", d, b)
			}
		}
	})
}

func TestFormatDuration(t *testing.T) {
	for text, want := range map[string]string{
		"0s": "0s", "10s": "10s", "60s": "1m", "90s": "1m30s", "10m": "10m", "1h": "1h",
		"3601s": "1h0m1s", "5400s": "1h30m", "24h": "24h", "100h": "100h", "20m": "20m", "10h10m": "10h10m",
	} {
		if got := formatDuration(mustDuration(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	c := Default()
	b, err := c.EncodeAll()
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	keys := 0
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, " = ") && line[0] != '#' {
			keys++
			if !strings.HasPrefix(before, "# ") {
				t.Errorf("no comment above %q", line)
			}
		}
		before = line
	}
	if keys != len(Settings()) {
		t.Errorf("%d keys, want %d", keys, len(Settings()))
	}
}
