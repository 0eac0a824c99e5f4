// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "time"

// Acquaintances is a Transport whose pseudonyms change with epochs, and which
// knows some of the neighbours again. Without it pseudonyms are taken to last.
type Acquaintances interface {
	// Epoch returns the number of the epoch that the device is in, to which the
	// pseudonyms of Present belong; ok is false while it has none.
	Epoch() (epoch uint32, ok bool)
	// Steady reports whether nobody enters or leaves for the sake of an epoch's
	// edge between two times. All devices of a task find the same.
	Steady(from, to time.Time) bool
	// Recognised returns the lasting name of one who is there, which is this
	// device's own and never sent, and false where the device does not recognise
	// it. Whom a device recognises recognises the device.
	Recognised(id PeerID) (handle PeerID, ok bool)
}

// Enter tells the node, before a round, to which epoch the pseudonyms of the
// neighbours belong. In another epoch than before they are all new, and what the
// node and its neighbours had settled is kept for those whom it meets again.
func (n *Node) Enter(epoch, round uint32) {
	if n.track != nil {
		n.track.enter(epoch, round)
	}
	turned := n.epoch != nil && *n.epoch != epoch
	n.epoch = &epoch
	if turned && n.replicas != nil {
		n.replicas.enter()
	}
	if turned && n.judge != nil {
		n.judge.enter()
	}
}

// Pause tells the node, before a round, whether some of its neighbours may be on
// their way from one epoch to the next in it. Then models are mixed, but nothing
// is tracked: an exchange of which one end hears and the other does not would be
// in the correction of one alone, and no later message could set it right.
func (n *Node) Pause(round uint32, pause bool) {
	if n.track != nil {
		n.track.paused = pause
	}
	if n.replicas != nil {
		n.replicas.pause(round, pause)
	}
}

// Meet tells the node, before a round's end, who is there in an epoch and whom of
// them it recognises.
func (n *Node) Meet(epoch, round uint32, all []PeerID, recognised func(PeerID) (PeerID, bool)) {
	if n.track != nil {
		n.track.meet(epoch, round, all, recognised)
	}
	if n.judge != nil && n.epoch != nil && *n.epoch == epoch {
		n.judge.meet(all, recognised)
	}
}

// enter returns who is there at the beginning of a round, and tells the node of
// the epoch.
func (r *Runner) enter(round uint32) (all []PeerID, self int) {
	known, ok := r.Transport.(Acquaintances)
	if !ok {
		return r.Transport.Present()
	}
	r.Node.Pause(round, !known.Steady(r.Task.RoundStart(round), r.Task.RoundStart(round+1)))
	epoch, all, self, ok := r.present(known)
	if ok {
		r.Node.Enter(epoch, round)
	}
	return all, self
}

// meet looks, at the end of a round, whom of those who are there the device
// recognises: some show who they are only after a while.
func (r *Runner) meet(round uint32) {
	known, ok := r.Transport.(Acquaintances)
	if !ok {
		return
	}
	if epoch, all, _, ok := r.present(known); ok {
		r.Node.Meet(epoch, round, all, known.Recognised)
	}
}

// present returns who is there, and in which epoch; ok is false while the device
// is in none.
func (r *Runner) present(known Acquaintances) (epoch uint32, all []PeerID, self int, ok bool) {
	for {
		if epoch, ok = known.Epoch(); !ok {
			return 0, nil, 0, false
		}
		all, self = r.Transport.Present()
		if again, still := known.Epoch(); still && again == epoch {
			return epoch, all, self, true
		}
	}
}
