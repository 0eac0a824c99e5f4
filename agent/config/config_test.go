// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func TestDefault(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Errorf("the default is not valid: %v", err)
	}
	if c.Policy != PolicyBalanced || c.FL.Tasks != TasksAccept || c.Broker.KeepAlive != time.Minute ||
		c.FL.CheckpointEvery != 10*time.Minute || c.HTTP.Listen != "127.0.0.1:8080" ||
		c.Power.MaxTemperature != "85" || c.Power.OnlyMains != MainsOrBattery {
		t.Errorf("unexpected default: %+v", c)
	}
}

func TestZeroIsNotValid(t *testing.T) {
	if new(Config).Validate() == nil {
		t.Error("the zero Config passes")
	}
}

func TestFitName(t *testing.T) {
	for _, c := range []struct{ host, want string }{
		{"kitchen", "kitchen"},
		{"Kitchen.Example.ORG", "kitchen"},
		{"raspberry_pi 4", "raspberry-pi-4"},
		{"--a--b--", "a-b"},
		{"ñandú", "and"},
		{"küche", "k-che"},
		{"", "vecino"},
		{"(none)", "vecino"},
		{"localhost", "vecino"},
		{"localhost.localdomain", "vecino"},
		{"...", "vecino"},
		{"日本", "vecino"},
		{strings.Repeat("a", 40), strings.Repeat("a", 32)},
		{strings.Repeat("a", 31) + "-b", strings.Repeat("a", 31)},
	} {
		got := fitName(c.host)
		if got != c.want {
			t.Errorf("fitName(%q) = %q, want %q", c.host, got, c.want)
		}
		if reason := table().find("name").check(got); reason != "" {
			t.Errorf("fitName(%q): %s", c.host, reason)
		}
	}
}

func TestGet(t *testing.T) {
	c := Default()
	c.Broker.KeepAlive = 90 * time.Second
	if got, ok := c.Get("broker.keep_alive"); got != "1m30s" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
	for _, path := range []string{"", "broker", "broker.", "keep_alive", "Name"} {
		if got, ok := c.Get(path); ok {
			t.Errorf("Get(%q) = %q, want none", path, got)
		}
	}
}

func TestPinSum(t *testing.T) {
	b := Broker{Pin: strings.Repeat("0F", 31) + "a1"}
	sum, ok := b.PinSum()
	if !ok || sum[0] != 0x0f || sum[31] != 0xa1 {
		t.Errorf("got %x, %v", sum, ok)
	}
	for _, pin := range []string{"", "0f", strings.Repeat("x", 64), strings.Repeat("0", 63)} {
		if _, ok := (&Broker{Pin: pin}).PinSum(); ok {
			t.Errorf("pin %q is taken", pin)
		}
	}
}

func TestResolvePath(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"", ""},
		{"password", "/state/password"},
		{"../ca.pem", "/ca.pem"},
		{"/etc/ca.pem", "/etc/ca.pem"},
	} {
		if got := ResolvePath("/state", c.path); got != c.want {
			t.Errorf("ResolvePath(%q) = %q, want %q", c.path, got, c.want)
		}
	}
}

// TestSettings holds the tags of Config against each other.
func TestSettings(t *testing.T) {
	settings := Settings()
	if len(settings) != 33 {
		t.Errorf("%d settings, want 33", len(settings))
	}
	envs := map[string]bool{EnvState: true, EnvRuntime: true}
	for _, s := range settings {
		if envs[s.Env] {
			t.Errorf("%s: the variable %s has another meaning already", s.Path, s.Env)
		}
		envs[s.Env] = true
		if _, known := formats[s.Type]; !known && s.Choices == nil {
			t.Errorf("%s: unknown type %q", s.Path, s.Type)
		}
		if !s.Computed && s.check(s.Default) != "" {
			t.Errorf("%s: its default %s", s.Path, s.check(s.Default))
		}
		if text, _ := Default().Get(s.Path); !s.Computed && text != s.Default {
			t.Errorf("%s: default %q reads back as %q", s.Path, s.Default, text)
		}
		if s.Type == "duration" && (s.Min < 0 || s.Max <= s.Min || s.Max%time.Second != 0 || s.Min%time.Second != 0) {
			t.Errorf("%s: bounds %v to %v", s.Path, s.Min, s.Max)
		}
		if len(s.Doc) < 20 || strings.Contains(s.Doc, "..") {
			t.Errorf("%s: documentation %q", s.Path, s.Doc)
		}
		if s.Empty != (s.check("") == "") {
			t.Errorf("%s: Empty is %v, but the check says %q", s.Path, s.Empty, s.check(""))
		}
	}
}

// TestSoft lists what may be set unsigned: nothing that touches keys, trust,
// reach or data.
func TestSoft(t *testing.T) {
	var soft []string
	for _, s := range Settings() {
		if s.Soft {
			soft = append(soft, s.Path)
		}
	}
	want := "broker.keep_alive fl.checkpoint_every power.window power.max_load log.level log.format"
	if got := strings.Join(soft, " "); got != want {
		t.Errorf("soft settings: %s, want %s", got, want)
	}
}

func TestSettingsIsACopy(t *testing.T) {
	s := Settings()
	s[1].Path, s[1].Choices[0] = "x", "x"
	if table().settings[1].Path == "x" || table().settings[1].Choices[0] == "x" {
		t.Error("a caller can change the table")
	}
}

func TestLiveKind(t *testing.T) {
	for _, c := range []struct {
		learn, target string
		kind          dataset.Kind
		classes       int
		wrong         string
	}{
		{"anomaly", "", dataset.Anomaly, 0, ""},
		{"anomaly", "bad", dataset.Anomaly, 0, ""},
		{"regression", "t", dataset.Regression, 0, ""},
		{"classes:12", "t", dataset.Classification, 12, ""},
		{"classes:12", "", dataset.Classification, 12, "live.learn: needs live.target, the name of the value that is to be learned"},
	} {
		config := Default()
		config.Live.Learn, config.Live.Target = c.learn, c.target
		wrong := ""
		if err := config.Validate(); err != nil {
			wrong = err.Error()
		}
		if kind, classes := config.Live.Kind(); kind != c.kind || classes != c.classes || wrong != c.wrong {
			t.Errorf("%s of %q: %v, %d, %q", c.learn, c.target, kind, classes, wrong)
		}
	}
}
