// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"strings"
)

// schemaNode is what we use of JSON Schema 2020-12. Keywords that begin with
// x-vecino are annotations, which validators pass over.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        string                 `json:"type"`
	Enum        []string               `json:"enum,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	MaxLength   int                    `json:"maxLength,omitempty"` // characters: never fewer than the bytes that are allowed
	Default     *string                `json:"default,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Additional  *bool                  `json:"additionalProperties,omitempty"`
	Env         string                 `json:"x-vecino-env,omitempty"`
	Format      string                 `json:"x-vecino-type,omitempty"`
	Minimum     string                 `json:"x-vecino-min,omitempty"`
	Maximum     string                 `json:"x-vecino-max,omitempty"`
	Soft        bool                   `json:"x-vecino-soft,omitempty"` // may be set without a signature
}

// Schema returns the JSON Schema of the file, the same bytes every time. What it
// refuses [Check] refuses too; that a duration is within its bounds and that
// settings go together is for [Check] alone.
func Schema() []byte {
	t := table()
	root := object("What /etc/vecino/config.toml and config.toml in the state folder may hold.")
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Settings of a Vecino device"
	for _, name := range t.sections {
		root.Properties[name] = object("")
	}
	for i := range t.settings {
		s := &t.settings[i]
		in, key, nested := strings.Cut(s.Path, ".")
		if nested {
			root.Properties[in].Properties[key] = s.schema()
		} else {
			root.Properties[in] = s.schema()
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic("config: encode schema: " + err.Error())
	}
	return b.Bytes()
}

func object(description string) *schemaNode {
	return &schemaNode{
		Description: description, Type: "object",
		Properties: map[string]*schemaNode{}, Additional: new(bool),
	}
}

func (s *Setting) schema() *schemaNode {
	n := &schemaNode{
		Description: s.Doc, Type: "string", Enum: s.Choices, MaxLength: MaxValue,
		Env: s.Env, Format: s.Type, Soft: s.Soft, Pattern: s.format.pattern,
	}
	if s.Choices != nil {
		n.MaxLength = 0
	}
	if n.Pattern != "" && s.Empty {
		n.Pattern = "^$|" + n.Pattern
	}
	if !s.Computed {
		n.Default = &s.Default
	}
	if s.Type == "duration" {
		n.Minimum, n.Maximum = formatDuration(s.Min), formatDuration(s.Max)
	}
	return n
}
