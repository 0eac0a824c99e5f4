// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/privacy"
)

// purse is the privacy budget of the device's data, from which all tasks spend: what
// they tell of a record adds up, whichever of them tells it. The file holds one for
// each data folder that there ever was.
//
// A folder is known by its path. Who moves it, or puts other rows of the same people
// into another, begins with a new budget, and what is told of a record adds up beyond
// it; nothing on a device can tell that.
type purse struct {
	files Files
	key   [sha256.Size]byte // of the data folder

	mu     sync.Mutex
	ledger *privacy.Ledger // nil until a task asks for it
	file   savedPurse      // as it is on the disk, or is about to be
}

// savedPurse is the file of budgets, privacy.cddl.
type savedPurse struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Present uint8 // the number of the data that a task learned from last
	Data    []savedBudget
	Sum     [sha256.Size]byte // SHA-256 of all bytes before it
}

// savedBudget is the budget of one data folder.
type savedBudget struct {
	_      struct{}          `cbor:",toarray"`
	Key    [sha256.Size]byte // SHA-256 of its path
	Budget []byte            // ../../fl/privacy/budget.cddl
}

const (
	filePrivacy  = "privacy"
	purseVersion = 1
	maxDataSets  = 16 // data folders that a device ever learned from in private
	maxPurse     = maxDataSets*(privacy.MaxBudget+64) + 128
)

var purseDecoder = wire.New(wire.Limits{Bytes: maxPurse, Items: maxDataSets, Depth: 4})

func newPurse(files Files, dataSet string) *purse {
	return &purse{files: files, key: sha256.Sum256([]byte(dataSet))}
}

// errNoPurse says that the file is gone which has to be there.
var errNoPurse = errors.New("it is not there, and a task has spent from it")

// open returns the ledger of the data. Where there is none yet it makes one, on the
// disk, if the task is new to the device; one that went on before has to have one.
func (p *purse) open(epsilon, delta float64, isNew bool) (*privacy.Ledger, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ledger != nil {
		return p.ledger, nil
	}
	budget, err := p.read()
	if errors.Is(err, fs.ErrNotExist) && !isNew {
		err = errNoPurse
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if budget, err = privacy.NewBudget(epsilon, delta); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, p.damaged(err)
	}
	p.ledger = privacy.NewLedger(budget, saver{p})
	return p.ledger, nil
}

// damaged says what can be done where nobody knows what was spent.
func (p *purse) damaged(err error) error {
	return fmt.Errorf("the file %s, which says what the device's records have told in private tasks, cannot be used: %w; "+
		"put a copy of it back; to remove it is to begin anew, and then the records tell more than their epsilon", filePrivacy, err)
}

// read reads the file and returns the budget of the data, fs.ErrNotExist where there
// is none.
func (p *purse) read() (*privacy.Budget, error) {
	b, err := p.files.Read(filePrivacy, maxPurse)
	if err != nil {
		return nil, err
	}
	file, err := decodePurse(b)
	if err != nil {
		return nil, err
	}
	p.file = *file
	at := p.file.find(p.key)
	if at == len(p.file.Data) {
		return nil, fs.ErrNotExist
	}
	return privacy.DecodeBudget(p.file.Data[at].Budget)
}

// find returns the number of the data, or the number of all where they are not there.
func (f *savedPurse) find(key [sha256.Size]byte) int {
	for i := range f.Data {
		if f.Data[i].Key == key {
			return i
		}
	}
	return len(f.Data)
}

func (f *savedPurse) encode() []byte {
	f.Version = purseVersion
	b := wire.MustMarshal(f)
	state := b[:len(b)-sha256.Size]
	sum := sha256.Sum256(state)
	return append(state, sum[:]...)
}

func decodePurse(b []byte) (*savedPurse, error) {
	var f savedPurse
	if err := purseDecoder.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	switch {
	case sha256.Sum256(b[:len(b)-sha256.Size]) != f.Sum:
		return nil, errors.New("its checksum differs")
	case f.Version != purseVersion:
		return nil, fmt.Errorf("it is of version %d, not %d", f.Version, purseVersion)
	case int(f.Present) >= len(f.Data):
		return nil, fmt.Errorf("data number %d of %d", f.Present, len(f.Data))
	}
	return &f, nil
}

// saver is the purse as its ledger sees it.
type saver struct{ *purse }

// Save writes the file with another budget of the data.
func (s saver) Save(budget []byte) error {
	next := savedPurse{Data: append([]savedBudget{}, s.file.Data...)}
	at := next.find(s.key)
	if at == len(next.Data) {
		if at == maxDataSets {
			return fmt.Errorf("there were %d data folders on this device, and no more are kept count of; use one of them", maxDataSets)
		}
		next.Data = append(next.Data, savedBudget{Key: s.key})
	}
	next.Data[at].Budget, next.Present = budget, uint8(at)
	if err := s.files.Write(filePrivacy, next.encode()); err != nil {
		return err
	}
	s.file = next
	return nil
}
