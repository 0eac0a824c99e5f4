// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
)

const (
	metadataKey = "__metadata__"
	maxKeys     = 256 // tensors of a file, and keys of its metadata; no model has as many
	maxRank     = 8   // dimensions of a tensor; no model has as many
)

// entry is what a header says of a tensor.
type entry struct {
	name  string
	dtype string
	shape []int64
	span  []int64 // begin and end in the data, in bytes
}

// parseHeader reads the JSON at the beginning of a file. Metadata that are not
// there are empty.
func parseHeader(header []byte) (metadata map[string]string, entries []entry, err error) {
	wrap := func(err error) error { return fmt.Errorf("the header: %w", err) }
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, wrap(errors.New("it does not begin with {; is it a safetensors file?"))
	}
	r, err := newJSON(header)
	if err != nil {
		return nil, nil, wrap(err)
	}
	metadata = map[string]string{}
	err = r.object(maxKeys, func(name string) error {
		if name == metadataKey {
			return named(metadataKey, r.object(maxKeys, func(key string) (err error) {
				metadata[key], err = r.text()
				return named(key, err)
			}))
		}
		e, err := r.entry(name)
		entries = append(entries, e)
		return named(name, err)
	})
	if err != nil {
		return nil, nil, wrap(err)
	}
	return metadata, entries, nil
}

// named puts a name before an error, if there is one.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%.40q: %w", name, err)
}

// entry takes the object that describes a tensor.
func (r jsonReader) entry(name string) (entry, error) {
	e := entry{name: name}
	left := 3
	err := r.object(left, func(key string) (err error) {
		left--
		switch key {
		case "dtype":
			e.dtype, err = r.text()
		case "shape":
			e.shape, err = r.wholes(maxRank)
		case "data_offsets":
			e.span, err = r.wholes(2)
		default:
			return fmt.Errorf("the key %.40q is unknown", key)
		}
		return named(key, err)
	})
	if err != nil {
		return entry{}, err
	}
	if left > 0 || len(e.span) != 2 {
		return entry{}, errors.New("dtype, shape and two data_offsets are wanted")
	}
	return e, nil
}

// place holds the entries of a header against the tensors of the model, which
// it returns in the order in which the file has them.
func place(entries []entry, m *model.Model) ([]model.Tensor, error) {
	layers := m.Layers()
	byName := make(map[string]model.Tensor, len(layers))
	for _, t := range layers {
		byName[t.Name] = t
	}
	for _, e := range entries {
		t, ok := byName[e.name]
		if !ok {
			return nil, fmt.Errorf("tensor %.40q: model %v has no such tensor", e.name, m.Spec())
		}
		if err := e.check(t, m); err != nil {
			return nil, fmt.Errorf("tensor %.40q: %w", e.name, err)
		}
		delete(byName, e.name)
	}
	for _, t := range layers {
		if _, left := byName[t.Name]; left {
			return nil, fmt.Errorf("tensor %s of model %v is not there", t.Name, m.Spec())
		}
	}
	return follow(entries, layers)
}

// check holds an entry against the tensor of its name.
func (e *entry) check(t model.Tensor, m *model.Model) error {
	same := len(e.shape) == len(t.Shape)
	for i := 0; same && i < len(t.Shape); i++ {
		same = e.shape[i] == int64(t.Shape[i])
	}
	switch size := 4 * int64(t.To-t.From); {
	case e.dtype != dtype:
		return fmt.Errorf("numbers of type %.20q; they have to be %s", e.dtype, dtype)
	case !same:
		return fmt.Errorf("its shape is %v, and model %v of %d features has %v", e.shape, m.Spec(), m.Features(), t.Shape)
	case e.span[1]-e.span[0] != size: // both are 0 or above, so that nothing overflows
		return fmt.Errorf("its data_offsets %v do not hold %d bytes", e.span, size)
	}
	return nil
}

// follow returns the tensors in the order of the data, which they have to cover
// without gap and overlap, each once.
func follow(entries []entry, layers []model.Tensor) (order []model.Tensor, err error) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.span[0], b.span[0]) })
	at := int64(0)
	for _, e := range entries {
		if e.span[0] != at {
			return nil, fmt.Errorf("tensor %s begins at byte %d of the data, and what comes before it ends at %d", e.name, e.span[0], at)
		}
		at = e.span[1]
		i := slices.IndexFunc(layers, func(t model.Tensor) bool { return t.Name == e.name })
		order = append(order, layers[i])
	}
	return order, nil
}
