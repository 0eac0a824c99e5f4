// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import "fmt"

// kind of a value of an object or map.
type valueKind uint8

const (
	valueMissing valueKind = iota // null, or NaN where that can be written
	valueNumber                   // a number, or a truth value as 0 or 1
	valueText                     // a string
)

// value is that of one key.
type value struct {
	kind   valueKind
	number float32
	text   []byte // of a string, or the digits of a whole number; holds until the next value
}

// pairs walks through the keys and values of one object or map.
type pairs interface {
	// more reports whether there is another pair.
	more() (bool, error)
	// key returns the next key, which holds until the next call.
	key() ([]byte, error)
	// value returns the value of that key. The errors that concern it alone
	// are of type valueError.
	value() (value, error)
}

// valueError says why a value cannot be that of a column.
type valueError struct{ problem, advice string }

func (e *valueError) Error() string { return e.problem }

// keyed reads files whose rows are objects or maps: the first one fixes the
// columns.
type keyed struct {
	*place
	options
	*builder                // nil before the first row
	index    map[string]int // from the names of columns
}

// row takes one row, which again returns from its beginning with each call.
func (k *keyed) row(again func() pairs) error {
	if k.builder == nil {
		if err := k.fix(again()); err != nil {
			return err
		}
	}
	return k.read(again())
}

// fix lets the keys of the first row be the columns.
func (k *keyed) fix(p pairs) error {
	var names []string
	for {
		more, err := p.more()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := p.key()
		if err != nil {
			return err
		}
		if len(names) == k.limits.Columns {
			return k.wrong(fmt.Sprintf("there are more than %d keys", k.limits.Columns), "leave some out")
		}
		if err := checkName(k.place, string(key), len(names)+1); err != nil {
			return err
		}
		names = append(names, string(key))
		if _, err := p.value(); err != nil && !isValueError(err) { // one of a value is told when it is read
			return err
		}
	}
	if len(names) == 0 {
		return k.wrong("the first row is empty", "it must have all keys; write null where a value is missing")
	}
	if err := unique(k.place, names); err != nil {
		return err
	}
	h, err := assign(k.place, names, k.options)
	if err != nil {
		return err
	}
	k.builder, k.index = newBuilder(k.place, h, k.options), make(map[string]int, len(names))
	for i, name := range names {
		k.index[name] = i
	}
	return nil
}

func isValueError(err error) bool {
	_, ok := err.(*valueError)
	return ok
}

// read takes the values of a row.
func (k *keyed) read(p pairs) error {
	if err := k.begin(); err != nil {
		return err
	}
	for at := 0; ; at++ {
		more, err := p.more()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := p.key()
		if err != nil {
			return err
		}
		i, err := k.column(key, at)
		if err == nil {
			err = k.mark(i)
		}
		if err != nil {
			return err
		}
		v, err := p.value()
		if e, ok := err.(*valueError); ok {
			err = k.wrongField(i, e.problem, e.advice)
		}
		if err == nil {
			err = k.set(i, v)
		}
		if err != nil {
			return err
		}
	}
	if err := k.absent(); err != nil {
		return err
	}
	k.end()
	return nil
}

// column returns the index of a key, which mostly stands where it stood in the
// first row.
func (k *keyed) column(key []byte, at int) (int, error) {
	if at < len(k.names) && k.names[at] == string(key) {
		return at, nil
	}
	i, ok := k.index[string(key)]
	if !ok {
		return 0, k.wrong("the key "+quote(key)+" is not in the first row", "remove it, or write it there too, with null where it is missing")
	}
	return i, nil
}

// set takes one value.
func (k *keyed) set(i int, v value) error {
	group := k.roles[i] == roleGroup
	switch {
	case group && v.text != nil:
		return k.builder.key(i, v.text)
	case group && v.kind == valueMissing:
		return k.wrongField(i, "the owner is missing", "remove the row or name its owner")
	case group:
		return k.wrongField(i, "the value is not a name", "write a string or a whole number")
	case v.kind == valueText:
		return k.wrongField(i, quote(v.text)+" is text", "write a number, or null where it is missing; classes are numbered from 0")
	case v.kind == valueMissing:
		k.number(i, nan)
	default:
		k.number(i, v.number)
	}
	return nil
}

// finish returns the table.
func (k *keyed) finish() (*Table, error) {
	if k.builder == nil {
		return nil, k.wrongFile("the file is empty", "it needs rows")
	}
	return k.builder.finish()
}
