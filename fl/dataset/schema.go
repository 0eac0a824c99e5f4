// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind is what there is to learn.
type Kind uint8

// The kinds of data.
const (
	Automatic      Kind = iota // classification if every target is a whole number
	Classification             // targets are classes, 0 to MaxClasses-1
	Regression                 // targets are numbers
	Anomaly                    // what is learned from is normal; targets of test rows tell whether they are, 0, or not, 1
)

var kindNames = [...]string{Automatic: "automatic", Classification: "classification", Regression: "regression", Anomaly: "anomaly"}

// ParseKind reads a kind as schema.toml spells it.
func ParseKind(s string) (Kind, error) {
	for kind, name := range kindNames {
		if s == name && Kind(kind) != Automatic {
			return Kind(kind), nil
		}
	}
	return Automatic, fmt.Errorf("kind %q is unknown; possible: classification, regression, anomaly", s)
}

// String returns the kind as [ParseKind] reads it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", k)
}

// Method is how features are brought to a common size.
type Method uint8

// The methods of scaling.
const (
	ZScore Method = iota // less the mean, by the deviation, clipped to -6..6
	Divide               // by one number
	None                 // as they are
)

// Scale is a method with its number.
type Scale struct {
	Method  Method
	Divisor float32 // finite and above 0; Divide only
}

// ParseScale reads a scale as schema.toml spells it: none, divide:X or zscore.
func ParseScale(s string) (Scale, error) {
	switch s {
	case "zscore":
		return Scale{}, nil
	case "none":
		return Scale{Method: None}, nil
	}
	arg, ok := strings.CutPrefix(s, "divide:")
	if !ok {
		return Scale{}, fmt.Errorf("scale %q is unknown; possible: none, divide:X, zscore", s)
	}
	divisor, err := parseNumber([]byte(arg))
	if err != nil || divisor <= 0 {
		return Scale{}, fmt.Errorf("scale %q: the divisor must be a number above 0", s)
	}
	return Scale{Method: Divide, Divisor: divisor}, nil
}

// String returns the scale as [ParseScale] reads it.
func (s Scale) String() string {
	switch s.Method {
	case ZScore:
		return "zscore"
	case None:
		return "none"
	}
	return "divide:" + strconv.FormatFloat(float64(s.Divisor), 'g', -1, 32)
}

func (s Scale) validate() error {
	if s.Method > None {
		return fmt.Errorf("scale method %d is unknown", s.Method)
	}
	finite := float64(s.Divisor) <= math.MaxFloat32 // false for NaN, too
	if s.Method == Divide && !(s.Divisor > 0 && finite) {
		return fmt.Errorf("scale %v: the divisor must be a number above 0", s)
	}
	return nil
}

// Schema says how to read a folder. The zero Schema is that of a folder
// without schema.toml.
type Schema struct {
	Kind Kind
	// Target is a column, and empty for the last one that is not the group. With
	// Anomaly the training file may lack it, but only if it is named here.
	Target string
	Group  string // the column that names the owner of a row; empty for none
	Scale  Scale
}

// Validate returns an error that names the setting that cannot be.
func (s Schema) Validate() error {
	if s.Kind > Anomaly {
		return fmt.Errorf("kind %v is unknown; possible: classification, regression, anomaly", s.Kind)
	}
	if s.Target != "" && s.Target == s.Group {
		return fmt.Errorf("column %q cannot be both target and group", s.Target)
	}
	return s.Scale.validate()
}
