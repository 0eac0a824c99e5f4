// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxCharters bounds the journal of charters, in bytes: those of the 16 generations
// that may be proposed at a time take 256 kB under each of two keys.
const maxCharters = 1 << 20

// charterBook is an issuer's journal of the charters that it has signed a part of,
// one for each generation under each P, also after a restart.
type charterBook struct {
	mu      sync.Mutex
	journal *store.Journal
	bound   map[charterKey][]byte
}

type charterKey struct {
	p   issuer.Pub
	gen uint32
}

type charterRecord struct {
	_       struct{} `cbor:",toarray"`
	P       issuer.Pub
	Gen     uint32
	Charter []byte
}

func openCharters(path string) (*charterBook, error) {
	j, records, err := store.OpenJournal(path, maxCharters)
	if err != nil {
		return nil, err
	}
	b := &charterBook{journal: j, bound: map[charterKey][]byte{}}
	for i, raw := range records {
		var r charterRecord
		if err := wire.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", path, i, err)
		}
		b.bound[charterKey{r.P, r.Gen}] = r.Charter
	}
	return b, nil
}

// bind records a charter unless another is recorded, and returns the recorded one.
// Generations up to held, that of the charter that counts, may be forgotten: no
// issuer signs them any more.
func (b *charterBook) bind(p issuer.Pub, gen uint32, charter []byte, held uint32) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if gen <= held {
		return nil, fmt.Errorf("the charter of generation %d is older than the one held, of generation %d", gen, held)
	}
	key := charterKey{p, gen}
	if was, ok := b.bound[key]; ok {
		return was, nil
	}
	record := wire.MustMarshal(charterRecord{P: p, Gen: gen, Charter: charter})
	err := b.journal.Append(record)
	if errors.Is(err, store.ErrJournalFull) {
		if err = b.compact(held); err == nil {
			err = b.journal.Append(record)
		}
	}
	if err != nil {
		return nil, err
	}
	b.bound[key] = bytes.Clone(charter)
	return charter, nil
}

// compact writes the journal anew without the generations that are over.
func (b *charterBook) compact(held uint32) error {
	var records [][]byte
	for key, charter := range b.bound {
		if key.gen <= held {
			delete(b.bound, key)
			continue
		}
		records = append(records, wire.MustMarshal(charterRecord{P: key.p, Gen: key.gen, Charter: charter}))
	}
	return b.journal.Rewrite(records)
}

func (b *charterBook) close() error { return b.journal.Close() }
