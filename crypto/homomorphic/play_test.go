// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// encrypt has a device take part in a round with fresh values, and returns the
// error.
func (net *network) encrypt(d *device, round uint32) error {
	rnd := rand.New(rand.NewPCG(uint64(round), uint64(len(d.uploads[round]))<<32|uint64(d.restarts)<<16|uint64(d.id[0])))
	vectors := make([][]uint16, d.config.Vectors)
	for v := range vectors {
		vectors[v] = make([]uint16, d.config.Params)
		for k := range vectors[v] {
			vectors[v][k] = uint16(rnd.IntN(1 << max(8, d.config.Width)))
		}
	}
	var data []byte
	err := errKilled
	net.call(d, func() (out []Message) {
		data, out, err = d.Encrypt(round, vectors, net.now.Add(d.clock))
		return out
	})
	if err != nil {
		return err
	}
	d.uploads[round] = append(d.uploads[round], data)
	if net.vectors[round] == nil {
		net.vectors[round] = make(map[signcrypt.PID][][]uint16)
	}
	net.vectors[round][d.id] = vectors
	for _, to := range net.devices {
		if to != d {
			net.post(packet{from: d, to: to, kind: 1, data: data})
		}
	}
	return nil
}

// encryptAll has all living devices take part; those that cannot do not.
func (net *network) encryptAll(round uint32) {
	for _, d := range net.devices {
		if !d.dead {
			_ = net.encrypt(d, round)
		}
	}
	net.deliver()
}

func middleOf(round uint32) time.Time {
	return testStart.Add(time.Duration(round)*testRound + testRound/2)
}
func endOf(round uint32) time.Time { return testStart.Add(time.Duration(round+1) * testRound) }

// play runs one round in which all take part.
func (net *network) play(round uint32) {
	net.runUntil(testStart.Add(time.Duration(round)*testRound + testStep))
	net.encryptAll(round)
	net.runUntil(endOf(round).Add(testStep))
}

// check holds every device's result of a round: exact, or skipped with a reason.
// It returns how many devices have the sum.
func (net *network) check(round uint32) (opened int) {
	net.t.Helper()
	for i, d := range net.devices {
		if d.dead {
			continue
		}
		r, err := d.Result(round)
		var skip *SkipError
		if errors.As(err, &skip) {
			continue
		}
		if err != nil {
			net.t.Fatalf("device %d, round %d: %v", i, round, err)
		}
		net.exact(d, round, r)
		opened++
	}
	return opened
}

func (net *network) exact(d *device, round uint32, r *Result) {
	net.t.Helper()
	for v := range d.config.Vectors {
		for k, got := range r.Sums[v] {
			want := uint32(0)
			for _, id := range r.Active {
				want += uint32(net.vectors[round][id][v][k])
			}
			if got != want {
				net.t.Fatalf("round %d: sum %d of vector %d is %d, not %d", round, k, v, got, want)
			}
		}
	}
}

// reason returns why a device has no sum of a round.
func reason(d *device, round uint32) Reason {
	_, err := d.Result(round)
	var skip *SkipError
	if errors.As(err, &skip) {
		return skip.Reason
	}
	return ""
}
