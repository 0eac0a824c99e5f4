// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// Live says which samples are scored as they come, and what is to be learned from
// them.
type Live struct {
	Source    string        `toml:"source" format:"source" empty:"nothing is scored live" doc:"Where samples come from as they are taken: mqtt:TOPIC of the broker, exec:COMMAND whose lines they are, file:PATH that grows or is a fifo, or board for the sensors of the board"`
	Period    time.Duration `toml:"period" default:"10s" min:"1s" max:"24h" doc:"Time from one reading of the board's sensors to the next"`
	Learn     string        `toml:"learn" format:"learn" default:"anomaly" doc:"What is to be learned from samples where fl.data is not set: anomaly, regression, or classes:N for classes from 0 to N-1"`
	Target    string        `toml:"target" format:"column" empty:"samples have no target, and all count as normal" doc:"Name of the value of a sample that is to be learned"`
	Name      string        `toml:"name" format:"name" empty:"that of the task alone" doc:"Beginning of the names under which scores are published"`
	Discovery string        `toml:"discovery" format:"prefix" default:"homeassistant" empty:"nothing is announced" doc:"Prefix of the topics by which Home Assistant finds the scores"`
}

// maxTopic is how long a topic may be, in bytes.
const maxTopic = 256

// checkSource says what is wrong with a topic.
func checkSource(text string) string {
	topic, ok := strings.CutPrefix(text, "mqtt:")
	if !ok {
		return ""
	}
	if len(topic) > maxTopic {
		return fmt.Sprintf("has a topic of more than %d bytes", maxTopic)
	}
	levels := strings.Split(topic, "/")
	for i, level := range levels {
		last := i == len(levels)-1
		if level != "+" && strings.Contains(level, "+") || level == "#" && !last || level != "#" && strings.Contains(level, "#") {
			return "has a topic with + or # where it cannot be; each stands alone between slashes, and # at the end"
		}
	}
	return ""
}

func checkLearn(text string) string {
	if _, classes := parseLearn(text); classes > dataset.MaxClasses {
		return fmt.Sprintf("has more than %d classes", dataset.MaxClasses)
	}
	return ""
}

func parseLearn(text string) (dataset.Kind, int) {
	if n, ok := strings.CutPrefix(text, "classes:"); ok {
		classes, _ := strconv.Atoi(n) // the pattern has seen to it
		return dataset.Classification, classes
	}
	if text == "regression" {
		return dataset.Regression, 0
	}
	return dataset.Anomaly, 0
}

// Kind returns what is to be learned from samples, with the number of classes, 0
// but in a classification.
func (l *Live) Kind() (dataset.Kind, int) { return parseLearn(l.Learn) }

// conflicts returns what of the section does not go together.
func (l *Live) conflicts() (out []conflict) {
	if kind, _ := l.Kind(); kind != dataset.Anomaly && l.Target == "" {
		out = append(out, conflict{"live.learn", "live.target", "needs live.target, the name of the value that is to be learned"})
	}
	return out
}
