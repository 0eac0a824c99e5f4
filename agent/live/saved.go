// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/tensor"
)

const fileModels = "live-models"

// maxModels bounds the file of models, in bytes; larger ones are not kept over a
// restart, and come with the next round.
const maxModels = 8 << 20

// savedModel is what of a snapshot cannot be made anew without the rows, saved.cddl.
type savedModel struct {
	_     struct{} `cbor:",toarray"`
	Task  []byte
	Theta []byte  // float32, little-endian, (params)
	Fill  []byte  // float32, little-endian, (features)
	Known bool    // whether reach is
	Reach float64 // 0 or above
}

// savedModels is the file of models, saved.cddl.
type savedModels struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Models  []savedModel
}

const savedVersion = 1

var savedDecoder = wire.New(wire.Limits{Bytes: maxModels, Items: 16, Depth: 4})

// saveModels writes the models that are scored by, where they have changed.
func (s *Service) saveModels() {
	s.mu.Lock()
	changed := s.changed
	s.changed = false
	s.mu.Unlock()
	if !changed {
		return
	}
	file := savedModels{Version: savedVersion, Models: []savedModel{}}
	for _, l := range *s.lanes.Load() {
		if snap := l.snapshot.Load(); snap != nil {
			file.Models = append(file.Models, snap.saved())
		}
	}
	b := wire.MustMarshal(file)
	if len(b) > maxModels {
		s.o.Log.Warn("the models of live scores are too large to be kept over a restart", "bytes", len(b), "most", maxModels)
		return
	}
	if err := s.o.Files.Write(fileModels, b); err != nil {
		s.o.Log.Error("the models of live scores are not saved", "err", err)
		s.mu.Lock()
		s.changed = true
		s.mu.Unlock()
	}
}

func (s *snapshot) saved() savedModel {
	return savedModel{Task: s.task.Encode(), Theta: putFloats(s.theta), Fill: putFloats(s.fill), Known: s.ok, Reach: s.reach}
}

// loadModels takes up the models of the last run.
func (s *Service) loadModels() error {
	b, err := s.o.Files.Read(fileModels, maxModels)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := decodeModels(b)
	if err != nil {
		return err
	}
	for _, snap := range all {
		l, err := s.lane(snap.task)
		if err != nil {
			return err
		}
		l.snapshot.Store(snap)
	}
	return nil
}

// decodeModels reads the file of models.
func decodeModels(b []byte) (out []*snapshot, err error) {
	var file savedModels
	if err := savedDecoder.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("saved models: %w", err)
	}
	if file.Version != savedVersion || len(file.Models) > MaxTasks {
		return nil, fmt.Errorf("saved models: %d of version %d; this program reads up to %d of version %d", len(file.Models), file.Version, MaxTasks, savedVersion)
	}
	for i, m := range file.Models {
		snap, err := m.snapshot()
		if err != nil {
			return nil, fmt.Errorf("saved model %d: %w", i+1, err)
		}
		out = append(out, snap)
	}
	return out, nil
}

func (m *savedModel) snapshot() (*snapshot, error) {
	t, err := node.DecodeTask(m.Task)
	if err != nil {
		return nil, err
	}
	s, err := newSnapshot(t, floats(m.Theta), nil)
	if err != nil {
		return nil, err
	}
	fill := floats(m.Fill)
	switch {
	case len(m.Theta)%4 != 0 || len(m.Fill)%4 != 0 || len(fill) != len(s.fill) || !tensor.Finite(fill):
		return nil, errors.New("its numbers do not fit the task")
	case !(m.Reach >= 0 && m.Reach <= math.MaxFloat64) || !m.Known && m.Reach != 0:
		return nil, fmt.Errorf("a reach of %v", m.Reach)
	}
	s.fill, s.reach, s.ok = fill, m.Reach, m.Known
	return s, nil
}

func putFloats(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}
