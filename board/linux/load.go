// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// ticks are CPU times since the start of the machine. Both files that they come
// from count in the kernel's USER_HZ, so that nobody needs to know it.
type ticks struct {
	total, busy uint64 // of all CPUs
	own         uint64 // of this process
}

// load returns the load average of the last minute over the running CPUs.
func (p *Probe) load(cpus int) (board.Quantity, error) {
	const file = "proc/loadavg"
	text, err := p.word(file)
	if err != nil || cpus == 0 {
		return board.Quantity{}, err
	}
	first, _, _ := bytes.Cut([]byte(text), []byte(" "))
	average, err := parseNumber(string(first))
	if err == nil && average < 0 {
		err = errors.New("a load average below 0 cannot be")
	}
	if err != nil {
		return board.Quantity{}, fail(file, err)
	}
	return board.Known(average / float64(cpus)), nil
}

// stat returns the CPU times of the machine and how many CPUs run.
func (p *Probe) stat() (t ticks, cpus int, err error) {
	const file = "proc/stat"
	b, _, err := p.head(file) // the counters of many interrupts follow
	if err != nil {
		return ticks{}, 0, err
	}
	t, cpus, err = parseStat(b)
	if err != nil {
		return ticks{}, 0, fail(file, err)
	}
	return t, cpus, nil
}

// parseStat reads the beginning of /proc/stat: a line of all CPUs and one of each.
func parseStat(b []byte) (t ticks, cpus int, err error) {
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte("cpu")) {
			break
		}
		if cpus++; cpus > 1 {
			continue
		}
		if t, err = parseTimes(line); err != nil {
			return ticks{}, 0, err
		}
	}
	if cpus < 2 {
		return ticks{}, 0, errors.New("it does not begin with the times of the CPUs")
	}
	return t, cpus - 1, nil
}

// parseTimes reads user, nice, system, idle, iowait, irq, softirq and steal. What
// guests had is in user already, and old kernels have fewer.
func parseTimes(line []byte) (t ticks, err error) {
	fields := bytes.Fields(line)[1:]
	const idle, iowait, guest = 3, 4, 8
	for i, f := range fields[:min(len(fields), guest)] {
		n, err := strconv.ParseUint(string(f), 10, 60) // eight of them fit
		if err != nil {
			return ticks{}, errors.New("the times of the CPUs are not numbers")
		}
		if t.total += n; i != idle && i != iowait {
			t.busy += n
		}
	}
	if len(fields) <= idle {
		return ticks{}, errors.New("the times of the CPUs are not complete")
	}
	return t, nil
}

// share returns the share of all CPU time that others had in the last interval.
// It begins another if the running one is long enough.
func (p *Probe) share(now ticks) (board.Quantity, error) {
	if now.total == 0 {
		return board.Quantity{}, nil
	}
	var err error
	if now.own, err = p.own(); err != nil {
		return board.Quantity{}, err
	}
	at := time.Now()
	if !p.since.IsZero() && at.Sub(p.since) < minInterval {
		return p.others, nil
	}
	if !p.since.IsZero() {
		p.others = others(p.begin, now)
	}
	p.begin, p.since = now, at
	return p.others, nil
}

// others returns the share that others had between two readings. It is not known
// where the counters went back, as they do when a CPU is taken out.
func others(begin, end ticks) board.Quantity {
	if end.total <= begin.total || end.busy < begin.busy {
		return board.Quantity{}
	}
	total, busy, own := end.total-begin.total, end.busy-begin.busy, end.own-begin.own
	if own > busy { // by a tick or two, since they are not read at once
		return board.Known(0)
	}
	return board.Known(min(float64(busy-own)/float64(total), 1))
}

// own returns the CPU time of this process.
func (p *Probe) own() (uint64, error) {
	const file = "proc/self/stat"
	b, err := p.read(file)
	if err != nil {
		return 0, err
	}
	own, err := parseOwn(b)
	if err != nil {
		return 0, fail(file, err)
	}
	return own, nil
}

// parseOwn reads utime and stime, the fields 14 and 15 of /proc/self/stat, whose
// second is the name in parentheses and may contain anything.
func parseOwn(b []byte) (uint64, error) {
	const first, utime, stime = 3, 14, 15
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) <= stime-first {
		return 0, errors.New("it has no CPU times")
	}
	user, err := strconv.ParseUint(string(fields[utime-first]), 10, 63)
	system, err2 := strconv.ParseUint(string(fields[stime-first]), 10, 63)
	if err != nil || err2 != nil {
		return 0, errors.New("the CPU times are not numbers")
	}
	return user + system, nil
}
