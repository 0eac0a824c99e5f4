// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"crypto/rand"
	"errors"
	"math"
	"testing"
)

// quiet returns a store that nothing watches.
func quiet() *memory { return &memory{before: func() {}, after: func() {}} }

// opened opens a guard on stores of epoch 7, as a device does that starts before
// round next.
func opened(t *testing.T, state, runtime *memory, next uint32) *guard {
	t.Helper()
	g, err := openGuard(state, runtime, rand.Reader, 7, next)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// used returns stores in which a device began in round 0 and encrypted in rounds
// 3 and 5.
func used(t *testing.T) (state, runtime *memory) {
	t.Helper()
	state, runtime = quiet(), quiet()
	g := opened(t, state, runtime, 0)
	if err := errors.Join(g.begin([]byte{1}, [32]byte{2}, 0), g.confirm(), g.use(encrypting, 3), g.use(encrypting, 5)); err != nil {
		t.Fatal(err)
	}
	return state, runtime
}

func TestGuardOnce(t *testing.T) {
	state, runtime := used(t)
	if state.writes != 1 {
		t.Errorf("%d writes to the state folder", state.writes)
	}
	g := opened(t, state, runtime, 6)
	tests := []struct {
		act   act
		round uint32
		want  error
	}{
		{encrypting, 5, ErrSitOut}, // the round under way at the restart
		{encrypting, 6, nil},
		{encrypting, 6, ErrTwice},
		{signing, 6, nil},
		{signing, 6, ErrTwice},
		{answering, 6, nil},
		{answering, 6, ErrTwice},
		{encrypting, 4, ErrSitOut},
		{encrypting, 63, nil},
		{encrypting, 62, ErrTwice},
		{encrypting, 64, nil}, // reserves anew
		{encrypting, math.MaxUint32, ErrSitOut},
	}
	for _, tt := range tests {
		if err := g.use(tt.act, tt.round); !errors.Is(err, tt.want) {
			t.Errorf("act %d in round %d: %v", tt.act, tt.round, err)
		}
	}
	if state.writes != 2 {
		t.Errorf("%d writes to the state folder", state.writes)
	}
	if err := g.begin([]byte{9}, [32]byte{}, 6); !errors.Is(err, ErrTwice) {
		t.Errorf("a second roster: %v", err)
	}
}

// TestGuardClock restarts with a clock that was set back: what was used stays
// used.
func TestGuardClock(t *testing.T) {
	state, runtime := used(t)
	g := opened(t, state, runtime, 2)
	for round, want := range []error{ErrSitOut, ErrSitOut, ErrTwice, ErrTwice, ErrTwice, ErrTwice, nil} {
		if err := g.use(encrypting, uint32(round)); !errors.Is(err, want) {
			t.Errorf("round %d: %v", round, err)
		}
	}
}

// TestGuardCopies restarts on folders that do not belong together.
func TestGuardCopies(t *testing.T) {
	const epochOver = math.MaxUint32 // no round is used
	tests := []struct {
		name   string
		change func(state, runtime *memory, first [2][]byte)
		floor  uint32
	}{
		{"as they were", func(state, runtime *memory, first [2][]byte) {}, 10},
		{"state lost", func(state, runtime *memory, first [2][]byte) { state.data = nil }, 64 + 70},
		{"state of the first reservation", func(state, runtime *memory, first [2][]byte) { state.data = first[0] }, 64 + 70},
		{"runtime of the first reservation", func(state, runtime *memory, first [2][]byte) { runtime.data = first[1] }, 64 + 70},
		{"runtime lost", func(state, runtime *memory, first [2][]byte) { runtime.data = nil }, epochOver},
		{"both lost: another device", func(state, runtime *memory, first [2][]byte) { state.data, runtime.data = nil, nil }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state, runtime := used(t)
			first := [2][]byte{state.data, runtime.data}
			if err := opened(t, state, runtime, 6).use(signing, 70); err != nil {
				t.Fatal(err)
			}
			tt.change(state, runtime, first)
			g := opened(t, state, runtime, 10)
			floor := g.floor
			if g.lost != nil {
				floor = epochOver
			}
			if floor != tt.floor {
				t.Fatalf("the first round is %d, not %d", floor, tt.floor)
			}
			if err := g.use(encrypting, max(floor, 1)-1); floor > 0 && !errors.Is(err, ErrSitOut) {
				t.Errorf("the round before: %v", err)
			}
			if state.data == nil && floor > 0 {
				t.Error("no reservation stands in for the one that is lost")
			}
			if tt.name == "runtime lost" {
				if state.data = nil; opened(t, state, runtime, 10).lost == nil {
					t.Error("it is forgotten that the runtime folder was lost")
				}
			}
			if floor < epochOver {
				if err := g.use(encrypting, max(floor, 71)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestGuardEpochs opens the records of other epochs.
func TestGuardEpochs(t *testing.T) {
	state, runtime := used(t)
	if _, err := openGuard(state, runtime, rand.Reader, 6, 0); !errors.Is(err, ErrPast) {
		t.Errorf("an epoch before: %v", err)
	}
	g, err := openGuard(state, runtime, rand.Reader, 8, 4)
	if err != nil {
		t.Fatal(err)
	}
	if g.marks.Seed != [32]byte{} || g.marks.Roster != nil {
		t.Error("the secret of an epoch that is over is still there")
	}
	if err := g.use(encrypting, 3); err != nil {
		t.Errorf("a new epoch: %v", err)
	}
	_, earlier := used(t)
	if g, err = openGuard(state, earlier, rand.Reader, 8, 0); err != nil || g.lost == nil {
		t.Errorf("a runtime folder of an earlier epoch: %v", err)
	}
}

// broken is a store that fails.
type broken struct{ memory }

var errDisk = errors.New("no space left on device")

func (*broken) Save([]byte) error { return errDisk }

func TestGuardBroken(t *testing.T) {
	for _, stores := range [][2]Store{{&broken{}, quiet()}, {quiet(), &broken{}}} {
		g, err := openGuard(stores[0], stores[1], rand.Reader, 7, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.use(signing, 3); !errors.Is(err, errDisk) {
			t.Errorf("a disk that is full: %v", err)
		}
		if err := g.use(signing, 200); !errors.Is(err, ErrSitOut) {
			t.Errorf("afterwards: %v", err)
		}
	}
	if _, err := openGuard(&memory{data: []byte{1}}, quiet(), rand.Reader, 7, 0); err == nil {
		t.Error("a record that is none was read")
	}
}
