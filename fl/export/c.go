// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// WriteC writes an artifact as one C99 header for microcontrollers, which C++
// takes, too: static const arrays, and NAME_predict, which takes a row as it was
// measured and needs no memory but static arrays, and nothing of libm. NAME is
// [CName] of name. The same artifact and name give the same bytes.
//
// Compiled as standard C, in which no product is fused into a sum, it gives the
// bits of model.Predict. Define NAME_ROM and NAME_READ before it to place the
// numbers elsewhere; for AVR they are in flash by themselves, in arrays which
// there take less than 32 kB each.
func WriteC(w io.Writer, a *Artifact, name string) error {
	if err := a.Validate(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	m, err := a.Model()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	name = CName(name)
	c := &cWriter{
		Writer: bufio.NewWriter(w), a: a, name: name, steps: plan(m),
		names: strings.NewReplacer("NAME_", strings.ToUpper(name)+"_", "name_", name+"_"),
	}
	c.lay()
	c.writeComment()
	c.writeNumbers()
	c.writeFunctions()
	c.writePredict()
	if err := c.Flush(); err != nil { // the first one of all writes
		return fmt.Errorf("write C: %w", err)
	}
	return nil
}

// cWriter is a header in the making.
type cWriter struct {
	*bufio.Writer
	a       *Artifact
	name    string
	steps   []step
	names   *strings.Replacer // puts the name into a part
	buffers [2]int            // numbers in name_a and name_b, between which rows go to and fro
	units   int               // of a gru
}

// part writes C in which NAME_ and name_ stand for the name. What comes from
// outside must not pass here.
func (c *cWriter) part(format string, args ...any) {
	c.WriteString(c.names.Replace(fmt.Sprintf(format, args...)))
}

// outputs returns how many numbers predict writes.
func (c *cWriter) outputs() int {
	switch c.a.Kind {
	case dataset.Regression:
		return 1
	case dataset.Anomaly:
		return 2 // the score and the threshold
	}
	return c.a.Classes
}

// direct reports whether the last layer writes where the caller wants it.
func (c *cWriter) direct() bool { return c.a.Kind != dataset.Anomaly }

// lay sets the sizes of the buffers. A row begins in the first one; pools work
// in place.
func (c *cWriter) lay() {
	c.buffers[0] = len(c.a.Columns)
	at := 0
	for i, s := range c.steps {
		if s.kind == "gru" {
			c.units = s.units
		}
		if s.kind == "pool" || i == len(c.steps)-1 && c.direct() {
			continue
		}
		at = 1 - at
		c.buffers[at] = max(c.buffers[at], s.out)
	}
}

// has reports whether a layer of that kind is there.
func (c *cWriter) has(kind string) bool {
	for _, s := range c.steps {
		if s.kind == kind {
			return true
		}
	}
	return false
}

const perLine = 8 // numbers

// array writes the numbers of an array that is named by its C name.
func (c *cWriter) array(name string, x []float32) {
	c.part("\nstatic const float name_%s[%d] NAME_ROM = {", name, len(x))
	for i, v := range x {
		if i%perLine == 0 {
			c.WriteString("\n\t")
		} else {
			c.WriteByte(' ')
		}
		c.WriteString(cFloat(v) + ",")
	}
	c.WriteString("\n};\n")
}

// arrays calls each for every array of the header.
func (c *cWriter) arrays(each func(name string, x []float32)) {
	s := &c.a.Scaler
	switch {
	case s.Scale.Method == dataset.ZScore:
		each("mean", s.Mean)
		each("deviation", s.Deviation)
	case c.a.Fill != nil:
		each("fill", c.a.Fill)
	}
	for _, l := range c.steps {
		for _, t := range l.tensors {
			each(cTensor(t.Name), c.a.Theta[t.From:t.To])
		}
	}
}

// cTensor returns what a tensor is called behind the name of the model.
func cTensor(name string) string { return strings.ReplaceAll(name, ".", "_") }

func (c *cWriter) writeNumbers() {
	c.part("#ifndef NAME_VECINO_H\n#define NAME_VECINO_H\n\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n\n")
	c.part("#define NAME_FEATURES %d\n#define NAME_OUTPUTS %d\n", len(c.a.Columns), c.outputs())
	switch c.a.Kind {
	case dataset.Classification:
		c.part("#define NAME_CLASSES %d\n", c.a.Classes)
	case dataset.Anomaly:
		c.part("#define NAME_THRESHOLD %s\n", cFloat(c.a.Threshold))
	}
	c.part("%s", cMemory)
	c.arrays(c.array)
	c.WriteByte('\n')
	for i, n := range c.buffers {
		if n > 0 {
			c.part("static float name_%c[%d];\n", 'a'+i, n)
		}
	}
	if c.units > 0 {
		c.part("static float name_gates[%d];\nstatic float name_recurrent[%d];\n", 3*c.units, 3*c.units)
	}
}

func (c *cWriter) writeFunctions() {
	divide := ""
	if s := c.a.Scaler.Scale; s.Method == dataset.Divide {
		divide = " / " + cFloat(s.Divisor)
	}
	classes := c.a.Kind == dataset.Classification
	for _, f := range []struct {
		wanted bool
		text   string
	}{
		{c.a.Scaler.Scale.Method == dataset.ZScore, cScaleZScore},
		{c.a.Scaler.Scale.Method != dataset.ZScore && c.a.Fill != nil, cScaleFill},
		{c.a.Scaler.Scale.Method != dataset.ZScore && c.a.Fill == nil, cScaleZero},
		{true, cDense},
		{c.has("conv"), cConv},
		{c.has("pool"), cPool},
		{c.has("gru") || classes, cExp},
		{c.has("gru"), cGRU},
		{true, cFinite},
		{classes, cSoftmax},
		{c.a.Kind == dataset.Anomaly, cScore},
	} {
		if f.wanted {
			c.part("%s", strings.ReplaceAll(f.text, "DIVIDE", divide))
		}
	}
}
