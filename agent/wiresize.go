// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/sim"
)

// wireInfo is what an update takes on its way to a broker, in bytes, mean over all
// updates of a simulation.
type wireInfo struct {
	Headers  int `json:"headers"`  // payload, the header that describes it, and MQTT's
	Envelope int `json:"envelope"` // with signcryption, Reed-Solomon parity and copies of the header
	Cover    int `json:"cover"`    // in chunks of one size, as it goes out with cover
}

// Bytes of MQTT and of the frames in a chunk.
const (
	mqttHeader  = 1 + 2 + 2 + 2 + 26 // type, length, the topic's length and the topic
	frameHeader = 13
)

// onTheWire adds to the payload what is around it; nil where nothing is sent or
// sums are submitted. A device sends an update once, whoever its neighbours are.
func onTheWire(r *sim.Result, s *sim.Settings) *wireInfo {
	if r.Messages == 0 || s.Mode.Summed() || r.BytesLinkRound == 0 {
		return nil
	}
	w := r.Wire
	degree := int(math.Round(float64(r.Messages) / float64(s.Nodes) / float64(s.Rounds)))
	envelope := signcrypt.Size(w.Header, min(max(degree, 1), signcrypt.MaxReceivers))
	chunks := max(w.K+w.M, 1)
	return &wireInfo{
		Headers:  w.Header + w.Data + (1+w.K)*mqttHeader,
		Envelope: w.Copies*(envelope+frameHeader) + w.Data + w.Parity + (w.K+w.M)*frameHeader + chunks*mqttHeader,
		Cover:    chunks * (chunk.Size + mqttHeader),
	}
}
