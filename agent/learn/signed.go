// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/cose"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// ErrSignature refuses a task under the name of an owner who is trusted, but who has
// not signed it.
var ErrSignature = errors.New("the signature of the task does not hold: it was changed after its owner signed it, or the key is not the owner's")

// firstOfSigned is the first byte of a task that is signed; that of one that is not
// is the head of an array.
const firstOfSigned = 0xd2

// IsSigned reports whether the bytes, of a message or a file, are those of a signed
// task, or of nothing.
func IsSigned(b []byte) bool { return len(b) > 0 && b[0] == firstOfSigned }

// offer is a task as somebody offers it.
type offer struct {
	task *node.Task
	msg  []byte            // that neighbours are told
	by   ed25519.PublicKey // of a trusted owner who signed it, or nil
}

// openTask reads a task, signed or not, task.cddl. One that is signed under none of
// the keys is as good as one that is not signed. The error wraps [ErrSignature],
// [node.ErrTask], or one of package cose's.
func openTask(msg []byte, keys []ed25519.PublicKey) (*offer, error) {
	if !IsSigned(msg) {
		t, err := node.DecodeTask(msg)
		return &offer{task: t, msg: msg}, err
	}
	m, err := cose.Parse(msg, node.MaxTask)
	if err != nil {
		return nil, fmt.Errorf("signed task: %w", err)
	}
	o := &offer{msg: msg}
	if o.task, err = node.DecodeTask(m.Unverified()); err != nil {
		return nil, err
	}
	_, o.by, err = m.Verify(keys, wire.LabelOwnerTask)
	if err != nil && !errors.Is(err, cose.ErrKey) {
		return nil, fmt.Errorf("%w: %v", ErrSignature, m.KeyID())
	}
	return o, nil
}

// signedBy notes who signed the job's task, under mu.
func (j *job) signedBy(by ed25519.PublicKey) {
	if by != nil {
		j.status.SignedBy = cose.EncodePublic(by)
	}
}

// Sign returns the task that the plan makes of the data, and its message signed by
// its owner. Its first round begins at a time that the signature holds, so that
// nobody can begin it again later.
func (p *Plan) Sign(data *Data, start time.Time, owner *cose.Signer) (*node.Task, []byte, error) {
	t, err := p.task(data)
	if err != nil {
		return nil, nil, err
	}
	t.Start = uint64(max(start.UnixMilli(), 0))
	if err := t.Check(); err != nil {
		return nil, nil, err
	}
	msg, err := owner.Sign1(wire.LabelOwnerTask, t.Encode())
	return t, msg, err
}

// StartSigned starts a task that its owner signed, and tells the neighbours. Each of
// them decides whether it trusts the owner; this device need not.
func (s *Service) StartSigned(msg []byte) (*Status, error) {
	o, err := openTask(msg, s.o.Keys)
	if err != nil {
		return nil, err
	}
	switch now := s.o.Member.Now(); {
	case !now.Before(o.task.End()):
		return nil, fmt.Errorf("task %q is over: its last round ended at %v; sign it anew", o.task.Name, o.task.End().UTC())
	case s.runs(o.task.ID()):
		return nil, busy("task %q is running already", o.task.Name)
	}
	if err := s.nameFree(o.task.Name); err != nil {
		return nil, err
	}
	data, err := s.o.Load()
	if err != nil {
		return nil, err
	}
	return s.start(o, data)
}

// Reasons for which a device that joins signed tasks only refuses one.
const (
	reasonUnsigned  = "task-unsigned"  // no owner whom the device trusts has signed it
	reasonSignature = "task-signature" // it names an owner who has not signed it
)

// refuseTask counts a task that is not joined, and says so the first time. What to do
// is told to the owner of this device.
func (s *Service) refuseTask(reason string, o *offer, err error) {
	s.o.Member.Refuse(reason)
	key, name := reason, ""
	if o != nil {
		id := o.task.ID()
		key, name = key+string(id[:]), o.task.Name
	}
	s.mu.Lock()
	first := !s.refused[key] && len(s.refused) < maxRefused
	if first {
		s.refused[key] = true
	}
	s.mu.Unlock()
	if first {
		s.o.Log.Warn("a neighbour's task is refused", "task", name, "reason", reason, "err", err)
	}
}

// maxRefused bounds the tasks that are refused with a word in the log.
const maxRefused = 64

var errUnsigned = errors.New("no owner whom this device trusts has signed it; set fl.task_keys to the owner's key, " +
	"which vecino key show prints where the task was signed, or fl.tasks to accept")
