// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/topology"
)

// Attack is what hostile nodes send instead of what they learned. They know what
// all others send, and work together.
type Attack struct {
	Kind     AttackKind
	Strength float64 // X below
}

// AttackKind is the idea of an attack.
type AttackKind uint8

// The attacks. A way is what training changed in a model.
const (
	NoAttack  AttackKind = iota
	SignFlip             // the way turned round and X times as long: a node's own on a full graph, else that of the receiver's honest neighbours
	Noise                // the own model and normal noise of deviation X on each number
	LabelFlip            // an honest update of rows whose classes are counted from the other end
	ALIE                 // the mean of the honest less X deviations in each coordinate (Baruch, Baruch and Goldberg, A little is enough, 2019)
	IPM                  // the mean honest way turned round and X times as long (Xie, Koyejo and Gupta, Fall of empires, 2020)
	Dissensus            // away from where the receiver's neighbours are, twice as far (He, Karimireddy and Jaggi, 2022)
)

var attackNames = [...]string{NoAttack: "none", SignFlip: "signflip", Noise: "noise", LabelFlip: "labelflip", ALIE: "alie", IPM: "ipm", Dissensus: "dissensus"}

// dissensus is how far those go that send neighbours apart.
const dissensus = 2

// scaled reports whether the attack has a strength.
func (k AttackKind) scaled() bool { return k != NoAttack && k != LabelFlip && k != Dissensus }

// ParseAttack reads none, signflip:X, noise:X, labelflip, alie:Z, ipm:X or dissensus.
func ParseAttack(s string) (Attack, error) {
	name, strength, has := strings.Cut(s, ":")
	for kind, known := range attackNames {
		a := Attack{Kind: AttackKind(kind)}
		if name != known || has != a.Kind.scaled() {
			continue
		}
		if !has {
			return a, nil
		}
		var err error
		if a.Strength, err = strconv.ParseFloat(strength, 64); err != nil || !(a.Strength >= 0 && a.Strength <= maxStrength) {
			return Attack{}, fmt.Errorf("attack %q: %q is no number from 0 to %d", s, strength, maxStrength)
		}
		return a, nil
	}
	return Attack{}, fmt.Errorf("attack %q is unknown; possible: none, signflip:X, noise:X, labelflip, alie:Z, ipm:X, dissensus", s)
}

const maxStrength = 1_000_000

// String returns the attack as [ParseAttack] reads it.
func (a Attack) String() string {
	if a.Kind.scaled() {
		return attackNames[a.Kind] + ":" + strconv.FormatFloat(a.Strength, 'g', -1, 64)
	}
	return attackNames[a.Kind]
}

func (s *Settings) checkAttack() error {
	switch {
	case s.Malicious < 0 || s.Malicious >= s.Nodes && s.Malicious > 0:
		return fmt.Errorf("%d hostile nodes of %d; at least one is honest", s.Malicious, s.Nodes)
	case s.Malicious == 0 && s.Attack.Kind != NoAttack:
		return fmt.Errorf("attack %v, and no node is hostile", s.Attack)
	case s.robust() && s.Mode.Summed():
		return fmt.Errorf("mode %v adds what nobody can look at; rules and attacks go with mode robust", s.Mode)
	case s.Malicious > 0 && s.compressed():
		return fmt.Errorf("attacks are simulated on whole updates: use compression none, q8 or q4, not %v", s.Compression)
	case s.Attack.Kind == LabelFlip && s.Train.Kind != dataset.Classification:
		return errors.New("attack labelflip needs classes")
	}
	return nil
}

// compressed reports whether updates leave numbers out.
func (s *Settings) compressed() bool {
	_, whole := s.Compression.Quant()
	return !whole
}

// robust reports whether nodes learn as they do where some may lie.
func (s *Settings) robust() bool { return s.Malicious > 0 || s.Aggregate != aggregate.Mean }

// villains are the hostile nodes of a simulation.
type villains struct {
	*sim
	is   []bool
	all  []int
	data *dataset.Table // theirs
}

// newVillains chooses the hostile nodes: the first ones where everybody hears
// everybody, and elsewhere such that no honest node has more of them around it than
// it has to.
func newVillains(m *sim) (*villains, error) {
	v := &villains{sim: m, is: make([]bool, m.Nodes), data: m.Train}
	if m.Attack.Kind == LabelFlip {
		v.data = flipped(m.Train)
	}
	var err error
	if v.all, err = m.place(); err != nil {
		return nil, err
	}
	for _, i := range v.all {
		v.is[i] = true
	}
	return v, nil
}

// placements is how many random choices are tried.
const placements = 2000

