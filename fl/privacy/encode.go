// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// MaxBudget is the most bytes of an encoded budget.
const MaxBudget = 32 + MaxSpent*24

// ErrBudget tells that bytes are not those of a budget.
var ErrBudget = errors.New("privacy budget is damaged or of another version")

// saved is an encoded budget, budget.cddl.
type saved struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Unit    string
	Epsilon float64
	Delta   float64
	Spent   []Spent
}

const (
	budgetVersion = 1
	unit          = "record" // what the budget is about: the traces of one
)

var budgetDecoder = wire.New(wire.Limits{Bytes: MaxBudget, Items: MaxSpent, Depth: 4})

// Encode returns the budget as in budget.cddl. There is no checksum: what keeps
// it has one.
func (b *Budget) Encode() []byte {
	return wire.MustMarshal(saved{Version: budgetVersion, Unit: unit, Epsilon: b.epsilon, Delta: b.delta, Spent: b.Spent()})
}

// DecodeBudget returns the budget that was encoded. More may be spent than the
// target, which may have been lowered. Each mechanism in it takes some tenths of
// a second on a slow board.
func DecodeBudget(data []byte) (*Budget, error) {
	var s saved
	if err := budgetDecoder.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBudget, err)
	}
	switch {
	case s.Version != budgetVersion:
		return nil, fmt.Errorf("%w: version %d, not %d", ErrBudget, s.Version, budgetVersion)
	case s.Unit != unit:
		return nil, fmt.Errorf("%w: it is per %.20q, not per %s", ErrBudget, s.Unit, unit)
	}
	b, err := NewBudget(s.Epsilon, s.Delta)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBudget, err)
	}
	for i, spent := range s.Spent {
		if err := spent.validate(); err != nil {
			return nil, fmt.Errorf("%w: mechanism %d: %v", ErrBudget, i, err)
		}
		if i > 0 && s.Spent[i-1].compare(spent.Q, spent.Sigma) >= 0 {
			return nil, fmt.Errorf("%w: mechanism %d is out of order", ErrBudget, i)
		}
	}
	for _, spent := range s.Spent {
		b.spent = append(b.spent, entry{Spent: spent, curve: NewCurve(spent.Q, spent.Sigma)})
	}
	return b, nil
}
