// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// envPrefix begins the name of every variable that holds a setting.
const envPrefix = "VECINO_"

// Setting is all that is known about one setting.
type Setting struct {
	Path     string        // section.key, or key alone, as in the file
	Env      string        // environment variable
	Type     string        // choice, duration, or the format of a text: a key of formats
	Default  string        // as text; empty where Computed
	Doc      string        // whole sentences
	Choices  []string      // of a choice
	Min, Max time.Duration // of a duration
	Empty    bool          // whether it may be empty, which then has the meaning that Doc tells
	Computed bool          // the default depends on the device
	Soft     bool          // may be set without a signature

	index   []int // of the field, for reflect
	pattern *regexp.Regexp
	format  format
}

// Settings returns all settings in the order of [Config].
func Settings() []Setting {
	out := slices.Clone(table().settings)
	for i := range out {
		out[i].Choices = slices.Clone(out[i].Choices)
	}
	return out
}

// settingTable is what reflection finds in Config.
type settingTable struct {
	settings []Setting
	sections []string // names of tables, in the order of Config
}

var table = sync.OnceValue(readTable)

// readTable reads the tags of Config:
//
//	toml     key in the file
//	default  value where nothing is set; without it the default is empty or computed
//	format   what a text must look like, a key of formats
//	enum     the choices, separated by |
//	min, max bounds of a duration, which is always whole seconds
//	empty    what an empty value means; without it a value may not be empty
//	soft     "true" where an unsigned message may change it
//	doc      a sentence without its full stop
func readTable() *settingTable {
	t := &settingTable{}
	t.read(reflect.TypeFor[Config](), "", nil)
	return t
}

func (t *settingTable) read(of reflect.Type, prefix string, index []int) {
	for i := range of.NumField() {
		f := of.Field(i)
		path := prefix + f.Tag.Get("toml")
		at := append(slices.Clone(index), i)
		if f.Type.Kind() == reflect.Struct {
			t.sections = append(t.sections, path)
			t.read(f.Type, path+".", at)
			continue
		}
		t.settings = append(t.settings, newSetting(f, path, at))
	}
}

var durationType = reflect.TypeFor[time.Duration]()

func newSetting(f reflect.StructField, path string, index []int) Setting {
	s := Setting{
		Path: path, Env: envName(path), Type: f.Tag.Get("format"),
		Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc") + ".", Soft: f.Tag.Get("soft") == "true",
		index: index,
	}
	if empty, ok := f.Tag.Lookup("empty"); ok {
		s.Empty = true
		s.Doc += " Empty: " + empty + "."
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		s.Type, s.Choices = "choice", strings.Split(enum, "|")
	}
	if f.Type == durationType {
		s.Type = "duration"
		s.Min, s.Max = mustDuration(f.Tag.Get("min")), mustDuration(f.Tag.Get("max"))
	} else if f.Type.Kind() != reflect.String {
		panic("config: " + path + " has a type that no setting has")
	}
	s.Computed = s.Default == "" && !s.Empty
	s.format = formats[s.Type]
	if s.format.pattern != "" {
		s.pattern = regexp.MustCompile(s.format.pattern)
	}
	return s
}

func mustDuration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic("config: bound of a setting: " + err.Error())
	}
	return d
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// find returns the setting at path, or nil.
func (t *settingTable) find(path string) *Setting {
	for i := range t.settings {
		if t.settings[i].Path == path {
			return &t.settings[i]
		}
	}
	return nil
}

// paths returns the names of settings and sections.
func (t *settingTable) paths() []string {
	out := slices.Clone(t.sections)
	for _, s := range t.settings {
		out = append(out, s.Path)
	}
	return out
}

// envs returns the variables of all settings, in their order.
func (t *settingTable) envs() []string {
	out := make([]string, len(t.settings))
	for i, s := range t.settings {
		out[i] = s.Env
	}
	return out
}

// get returns the value in c as text.
func (s *Setting) get(c *Config) string {
	v := reflect.ValueOf(c).Elem().FieldByIndex(s.index)
	if v.Type() == durationType {
		return formatDuration(time.Duration(v.Int()))
	}
	return v.String()
}

// put writes a text that check has passed into c.
func (s *Setting) put(c *Config, text string) {
	v := reflect.ValueOf(c).Elem().FieldByIndex(s.index)
	if v.Type() == durationType {
		v.SetInt(int64(mustDuration(text)))
		return
	}
	v.SetString(text)
}

// formatDuration writes whole seconds without the zeros that package time adds.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-len("0s")]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-len("0m")]
	}
	return text
}
