// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Limits on a partition.
const (
	MaxNodes = 1 << 17   // nodes
	MinAlpha = 1e-3      // of a Dirichlet distribution: one class a node, nearly
	MaxAlpha = 1e4       // equal shares, nearly
	MaxDrawn = 1 << 26   // rows drawn, over all nodes
	perNode  = 8         // rows that dirichlet gives each node at least
	maxTries = 2000      // of dirichlet, before it moves rows
	maxDraws = 4_000_000 // of gamma variates, over all tries
)

// Way is how a partition splits rows.
type Way uint8

// The ways to split rows.
const (
	IID       Way = iota // at random into equal parts
	Dirichlet            // each class by proportions drawn for it
	Column               // by the owner of each row
	Blocks               // in their order into equal runs
	Draw                 // each node draws rows of some classes, with replacement
)

// Partition splits the rows of a table among nodes.
type Partition struct {
	Way     Way
	Alpha   float64 // Dirichlet: MinAlpha..MaxAlpha; small means unequal
	Column  string  // Column: the group column
	Rows    int     // Draw: rows for each node, 1..MaxDrawn
	Classes int     // Draw: classes for each node, 1..MaxClasses
}

var errPartition = errors.New("possible: iid, dirichlet:A, column:NAME, blocks, draw:ROWS:CLASSES")

// ParsePartition reads a partition as the command line spells it: iid,
// dirichlet:A, column:NAME, blocks or draw:ROWS:CLASSES.
func ParsePartition(s string) (Partition, error) {
	p, err := parsePartition(s)
	if err == nil {
		err = p.validate()
	}
	if err != nil {
		return Partition{}, fmt.Errorf("partition %q: %w", s, err)
	}
	return p, nil
}

func parsePartition(s string) (Partition, error) {
	name, arg, _ := strings.Cut(s, ":")
	switch name {
	case "iid", "blocks":
		if s != name {
			break
		}
		if name == "blocks" {
			return Partition{Way: Blocks}, nil
		}
		return Partition{}, nil
	case "dirichlet":
		alpha, err := strconv.ParseFloat(arg, 64)
		if err != nil {
			return Partition{}, fmt.Errorf("%q is not a number", arg)
		}
		return Partition{Way: Dirichlet, Alpha: alpha}, nil
	case "column":
		return Partition{Way: Column, Column: arg}, nil
	case "draw":
		rows, classes, _ := strings.Cut(arg, ":")
		r, rowsErr := strconv.Atoi(rows)
		c, classesErr := strconv.Atoi(classes)
		if rowsErr != nil || classesErr != nil {
			return Partition{}, errors.New("rows and classes must be whole numbers, as in draw:50:2")
		}
		return Partition{Way: Draw, Rows: r, Classes: c}, nil
	}
	return Partition{}, errPartition
}

func (p Partition) validate() error {
	switch {
	case p.Way > Draw:
		return errPartition
	case p.Way == Dirichlet && !(p.Alpha >= MinAlpha && p.Alpha <= MaxAlpha):
		return fmt.Errorf("alpha must be a number from %g to %g", MinAlpha, MaxAlpha)
	case p.Way == Column && p.Column == "":
		return errors.New("name the column, as in column:device")
	case p.Way == Draw && (p.Rows < 1 || p.Rows > MaxDrawn):
		return fmt.Errorf("rows must be a whole number from 1 to %d", MaxDrawn)
	case p.Way == Draw && (p.Classes < 1 || p.Classes > MaxClasses):
		return fmt.Errorf("classes must be a whole number from 1 to %d", MaxClasses)
	}
	return nil
}

// String returns the partition as [ParsePartition] reads it.
func (p Partition) String() string {
	switch p.Way {
	case IID:
		return "iid"
	case Dirichlet:
		return "dirichlet:" + strconv.FormatFloat(p.Alpha, 'g', -1, 64)
	case Column:
		return "column:" + p.Column
	case Blocks:
		return "blocks"
	default:
		return fmt.Sprintf("draw:%d:%d", p.Rows, p.Classes)
	}
}

// Split returns the rows of each node. The same seed gives the same rows on
// every architecture. No node is left without rows.
func (p Partition) Split(t *Table, nodes int, seed uint64) ([][]int32, error) {
	parts, err := p.split(t, nodes, rand.New(rand.NewPCG(seed, uint64(p.Way))))
	if err != nil {
		return nil, fmt.Errorf("partition %v: %w", p, err)
	}
	return parts, nil
}

