// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

// hide clears in vectors what the node keeps to itself: the last layer, where the
// task says so. All nodes show zeros there, so that nothing of it is mixed.
func (s *Settings) hide(vectors ...[]float32) {
	if !s.KeepHead {
		return
	}
	head := s.Model.Head()
	for _, v := range vectors {
		clear(v[head.From:head.To])
	}
}

func (n *Node) hide(vectors ...[]float32) { n.set.hide(vectors...) }

// share sets the model to v, but for what the node keeps.
func (n *Node) share(v []float32) {
	if !n.set.KeepHead {
		copy(n.x, v)
		return
	}
	head := n.set.Model.Head()
	copy(n.x[:head.From], v)
	copy(n.x[head.To:], v[head.To:])
}

// moveHead takes what training made of the part that the node keeps, which is in y.
func (n *Node) moveHead() {
	if n.set.KeepHead {
		head := n.set.Model.Head()
		copy(n.x[head.From:head.To], n.y[head.From:head.To])
	}
}
