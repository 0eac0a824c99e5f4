// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzWrite draws what any bytes make as numbers and any string as text. The
// picture has to pass [inspect], whatever they are.
func FuzzWrite(f *testing.F) {
	f.Fuzz(func(t *testing.T, title, name string, data []byte, series uint8, percent bool) {
		p := Plot{Title: title, XLabel: name, YLabel: title + name, YPercent: percent}
		var numbers []float64
		for ; len(data) >= 8; data = data[8:] {
			numbers = append(numbers, math.Float64frombits(binary.BigEndian.Uint64(data)))
		}
		for range 1 + int(series)%MaxSeries {
			n := len(numbers) / 4
			p.Series = append(p.Series, Series{Name: name, X: numbers[:n], Y: numbers[n : 2*n], Low: numbers[2*n : 3*n], High: numbers[3*n : 4*n]})
			name += title
			numbers = numbers[len(numbers)/3:]
		}
		inspect(t, svg(t, p))
	})
}
