// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/update"
)

// post carries what is long in secure sums: uploads, shares of secrets and
// answers. Each travels as an update does, in shards with parity and a
// signcrypted header, so that a lost chunk loses nothing; uploads under the
// task's round and the others under the minute of the epoch.
type post struct {
	member Member
	rand   io.Reader
	task   [16]byte
	base   [32]byte
	self   signcrypt.PID
	boxes  [3]box
	round  int64  // of the task
	minute uint32 // of the epoch
}

// box joins the parcels of a message type.
type box struct {
	typ       uint8
	most      int // bytes of a parcel
	collector *update.Collector
}

// newPost returns what carries the messages of a task. The uploads of a round
// may all be on their way at once; they are bounded as a whole.
func newPost(m Member, rand io.Reader, task [16]byte, base [32]byte, plan homomorphic.Plan) post {
	uploads := min(homomorphic.MaxRoster*(plan.UploadBytes()+1024), homomorphic.MaxMemory)
	return post{member: m, rand: rand, task: task, base: base, boxes: [3]box{
		{typeUpdate, homomorphic.MaxUpload, update.NewCollector(max(uploads, update.MaxHeld))},
		{homomorphic.TypeShare, homomorphic.MaxShare, update.NewCollector(0)},
		{homomorphic.TypeAnswer, homomorphic.MaxAnswer, update.NewCollector(0)},
	}}
}

// begin begins an epoch under a pseudonym.
func (p *post) begin(self signcrypt.PID) {
	p.self, p.minute = self, 0
	for i := range p.boxes[1:] {
		p.boxes[i+1].collector = update.NewCollector(0)
	}
}

// parcel sends data to members. Round is that of an upload.
func (p *post) parcel(typ uint8, to []signcrypt.PID, round uint32, data []byte) error {
	to = slices.DeleteFunc(slices.Clone(to), func(id signcrypt.PID) bool { return id == p.self })
	if len(to) == 0 {
		return nil
	}
	packed, err := update.PackBytes(p.rand, update.Spec{Sender: p.self, Task: p.task, Base: p.base}, data)
	if err != nil {
		return err
	}
	shards := make([][]byte, len(packed.Shards))
	for i, s := range packed.Shards {
		shards[i] = s.Encode()
	}
	copies := max(packed.Copies(), leastCopies)
	if typ == typeUpdate {
		return p.member.SendUpdate(to, round, packed.Message, copies, shards)
	}
	return p.member.SendParts(typ, to, packed.Message, copies, shards)
}

// leastCopies is how often a parcel goes out that is so short that it has no
// shards: many of them must arrive for one sum.
const leastCopies = 2

// header takes a header, and returns the parcel where that completes it.
func (p *post) header(typ uint8, from signcrypt.PID, round uint32, msg []byte) (*update.Complete, error) {
	if typ != typeUpdate {
		p.age(round)
	}
	for _, b := range p.boxes {
		if b.typ == typ {
			return b.collector.Header(from, round, msg, update.Want{Task: p.task, Base: p.base, Bytes: b.most})
		}
	}
	return nil, nil
}

// shard takes a shard. Ours is false where no header of it has come: then it may
// be of a parcel or of anything else.
func (p *post) shard(m shard.Message) (typ uint8, done *update.Complete, err error, ours bool) {
	for _, b := range p.boxes {
		if b.collector.Knows(m.ID) {
			done, err = b.collector.Shard(m)
			return b.typ, done, err, true
		}
	}
	for _, b := range p.boxes {
		if _, err := b.collector.Shard(m); err != nil {
			return 0, nil, err, true
		}
	}
	return 0, nil, nil, false
}

// turn begins a round: what is left of those before the last is dropped.
func (p *post) turn(round int64) {
	if round <= p.round {
		return
	}
	p.round = round
	if round > 1 {
		p.boxes[0].collector.Forget(uint32(round - 2))
	}
}

// age drops what is left of other messages when the minute changes in which
// they are sent: those that are older than envelopes may be.
func (p *post) age(minute uint32) {
	if minute <= p.minute {
		return
	}
	p.minute = minute
	if minute > maxAge {
		for _, b := range p.boxes[1:] {
			b.collector.Forget(minute - maxAge - 1)
		}
	}
}

// maxAge is how many minutes old the header of a share or an answer may be.
const maxAge = 4
