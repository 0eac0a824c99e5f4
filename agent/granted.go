// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vecino-edge/vecino/agent/store"
	"github.com/vecino-edge/vecino/crypto/token"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxGranted bounds the journal of tokens, in bytes: 32 members with a token for
// each of 30 epochs take 80 kB.
const maxGranted = 1 << 20

// grantedBook is an issuer's journal of the blinded elements that it granted, so
// that no member gets two tokens for one epoch, also after a restart. It is a
// [token.Book].
type grantedBook struct {
	mu      sync.Mutex
	journal *store.Journal
	bound   map[grantKey][elementSize]byte
	newest  uint32 // epoch that was present when something was granted last
	v       uint32
}

// elementSize is that of a blinded element.
const elementSize = len(token.Element{}.Blinded)

type grantKey struct {
	member token.Pub
	v      uint32
	epoch  uint32
}

// grantRecord is one line of the journal: what a member may have under v.
type grantRecord struct {
	_        struct{} `cbor:",toarray"`
	Member   token.Pub
	V        uint32
	Elements []grantElement
}

type grantElement struct {
	_       struct{} `cbor:",toarray"`
	Epoch   uint32
	Blinded [elementSize]byte
}

func openGranted(path string) (*grantedBook, error) {
	j, records, err := store.OpenJournal(path, maxGranted)
	if err != nil {
		return nil, err
	}
	b := &grantedBook{journal: j, bound: map[grantKey][elementSize]byte{}}
	for i, raw := range records {
		var r grantRecord
		if err := wire.Unmarshal(raw, &r); err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", path, i, err)
		}
		b.take(&r)
	}
	return b, nil
}

func (b *grantedBook) take(r *grantRecord) {
	b.v = max(b.v, r.V)
	for _, e := range r.Elements {
		b.bound[grantKey{r.Member, r.V, e.Epoch}] = e.Blinded
		b.newest = max(b.newest, e.Epoch)
	}
}

// oldest is the first epoch that the book still knows.
func (b *grantedBook) oldest() uint32 {
	const span = token.Ahead + token.Behind + keptEpochs
	return b.newest - min(b.newest, span)
}

// Bind records elements, unless others are recorded.
func (b *grantedBook) Bind(member token.Pub, v uint32, elements []token.Element) ([][elementSize]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v < b.v {
		return nil, fmt.Errorf("tokens of %d evictions are void, there were %d", v, b.v)
	}
	fresh := grantRecord{Member: member, V: v}
	out := make([][elementSize]byte, len(elements))
	for i, e := range elements {
		if e.Epoch < b.oldest() {
			return nil, fmt.Errorf("epoch %d is over, tokens up to epoch %d were given: has this device's clock been set back?", e.Epoch, b.newest)
		}
		was, ok := b.bound[grantKey{member, v, e.Epoch}]
		if !ok {
			was = e.Blinded
			fresh.Elements = append(fresh.Elements, grantElement{Epoch: e.Epoch, Blinded: e.Blinded})
		}
		out[i] = was
	}
	if len(fresh.Elements) == 0 {
		return out, nil
	}
	if err := b.write(&fresh); err != nil {
		return nil, err
	}
	b.take(&fresh)
	return out, nil
}

func (b *grantedBook) write(r *grantRecord) error {
	record := wire.MustMarshal(r)
	err := b.journal.Append(record)
	if errors.Is(err, store.ErrJournalFull) {
		if err = b.compact(); err == nil {
			err = b.journal.Append(record)
		}
	}
	return err
}

// compact writes the journal anew without what is over or void.
func (b *grantedBook) compact() error {
	var records [][]byte
	for key, blinded := range b.bound {
		if key.v < b.v || key.epoch < b.oldest() {
			delete(b.bound, key)
			continue
		}
		records = append(records, wire.MustMarshal(grantRecord{
			Member: key.member, V: key.v, Elements: []grantElement{{Epoch: key.epoch, Blinded: blinded}},
		}))
	}
	return b.journal.Rewrite(records)
}

func (b *grantedBook) close() error { return b.journal.Close() }
