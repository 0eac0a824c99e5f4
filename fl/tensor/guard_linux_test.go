// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// atTheEdge returns n floats that end where memory ends: to read beyond them
// ends the test.
func atTheEdge(t *testing.T, n int) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n+page-1)/page*page + page
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Skipf("mmap: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	end := size - page
	if err := syscall.Mprotect(b[end:], syscall.PROT_NONE); err != nil {
		t.Skipf("mprotect: %v", err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[end-4*n])), n)
}

func TestNothingIsReadBeyondTheEnd(t *testing.T) {
	const m, k = 7, 13
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 3, 5, 7, 8, 9, 10, 15, 17, 31, 33, 47, 65} {
		a, b, c := atTheEdge(t, m*k), atTheEdge(t, k*n), atTheEdge(t, m*n)
		copy(a, uniform(r, m*k))
		copy(b, uniform(r, k*n))
		eachKernel(func(string) {
			for _, p := range productCases {
				p.fast(c, a, b, m, k, n)
			}
			MatMul(c[len(c)-n:], a[len(a)-k:], b, 1, k, n)
			for _, v := range vectorCases {
				v.fast(c[:n], 0.5, b[len(b)-n:], c[len(c)-n:])
			}
		})
	}
}
