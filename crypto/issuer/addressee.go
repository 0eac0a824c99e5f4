// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

// Addressee returns the index of the issuer that a key request is for, and false
// where it is no key request. Everybody hears the requests to all issuers.
func Addressee(request []byte) (index uint8, ok bool) {
	p, err := decodePacket(request)
	if err != nil {
		return 0, false
	}
	return p.Index, true
}

// LetterTo returns the index that a message of type [TypeIssuers] is for, and
// false where it is none.
func LetterTo(msg []byte) (index uint8, ok bool) {
	l, err := decodeLetter(msg)
	if err != nil {
		return 0, false
	}
	return l.To, true
}
