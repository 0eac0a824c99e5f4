// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"strings"
	"unicode/utf8"
)

// chunkPrefix begins the topics of the neighbours' plane, where a message that
// stays behind would tie epochs together.
const chunkPrefix = "t/"

// validTopic reports whether a client may publish to topic: no wildcards, none
// of the broker's own topics, and few levels, each of which costs memory.
func validTopic(topic string) bool {
	return plain(topic) && !strings.ContainsAny(topic, "+#")
}

// validFilter reports whether a client may subscribe to filter, by section 4.7
// of MQTT 3.1.1. Shared subscriptions, which begin with a dollar, are off.
func validFilter(filter string) bool {
	if !plain(filter) {
		return false
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		last := i == len(levels)-1
		if strings.Contains(level, "#") && (level != "#" || !last) {
			return false
		}
		if strings.Contains(level, "+") && level != "+" {
			return false
		}
	}
	return true
}

func plain(name string) bool {
	return name != "" && len(name) <= MaxTopic && name[0] != '$' &&
		strings.Count(name, "/") < MaxTopicLevels &&
		utf8.ValidString(name) && !strings.ContainsRune(name, 0)
}
