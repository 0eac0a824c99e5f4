// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package config holds the settings of a device. One struct, [Config], is the
// source of everything that is known about them: names, types, defaults, bounds,
// documentation, environment names and the JSON Schema (2020-12) of the file. [Load]
// reads them from flags, environment, two TOML 1.0 files and the kernel command
// line, and reports each problem with its place and its remedy; [ReadDataSchema]
// reads the schema.toml of a data folder in the same manner.
//
// The zero Config is not valid; take one from [Default] or [Load]. The functions
// are safe for concurrent use, and so is a Config that nobody changes.
package config

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The limits of what is read. The vecino program needs a small part of each.
const (
	MaxFile   = 64 << 10 // bytes of a file
	MaxKeys   = 256      // keys, tables and arrays of a file together
	MaxDepth  = 8        // tables and arrays within one another
	MaxValue  = 1024     // bytes of a value
	MaxErrors = 20       // problems that one call reports
	MaxName   = 32       // characters of a device's name
)

// Config is the settings of a device. Each field's tags say all that the package
// knows about it; what they mean is told in setting.go.
type Config struct {
	Name       string     `toml:"name" format:"name" doc:"Name of the device in the neighbourhood; the host's name unless it is set"`
	Policy     Policy     `toml:"policy" default:"balanced" enum:"open|balanced|strict" doc:"How much is taken unsigned; under strict a device that wants to join waits until the owner admits it"`
	Site       string     `toml:"site" format:"name" default:"home" doc:"Name of the place where the device is, in the topics of its owner: vecino/1/SITE/NAME/…"`
	Broker     Broker     `toml:"broker"`
	Neighbours Neighbours `toml:"neighbours"`
	FL         FL         `toml:"fl"`
	Power      Power      `toml:"power"`
	Live       Live       `toml:"live"`
	HTTP       HTTP       `toml:"http"`
	Log        Log        `toml:"log"`
}

// Policy says how much a device takes unsigned.
type Policy string

// The policies.
const (
	PolicyOpen     Policy = "open"
	PolicyBalanced Policy = "balanced"
	PolicyStrict   Policy = "strict"
)

// Broker says how the device reaches the neighbours, or lets them reach it. A
// relative path begins at the state folder: see [ResolvePath].
type Broker struct {
	URL          string        `toml:"url" format:"url" empty:"none, or the device's own" doc:"Broker that the neighbours share, mqtt://host:port or mqtts://host:port"`
	Username     string        `toml:"username" format:"text" empty:"none" doc:"Account at the broker"`
	PasswordFile string        `toml:"password_file" format:"path" empty:"no password" doc:"File that holds the account's password; a relative path begins at the state folder"`
	CAFile       string        `toml:"ca_file" format:"path" empty:"those of the system" doc:"PEM file of the authorities that may vouch for the broker"`
	CertFile     string        `toml:"cert_file" format:"path" empty:"none" doc:"PEM file of the certificate that the device shows"`
	KeyFile      string        `toml:"key_file" format:"path" empty:"none" doc:"PEM file of the key that belongs to cert_file"`
	Pin          string        `toml:"pin" format:"pin" empty:"none" doc:"SHA-256 of the SubjectPublicKeyInfo that the broker's certificate must have, as 64 hexadecimal digits"`
	Listen       string        `toml:"listen" format:"address" empty:"no broker runs here" doc:"Address, host:port, on which the device itself runs a broker"`
	KeepAlive    time.Duration `toml:"keep_alive" default:"1m" min:"10s" max:"10m" soft:"true" doc:"Silence after which the connection to the broker is probed"`
}

// Neighbours says what observers and neighbours can tell of the device.
type Neighbours struct {
	Cover      Cover      `toml:"cover" default:"budget" enum:"budget|off" doc:"budget sends as many chunks as the neighbourhood allows, at all times, so that nobody sees who has something to say; off saves the traffic"`
	Unlinkable Unlinkable `toml:"unlinkable" default:"observers" enum:"observers|neighbours" doc:"Who cannot tell that a device is the same as in the epoch before: observers lets the neighbours that exchange with it recognise it; neighbours hides it from them too, and they begin anew with it in every epoch"`
}

// Cover says when chunks go out that say nothing.
type Cover string

// The kinds of cover.
const (
	CoverBudget Cover = "budget"
	CoverOff    Cover = "off"
)

// Unlinkable says who cannot link a device's pseudonyms.
type Unlinkable string

// Those from whom a device hides that it is the same.
const (
	FromObservers  Unlinkable = "observers"
	FromNeighbours Unlinkable = "neighbours"
)

