// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

// TestCheck tries values; empty reason means that it is taken.
func TestCheck(t *testing.T) {
	const notURL = ` is not a broker's URL; write mqtt://host:1883 or mqtts://host:8883`
	const notAddress = ` is not an address; write host:port, such as 127.0.0.1:1883`
	const notDuration = ` is not a duration; write whole hours, minutes and seconds, such as "90s" or "1h30m"`
	const noToken = " would be reachable from the network, which needs a token, and this version has none; use 127.0.0.1:"
	const account = "holds an account; write its name as broker.username and its password into a file, named by broker.password_file"
	const notSource = " is no source of samples; write mqtt:TOPIC, exec:COMMAND, file:PATH or board"
	const wildcard = " has a topic with + or # where it cannot be; each stands alone between slashes, and # at the end"
	for _, c := range []struct{ path, text, reason string }{
		{"name", "a", ""},
		{"name", strings.Repeat("a", 32), ""},
		{"name", "-", ""},
		{"name", "", `"" is not a name; use 1 to 32 of a-z, 0-9 and -`},
		{"name", "A", `"A" is not a name; use 1 to 32 of a-z, 0-9 and -`},
		{"name", strings.Repeat("a", 33), `"` + strings.Repeat("a", 33) + `" is not a name; use 1 to 32 of a-z, 0-9 and -`},
		{"name", "a\n", `"a\n" holds a control character; remove it`},
		{"policy", "strict ", `"strict " is not one of open, balanced, strict`},
		{"fl.tasks", "maybe", `"maybe" is not one of accept, signed, refuse`},
		{"fl.tasks", "signed", ""},
		{"fl.task_keys", "", ""},
		{"fl.task_keys", anOwner, ""},
		{"fl.task_keys", anOwner + ", " + strings.ToUpper(anOwner), ""},
		{"fl.task_keys", "anna", notOwner},
		{"fl.task_keys", "anna; berta", notOwner},

		{"broker.url", "", ""},
		{"broker.url", "mqtt://host", ""},
		{"broker.url", "mqtts://host:8883/", ""},
		{"broker.url", "ssl://[fe80::1%25eth0]:8883", ""},
		{"broker.url", "tcp://10.0.0.1:65535", ""},
		{"broker.url", "mqtt://host:65536", `"mqtt://host:65536" has a port that cannot be; use 1 to 65535`},
		{"broker.url", "mqtt://host:0", `"mqtt://host:0" has a port that cannot be; use 1 to 65535`},
		{"broker.url", "mqtt://host:http", `"mqtt://host:http"` + notURL},
		{"broker.url", "mqtt://:1883", `"mqtt://:1883"` + notURL},
		{"broker.url", "mqtt://a b", `"mqtt://a b"` + notURL},
		{"broker.url", "mqtt://[::1", `"mqtt://[::1"` + notURL},
		{"broker.url", "mqtt://host/path", `"mqtt://host/path"` + notURL},
		{"broker.url", "mqtt://host?x=1", `"mqtt://host?x=1"` + notURL},
		{"broker.url", "http://host", `"http://host"` + notURL},
		{"broker.url", "MQTT://host", `"MQTT://host"` + notURL},
		{"broker.url", "host:1883", `"host:1883"` + notURL},
		{"broker.url", "mqtt://u:p@host", account},
		{"broker.url", "u:p@host", account},

		{"broker.username", "a b ü", ""},
		{"broker.username", "a\x7f", `"a\x7f" holds a control character; remove it`},
		{"broker.username", "a\u0085", `"a\u0085" holds a control character; remove it`},
		{"broker.username", "a\xff", "is not UTF-8; write it in that encoding"},
		{"broker.username", strings.Repeat("u", MaxValue), ""},
		{"broker.username", strings.Repeat("u", MaxValue+1), "is longer than 1024 bytes; shorten it"},

		{"broker.pin", strings.Repeat("a", 64), ""},
		{"broker.pin", strings.Repeat("ö", 40), `"` + strings.Repeat("ö", 32) + `"… is not a pin; write the SHA-256 of the broker's SubjectPublicKeyInfo as 64 hexadecimal digits`},
		{"broker.pin", "a" + strings.Repeat("ö", 40), `"a` + strings.Repeat("ö", 31) + `"… is not a pin; write the SHA-256 of the broker's SubjectPublicKeyInfo as 64 hexadecimal digits`},

		{"broker.listen", "0.0.0.0:1883", ""},
		{"broker.listen", ":0", ""},
		{"broker.listen", "[::]:1883", ""},
		{"broker.listen", "[fe80::1%eth0]:1883", ""},
		{"broker.listen", "broker_1.lan:1883", ""},
		{"broker.listen", "host", `"host"` + notAddress},
		{"broker.listen", "host:", `"host:"` + notAddress},
		{"broker.listen", "host:mqtt", `"host:mqtt"` + notAddress},
		{"broker.listen", "::1:1883", `"::1:1883"` + notAddress},
		{"broker.listen", "[::1::]:1883", `"[::1::]:1883"` + notAddress},
		{"broker.listen", "host:65536", `"host:65536" has a port that cannot be; use 1 to 65535`},
		{"broker.listen", "a b:1883", `"a b:1883"` + notAddress},

		{"broker.keep_alive", "10s", ""},
		{"broker.keep_alive", "10m", ""},
		{"broker.keep_alive", "9s", `"9s" is too short; use 10s to 10m`},
		{"broker.keep_alive", "0", `"0" is too short; use 10s to 10m`},
		{"broker.keep_alive", "10m1s", `"10m1s" is too long; use 10s to 10m`},
		{"broker.keep_alive", "9999999999999h", `"9999999999999h" is too long; use 10s to 10m`},
		{"broker.keep_alive", "99999999999999999999s", `"99999999999999999999s" is too long; use 10s to 10m`},
		{"broker.keep_alive", "60", `"60"` + notDuration},
		{"broker.keep_alive", "", `""` + notDuration},
		{"broker.keep_alive", "1.5m", `"1.5m"` + notDuration},
		{"broker.keep_alive", "10500ms", `"10500ms"` + notDuration},
		{"broker.keep_alive", "-60s", `"-60s"` + notDuration},
		{"fl.checkpoint_every", "0", ""},
		{"fl.checkpoint_every", "24h", ""},
		{"fl.checkpoint_every", "24h1s", `"24h1s" is too long; use 0s to 24h`},

		{"power.max_temperature", "", ""},
		{"power.max_temperature", "30", ""},
		{"power.max_temperature", "120", ""},
		{"power.max_temperature", "29.9", `"29.9" is out of bounds; use 30 to 120`},
		{"power.max_temperature", "120.1", `"120.1" is out of bounds; use 30 to 120`},
		{"power.max_temperature", "85C", `"85C" is not a temperature; write degrees Celsius, such as 85`},
		{"power.max_temperature", "-40", `"-40" is not a temperature; write degrees Celsius, such as 85`},
		{"power.min_battery", "100", ""},
		{"power.min_battery", "0", `"0" is out of bounds; use 1 to 100`},
		{"power.min_battery", "101", `"101" is out of bounds; use 1 to 100`},
		{"power.min_battery", "0.4", `"0.4" is not a percentage; write a whole number from 1 to 100`},
		{"power.only_mains", "true", `"true" is not one of no, yes`},
		{"power.window", "22:00-06:00,12:00-13:00", ""},
		{"power.window", "22-6", `"22-6" is not a time of the day; write it like 22:00-06:00, with commas between several`},
		{"power.window", "25:00-06:00", `"25:00-06:00" cannot be: window "25:00-06:00": a span of time is wanted, such as 22:00-06:00, with commas between several`},
		{"power.window", "06:00-06:00", `"06:00-06:00" cannot be: window "06:00-06:00": the span is empty or all day; leave the window out for all day`},
		{"fl.epsilon", "0.01", ""},
		{"fl.epsilon", "1000", ""},
		{"fl.epsilon", "0", `"0" is out of bounds; use 0.01 to 1000`},
		{"fl.epsilon", "1e3", `"1e3" is not an epsilon; write a number such as 3 or 0.5`},

		{"site", "", `"" is not a name; use 1 to 32 of a-z, 0-9 and -`},
		{"live.source", "", ""},
		{"live.source", "board", ""},
		{"live.source", "board:x", `"board:x"` + notSource},
		{"live.source", "mqtt:", `"mqtt:"` + notSource},
		{"live.source", "exec: ", `"exec: "` + notSource},
		{"live.source", "MQTT:a", `"MQTT:a"` + notSource},
		{"live.source", "exec:while :; do date +%s; sleep 1; done", ""},
		{"live.source", "file:/run/with space", ""},
		{"live.source", "mqtt:#", ""},
		{"live.source", "mqtt:a/+/#", ""},
		{"live.source", "mqtt:a/#/b", `"mqtt:a/#/b"` + wildcard},
		{"live.source", "mqtt:a+", `"mqtt:a+"` + wildcard},
		{"live.source", "mqtt:a#", `"mqtt:a#"` + wildcard},
		{"live.source", "mqtt:" + strings.Repeat("t", 257), `"mqtt:` + strings.Repeat("t", 59) + `"… has a topic of more than 256 bytes`},
		{"live.learn", "regression", ""},
		{"live.learn", "classes:1000", ""},
		{"live.learn", "classes:1001", `"classes:1001" has more than 1000 classes`},
		{"live.learn", "classes:0", `"classes:0" is nothing to learn; write anomaly, regression or classes:N, such as classes:4`},
		{"live.learn", "", `"" is nothing to learn; write anomaly, regression or classes:N, such as classes:4`},
		{"live.target", "a,b", `"a,b" is not the name of a value; use 1 to 64 characters without commas and quotes`},
		{"live.discovery", "a b", `"a b" is not the beginning of a topic; use 1 to 64 of 0-9, A-Z, a-z, _, - and /`},
		{"http.listen", "", ""},
		{"http.listen", "localhost:80", ""},
		{"http.listen", "127.8.9.10:80", ""},
		{"http.listen", "[::1]:0", ""},
		{"http.listen", "[::ffff:127.0.0.1]:80", ""},
		{"http.listen", ":8080", `":8080"` + noToken + "8080"},
		{"http.listen", "192.168.1.2:80", `"192.168.1.2:80"` + noToken + "80"},
		{"http.listen", "[::]:80", `"[::]:80"` + noToken + "80"},
		{"http.listen", "localhost.example.org:80", `"localhost.example.org:80"` + noToken + "80"},
		{"http.listen", "8080", `"8080"` + notAddress},
	} {
		if got := table().find(c.path).check(c.text); got != c.reason {
			t.Errorf("%s = %q:\n got %s\nwant %s", c.path, c.text, got, c.reason)
		}
	}
}

