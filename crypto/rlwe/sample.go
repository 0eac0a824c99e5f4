// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// block is the number of coefficients for which randomness is read at once.
const block = 512

// ternary fills dst with -1, 0 and 1, each as likely. Every byte gives four
// fields of two bits, the highest first; v - 1 for v below 3, and 3 is passed
// over. What is left of the last 512 bytes is dropped.
func ternary(dst *[N]int8, rand io.Reader) error {
	var buf [block]byte
	defer clear(buf[:])
	for k := 0; k < N; {
		if _, err := io.ReadFull(rand, buf[:]); err != nil {
			return fmt.Errorf("rlwe: read randomness: %w", err)
		}
		for i := 0; i < 4*block && k < N; i++ {
			v := int8(buf[i/4] >> (6 - 2*(i%4)) & 3)
			dst[k] = v - 1 // overwritten by the next one if v is 3
			k += int(1 - v>>1&v)
		}
	}
	return nil
}

// addErrors adds an error to p: each coefficient is centred binomial of
// parameter 20 (variance 10, at most 20 in magnitude), the ones among the first
// 20 bits of five bytes less those among the last 20.
func (p *poly) addErrors(rand io.Reader) error {
	const width = 5
	buf := make([]byte, block*width)
	values := make([]int64, block)
	defer clear(buf)
	defer clear(values)
	for k := 0; k < N; k += block {
		if _, err := io.ReadFull(rand, buf); err != nil {
			return fmt.Errorf("rlwe: read randomness: %w", err)
		}
		for j := range values {
			b := buf[j*width : j*width+width]
			v := uint64(binary.BigEndian.Uint32(b))<<8 | uint64(b[4])
			values[j] = int64(bits.OnesCount64(v>>20) - bits.OnesCount64(v&(1<<20-1)))
		}
		p.addSigned(k, values)
	}
	return nil
}

// addFlood adds flooding noise to p: each coefficient is uniform in [-2^n, 2^n),
// n at most 62, from the low n+1 bits of eight big-endian bytes, less 2^n. It
// hides an error of a sum, at most 640, to within 640/2^(n+1) of statistical
// distance for each coefficient.
func (p *poly) addFlood(n int, rand io.Reader) error {
	const width = 8
	buf := make([]byte, block*width)
	defer clear(buf)
	mask := uint64(1)<<(n+1) - 1
	for k := 0; k < N; k += block {
		if _, err := io.ReadFull(rand, buf); err != nil {
			return fmt.Errorf("rlwe: read randomness: %w", err)
		}
		for i, q := range primes {
			to, middle := p[i][k:k+block], q-reduceWord(1<<n, q)
			for j := range to {
				v := binary.BigEndian.Uint64(buf[j*width:]) & mask
				to[j] = reduce(to[j]+reduce(reduceWord(v, q)+middle, q), q)
			}
		}
	}
	return nil
}