// FL says what the device learns, and how.
type FL struct {
	Data            string        `toml:"data" format:"path" empty:"this device does not learn" doc:"Folder with train.csv and perhaps test.csv and schema.toml; without test.csv a fifth of the rows is held out to test with"`
	Tasks           Tasks         `toml:"tasks" default:"accept" enum:"accept|signed|refuse" doc:"Which tasks that neighbours start are joined where the data fit: all, those that an owner of task_keys signed, or none"`
	TaskKeys        string        `toml:"task_keys" format:"owners" empty:"this device's own owner key alone" doc:"Public keys of the owners whose signed tasks are joined, as vecino key show prints them, with commas between them; this device's own owner key is always among them"`
	CheckpointEvery time.Duration `toml:"checkpoint_every" default:"10m" min:"0s" max:"24h" soft:"true" doc:"Least time between two writes of the model to the state folder; 0s writes after every round"`
	Epsilon         string        `toml:"epsilon" format:"epsilon" empty:"what each task says" doc:"Most that all tasks together may tell of a record of this device's data, in differential privacy; a task that hides records ends where its own epsilon or this one is spent"`
}

// Tasks says what happens to tasks that neighbours start.
type Tasks string

// What a device may do with its neighbours' tasks.
const (
	TasksAccept Tasks = "accept"
	TasksSigned Tasks = "signed"
	TasksRefuse Tasks = "refuse"
)

// Power says when the device has the energy and the time to train. What a board
// does not tell is no limit. Package board says how far a condition has to be back
// before training resumes.
type Power struct {
	MaxTemperature string    `toml:"max_temperature" format:"celsius" default:"85" empty:"no limit" doc:"Temperature of the processor, in °C, above which the device does not train; it resumes 5 °C below"`
	MinBattery     string    `toml:"min_battery" format:"percent" empty:"no limit" doc:"Level of the battery, in %, below which the device does not train while it runs on it"`
	OnlyMains      OnlyMains `toml:"only_mains" default:"no" enum:"no|yes" doc:"yes: the device does not train while it runs on a battery, however full"`
	Window         string    `toml:"window" format:"window" empty:"all day" soft:"true" doc:"Times of the day, by the device's clock, at which it may train, such as 22:00-06:00, with commas between several"`
	MaxLoad        string    `toml:"max_load" format:"percent" empty:"no limit" soft:"true" doc:"Share of the processors' time, in %, that other programs may have while the device trains"`
}

// OnlyMains says whether a battery is for other work.
type OnlyMains string

// What a device on a battery does.
const (
	MainsOrBattery OnlyMains = "no"
	MainsAlone     OnlyMains = "yes"
)

// HTTP says where the page and the API are served.
type HTTP struct {
	Listen string `toml:"listen" format:"loopback" default:"127.0.0.1:8080" empty:"the unix socket only" doc:"Loopback address, host:port, of the page and the API"`
}

// Log says what is logged. Level is as slog.Level.UnmarshalText reads it.
type Log struct {
	Level  string `toml:"level" default:"info" enum:"debug|info|warn|error" soft:"true" doc:"Least level of what is logged"`
	Format string `toml:"format" default:"text" enum:"text|json" soft:"true" doc:"Form of the log's lines"`
}

// Default returns the settings of a device that is told nothing.
func Default() *Config {
	c := &Config{}
	for i := range table().settings {
		s := &table().settings[i]
		s.put(c, s.Default)
	}
	host, _ := os.Hostname() // without one the name is vecino
	c.Name = fitName(host)
	return c
}

// fitName makes a device's name of a host's.
func fitName(host string) string {
	const fallback = "vecino"
	if host == "(none)" { // of a kernel that nobody told
		return fallback
	}
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	words := strings.FieldsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	name := strings.Join(words, "-")
	name = strings.TrimRight(name[:min(len(name), MaxName)], "-")
	if name == "" || name == "localhost" {
		return fallback
	}
	return name
}

// Get returns the setting at path as text that [Load] would take.
func (c *Config) Get(path string) (string, bool) {
	s := table().find(path)
	if s == nil {
		return "", false
	}
	return s.get(c), true
}

// PinSum returns the pin as bytes. There is none where ok is false.
func (b *Broker) PinSum() (sum [32]byte, ok bool) {
	n, err := hex.Decode(sum[:], []byte(b.Pin[:min(len(b.Pin), 2*len(sum))]))
	return sum, err == nil && n == len(sum)
}

// ResolvePath returns where a path of the settings leads: a relative one begins
// at the state folder, and an empty one stays empty.
func ResolvePath(state, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(state, path)
}
