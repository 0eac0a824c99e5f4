// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// seeds adds the golden messages of some types to a fuzz target.
func seeds(f *testing.F, kinds ...uint8) {
	f.Helper()
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		f.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		f.Fatal(err)
	}
	for _, r := range g.Rounds {
		for _, m := range r.Messages {
			b, err := hex.DecodeString(m.Bytes)
			if err != nil {
				f.Fatal(err)
			}
			for _, kind := range kinds {
				if m.Type == kind && len(b) > 0 {
					f.Add(b)
				}
			}
		}
	}
}

// target returns a device of a mask neighbourhood in the second half of a round,
// and one that messages come from.
func target(f *testing.F) (net *network, d, from *device) {
	f.Helper()
	plan := maskPlan
	plan.Params = 5
	net = newNetwork(f, 4, plan)
	net.runUntil(testStart.Add(testStep))
	net.encryptAll(0)
	net.runUntil(middleOf(0).Add(2 * testWait))
	return net, net.devices[0], net.devices[1]
}

func fuzzHandle(f *testing.F, kind uint8) {
	seeds(f, kind)
	net, d, from := target(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = d.Handle(from.id, kind, data, net.now)
		if len(d.rounds) > 2 || len(d.acks) > len(d.known) {
			t.Error("a message filled what is bounded")
		}
	})
}

func FuzzControl(f *testing.F) { fuzzHandle(f, TypeControl) }
func FuzzShare(f *testing.F)   { fuzzHandle(f, TypeShare) }
func FuzzAnswer(f *testing.F)  { fuzzHandle(f, TypeAnswer) }

func FuzzUpload(f *testing.F) {
	seeds(f, 1)
	net, d, from := target(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = d.Uploaded(from.id, data, net.now)
	})
}

// FuzzRecords reads records of the stores that are none.
func FuzzRecords(f *testing.F) {
	_, d, _ := target(f)
	f.Add(d.state.data, d.runtime.data, d.shares.data)
	f.Fuzz(func(t *testing.T, state, runtime, shares []byte) {
		c := d.config
		stores := []*memory{quiet(), quiet(), quiet()}
		for i, b := range [][]byte{state, runtime, shares} {
			if stores[i].data = b; len(b) == 0 {
				stores[i].data = nil
			}
		}
		c.State, c.Runtime, c.Shares = stores[0], stores[1], stores[2]
		if s, err := NewSession(c, testStart); err == nil && s == nil {
			t.Error("neither a session nor an error")
		}
	})
}
