// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a message, which follow from the width of a frame's fields.
const (
	MaxParts   = 255                    // parts of one message
	MaxMessage = MaxParts * maxPerFrame // bytes of one message

	headSize    = 13                 // bytes of a frame's head
	maxPerFrame = Payload - headSize // bytes of data in one frame
)

// ErrMalformed is wrapped by the error for a payload that breaks the layout of
// chunk.cddl.
var ErrMalformed = errors.New("chunk: malformed payload")

// Message is what one device says to its neighbours at once.
type Message struct {
	Type uint8  // of crypto/PROTOCOL.md, "Message types"
	Data []byte // 1 to MaxMessage bytes
}

// messageID tells the parts of one message from those of every other. It is
// random, so that it says nothing about the sender.
type messageID [8]byte

// frame is one part of a message.
type frame struct {
	kind  uint8 // Message.Type
	id    messageID
	part  uint8  // below parts
	parts uint8  // 1 or more
	data  []byte // 1 to maxPerFrame bytes
}

// put writes the frame to the beginning of b, which has room for it, and returns
// its length.
func (f *frame) put(b []byte) int {
	binary.BigEndian.PutUint16(b, uint16(len(f.data)))
	b[2] = f.kind
	copy(b[3:11], f.id[:])
	b[11], b[12] = f.part, f.parts
	return headSize + copy(b[headSize:], f.data)
}

var zeros [Payload]byte

// next returns the first frame of b, which is the rest of a payload, and what is
// behind it. It returns no frame at the end of the list, where all must be zero.
func next(b []byte) (f frame, rest []byte, ok bool, err error) {
	if len(b) < headSize || binary.BigEndian.Uint16(b) == 0 {
		if !bytes.Equal(b, zeros[:len(b)]) {
			return frame{}, nil, false, fmt.Errorf("%w: bytes behind the last frame", ErrMalformed)
		}
		return frame{}, nil, false, nil
	}
	f = frame{kind: b[2], id: messageID(b[3:11]), part: b[11], parts: b[12]}
	end := headSize + int(binary.BigEndian.Uint16(b))
	if end > len(b) {
		return frame{}, nil, false, fmt.Errorf("%w: frame of %d bytes with %d left", ErrMalformed, end, len(b))
	}
	if f.part >= f.parts {
		return frame{}, nil, false, fmt.Errorf("%w: part %d of %d", ErrMalformed, f.part, f.parts)
	}
	f.data = b[headSize:end:end]
	return f, b[end:], true, nil
}

// check walks all frames of a payload, so that one that breaks the layout has no
// effect at all.
func check(payload []byte) error {
	if len(payload) != Payload {
		return fmt.Errorf("%w: %d bytes, want %d", ErrMalformed, len(payload), Payload)
	}
	for more := true; more; {
		var err error
		if _, payload, more, err = next(payload); err != nil {
			return err
		}
	}
	return nil
}
