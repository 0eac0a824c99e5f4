// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

// Addressee returns the index of the issuer that a token request is for, and false
// where it is no token request. Everybody hears the requests to all issuers.
func Addressee(request []byte) (index uint8, ok bool) {
	p, err := decodePacket(request)
	if err != nil {
		return 0, false
	}
	return p.Index, true
}
