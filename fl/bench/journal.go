// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// journal is a file of what was measured, one JSON object a line, from which a run
// that was interrupted goes on. What another binary came to is passed over.
type journal struct {
	file   *os.File
	binary string           // begin of its SHA-256
	seen   map[string]entry // by arguments
}

// entry is a line.
type entry struct {
	Binary string          `json:"binary"`
	Args   string          `json:"args"`
	CPU    float64         `json:"cpu"` // seconds
	Result json.RawMessage `json:"result"`
}

func openJournal(path, binary string) (*journal, error) {
	program, err := os.ReadFile(binary)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s; make build makes it", binary)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(program)
	j := &journal{binary: hex.EncodeToString(sum[:8]), seen: map[string]entry{}}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(j.file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Binary == j.binary { // the last line may be cut
			j.seen[e.Args] = e
		}
	}
	return j, lines.Err()
}

// find returns what these arguments came to.
func (j *journal) find(args []string) (entry, bool) {
	e, known := j.seen[strings.Join(args, " ")]
	return e, known
}

// add notes a result.
func (j *journal) add(args []string, raw []byte, cpu float64) (entry, error) {
	e := entry{j.binary, strings.Join(args, " "), cpu, raw}
	line, err := json.Marshal(e)
	if err != nil {
		return e, fmt.Errorf("it printed no JSON: %q", raw)
	}
	j.seen[e.Args] = e
	_, err = j.file.Write(append(line, '\n'))
	return e, err
}
