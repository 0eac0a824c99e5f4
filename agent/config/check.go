// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vecino-edge/vecino/board"
)

// format is what texts of one kind look like.
type format struct {
	pattern string                   // anchored; in the syntax that RE2 and ECMA-262 share
	wrong   string                   // what is said where the pattern does not match
	check   func(text string) string // what the pattern cannot tell: the reason, empty if there is none
}

// formats by the name in the format tag. The pattern of duration takes less than
// package time does: whole seconds, so that every machine reads and writes the same.
var formats = map[string]format{
	"text": {},
	"path": {},
	"name": {
		pattern: `^[a-z0-9-]{1,32}$`,
		wrong:   "is not a name; use 1 to 32 of a-z, 0-9 and -",
	},
	"duration": {
		pattern: `^(0|([0-9]+[hms])+)$`,
		wrong:   `is not a duration; write whole hours, minutes and seconds, such as "90s" or "1h30m"`,
	},
	"pin": {
		pattern: `^[0-9A-Fa-f]{64}$`,
		wrong:   "is not a pin; write the SHA-256 of the broker's SubjectPublicKeyInfo as 64 hexadecimal digits",
	},
	"source": {
		pattern: `^(board|(mqtt|exec|file):.*[^ ].*)$`,
		wrong:   "is no source of samples; write mqtt:TOPIC, exec:COMMAND, file:PATH or board",
		check:   checkSource,
	},
	"learn": {
		pattern: `^(anomaly|regression|classes:[1-9][0-9]{0,3})$`,
		wrong:   "is nothing to learn; write anomaly, regression or classes:N, such as classes:4",
		check:   checkLearn,
	},
	"column": {
		pattern: `^[^,"]{1,64}$`,
		wrong:   "is not the name of a value; use 1 to 64 characters without commas and quotes",
	},
	"prefix": {
		pattern: `^[0-9A-Za-z_/-]{1,64}$`,
		wrong:   "is not the beginning of a topic; use 1 to 64 of 0-9, A-Z, a-z, _, - and /",
	},
	"url": {
		pattern: `^(mqtt|mqtts|tcp|ssl)://[^/?#@]+/?$`,
		wrong:   wrongURL,
		check:   checkURL,
	},
	"address": {
		pattern: addressPattern,
		wrong:   wrongAddress,
		check:   checkAddress,
	},
	"owners": {
		pattern: `^[ 0-9A-Za-z:,-]+$`,
	},
	"loopback": {
		pattern: addressPattern,
		wrong:   wrongAddress,
		check:   checkLoopback,
	},
	"celsius": {
		pattern: `^[0-9]{1,3}(\.[0-9])?$`,
		wrong:   "is not a temperature; write degrees Celsius, such as 85",
		check:   bounded(30, 120),
	},
	"percent": {
		pattern: `^[0-9]{1,3}$`,
		wrong:   "is not a percentage; write a whole number from 1 to 100",
		check:   bounded(1, 100),
	},
	"epsilon": {
		pattern: `^[0-9]{1,4}(\.[0-9]{1,4})?$`,
		wrong:   "is not an epsilon; write a number such as 3 or 0.5",
		check:   bounded(0.01, 1000),
	},
	"window": {
		pattern: `^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}(,[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2})*$`,
		wrong:   "is not a time of the day; write it like 22:00-06:00, with commas between several",
		check:   checkWindow,
	},
}

const (
	wrongURL       = "is not a broker's URL; write mqtt://host:1883 or mqtts://host:8883"
	addressPattern = `^([0-9A-Za-z._-]*|\[[0-9A-Fa-f:.]+(%[0-9A-Za-z._-]+)?\]):[0-9]{1,5}$`
	wrongAddress   = "is not an address; write host:port, such as 127.0.0.1:1883"
	wrongPort      = "has a port that cannot be; use 1 to 65535"
)

// check returns why text cannot be the setting's value, and what to do; nothing
// where it can. The reason never shows a URL that may hold a password.
func (s *Setting) check(text string) string {
	if reason := checkText(text); reason != "" {
		return reason
	}
	if text == "" && s.Empty {
		return ""
	}
	if s.Choices != nil {
		if !slices.Contains(s.Choices, text) {
			return fmt.Sprintf("%s is not one of %s", quote(text), strings.Join(s.Choices, ", "))
		}
		return ""
	}
	if s.Type == "url" && strings.Contains(text, "@") {
		return "holds an account; write its name as broker.username and its password into a file, named by broker.password_file"
	}
	if s.Type == "owners" { // a secret key may be among them, which no error repeats
		return checkOwners(text)
	}
	reason := ""
	switch {
	case s.pattern != nil && !s.pattern.MatchString(text):
		reason = s.format.wrong
	case s.format.check != nil:
		reason = s.format.check(text)
	case s.Type == "duration":
		reason = s.checkDuration(text)
	}
	if reason == "" {
		return ""
	}
	return quote(text) + " " + reason
}

// checkText holds for every value.
func checkText(text string) string {
	switch {
	case len(text) > MaxValue:
		return fmt.Sprintf("is longer than %d bytes; shorten it", MaxValue)
	case !utf8.ValidString(text):
		return "is not UTF-8; write it in that encoding"
	case strings.ContainsFunc(text, unicode.IsControl):
		return quote(text) + " holds a control character; remove it"
	}
	return ""
}

func (s *Setting) checkDuration(text string) string {
	d, err := time.ParseDuration(text)
	bounds := fmt.Sprintf("use %s to %s", formatDuration(s.Min), formatDuration(s.Max))
	switch {
	case err != nil || d > s.Max: // the only error left is that of a number too large
		return "is too long; " + bounds
	case d < s.Min:
		return "is too short; " + bounds
	}
	return ""
}

// bounded returns a check that a number, which the pattern lets pass, is in bounds.
func bounded(least, most float64) func(text string) string {
	return func(text string) string {
		if v, err := strconv.ParseFloat(text, 64); err != nil || v < least || v > most {
			return fmt.Sprintf("is out of bounds; use %v to %v", least, most)
		}
		return ""
	}
}

func checkWindow(text string) string {
	if _, err := board.ParseWindow(text); err != nil {
		return "cannot be: " + err.Error()
	}
	return ""
}

func checkURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return wrongURL
	}
	if u.Port() != "" && !isPort(u.Port(), 1) {
		return wrongPort
	}
	return ""
}

// isSecure reports whether connections to the broker at that URL are by TLS.
func isSecure(text string) bool {
	return strings.HasPrefix(text, "mqtts:") || strings.HasPrefix(text, "ssl:")
}

func checkAddress(text string) string {
	_, _, reason := splitAddress(text)
	return reason
}

// splitAddress lets port 0 pass, which stands for any that is free.
func splitAddress(text string) (host, port, reason string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", "", wrongAddress
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil {
			return "", "", wrongAddress
		}
	}
	if !isPort(port, 0) {
		return "", "", wrongPort
	}
	return host, port, ""
}

func checkLoopback(text string) string {
	host, port, reason := splitAddress(text)
	if reason != "" {
		return reason
	}
	addr, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && addr.IsLoopback() {
		return ""
	}
	return "would be reachable from the network, which needs a token, and this version has none; use 127.0.0.1:" + port
}

func isPort(text string, least uint64) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port >= least
}

// maxShown is the most bytes of a foreign value in a message.
const maxShown = 64

// quote returns text in quotes, cut where it is long.
func quote(text string) string {
	short := clip(text, maxShown)
	if short == text {
		return strconv.Quote(text)
	}
	return strconv.Quote(short) + "…"
}

// clip returns the whole characters among the first bytes of text.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
