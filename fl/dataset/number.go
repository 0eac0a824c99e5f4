// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"strconv"
)

// Reasons why a field is not a number.
var (
	errNotNumber = errors.New("is not a number")
	errNotFinite = errors.New("is not a finite number")
	errTooLarge  = errors.New("is too large for a 32-bit float")
)

// parseNumber returns the decimal number in field, around which there may be
// blanks. It is the nearest float32, the same on every architecture.
func parseNumber(field []byte) (float32, error) {
	field = bytes.Trim(field, " \t")
	if n, ok := smallWhole(field); ok {
		return float32(n), nil
	}
	if !plainDecimal(field) {
		return 0, notNumber(field)
	}
	v, err := strconv.ParseFloat(string(field), 32)
	if err == nil {
		return float32(v), nil
	}
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return 0, errTooLarge
	}
	return 0, errNotNumber
}

// smallWhole reads up to seven digits, which float32 holds exactly. Most cells
// of most files are such numbers.
func smallWhole(field []byte) (n int32, ok bool) {
	if len(field) == 0 || len(field) > 7 {
		return 0, false
	}
	for _, c := range field {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int32(c-'0')
	}
	return n, true
}

// plainDecimal reports whether field has only the characters of a decimal
// number. What else strconv reads, such as 0x1p-2, 1_000 and inf, is refused.
func plainDecimal(field []byte) bool {
	for _, c := range field {
		switch {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return false
		}
	}
	return len(field) > 0
}

func notNumber(field []byte) error {
	word := string(bytes.ToLower(bytes.TrimLeft(field, "+-")))
	switch word {
	case "nan", "inf", "infinity":
		return errNotFinite
	}
	return errNotNumber
}
