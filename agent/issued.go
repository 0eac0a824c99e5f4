// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"sync"

	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// keptEpochs is how many epochs back an issuer remembers what it signed. Older
// requests are refused anyway.
const keptEpochs = 3

// issuedBook is an issuer's journal of the keys that it signed, so that no token
// buys two in one epoch, also after a restart. It is an [issuer.Book].
type issuedBook struct {
	mu      sync.Mutex
	journal *store.Journal
	bound   map[issuedKey][sha512.Size]byte
	newest  uint32
}

type issuedKey struct {
	epoch uint32
	s     [32]byte
}

type issuedRecord struct {
	_     struct{} `cbor:",toarray"`
	Epoch uint32
	S     [32]byte
	Hash  [sha512.Size]byte
}

func openIssued(path string) (*issuedBook, error) {
	j, records, err := store.OpenJournal(path, maxIssued)
	if err != nil {
		return nil, err
	}
	b := &issuedBook{journal: j, bound: map[issuedKey][sha512.Size]byte{}}
	for i, raw := range records {
		var r issuedRecord
		if err := wire.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", path, i, err)
		}
		b.bound[issuedKey{r.Epoch, r.S}] = r.Hash
		b.newest = max(b.newest, r.Epoch)
	}
	return b, nil
}

// Bind records hash for (epoch, s) unless one is recorded.
func (b *issuedBook) Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if epoch+keptEpochs < b.newest {
		return hash, fmt.Errorf("epoch %d is over, keys of epoch %d were issued: has this device's clock been set back?", epoch, b.newest)
	}
	key := issuedKey{epoch, s}
	if was, ok := b.bound[key]; ok {
		return was, nil
	}
	record := wire.MustMarshal(issuedRecord{Epoch: epoch, S: s, Hash: hash})
	err := b.journal.Append(record)
	if errors.Is(err, store.ErrJournalFull) {
		if err = b.compact(); err == nil {
			err = b.journal.Append(record)
		}
	}
	if err != nil {
		return hash, err
	}
	b.bound[key] = hash
	b.newest = max(b.newest, epoch)
	return hash, nil
}

// compact writes the journal anew without the epochs that are over.
func (b *issuedBook) compact() error {
	var records [][]byte
	for key, hash := range b.bound {
		if key.epoch+keptEpochs < b.newest {
			delete(b.bound, key)
			continue
		}
		records = append(records, wire.MustMarshal(issuedRecord{Epoch: key.epoch, S: key.s, Hash: hash}))
	}
	return b.journal.Rewrite(records)
}

func (b *issuedBook) close() error { return b.journal.Close() }
