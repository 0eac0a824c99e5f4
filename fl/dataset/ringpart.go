// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"sort"
	"sync"
)

// part is one circle of samples, with the numbers that they came by.
type part struct {
	features int
	x        []float32 // (capacity, features)
	y        []float32 // (capacity), NaN without a label
	number   []uint64  // (capacity), which grow from the oldest to the newest
	next     int       // where the next sample goes
	rows     int       // samples held, at most the capacity
	added    uint64    // samples so far
}

func newPart(capacity, features int) part {
	return part{
		features: features,
		x:        make([]float32, capacity*features), y: make([]float32, capacity), number: make([]uint64, capacity),
	}
}

func (p *part) add(number uint64, x []float32, y float32) {
	row := p.x[p.next*p.features : (p.next+1)*p.features]
	for i, v := range x {
		row[i] = oneNaN(v)
	}
	p.y[p.next], p.number[p.next] = oneNaN(y), number
	p.next = (p.next + 1) % len(p.y)
	p.rows = min(p.rows+1, len(p.y))
	p.added++
}

// oneNaN returns v, and the same bits for every NaN.
func oneNaN(v float32) float32 {
	if v != v {
		return nan
	}
	return v
}

// at returns the place of the i-th sample from the oldest.
func (p *part) at(i int) int { return (p.next - p.rows + i + len(p.y)) % len(p.y) }

func (p *part) label(number uint64, y float32) bool {
	i := sort.Search(p.rows, func(i int) bool { return p.number[p.at(i)] >= number })
	if i == p.rows || p.number[p.at(i)] != number {
		return false
	}
	p.y[p.at(i)] = y
	return true
}

// samples are copies, oldest first.
type samples struct {
	x      []float32
	y      []float32
	number []uint64
}

// copyCells is how many features are copied under the lock at once.
const copyCells = 1 << 14

// copy returns the samples that are there when it begins, but for those whose
// places have been taken when it comes to them. It locks for a while at a time.
func (p *part) copy(lock sync.Locker) samples {
	lock.Lock()
	from, end := p.added-uint64(p.rows), p.added
	lock.Unlock()
	rows := int(end - from)
	s := samples{make([]float32, 0, rows*p.features), make([]float32, 0, rows), make([]uint64, 0, rows)}
	for most := max(1, copyCells/p.features); from < end; {
		lock.Lock()
		oldest := p.added - uint64(p.rows)
		from = max(from, oldest)
		for range most {
			if from >= end {
				break
			}
			at := p.at(int(from - oldest))
			s.x = append(s.x, p.x[at*p.features:(at+1)*p.features]...)
			s.y, s.number = append(s.y, p.y[at]), append(s.number, p.number[at])
			from++
		}
		lock.Unlock()
	}
	return s
}