func (p Partition) split(t *Table, nodes int, r *rand.Rand) ([][]int32, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	if nodes < 1 || nodes > MaxNodes {
		return nil, fmt.Errorf("%d nodes; it takes 1 to %d", nodes, MaxNodes)
	}
	if t.Rows() < nodes && p.Way != Draw {
		return nil, fmt.Errorf("%d rows are too few for %d nodes", t.Rows(), nodes)
	}
	switch p.Way {
	case Dirichlet:
		return dirichlet(t, nodes, p.Alpha, r)
	case Column:
		return byGroup(t, nodes, p.Column)
	case Draw:
		return draw(t, nodes, p.Rows, p.Classes, r)
	}
	rows := make([]int32, t.Rows())
	for i := range rows {
		rows[i] = int32(i)
	}
	if p.Way == IID {
		shuffle(rows, r)
	}
	return equalRuns(rows, nodes), nil
}

func shuffle(rows []int32, r *rand.Rand) {
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
}

// equalRuns cuts a list into runs whose lengths differ by one at most, the
// longer ones first.
func equalRuns[T any](list []T, nodes int) [][]T {
	runs := make([][]T, nodes)
	for i := range runs {
		left := nodes - i
		n := (len(list) + left - 1) / left
		runs[i], list = list[:n:n], list[n:]
	}
	return runs
}

// byGroup gives each node the rows of one owner, in the order of the owners'
// names. With more owners than nodes, each node gets a run of them, so that
// rows grouped by day stay together by season.
func byGroup(t *Table, nodes int, column string) ([][]int32, error) {
	if t.GroupBy != column || t.Group == nil {
		return nil, fmt.Errorf("the rows are not grouped by %q; write group = %q into schema.toml", column, column)
	}
	owners := slices.Clone(t.Group)
	slices.SortFunc(owners, compareNames)
	owners = slices.Compact(owners)
	if len(owners) < nodes {
		return nil, fmt.Errorf("the column names %d owners, too few for %d nodes", len(owners), nodes)
	}
	node := make(map[string]int, len(owners))
	for i, run := range equalRuns(owners, nodes) {
		for _, owner := range run {
			node[owner] = i
		}
	}
	parts := make([][]int32, nodes)
	for i, owner := range t.Group {
		parts[node[owner]] = append(parts[node[owner]], int32(i))
	}
	return parts, nil
}

// compareNames orders whole numbers by their value, before all other names.
func compareNames(a, b string) int {
	m, aErr := strconv.ParseInt(a, 10, 64)
	n, bErr := strconv.ParseInt(b, 10, 64)
	switch {
	case aErr == nil && bErr == nil && m < n, aErr == nil && bErr != nil:
		return -1
	case aErr == nil && bErr == nil && m > n, aErr != nil && bErr == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// draw lets each node draw rows with replacement from classes of its own.
func draw(t *Table, nodes, rows, classes int, r *rand.Rand) ([][]int32, error) {
	if rows > MaxDrawn/nodes {
		return nil, fmt.Errorf("%d nodes draw more than %d rows together", nodes, MaxDrawn)
	}
	byClass, err := rowsByClass(t)
	if err != nil {
		return nil, err
	}
	byClass = slices.DeleteFunc(byClass, func(rows []int32) bool { return len(rows) == 0 })
	if len(byClass) < classes {
		return nil, fmt.Errorf("the rows are of %d classes only", len(byClass))
	}
	parts := make([][]int32, nodes)
	for i := range parts {
		r.Shuffle(len(byClass), func(i, j int) { byClass[i], byClass[j] = byClass[j], byClass[i] })
		total := 0
		for _, c := range byClass[:classes] {
			total += len(c)
		}
		parts[i] = make([]int32, rows)
		for k := range parts[i] {
			parts[i][k] = nth(byClass, r.IntN(total))
		}
	}
	return parts, nil
}

// nth returns element n of the lists one after the other.
func nth(lists [][]int32, n int) int32 {
	for n >= len(lists[0]) {
		n -= len(lists[0])
		lists = lists[1:]
	}
	return lists[0][n]
}

func rowsByClass(t *Table) ([][]int32, error) {
	if t.Kind != Classification {
		return nil, errors.New("it needs classes, and the targets are numbers; use iid, blocks or column:NAME")
	}
	rows := make([][]int32, t.Classes)
	for i, label := range t.Labels {
		rows[label] = append(rows[label], int32(i))
	}
	return rows, nil
}
