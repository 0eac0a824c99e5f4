// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// subscription is one filter and who handles its messages.
type subscription struct {
	filter string
	levels []string
	qos    byte
	handle func(Message)
}

// router knows the subscriptions of a session, in the order in which they were made.
type router struct {
	mu   sync.Mutex
	subs []subscription // replaced, never changed, so that dispatch needs no lock
}

// add puts a subscription in, or in the place of the one with the same filter.
func (r *router) add(s subscription) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	subs := slices.Clone(r.subs)
	i := slices.IndexFunc(subs, func(x subscription) bool { return x.filter == s.filter })
	switch {
	case i >= 0:
		subs[i] = s
	case len(subs) >= MaxSubscriptions:
		return fmt.Errorf("a session holds at most %d subscriptions", MaxSubscriptions)
	default:
		subs = append(subs, s)
	}
	r.subs = subs
	return nil
}

func (r *router) remove(filter string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(x subscription) bool { return x.filter == filter })
}

func (r *router) all() []subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subs
}

// dispatch calls the handlers of every filter that matches.
func (r *router) dispatch(m Message) {
	for _, s := range r.all() {
		if matches(s.levels, m.Topic) {
			s.handle(m)
		}
	}
}

// matches tells whether a topic matches a filter (MQTT 3.1.1, section 4.7).
func matches(filter []string, topic string) bool {
	if strings.HasPrefix(topic, "$") && (filter[0] == "#" || filter[0] == "+") {
		return false
	}
	rest, more := topic, true
	for _, level := range filter {
		if level == "#" {
			return true // also of the level above
		}
		if !more {
			return false
		}
		var head string
		head, rest, more = strings.Cut(rest, "/")
		if level != "+" && level != head {
			return false
		}
	}
	return !more
}

func checkFilter(filter string, qos byte) error {
	if err := checkName(filter); err != nil {
		return fmt.Errorf("filter %q: %w", filter, err)
	}
	if qos > 1 {
		return fmt.Errorf("filter %q: QoS %d, and only 0 and 1 are in use", filter, qos)
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		alone := level == "+" || level == "#" && i == len(levels)-1
		if strings.ContainsAny(level, "+#") && !alone {
			return fmt.Errorf("filter %q: + stands for a whole level, # for all the last ones", filter)
		}
	}
	return nil
}

func checkPublish(topic string, size int, qos byte) error {
	if err := checkName(topic); err != nil {
		return fmt.Errorf("topic %q: %w", topic, err)
	}
	if strings.ContainsAny(topic, "+#") {
		return fmt.Errorf("topic %q: + and # are for filters only", topic)
	}
	if size > MaxPublish {
		return fmt.Errorf("topic %q: a payload of %d bytes, at most %d", topic, size, MaxPublish)
	}
	if qos > 1 {
		return fmt.Errorf("topic %q: QoS %d, and only 0 and 1 are in use", topic, qos)
	}
	return nil
}

func checkName(s string) error {
	switch {
	case s == "":
		return errors.New("empty")
	case len(s) > MaxTopic:
		return fmt.Errorf("%d bytes long, at most %d", len(s), MaxTopic)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return errors.New("not plain text")
	}
	return nil
}
