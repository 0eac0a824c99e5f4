// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// twoGroups returns the groups as the first member of the first sees them.
func twoGroups() groups {
	return newGroups([][]homomorphic.Key{{key(0), key(1), key(2)}, {key(3), key(4), key(5), key(6)}}, 0)
}

func ofGroup(group, count uint8, round uint32, values ...uint32) groupSum {
	return groupSum{Task: [16]byte{7}, Group: group, Round: round, Count: count, Values: pack(values)}
}

// TestGroupsHear has what members of other groups may tell and what not.
func TestGroupsHear(t *testing.T) {
	good := ofGroup(1, 4, 5, 400, 8160)
	cases := []struct {
		name string
		from signcrypt.PID
		msg  []byte
		ok   bool
	}{
		{"good", pid(3), wire.MustMarshal(good), true},
		{"a second time", pid(3), wire.MustMarshal(good), false},
		{"of the round before", pid(3), wire.MustMarshal(ofGroup(1, 4, 4, 1, 2)), true},
		{"of long ago", pid(3), wire.MustMarshal(ofGroup(1, 4, 3, 1, 2)), false},
		{"of a later round", pid(3), wire.MustMarshal(ofGroup(1, 4, 7, 1, 2)), false},
		{"of a stranger", pid(9), wire.MustMarshal(good), false},
		{"of the own group", pid(1), wire.MustMarshal(ofGroup(0, 3, 5, 1, 2)), false},
		{"of another's group", pid(1), wire.MustMarshal(good), false},
		{"too short", pid(4), wire.MustMarshal(ofGroup(1, 4, 5, 1)), false},
		{"too long", pid(4), wire.MustMarshal(ofGroup(1, 4, 5, 1, 2, 3)), false},
		{"of nobody", pid(4), wire.MustMarshal(ofGroup(1, 0, 5, 1, 2)), false},
		{"of too many", pid(4), wire.MustMarshal(ofGroup(1, 33, 5, 1, 2)), false},
		{"rubbish", pid(4), []byte{firstOfGroupSum, 1}, false},
		{"of another task", pid(4), wire.MustMarshal(groupSum{Group: 1, Round: 5, Count: 4, Values: pack([]uint32{1, 2})}), false},
	}
	g := twoGroups()
	for _, tc := range cases {
		if err := g.hear(tc.from, tc.msg, [16]byte{7}, 2, 5); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if g.sum(1, 5) != nil {
		t.Error("one member's word is taken")
	}
	other := ofGroup(1, 4, 5, 400, 8159)
	for i, s := range []groupSum{other, good} {
		if err := g.hear(pid(4+i), wire.MustMarshal(s), [16]byte{7}, 2, 5); err != nil {
			t.Error(err)
		}
	}
	want := &node.Sum{Values: []uint32{400, 8160}, Count: 4}
	if diff := cmp.Diff(want, g.sum(1, 5)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	g.turn(7)
	if len(g.heard) != 0 {
		t.Errorf("%d rounds are kept", len(g.heard))
	}
}

// TestGroupsTell holds that three of a group tell, once, all of the others.
func TestGroupsTell(t *testing.T) {
	for round := range uint32(20) {
		var speak []signcrypt.PID
		for i := range 4 {
			g := twoGroups()
			g.stay(1)
			if to := g.tells(node.ID{1}, round, pid(3+i)); to != nil {
				speak = append(speak, pid(3+i))
				if !slices.Equal(to, []signcrypt.PID{pid(0), pid(1), pid(2)}) {
					t.Errorf("told to %x", to)
				}
			}
			if g.tells(node.ID{1}, round, pid(3+i)) != nil {
				t.Error("told twice")
			}
		}
		if len(speak) != tellers {
			t.Errorf("round %d: %d tell", round, len(speak))
		}
	}
	one := newGroups([][]homomorphic.Key{{key(0), key(1)}}, 0)
	if one.tells(node.ID{1}, 0, pid(0)) != nil || one.several() {
		t.Error("a single group tells itself")
	}
	one.stay(2)
	if one.tells(node.ID{1}, 0, pid(0)) != nil {
		t.Error("a device whose group nobody else is in tells")
	}
}

// TestGroupSumGolden fixes the bytes.
func TestGroupSumGolden(t *testing.T) {
	b, err := os.ReadFile("testdata/groups.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Task, Bytes string
		Group       uint8
		Round       uint32
		Sum         []uint32
		Count       uint8
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden {
		task, err := hex.DecodeString(g.Task)
		if err != nil {
			t.Fatal(err)
		}
		got := wire.MustMarshal(groupSum{Task: [16]byte(task), Group: g.Group, Round: g.Round, Count: g.Count, Values: pack(g.Sum)})
		if hex.EncodeToString(got) != g.Bytes || got[0] != firstOfGroupSum {
			t.Errorf("%x, want %s", got, g.Bytes)
		}
	}
	if len(golden) == 0 {
		t.Error("no vectors")
	}
}

// FuzzGroupSum gives groups foreign bytes: what is taken encodes to the same.
func FuzzGroupSum(f *testing.F) {
	f.Add(wire.MustMarshal(ofGroup(1, 4, 5, 400, 8160)))
	f.Fuzz(func(t *testing.T, msg []byte) {
		g := twoGroups()
		if g.hear(pid(3), msg, [16]byte{7}, 2, 5) != nil {
			return
		}
		for _, heard := range g.heard {
			if again := wire.MustMarshal(heard[pid(3)]); !bytes.Equal(again, msg) {
				t.Errorf("%x, again %x", msg, again)
			}
		}
	})
}
