// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"
	"strings"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// writePredict writes the function that runs the layers one after the other.
func (c *cWriter) writePredict() {
	c.part("\nstatic inline int name_predict(const float *x, float *out)\n{\n\tsize_t i;\n")
	c.part("\tfor (i = 0; i < NAME_FEATURES; i++)\n\t\tname_a[i] = name_scale(x, i);\n")
	at := "name_a"
	for i, s := range c.steps {
		to := map[string]string{"name_a": "name_b", "name_b": "name_a"}[at]
		if i == len(c.steps)-1 && c.direct() {
			to = "out"
		}
		if s.kind == "pool" {
			to = at
		}
		c.part("\t%s;\n", s.call(to, at))
		at = to
	}
	switch c.a.Kind {
	case dataset.Regression:
		c.part("\tout[0] = out[0] * %s + %s;\n", cFloat(c.a.Scaler.TargetDeviation), cFloat(c.a.Scaler.TargetMean))
		c.part("\treturn name_finite(out, 1) ? 0 : -1;\n}\n")
	case dataset.Anomaly:
		c.part("\tout[0] = name_score(%s, x);\n\tout[1] = NAME_THRESHOLD;\n", at)
		c.part("\treturn !name_finite(out, 1) ? -1 : out[0] > NAME_THRESHOLD;\n}\n")
	default:
		c.part("\treturn name_finite(out, NAME_CLASSES) ? name_softmax(out, NAME_CLASSES) : -1;\n}\n")
	}
	c.part("\n#endif\n")
}

// call returns the call that takes a row from one buffer to another.
func (s *step) call(to, from string) string {
	var tensors strings.Builder
	for _, t := range s.tensors {
		tensors.WriteString(", name_" + cTensor(t.Name))
	}
	switch s.kind {
	case "conv":
		return fmt.Sprintf("name_conv(%s, %s%s, %d, %d, %d, %d)", to, from, &tensors, s.steps, s.channels, s.width, s.channelsOut())
	case "pool":
		return fmt.Sprintf("name_pool(%s, %d, %d)", to, s.steps, s.channels)
	case "gru":
		return fmt.Sprintf("name_gru(%s, name_gates, name_recurrent, %s%s, %d, %d, %d)", to, from, &tensors, s.steps, s.channels, s.units)
	}
	relu := 0
	if s.relu {
		relu = 1
	}
	return fmt.Sprintf("name_dense(%s, %s%s, %d, %d, %d)", to, from, &tensors, s.in, s.out, relu)
}

// writeComment tells whoever opens the header what it is and how it is called.
func (c *cWriter) writeComment() {
	a := c.a
	rom, ram := 0, 4*(c.buffers[0]+c.buffers[1]+6*c.units)
	c.arrays(func(_ string, x []float32) { rom += 4 * len(x) })

	c.WriteString("/*\n")
	c.line("A model that Vecino trained: %v for %v, %d features, %d parameters.", a.Spec, a.Kind, len(a.Columns), len(a.Theta))
	c.WriteString(" *\n")
	c.origin()
	c.line("Copyright The Vecino Authors, SPDX-License-Identifier: Apache-2.0, for the code and not for the numbers.")
	c.WriteString(" *\n")
	c.line("ROM: %d bytes of numbers, and the code. RAM: %d bytes of static arrays, and a small stack.", rom, ram)
	c.line("C99 or C++, without malloc and libm; not with -ffast-math, which does not know NaN. Include it")
	c.line("in one file; one call at a time. With -ffp-contract=off (gcc: -std=c99) the bits are Vecino's.")
	c.WriteString(" *\n")
	c.line("int %s_predict(const float *x, float *out)", c.name)
	c.line("  returns %s, or -1 if a result is not finite", c.returns())
	c.line("  out: %s", c.writes())
	c.line("  x: features as they are measured, NaN for one that is missing, in this order:")
	for i, name := range a.Columns {
		c.line("    x[%d] %s", i, cComment(name))
	}
	c.WriteString(" */\n\n")
}

// line writes a line of the comment at the top. Text from outside has to be in
// quotes, as cComment gives it.
func (c *cWriter) line(format string, args ...any) {
	fmt.Fprintf(c, " * "+format+"\n", args...)
}

// origin writes what is known of where the model comes from.
func (c *cWriter) origin() {
	a := c.a
	for _, f := range []struct {
		known bool
		what  string
		value any
	}{
		{a.Task != "", "Task", cComment(a.Task)},
		{a.TaskID != [16]byte{}, "Id of the task", taskID(a)},
		{a.Rounds > 0, "Rounds", a.Rounds},
		{a.Rows > 0, "Rows learned from", a.Rows},
		{a.Target != "", "Predicts", cComment(a.Target)},
		{!a.Created.IsZero(), "Created", created(a)},
	} {
		if f.known {
			c.line("%s: %v", f.what, f.value)
		}
	}
	if a.Measure != nil {
		c.line("Measured by the device: %s %v", a.measureName(), *a.Measure)
	}
	c.WriteString(" *\n")
}

// returns tells what predict returns.
func (c *cWriter) returns() string {
	switch c.a.Kind {
	case dataset.Regression:
		return "0"
	case dataset.Anomaly:
		return "1 for an anomaly, 0 for a normal row"
	}
	return fmt.Sprintf("the class, 0 to %d", c.a.Classes-1)
}

// writes tells what predict writes.
func (c *cWriter) writes() string {
	switch c.a.Kind {
	case dataset.Regression:
		return "(1) the number, in the unit of the target"
	case dataset.Anomaly:
		return "(2) the score of the row, and the threshold above which it is an anomaly"
	}
	return fmt.Sprintf("(%d) the probability of each class", c.a.Classes)
}
