// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego && (amd64 || arm64 || riscv64)

package tensor

const (
	// depth is how many terms a kernel adds before it goes on to the next
	// columns: so many rows of B, as wide as a tile, stay in the first cache.
	depth = 256

	// packed is the number of elements of B that MatMulTB transposes at a time.
	packed = 1024
)

// tile is what one call of a kernel computes: it adds to m rows of C, of cols
// columns, k terms. Pointers are to the first elements, strides are in bytes.
type tile struct {
	c, a, b *float32
	m, k    int // both at least 1
	cols    int

	cRow, aRow, aCol, bRow int

	// last is where the second of two vectors begins in a row of C or B. The
	// two overlap if cols is not twice the number of lanes: what both hold is
	// computed twice, from the same old value, and stored twice.
	last int
}

// fastProduct adds A·B to C by the active kernel, which is not generic.
func fastProduct(c, a, b []float32, m, k, n int, s strides) {
	t := tile{cRow: 4 * n, bRow: 4 * n, aRow: 4 * s.row, aCol: 4 * s.col}
	tall := m // rows for the tiles of several rows
	if m%4 == 1 {
		tall-- // or the last tile would compute one row four times
	}
	for p := 0; p < k; p += depth {
		t.k = min(depth, k-p)
		if t.m = tall; tall > 0 {
			t.addColumns(c, a[p*s.col:], b[p*n:], 0, n)
		}
		if t.m = m - tall; t.m > 0 {
			t.addRow(c[tall*n:], a[tall*s.row+p*s.col:], b[p*n:], n)
		}
	}
}

// addColumns adds to the rows of C from column j on, where n is the end of a row.
func (t *tile) addColumns(c, a, b []float32, j, n int) {
	t.a = &a[0]
	for lanes := active.lanes(); j < n; j += t.cols {
		t.cols = tileWidth(n-j, lanes)
		t.c, t.b = &c[j], &b[j]
		t.add(lanes)
	}
}

// addRow adds to one row of C.
func (t *tile) addRow(c, a, b []float32, n int) {
	j, lanes := 0, active.lanes()
	// What is left is nothing or at least one vector.
	for t.a = &a[0]; n-j == rowWidth || n-j >= rowWidth+lanes; j += rowWidth {
		t.c, t.b = &c[j], &b[j]
		rowKernel(t)
	}
	t.addColumns(c, a, b, j, n)
}

// add calls the kernel for t.cols columns, at most two vectors.
func (t *tile) add(lanes int) {
	if t.cols <= lanes {
		narrowKernel(t)
		return
	}
	t.last = 4 * (t.cols - lanes)
	wideKernel(t)
}

// tileWidth returns how many of the n columns left the next tile takes: one or
// two full vectors, or a width between, but less than one only if n is.
func tileWidth(n, lanes int) int {
	switch {
	case n <= 2*lanes:
		return n
	case n < 3*lanes:
		return lanes
	}
	return 2 * lanes
}

// fastProductTB adds A·Bᵀ to C by the active kernel, which is not generic: it transposes a piece of B
// at a time, as wide as a tile, and multiplies all rows of A by it.
func fastProductTB(c, a, b []float32, m, k, n int) {
	var bt [packed]float32
	lanes := active.lanes()
	deep := packed / (2 * lanes)
	t := tile{m: m, b: &bt[0], cRow: 4 * n, bRow: 8 * lanes, aRow: 4 * k, aCol: 4}
	for j := 0; j < n; j += t.cols {
		t.cols = tileWidth(n-j, lanes)
		for p := 0; p < k; p += deep {
			t.k = min(deep, k-p)
			t.c, t.a = &c[j], &a[p]
			transpose(bt[:], b[j*k+p:], t.cols, t.k, k, 2*lanes)
			t.add(lanes)
		}
	}
}

// transpose sets dst, (depth, rows), to the transposed of src, (rows, depth),
// whose rows begin dstRow and srcRow elements from one another.
func transpose(dst, src []float32, rows, depth, srcRow, dstRow int) {
	if rows < transposeRows || depth < 4 {
		for i := range rows {
			for p, v := range src[i*srcRow : i*srcRow+depth] {
				dst[p*dstRow+i] = v
			}
		}
		return
	}
	_, _ = src[(rows-1)*srcRow+depth-1], dst[(depth-1)*dstRow+rows-1]
	for i := 0; i < rows; i += transposeRows {
		i := min(i, rows-transposeRows) // the last rows overlap with those before
		transposeKernel(&dst[i], &src[i*srcRow], depth, 4*srcRow, 4*dstRow)
	}
}
