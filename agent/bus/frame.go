// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The packet types that a broker may send (MQTT 3.1.1, section 2.2.1).
const (
	typeConnack    = 2
	typePublish    = 3
	typePuback     = 4
	typeSuback     = 9
	typeUnsuback   = 11
	typePingresp   = 13
	typeDisconnect = 14 // of MQTT 5; some brokers send it to everybody
)

var (
	errProtocol   = errors.New("what came is not a packet that a broker may send here")
	errServerEnds = errors.New("the broker ended the session")
)

// framer stands between the stream from the broker and the MQTT library, which
// trusts its broker: it would allocate 256 MB where a header says so, take an unknown
// return code of CONNACK for success, and panic on a SUBACK with more codes than
// filters. The framer passes on whole packets that are as this package's
// sessions, without QoS 2 and with one filter a SUBSCRIBE, can expect them.
type framer struct {
	r       *bufio.Reader
	max     int                   // bytes of a packet behind the fixed header
	skipped func(id uint16) error // a message over max, with its identifier if of QoS 1, else 0

	begun bool   // CONNACK has been seen
	head  []byte // of the packet at hand, not yet passed on
	buf   [5]byte
	rest  int // bytes behind head, not yet passed on
}

// readBuffer holds a few chunks, so that those that come together cost one read
// of the socket.
const readBuffer = 16 << 10

func newFramer(r io.Reader, max int, skipped func(uint16) error) *framer {
	return &framer{r: bufio.NewReaderSize(r, readBuffer), max: max, skipped: skipped}
}

// Read is of [io.Reader]. An error is final.
func (f *framer) Read(p []byte) (int, error) {
	for len(f.head) == 0 && f.rest == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	if len(f.head) > 0 {
		n := copy(p, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	n, err := f.r.Read(p[:min(len(p), f.rest)])
	f.rest -= n
	return n, err
}

// next reads a fixed header and decides what to do with the packet.
func (f *framer) next() error {
	length, err := f.readHeader()
	if err != nil {
		return err
	}
	kind, flags := f.buf[0]>>4, f.buf[0]&0x0f
	if f.begun != (kind != typeConnack) {
		return fmt.Errorf("%w: type %d", errProtocol, kind)
	}
	ok := false
	switch kind {
	case typeConnack:
		f.begun = true
		ok = length == 2 && f.knownReturnCode()
	case typePublish:
		qos := flags >> 1 & 3
		if ok = qos <= 1; ok && length > f.max {
			return f.skip(qos, length)
		}
	case typePuback, typeUnsuback:
		ok = length == 2
	case typeSuback:
		ok = length == 3 // an identifier and one code
	case typePingresp:
		ok = length == 0
	case typeDisconnect:
		return errServerEnds
	}
	if !ok {
		return fmt.Errorf("%w: type %d, flags %#x, %d bytes", errProtocol, kind, flags, length)
	}
	f.rest = length
	return nil
}

// readHeader fills head and returns the length that it states.
func (f *framer) readHeader() (length int, err error) {
	for i := range f.buf {
		b, err := f.r.ReadByte()
		if err != nil {
			if i > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		f.buf[i] = b
		if i == 0 {
			continue
		}
		length |= int(b&0x7f) << (7 * (i - 1))
		if b&0x80 == 0 {
			f.head = f.buf[:i+1]
			return length, nil
		}
	}
	return 0, fmt.Errorf("%w: a length of more than four bytes", errProtocol)
}

func (f *framer) knownReturnCode() bool {
	const highest = 5 // not authorised
	b, err := f.r.Peek(2)
	return err == nil && b[1] <= highest
}

// skip reads over a message that is too long and has it acknowledged, since
// unacknowledged messages would in time use up all that the broker sends ahead.
func (f *framer) skip(qos byte, length int) error {
	f.head = nil
	id := uint16(0)
	if qos == 1 {
		topic, err := f.readUint16()
		if err != nil {
			return err
		}
		if length -= 4 + int(topic); length < 0 {
			return fmt.Errorf("%w: a topic longer than its packet", errProtocol)
		}
		if _, err := f.r.Discard(int(topic)); err != nil {
			return err
		}
		if id, err = f.readUint16(); err != nil {
			return err
		}
	}
	if _, err := f.r.Discard(length); err != nil {
		return err
	}
	return f.skipped(id)
}

func (f *framer) readUint16() (uint16, error) {
	var b [2]byte
	_, err := io.ReadFull(f.r, b[:])
	return binary.BigEndian.Uint16(b[:]), err
}
