// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// number returns the value of a token of JSON.
func number(token any) (float32, error) {
	switch v := token.(type) {
	case nil:
		return missing, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case json.Number:
		return decimal(string(v))
	}
	panic("live: a token that no container holds")
}

var missing = float32(math.NaN())

// cell returns the value of a comma-separated field. An empty one is missing, and
// what package dataset reads as missing is so here too.
func cell(field string) (float32, error) {
	switch field {
	case "", "NA", "NaN", "nan", "null", "?":
		return missing, nil
	}
	return decimal(field)
}

// decimal reads a decimal number. What else strconv reads, such as 0x1p-2 and
// inf, is refused.
func decimal(text string) (float32, error) {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, refuse(reasonNumber, "%.40q is not a number", text)
	}
	v, err := strconv.ParseFloat(text, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, refuse(reasonNumber, "%.40q is too large for a 32-bit float", text)
	case err != nil:
		return 0, refuse(reasonNumber, "%.40q is not a number", text)
	}
	return float32(v), nil
}
