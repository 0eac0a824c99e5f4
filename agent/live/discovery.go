// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/json"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// maxGone is how many components Home Assistant is told to forget.
const maxGone = 16

// discovery is what Home Assistant takes for a device with its sensors: the device
// discovery of its MQTT integration (integrations/mqtt, "Device discovery payload").
type discovery struct {
	Device       haDevice               `json:"device"`
	Origin       haOrigin               `json:"origin"`
	Components   map[string]haComponent `json:"components"`
	Availability string                 `json:"availability_topic"`
	QoS          int                    `json:"qos"`
}

type haDevice struct {
	IDs      []string `json:"identifiers"`
	Name     string   `json:"name"`
	Maker    string   `json:"manufacturer"`
	Software string   `json:"sw_version"`
}

type haOrigin struct {
	Name     string `json:"name"`
	Software string `json:"sw_version"`
	URL      string `json:"support_url"`
}

// haComponent is one entity; with a platform alone it is one to forget.
type haComponent struct {
	Platform   string `json:"platform"`
	Name       string `json:"name,omitempty"`
	ID         string `json:"unique_id,omitempty"`
	State      string `json:"state_topic,omitempty"`
	Template   string `json:"value_template,omitempty"`
	Attributes string `json:"json_attributes_topic,omitempty"`
	Class      string `json:"device_class,omitempty"`
	StateClass string `json:"state_class,omitempty"`
	Category   string `json:"entity_category,omitempty"`
	Precision  int    `json:"suggested_display_precision,omitempty"`
	Icon       string `json:"icon,omitempty"`
}

// announce tells Home Assistant of the scores that there are.
func (s *Service) announce() {
	if s.o.Discovery == "" {
		return
	}
	id := "vecino-" + s.o.Site + "-" + s.o.Device
	d := discovery{
		Device:     haDevice{IDs: []string{id}, Name: s.o.Device, Maker: "Vecino", Software: s.o.Version},
		Origin:     haOrigin{Name: "vecino", Software: s.o.Version, URL: "https://github.com/vecino-edge/vecino"},
		Components: map[string]haComponent{}, Availability: s.o.Plane.Topic("availability"),
	}
	s.mu.Lock()
	gone := s.gone
	for _, l := range *s.lanes.Load() {
		if l.snapshot.Load() != nil {
			s.components(d.Components, id, l)
		}
	}
	s.mu.Unlock()
	if len(d.Components) == 0 {
		return
	}
	for _, name := range gone {
		for part, platform := range map[string]string{"": "sensor", "-confidence": "sensor", "-problem": "binary_sensor"} {
			d.Components[name+part] = haComponent{Platform: platform}
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic("live: encode discovery: " + err.Error())
	}
	s.o.Plane.Keep(s.o.Discovery+"/device/"+id+"/config", b)
}

// components adds those of a task: its score, the confidence of that, and where it
// looks for anomalies whether there is one.
func (s *Service) components(to map[string]haComponent, id string, l *lane) {
	topic := s.sensor(l.name)
	score := haComponent{Platform: "sensor", Name: l.task.Name, ID: id + "-" + l.name, State: topic, Attributes: topic, Icon: "mdi:chart-bell-curve"}
	switch dataset.Kind(l.task.Kind) {
	case dataset.Classification:
		score.Template = "{{ value_json.class }}"
	case dataset.Regression:
		score.Template, score.StateClass, score.Precision = "{{ value_json.value }}", "measurement", 2
	case dataset.Anomaly:
		score.Template, score.StateClass, score.Precision = "{{ value_json.score }}", "measurement", 3
		to[l.name+"-problem"] = haComponent{
			Platform: "binary_sensor", Name: l.task.Name + " problem", ID: id + "-" + l.name + "-problem", State: topic, Class: "problem",
			Template: "{{ 'ON' if value_json.anomalous else 'OFF' }}",
		}
	}
	to[l.name] = score
	to[l.name+"-confidence"] = haComponent{
		Platform: "sensor", Name: l.task.Name + " confidence", ID: id + "-" + l.name + "-confidence", State: topic, StateClass: "measurement",
		Category: "diagnostic", Precision: 2, Template: "{{ value_json.confidence }}",
	}
}