func TestConflicts(t *testing.T) {
	pin := strings.Repeat("0", 64)
	for _, c := range []struct {
		broker Broker
		want   string
	}{
		{Broker{}, ""},
		{Broker{Username: "u"}, ""},
		{Broker{Username: "u", PasswordFile: "p"}, ""},
		{Broker{CertFile: "c", KeyFile: "k"}, ""},
		{Broker{Pin: pin}, ""}, // the URL may come from an invitation
		{Broker{Pin: pin, CAFile: "ca", URL: "mqtts://h"}, ""},
		{Broker{Pin: pin, URL: "ssl://h"}, ""},
		{Broker{PasswordFile: "p"}, "broker.password_file: is set without broker.username; set both or neither"},
		{Broker{CertFile: "c"}, "broker.cert_file: is set without broker.key_file; set both or neither"},
		{Broker{KeyFile: "k"}, "broker.key_file: is set without broker.cert_file; set both or neither"},
		{Broker{Pin: pin, URL: "mqtt://h"}, "broker.pin: is of no use without TLS; write broker.url with mqtts://, or remove it"},
		{Broker{Pin: "x", URL: "mqtt://h"}, `broker.pin: "x" is not a pin; write the SHA-256 of the broker's SubjectPublicKeyInfo as 64 hexadecimal digits`},
		{Broker{CAFile: "ca", URL: "tcp://h"}, "broker.ca_file: is of no use without TLS; write broker.url with mqtts://, or remove it"},
		{Broker{PasswordFile: "p", Username: "\x00"}, `broker.username: "\x00" holds a control character; remove it`},
	} {
		config := Default()
		c.broker.KeepAlive = config.Broker.KeepAlive
		config.Broker = c.broker
		got := ""
		if err := config.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.broker, got, c.want)
		}
	}
}
