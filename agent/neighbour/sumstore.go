// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// sumsFile is the name of the list of those sums whose records are kept, and the
// beginning of the records' names.
const sumsFile = "sums"

// MaxSumTasks is how many tasks can have sums within two epochs. What they used
// must not be forgotten before.
const MaxSumTasks = 64

// sumEntry says in which group of a task the device is, and the last epoch in
// which it was, sums.cddl.
type sumEntry struct {
	_     struct{} `cbor:",toarray"`
	Task  [16]byte
	Group uint8
	Epoch uint32
}

var sumsDecoder = wire.New(wire.Limits{Bytes: MaxSumTasks*32 + 16, Items: MaxSumTasks, Depth: 4})

// OpenSums fills in the stores of a session of sums, and the group in which the
// device already is in the epoch, if it is in one: after a restart it goes on in
// that one, whoever is there by now. Records of epochs before the last are
// erased, as keys are.
func (m *Member) OpenSums(c *homomorphic.Config) error {
	entries, err := loadSums(m.o.State)
	if err != nil {
		return err
	}
	here := sumEntry{Task: c.Task, Group: c.Group, Epoch: c.Epoch}
	for _, e := range entries {
		if e.Task == c.Task && e.Epoch == c.Epoch {
			c.Group, here.Group = e.Group, e.Group
		}
	}
	kept := entries[:0]
	for _, e := range entries {
		switch {
		case e.Task == here.Task && e.Group == here.Group:
			here.Epoch = max(here.Epoch, e.Epoch)
		case e.Epoch+2 <= c.Epoch:
			if err := m.forgetSums(e); err != nil {
				return err
			}
		default:
			kept = append(kept, e)
		}
	}
	if len(kept) == MaxSumTasks {
		return fmt.Errorf("%d tasks with sums in two epochs: wait until the next epoch", MaxSumTasks)
	}
	kept = append(kept, here)
	if err := m.o.State.Save(sumsFile, wire.MustMarshal(kept)); err != nil {
		return fmt.Errorf("keep list of sums: %w", err)
	}
	name := sumName(c.Task, c.Group)
	c.State, c.Runtime, c.Shares = record{m.o.State, name}, record{m.o.Keys, name + usedSuffix}, record{m.o.Keys, name + sharesSuffix}
	return nil
}

// What the records of the runtime folder are called; that of the state folder has
// no suffix.
const (
	usedSuffix   = "-used"
	sharesSuffix = "-shares"
)

func sumName(task [16]byte, group uint8) string {
	return fmt.Sprintf("%s-%s-%d", sumsFile, hex.EncodeToString(task[:]), group)
}

func loadSums(state KeyStore) (entries []sumEntry, err error) {
	b, err := state.Load(sumsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = sumsDecoder.Unmarshal(b, &entries)
	}
	if err != nil {
		return nil, fmt.Errorf("list of sums: %w", err)
	}
	return entries, nil
}

func (m *Member) forgetSums(e sumEntry) error {
	name := sumName(e.Task, e.Group)
	for _, r := range []record{{m.o.Keys, name + usedSuffix}, {m.o.Keys, name + sharesSuffix}, {m.o.State, name}} {
		if err := r.keys.Forget(r.name); err != nil {
			return fmt.Errorf("erase sums of epoch %d: %w", e.Epoch, err)
		}
	}
	return nil
}

// record is one record of a store of keys.
type record struct {
	keys KeyStore
	name string
}

func (r record) Load() ([]byte, error) {
	b, err := r.keys.Load(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (r record) Save(b []byte) error { return r.keys.Save(r.name, b) }
