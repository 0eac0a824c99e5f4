// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// Sums say how the common model changes, not what it is. So that one who missed
// some finds back, and one who comes late begins, a few members tell the common
// state every few rounds, as an ordinary update in float32. It shows nothing of
// anybody: all members have it.
const (
	tellEvery  = 2             // rounds
	tellers    = 3             // members that tell it
	enoughTold = 2             // of them convince one that has a model already
	listenSums = 4 * tellEvery // rounds that one without a model waits for it
	toldTail   = 2             // numbers behind each vector
)

// Tellers returns who tells the common state at the beginning of a round, in
// ascending order; nobody in most rounds. Whoever sees the same members finds
// the same.
func Tellers(task ID, round uint32, all []PeerID) []PeerID {
	if round == 0 || round%tellEvery != 0 {
		return nil
	}
	type place struct {
		hash [64]byte
		id   PeerID
	}
	places := make([]place, len(all))
	for i, id := range all {
		places[i] = place{wire.Hash(wire.LabelTell, task[:], binary.BigEndian.AppendUint32(nil, round), id[:]), id}
	}
	slices.SortFunc(places, func(a, b place) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	var ids []PeerID
	for _, p := range places[:min(tellers, len(places))] {
		ids = append(ids, p.id)
	}
	slices.SortFunc(ids, func(a, b PeerID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// Tell returns the common state, sum.cddl: the model, behind it the scale and how
// many sums are in it, and with K-GT the mean of the last sum, behind it its
// number of steps and 0.
func (n *Node) Tell() Vectors {
	s := n.shared
	v := Vectors{append(slices.Clone(s.model), float32(s.scale), float32(s.sums))}
	if s.mean != nil {
		v = append(v, append(slices.Clone(s.mean), s.steps, 0))
	}
	return v
}

// ToldSize returns the bytes of the payload that tells the common state of a model
// of so many parameters.
func ToldSize(params int, a Algorithm) int {
	return update.PayloadSize(update.F32, params+toldTail, a.Vectors())
}

// saying is what one teller told.
type saying struct {
	from PeerID
	v    Vectors
	hash [sha256.Size]byte
}

// Heed takes what the tellers of a round told, before the round's own sum. A
// node that is sure of its state keeps it: else two of a round's tellers could
// give everybody another model. One that is unsure takes what two at least tell
// alike, or what has more sums in it than its own, and one that listens what most
// tell. Each of the errors is an [*update.Refused]: something was told that the
// node did not take.
func (n *Node) Heed(told map[PeerID]Vectors, fits func(model []float32) bool) (refused []error) {
	var good []saying
	for from, v := range told {
		if err := n.checkTold(v); err != nil {
			refused = append(refused, err)
			continue
		}
		good = append(good, saying{from, v, hashTold(v)})
	}
	if len(good) == 0 {
		return refused
	}
	before := hashTold(n.Tell())
	own, err := n.agree(good, before, fits)
	if err != nil {
		refused = append(refused, err)
	}
	for _, s := range good {
		if s.hash != own && s.hash != before {
			refused = append(refused, &update.Refused{Reason: ReasonTold, From: s.from})
		}
	}
	return refused
}

// agree adopts what is told where it should, and returns the hash of what the
// node has then.
func (n *Node) agree(told []saying, own [sha256.Size]byte, fits func(model []float32) bool) ([sha256.Size]byte, error) {
	s := n.shared
	best, votes := n.bestTold(told, own)
	switch {
	case best.hash == own:
		s.unsure, n.late = false, 0
	case n.Listens() || s.unsure && (votes >= enoughTold || n.toldSums(best.v) > s.sums):
		if fits != nil && !fits(best.v[0][:len(n.x)]) {
			return own, &update.Refused{Reason: ReasonToldLoss}
		}
		n.adoptTold(best.v)
		return best.hash, nil
	}
	return own, nil
}

// bestTold returns what most told, and how many. Of states that are told equally
// often the one with more sums in it is better, then the node's own, then the
// one with the lower hash, so that all who heard the same take the same.
func (n *Node) bestTold(told []saying, own [sha256.Size]byte) (best saying, votes int) {
	count := map[[sha256.Size]byte]int{}
	for _, s := range told {
		count[s.hash]++
	}
	rank := func(a, b saying) int {
		return cmp.Or(
			cmp.Compare(count[a.hash], count[b.hash]),
			cmp.Compare(n.toldSums(a.v), n.toldSums(b.v)),
			equal(a.hash, own)-equal(b.hash, own),
			bytes.Compare(b.hash[:], a.hash[:]),
		)
	}
	best = slices.MaxFunc(told, rank)
	return best, count[best.hash]
}

func equal(a, b [sha256.Size]byte) int {
	if a == b {
		return 1
	}
	return 0
}

func (n *Node) toldSums(v Vectors) uint32 { return uint32(v[0][len(n.x)+1]) }

// checkTold refuses what no node tells.
func (n *Node) checkTold(v Vectors) error {
	params := len(n.x)
	if len(v) != n.set.Algorithm.Vectors() {
		return &update.Refused{Reason: update.ReasonShape, Detail: fmt.Sprintf("%d vectors are told", len(v))}
	}
	for _, one := range v {
		if len(one) != params+toldTail {
			return &update.Refused{Reason: update.ReasonShape, Detail: fmt.Sprintf("%d numbers are told", len(one))}
		}
	}
	whole := func(v, least, most float32) bool { return v >= least && v <= most && v == float32(int(v)) }
	scale, sums := v[0][params], v[0][params+1]
	if !whole(scale, minScale, maxScale) || !whole(sums, 0, MaxRounds) {
		return &update.Refused{Reason: ReasonNotTold, Detail: fmt.Sprintf("a scale of %v, %v sums", scale, sums)}
	}
	limit := normFactor * (tensor.Norm(n.x) + math.Sqrt(float64(params)))
	if len(v) > 1 {
		if steps := v[1][params]; !(steps >= 0 && steps <= maxSteps) || v[1][params+1] != 0 {
			return &update.Refused{Reason: ReasonNotTold, Detail: fmt.Sprintf("%v steps", steps)}
		}
		if err := update.CheckNorm(v[1][:params], directionFactor*limit/float64(n.set.SGD.Rate)); err != nil {
			return err
		}
	}
	return update.CheckNorm(v[0][:params], limit)
}

// adoptTold goes on from what is told. What the node has not said yet belongs to
// a model that is gone.
func (n *Node) adoptTold(v Vectors) {
	s, params := n.shared, len(n.x)
	copy(s.model, v[0])
	copy(n.x, s.model)
	s.scale, s.sums = int(v[0][params]), n.toldSums(v)
	if s.mean != nil {
		copy(s.mean, v[1])
		s.steps = v[1][params]
	}
	clear(s.residue)
	clear(s.rest)
	s.skipped, s.unsure, n.late = 0, false, 0
}

// hashTold tells one common state from another.
func hashTold(v Vectors) [sha256.Size]byte {
	h := sha256.New()
	var b [4]byte
	for _, one := range v {
		for _, x := range one {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
			h.Write(b[:])
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
