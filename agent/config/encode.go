// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"strings"
)

const encodedHead = "# Settings of this device. What is not here has its default;\n" +
	"# vecino config schema describes all that there is.\n"

// Encode returns the settings as a TOML file in which each key has its
// documentation above it. Settings that have their default are left out, but for
// those whose default depends on the device, so that the file means the same on
// every one. The error is that of [Config.Validate].
func (c *Config) Encode() ([]byte, error) { return c.encode(!everySetting) }

// EncodeAll is like [Config.Encode] and leaves nothing out.
func (c *Config) EncodeAll() ([]byte, error) { return c.encode(everySetting) }

const everySetting = true

func (c *Config) encode(every bool) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(encodedHead)
	section := ""
	for i := range table().settings {
		s := &table().settings[i]
		text := s.get(c)
		if !every && text == s.Default { // never so where the default is computed
			continue
		}
		in, key, nested := strings.Cut(s.Path, ".")
		if !nested {
			in, key = "", s.Path
		}
		if in != section {
			section = in
			fmt.Fprintf(&b, "\n[%s]\n", section)
		} else {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s\n%s = %s\n", s.Doc, key, quoteTOML(text))
	}
	return b.Bytes(), nil
}

// tomlEscapes are those that a value needs, which holds no control characters.
var tomlEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quoteTOML returns text as a basic string of TOML.
func quoteTOML(text string) string { return `"` + tomlEscapes.Replace(text) + `"` }
