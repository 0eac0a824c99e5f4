// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
)

var connack = []byte{0x20, 2, 0, 0}

// message returns a PUBLISH as a broker sends it.
func message(topic string, size int, qos byte, id uint16) []byte {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID = topic, make([]byte, size), qos, id
	var b bytes.Buffer
	p.Write(&b)
	return b.Bytes()
}

// frames passes data through a framer that takes packets of max bytes.
func frames(r io.Reader, max int) (out []byte, skipped []uint16, err error) {
	f := newFramer(r, max, func(id uint16) error {
		skipped = append(skipped, id)
		return nil
	})
	out, err = io.ReadAll(f)
	return out, skipped, err
}

func TestFramer(t *testing.T) {
	const max = 1000
	small, ping := message("a", 10, 1, 1), []byte{0xd0, 0}
	fits, over := message("a", max-3, 0, 0), message("a", max-2, 0, 0)
	cases := []struct {
		name    string
		in      []byte
		out     []byte // nil: as in
		skipped []uint16
		err     error
	}{
		{"all types", slices.Concat(connack, small, []byte{0x40, 2, 0, 1}, []byte{0x90, 3, 0, 1, 0x80}, []byte{0xb0, 2, 0, 1}, ping), nil, nil, nil},
		{"nothing", nil, nil, nil, nil},
		{"refused", []byte{0x20, 2, 0, 5}, nil, nil, nil},
		{"at the limit", slices.Concat(connack, fits, ping), nil, nil, nil},
		{"over the limit", slices.Concat(connack, over, ping), slices.Concat(connack, ping), []uint16{0}, nil},
		{"over the limit, QoS 1", slices.Concat(connack, message("abc", 5000, 1, 0x1234), message("", 5000, 1, 7), small), slices.Concat(connack, small), []uint16{0x1234, 7}, nil},
		{"unknown return code", []byte{0x20, 2, 0, 6}, []byte{}, nil, errProtocol},
		{"return code of MQTT 5", []byte{0x20, 2, 0, 0x87}, []byte{}, nil, errProtocol},
		{"CONNACK of MQTT 5", []byte{0x20, 3, 0, 0, 0}, []byte{}, nil, errProtocol},
		{"first another", ping, []byte{}, nil, errProtocol},
		{"CONNACK twice", slices.Concat(connack, connack), connack, nil, errProtocol},
		{"QoS 2", slices.Concat(connack, message("a", 1, 2, 1)), connack, nil, errProtocol},
		{"QoS 3", slices.Concat(connack, message("a", 1, 3, 1)), connack, nil, errProtocol},
		{"QoS 2 over the limit", slices.Concat(connack, message("a", 5000, 2, 1)), connack, nil, errProtocol},
		{"PUBREC", slices.Concat(connack, []byte{0x50, 2, 0, 1}), connack, nil, errProtocol},
		{"PUBREL", slices.Concat(connack, []byte{0x62, 2, 0, 1}), connack, nil, errProtocol},
		{"SUBACK of two", slices.Concat(connack, []byte{0x90, 4, 0, 1, 0, 0}), connack, nil, errProtocol},
		{"SUBACK of none", slices.Concat(connack, []byte{0x90, 2, 0, 1}), connack, nil, errProtocol},
		{"long PUBACK", slices.Concat(connack, []byte{0x40, 4, 0, 1, 0, 0}), connack, nil, errProtocol},
		{"PINGRESP with body", slices.Concat(connack, []byte{0xd0, 1, 0}), connack, nil, errProtocol},
		{"256 MB of SUBACK", slices.Concat(connack, []byte{0x90, 0xff, 0xff, 0xff, 0x7f}), connack, nil, errProtocol},
		{"five length bytes", slices.Concat(connack, []byte{0x30, 0x80, 0x80, 0x80, 0x80, 1}), connack, nil, errProtocol},
		{"DISCONNECT", slices.Concat(connack, []byte{0xe0, 0}), connack, nil, errServerEnds},
		{"cut in a header", slices.Concat(connack, []byte{0x30}), connack, nil, io.ErrUnexpectedEOF},
		{"cut while skipping", slices.Concat(connack, over[:500]), connack, nil, nil}, // ends as any stream does
		{"topic beyond its packet", slices.Concat(connack, []byte{0x32, 0xe9, 0x07, 0xff, 0xff}), connack, nil, errProtocol},
	}
	for _, c := range cases {
		want := c.out
		if want == nil {
			want = c.in
		}
		for _, r := range []io.Reader{bytes.NewReader(c.in), iotest.OneByteReader(bytes.NewReader(c.in))} {
			out, skipped, err := frames(r, max)
			if !bytes.Equal(out, want) || !errors.Is(err, c.err) || !slices.Equal(skipped, c.skipped) {
				t.Errorf("%s: % x, %v, %v; want % x, %v, %v", c.name, out, skipped, err, want, c.skipped, c.err)
			}
		}
	}
}

// Whatever a broker sends, the library reads packets of known types and bounded
// size from the framer, and does not panic.
func FuzzFramer(f *testing.F) {
	f.Add(slices.Concat(connack, message("a/b", 20, 1, 1), []byte{0x90, 3, 0, 1, 0}))
	f.Add(slices.Concat(connack, message("a", 300, 1, 9), []byte{0xd0, 0}))
	f.Add([]byte{0x20, 2, 0, 0x87})
	f.Fuzz(func(t *testing.T, data []byte) {
		const max = 200
		in := newFramer(bytes.NewReader(data), max, func(uint16) error { return nil })
		for {
			p, err := packets.ReadPacket(in)
			if err != nil {
				return
			}
			switch p := p.(type) {
			case *packets.PublishPacket:
				if p.RemainingLength > max || p.Qos > 1 {
					t.Fatalf("passed on %v", p)
				}
			case *packets.SubackPacket:
				if len(p.ReturnCodes) != 1 {
					t.Fatalf("passed on %v", p)
				}
			case *packets.ConnackPacket:
				if p.ReturnCode > 5 {
					t.Fatalf("passed on %v", p)
				}
			case *packets.PubackPacket, *packets.UnsubackPacket, *packets.PingrespPacket:
			default:
				t.Fatalf("passed on %v", p)
			}
		}
	})
}

func TestFramerPassesPacketsOn(t *testing.T) {
	in := newFramer(bytes.NewReader(slices.Concat(connack, message("a/b", 3000, 1, 258))), MaxReceive, nil)
	if _, err := packets.ReadPacket(in); err != nil {
		t.Fatal(err)
	}
	got, err := packets.ReadPacket(in)
	if err != nil {
		t.Fatal(err)
	}
	p := got.(*packets.PublishPacket)
	if diff := cmp.Diff([]any{"a/b", 3000, uint16(258)}, []any{p.TopicName, len(p.Payload), p.MessageID}); diff != "" {
		t.Error("message (-want +got):", diff)
	}
}

func BenchmarkFramer(b *testing.B) {
	chunk := message("t/abcdefghijklmnopqrstuvwxyz", 4136, 0, 0)
	data := connack
	for range 100 {
		data = append(data, chunk...)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	buf := make([]byte, 4200)
	for b.Loop() {
		in := newFramer(bytes.NewReader(data), MaxReceive, nil)
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, buf); err != nil {
			b.Fatal(err)
		}
	}
}
