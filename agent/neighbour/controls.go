// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !testhooks

package neighbour

import "github.com/vecino-edge/vecino/crypto/chunk"

// A measurement of what an observer can tell is worth something only where it
// notices a device that hides nothing. Builds with the tag testhooks can leave
// things out for that; this one cannot, and the linker drops the branches.
const (
	rotationOff = false // names of the first epoch for ever
	paddingOff  = false // chunks as long as what they say
)

func sealUnpadded(*chunk.Key, string, []byte) []byte         { return nil }
func openUnpadded(*chunk.Key, string, []byte) ([]byte, bool) { return nil, false }
