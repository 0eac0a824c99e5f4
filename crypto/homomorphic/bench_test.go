// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"testing"
)

// BenchmarkRound plays whole rounds of 8 devices, one vector of 10,000 values,
// all on one core. bytes/device is what a device puts out in a round, once for
// all.
func BenchmarkRound(b *testing.B) {
	for _, plan := range []Plan{{Vectors: 1, Params: 10_000}, {Mode: Mask, Vectors: 1, Params: 10_000}} {
		b.Run([]string{"lattice", "mask"}[plan.Mode], func(b *testing.B) {
			net := newNetwork(b, 8, plan)
			net.runUntil(testStart.Add(-testStep))
			setup := net.sentSize
			round := uint32(0)
			for b.Loop() {
				net.play(round)
				if net.check(round) != 8 {
					b.Fatal(reason(net.devices[0], round))
				}
				round++
			}
			// each message to all was counted for each of the seven receivers
			b.ReportMetric(float64(net.sentSize-setup)/7/8/float64(round), "bytes/device")
			b.ReportMetric(float64(setup)/8, "setup-bytes/device")
		})
	}
}

// BenchmarkSteps measures what one device does in a round.
func BenchmarkSteps(b *testing.B) {
	for _, plan := range []Plan{{Vectors: 1, Params: 10_000}, {Mode: Mask, Vectors: 1, Params: 10_000}} {
		net := newNetwork(b, 8, plan)
		net.runUntil(testStart.Add(testStep))
		net.encryptAll(0)
		d := net.devices[0]
		r := d.rounds[0]
		values := [][]uint16{make([]uint16, plan.Params)}
		a := &active{Members: 0xff, Openers: 0x3f, Uploads: r.bundle(0xff)}
		bench := func(name string, f func() error) {
			b.Run(fmt.Sprint([]string{"lattice", "mask"}[plan.Mode], "/", name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		bench("deal", func() error { _, err := d.scheme.deal(); return err })
		bench("seal", func() error { _, _, _, err := d.scheme.seal(0, values); return err })
		bench("answer", func() error { _, err := d.scheme.answer(r, a); return err })
		bench("open", func() error {
			o, err := d.scheme.open(r, a)
			if err != nil {
				return err
			}
			for i := range a.Openers.each() {
				parts, err := net.devices[i].scheme.answer(net.devices[i].rounds[0], a)
				if err != nil {
					return err
				}
				if err := o.add(i, 0, parts[0]); err != nil {
					return err
				}
			}
			_, err = o.sums()
			return err
		})
	}
}
