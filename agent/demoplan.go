// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/issuer"
)

// The demo's numbers: short rounds and chunks to match, so that it ends
// while one looks on.
const (
	demoEpoch    = 24 * time.Hour
	demoMost     = 40.0 // chunks a second
	demoLeast    = 1.0
	demoRound    = 600 * time.Millisecond
	demoPerRound = 8 // devices of a neighbourhood for which a round of that length is enough
	demoSeed     = 1

	// What a processor does at its ease: chunks that it takes to one receiver each,
	// in a second, and rounds of a neighbourhood of full size, in a second.
	demoCopies = 10_000
	demoPerSec = 0.5

	demoSlim      = 8  // receivers whose header fits a chunk beside a shard
	demoPerSpread = 4  // devices for each second of the spread D, with which all waits grow
	demoMaxSpread = 30 // seconds

	demoSettling = 8 // neighbourhoods that one processor founds at the same time
	demoEntering = 2 // devices of each that get their keys at the same time
	demoFiles    = 6 // open files of a device, at most: its folder, two connections and their other ends
	demoSpare    = 64
	demoQueue    = 1024 // messages that wait at a device: it shares its processor with all the others
)

// demoPlan is how a demo of some size is laid out.
type demoPlan struct {
	sizes    []int // of the neighbourhoods, as even as can be
	round    time.Duration
	chunks   uint16 // a minute and device
	spread   time.Duration
	settling int           // neighbourhoods that are founded at the same time
	alone    bool          // no device remembers another beyond its epoch, which is longer than the demo
	saves    time.Duration // least time between two checkpoints
	patience time.Duration
}

// planDemo lays out a demo for so many processors. Every device receives what all
// in its neighbourhood send, cover included, and opens an update of each, so that
// chunks are fewer, rounds longer and waits more patient where devices are many. An
// update takes half of a round's chunks at most.
func planDemo(nodes, updateChunks int, cores float64) *demoPlan {
	count := (nodes + issuer.MaxMembers - 1) / issuer.MaxMembers
	p := &demoPlan{sizes: make([]int, count)}
	for i := range p.sizes {
		p.sizes[i] = (nodes + i) / count
	}
	size := p.sizes[count-1]
	full := float64(size) / issuer.MaxMembers
	work := time.Duration(float64(count) * full * full / cores / demoPerSec * float64(time.Second))
	p.round = max(demoRound, demoRound*time.Duration(size)/demoPerRound, work)
	perSecond := max(demoLeast, min(demoMost, demoCopies*cores/float64(nodes)/float64(size)))
	p.chunks = uint16(math.Ceil(60 * perSecond))
	if size > demoSlim { // each copy of the header, one in two chunks, takes a chunk of its own
		updateChunks += (updateChunks + 1) / 2
	}
	p.round = max(p.round, learn.RoundFor(updateChunks, int(p.chunks))).Truncate(100*time.Millisecond) + 100*time.Millisecond
	p.spread = min(3+time.Duration(nodes/demoPerSpread), demoMaxSpread) * time.Second
	p.patience = time.Minute + time.Duration(float64(nodes)/cores)*time.Second/2
	p.settling = max(1, int(demoSettling*cores))
	if count > 1 {
		p.alone, p.saves = true, time.Minute
	}
	return p
}

// coresNow measures how many processors this process gets at the moment, since
// others may be at work on the machine: a quarter of them at least.
func coresNow() float64 {
	all := runtime.GOMAXPROCS(0)
	const look = 100 * time.Millisecond
	begin, used := time.Now(), cpuTime()
	var busy sync.WaitGroup
	for range all {
		busy.Go(func() {
			for time.Since(begin) < look {
			}
		})
	}
	busy.Wait()
	got := float64(cpuTime()-used) / float64(time.Since(begin))
	return min(max(got, float64(all)/4), float64(all))
}

// cpuTime returns the processor time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// enoughFiles reports whether have open files are as many as a demo takes.
func enoughFiles(nodes int, ownBroker bool, have uint64) error {
	need := uint64(demoSpare + demoFiles*nodes)
	if !ownBroker {
		need = uint64(demoSpare + (demoFiles-2)*nodes)
	}
	if have < need {
		return hint(fmt.Errorf("%d devices take %d open files, and this process may have %d", nodes, need, have),
			"raise the limit of the shell, ulimit -n %d, or take fewer devices", need)
	}
	return nil
}

// maxFiles returns how many files the process may open. The runtime has raised
// that as far as it may already.
func maxFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("look up the limit of open files: %w", err)
	}
	return uint64(limit.Cur), nil
}