func (m *sim) place() ([]int, error) {
	first := make([]int, m.Malicious)
	for i := range first {
		first[i] = i
	}
	if !m.Topology.Fixed() || m.Topology.Kind == topology.Full {
		return first, nil
	}
	g, err := m.Topology.Build(m.Nodes, m.Seed, 0)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(m.Seed, placeStream))
	best, least := first, math.MaxInt
	for range placements {
		some := r.Perm(m.Nodes)[:m.Malicious]
		if n := mostAround(g, some); n < least {
			best, least = slices.Sorted(slices.Values(some)), n
		}
	}
	return best, nil
}

// placeStream keeps the draws of places apart from those of anything else.
const placeStream = 0x76696c6c

// mostAround returns how many of the hostile the honest node has around it that has
// most.
func mostAround(g *topology.Graph, hostile []int) (most int) {
	around := make([]int, g.Size())
	var ids []int32
	for _, j := range hostile {
		ids = g.Neighbours(ids[:0], j)
		for _, i := range ids {
			around[i]++
		}
	}
	for i, n := range around {
		if !slices.Contains(hostile, i) {
			most = max(most, n)
		}
	}
	return most
}

// flipped returns a copy of the rows whose classes are counted from the other end.
func flipped(t *dataset.Table) *dataset.Table {
	c := t.Clone()
	for i, label := range c.Labels {
		c.Labels[i] = int32(t.Classes) - 1 - label
		c.Y[i] = float32(c.Labels[i])
	}
	return c
}

// lies are what hostile nodes send to one node in a round.
type lies struct {
	*villains
	round    uint32
	receiver int
	mean     []float32 // of what the receiver and its honest neighbours send; nil until it is needed
	dev      []float32 // deviation of each number
}

// from returns what hostile node j sends.
func (l *lies) from(j int) node.Update {
	own := l.sent[j]
	switch l.Attack.Kind {
	case NoAttack, LabelFlip:
		return own
	case Noise:
		return whole(l.noisy(j, own.Vectors[0]))
	case SignFlip:
		if l.Topology.Kind == topology.Full {
			return whole(l.turned(l.nodes[j].Model(), own.Vectors[0]))
		}
	}
	if l.mean == nil {
		l.measure()
	}
	switch l.Attack.Kind {
	case SignFlip, IPM:
		return whole(l.turned(l.nodes[l.receiver].Model(), l.mean))
	case ALIE:
		x := slices.Clone(l.mean)
		tensor.Axpy(-float32(l.Attack.Strength), l.dev, x)
		return whole(x)
	}
	own = l.sent[l.receiver] // Dissensus
	x := slices.Clone(own.Vectors[0])
	tensor.AddScaledDifference(x, -dissensus, l.mean, own.Vectors[0])
	return whole(x)
}

func whole(x []float32) node.Update { return node.Update{Vectors: node.Vectors{x}} }

// turned returns the way from a model to another, turned round and as long as the
// attack is strong.
func (l *lies) turned(from, to []float32) []float32 {
	x := slices.Clone(from)
	tensor.AddScaledDifference(x, -float32(l.Attack.Strength), to, from)
	return x
}

// noisy returns a model with noise, the same for all receivers.
func (l *lies) noisy(j int, x []float32) []float32 {
	r := rand.New(rand.NewPCG(l.Seed^uint64(l.round)<<32, uint64(j)))
	out := slices.Clone(x)
	for k := range out {
		out[k] += float32(float32(l.Attack.Strength) * normal(r))
	}
	return out
}

// normal returns a number that is close to a normal one and the same on every
// machine: the sum of twelve uniform ones.
func normal(r *rand.Rand) float32 {
	sum := float32(-6)
	for range 12 {
		sum += r.Float32()
	}
	return sum
}

// measure sets mean and deviation.
func (l *lies) measure() {
	honest := [][]float32{l.sent[l.receiver].Vectors[0]}
	for _, e := range l.edges[l.receiver] {
		if j := index(e.Peer); !l.is[j] && l.sent[j].Vectors != nil {
			honest = append(honest, l.sent[j].Vectors[0])
		}
	}
	l.mean, l.dev = make([]float32, len(honest[0])), make([]float32, len(honest[0]))
	for _, x := range honest {
		tensor.Axpy(1/float32(len(honest)), x, l.mean)
	}
	for k, m := range l.mean {
		sum := 0.0
		for _, x := range honest {
			d := float64(x[k] - m)
			sum += float64(d * d)
		}
		l.dev[k] = float32(math.Sqrt(sum / float64(len(honest))))
	}
}

// follow lets the hostile nodes go on from the mean of the honest ones, so that
// what they send stays near.
func (v *villains) follow() {
	mean := make([]float32, v.set.Model.Size())
	for i, n := range v.nodes {
		if !v.is[i] {
			tensor.Axpy(1/float32(v.Nodes-len(v.all)), n.Model(), mean)
		}
	}
	for _, j := range v.all {
		copy(v.nodes[j].Model(), mean)
	}
}
