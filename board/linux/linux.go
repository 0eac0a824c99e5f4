// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package linux reads what the kernel of a board tells: sensors of the classes
// thermal, hwmon and iio, the conditions for training, and counters of energy.
// The formats are those of Documentation/ABI and Documentation/admin-guide of
// Linux (sysfs-class-thermal, sysfs-class-hwmon, sysfs-bus-iio,
// sysfs-class-power, sysfs-class-powercap, cgroup-v1 and cgroup-v2) and of
// proc(5). Nothing is written and no device is opened.
//
// Everything is read below a root, os.DirFS("/") on a board and a recorded tree
// in tests, and every read is bounded. A file that is broken, too large or gone
// costs the one reading it belongs to: no contents make this package panic.
//
// The zero values of [Probe] and [Meter] are not usable. The sensors, a Probe and
// a Meter are safe for concurrent use as far as the root is.
package linux

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Limits on what is read.
const (
	MaxFile    = 64 << 10 // bytes of a file
	MaxEntries = 1024     // entries of a directory
	MaxDepth   = 64       // control groups in one another
	maxWord    = 64       // bytes of a name or label, beyond which it is cut
)

// tree is the root that all names are relative to.
type tree struct{ root fs.FS }

// fail returns the error of a file, which it names as people know it.
func fail(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the path in it lacks the root
	}
	return fmt.Errorf("/%s: %w", name, err)
}

// read returns the contents of a file of at most MaxFile bytes.
func (t tree) read(name string) ([]byte, error) {
	b, more, err := t.head(name)
	if err == nil && more {
		return nil, fail(name, fmt.Errorf("the file is larger than %d bytes", MaxFile))
	}
	return b, err
}

// head returns the first MaxFile bytes of a file, and whether there are more.
func (t tree) head(name string) (b []byte, more bool, err error) {
	f, err := t.root.Open(name)
	if err != nil {
		return nil, false, fail(name, err)
	}
	defer f.Close()
	for {
		b = slices.Grow(b, 512) // most files are a number
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > MaxFile:
			return b[:MaxFile], true, nil
		case err == io.EOF:
			return b, false, nil
		case err != nil:
			return nil, false, fail(name, err)
		}
	}
}

// word returns the first line of a file, without what is not printable.
func (t tree) word(name string) (string, error) {
	b, err := t.read(name)
	return printable(b), err
}

func printable(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line)
	if len(line) > maxWord {
		line = strings.ToValidUTF8(line[:maxWord], "")
	}
	return strings.TrimSpace(line)
}

// number returns the decimal number that a file holds.
func (t tree) number(name string) (float64, error) {
	b, err := t.read(name)
	if err != nil {
		return 0, err
	}
	x, err := parseNumber(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fail(name, err)
	}
	return x, nil
}

// parseNumber reads a decimal number, which is finite.
func parseNumber(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	// ParseFloat takes words and hexadecimal digits too.
	if err != nil || strings.Trim(s, "0123456789+-.eE") != "" || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%.32q is not a number", s)
	}
	return x, nil
}

// exists reports whether a file can be opened.
func (t tree) exists(name string) bool {
	f, err := t.root.Open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// list returns the names in a directory that begin with prefix, those with the
// same letters by their number. It is empty where there is no directory.
func (t tree) list(dir, prefix string) ([]string, error) {
	f, err := t.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(dir, err)
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, fail(dir, errors.New("it is not a directory"))
	}
	entries, err := d.ReadDir(MaxEntries + 1)
	switch {
	case err != nil && err != io.EOF:
		return nil, fail(dir, err)
	case len(entries) > MaxEntries:
		return nil, fail(dir, fmt.Errorf("there are more than %d entries", MaxEntries))
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, byNumber)
	return names, nil
}

// byNumber compares names so that temp2 is before temp10.
func byNumber(a, b string) int {
	common := 0
	for common < min(len(a), len(b)) && a[common] == b[common] {
		common++
	}
	for common > 0 && isDigit(a[common-1]) { // the numbers from their beginning
		common--
	}
	digitsA, digitsB := countDigits(a[common:]), countDigits(b[common:])
	if digitsA > 0 && digitsB > 0 && digitsA != digitsB && a[common] != '0' && b[common] != '0' {
		return digitsA - digitsB
	}
	return strings.Compare(a, b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func countDigits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// missing reports whether an error only says that something is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// problems gathers errors, but for those that only say that something is not
// there: most boards lack most of what there could be.
type problems []error

func (p *problems) add(err error) {
	if err != nil && !missing(err) {
		*p = append(*p, err)
	}
}

func (p problems) join() error { return errors.Join(p...) }
