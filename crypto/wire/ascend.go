// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
)

// nan is the one encoding of NaN in core deterministic CBOR.
var nan = []byte{0xf9, 0x7e, 0x00}

// ascending reports whether the keys of every map in item ascend strictly. The
// item must have passed the decoder and have encoded back to itself, so it is
// well formed and its depth is bounded. The decoder finds duplicate keys by
// comparing Go values, and NaN equals nothing: two NaN keys pass it, and encode
// back in either order. Only an item with [nan] in it needs this second look.
func ascending(item []byte) bool {
	_, ok := walk(item)
	return ok
}

// walk steps over the first item of b and returns what is behind it, or false
// at the first map whose keys do not ascend.
func walk(b []byte) (rest []byte, ok bool) {
	major, n, b := head(b)
	switch major {
	case 2, 3: // byte and text strings
		return b[n:], true
	case 4:
		for ok = true; n > 0 && ok; n-- {
			b, ok = walk(b)
		}
		return b, ok
	case 5:
		return walkMap(b, n)
	}
	return b, true // integers, floats and simple values are their head alone
}

// walkMap steps over n pairs of a map.
func walkMap(b []byte, n uint64) (rest []byte, ok bool) {
	var last []byte // nil before the first key, and no key is empty
	for ; n > 0; n-- {
		key := b
		if b, ok = walk(b); !ok {
			return nil, false
		}
		key = key[:len(key)-len(b)]
		if bytes.Compare(last, key) >= 0 {
			return nil, false
		}
		last = key
		if b, ok = walk(b); !ok {
			return nil, false
		}
	}
	return b, true
}

// head returns the major type and the argument of the first item of b, and the
// bytes behind its head (RFC 8949, section 3).
func head(b []byte) (major byte, n uint64, rest []byte) {
	major, info, b := b[0]>>5, b[0]&31, b[1:]
	switch info {
	case 24:
		return major, uint64(b[0]), b[1:]
	case 25:
		return major, uint64(binary.BigEndian.Uint16(b)), b[2:]
	case 26:
		return major, uint64(binary.BigEndian.Uint32(b)), b[4:]
	case 27:
		return major, binary.BigEndian.Uint64(b), b[8:]
	}
	return major, uint64(info), b
}
