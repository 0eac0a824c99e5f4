// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "(hidden)"

// Secret is a password that shows itself to [Secret.Reveal] only: printed, logged
// or encoded it reads "(hidden)". The zero Secret is no password.
type Secret struct {
	// A function, since package fmt prints the fields of a struct that holds a
	// Secret in an unexported field without asking its methods.
	reveal func() string
}

// NewSecret returns a Secret that holds s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{func() string { return s }}
}

// Reveal returns the password, for the one place that sends or checks it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no password.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Format is of [fmt.Formatter], which stands before every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// String returns a stand-in.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// LogValue is of [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is of [encoding.TextMarshaler], which JSON and TOML use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
