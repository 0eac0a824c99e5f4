// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

// What every file says of itself.
const (
	Format = "vecino/1"            // the version of the metadata
	Layout = "row-major (in, out)" // of each tensor; what PyTorch calls a weight is (out, in)
)

// field is one key of the metadata and what of an artifact it holds.
type field struct {
	key      string
	optional bool                     // it may be left out, and is where its text is empty
	has      func(a *Artifact) bool   // whether such an artifact has it; nil for always
	text     func(a *Artifact) string // as it is written
	set      func(*Artifact, string) error
}

// fields are in the order in which they are read: what others depend on is first.
var fields = []field{
	{key: "format", text: func(*Artifact) string { return Format }, set: mustBe(Format)},
	{key: "layout", text: func(*Artifact) string { return Layout }, set: mustBe(Layout)},
	{
		key: "kind", text: func(a *Artifact) string { return a.Kind.String() },
		set: func(a *Artifact, s string) (err error) { a.Kind, err = dataset.ParseKind(s); return err },
	},
	{
		key: "scale", text: func(a *Artifact) string { return a.Scaler.Scale.String() },
		set: func(a *Artifact, s string) (err error) { a.Scaler.Scale, err = dataset.ParseScale(s); return err },
	},
	{
		key: "model", text: func(a *Artifact) string { return a.Spec.String() },
		set: func(a *Artifact, s string) (err error) { a.Spec, err = model.ParseSpec(s); return err },
	},
	{
		key: "columns", text: func(a *Artifact) string { return string(appendJSON(nil, a.Columns)) },
		set: func(a *Artifact, s string) (err error) {
			a.Columns, err = parse(s, func(r jsonReader) ([]string, error) { return r.texts(dataset.MaxColumns) })
			return err
		},
	},
	{
		key: "target", text: func(a *Artifact) string { return a.Target },
		set: func(a *Artifact, s string) error { a.Target = s; return nil },
	},
	{
		key: "classes", has: func(a *Artifact) bool { return a.Kind == dataset.Classification },
		text: func(a *Artifact) string { return strconv.Itoa(a.Classes) },
		set:  func(a *Artifact, s string) error { return setWhole(&a.Classes, s, dataset.MaxClasses) },
	},
	floatsField("mean", false, isZScore, func(a *Artifact) *[]float32 { return &a.Scaler.Mean }),
	floatsField("deviation", false, isZScore, func(a *Artifact) *[]float32 { return &a.Scaler.Deviation }),
	floatsField("fill", true, func(a *Artifact) bool { return !isZScore(a) }, func(a *Artifact) *[]float32 { return &a.Fill }),
	floatField("target_mean", isRegression, func(a *Artifact) *float32 { return &a.Scaler.TargetMean }),
	floatField("target_deviation", isRegression, func(a *Artifact) *float32 { return &a.Scaler.TargetDeviation }),
	floatField("threshold", isAnomaly, func(a *Artifact) *float32 { return &a.Threshold }),
	{
		key: "task", optional: true, text: func(a *Artifact) string { return a.Task },
		set: func(a *Artifact, s string) error { a.Task = s; return nil },
	},
	{key: "task_id", optional: true, text: taskID, set: setTaskID},
	{
		key: "rounds", optional: true, text: func(a *Artifact) string { return count(uint64(a.Rounds)) },
		set: func(a *Artifact, s string) error { return setWhole(&a.Rounds, s, 1<<32-1) },
	},
	{
		key: "rows", optional: true, text: func(a *Artifact) string { return count(a.Rows) },
		set: func(a *Artifact, s string) error { return setWhole(&a.Rows, s, 1<<63-1) },
	},
	measureField("accuracy", dataset.Classification),
	measureField("r2", dataset.Regression),
	measureField("auc", dataset.Anomaly),
	{key: "created", optional: true, text: created, set: setCreated},
}

func isZScore(a *Artifact) bool     { return a.Scaler.Scale.Method == dataset.ZScore }
func isRegression(a *Artifact) bool { return a.Kind == dataset.Regression }
func isAnomaly(a *Artifact) bool    { return a.Kind == dataset.Anomaly }

func mustBe(want string) func(*Artifact, string) error {
	return func(_ *Artifact, s string) error {
		if s != want {
			return fmt.Errorf("%.40q, and this release reads %q alone", s, want)
		}
		return nil
	}
}

func floatsField(key string, optional bool, has func(*Artifact) bool, at func(*Artifact) *[]float32) field {
	return field{
		key: key, optional: optional, has: has,
		text: func(a *Artifact) string {
			if optional && *at(a) == nil {
				return ""
			}
			return string(appendJSON(nil, *at(a)))
		},
		set: func(a *Artifact, s string) (err error) {
			*at(a), err = parse(s, func(r jsonReader) ([]float32, error) { return r.floats(dataset.MaxColumns) })
			return err
		},
	}
}

func floatField(key string, has func(*Artifact) bool, at func(*Artifact) *float32) field {
	return field{
		key: key, has: has,
		text: func(a *Artifact) string { return string(appendJSON(nil, *at(a))) },
		set:  func(a *Artifact, s string) (err error) { *at(a), err = parse(s, jsonReader.float32); return err },
	}
}

func measureField(key string, kind dataset.Kind) field {
	return field{
		key: key, optional: true, has: func(a *Artifact) bool { return a.Kind == kind },
		text: func(a *Artifact) string {
			if a.Measure == nil {
				return ""
			}
			return string(appendJSON(nil, *a.Measure))
		},
		set: func(a *Artifact, s string) error {
			v, err := parse(s, jsonReader.float64)
			a.Measure = &v
			return err
		},
	}
}

// count returns the digits of a number, and nothing for 0.
func count(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// setWhole sets to a whole number up to most, which fits T.
func setWhole[T int | uint32 | uint64](to *T, s string, most int64) error {
	n, err := parse(s, jsonReader.whole)
	if err == nil && n > most {
		err = fmt.Errorf("%d is above %d", n, most)
	}
	*to = T(n)
	return err
}

func taskID(a *Artifact) string {
	if a.TaskID == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(a.TaskID[:])
}

func setTaskID(a *Artifact, s string) error {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(a.TaskID) {
		return fmt.Errorf("%.40q is not %d hexadecimal digits", s, 2*len(a.TaskID))
	}
	a.TaskID = [16]byte(b)
	return nil
}

func created(a *Artifact) string {
	if a.Created.IsZero() {
		return ""
	}
	return a.Created.UTC().Format(time.RFC3339)
}

func setCreated(a *Artifact, s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Format(time.RFC3339) != s {
		return fmt.Errorf("%.40q is not a time such as 2006-01-02T15:04:05Z", s)
	}
	a.Created = t.UTC()
	return nil
}

// metadata returns what a file says of the artifact beside its tensors.
func (a *Artifact) metadata() map[string]string {
	m := map[string]string{}
	for _, f := range fields {
		if f.has != nil && !f.has(a) {
			continue
		}
		if s := f.text(a); s != "" || !f.optional {
			m[f.key] = s
		}
	}
	return m
}

// fromMetadata returns the artifact of a file, without parameters.
func fromMetadata(m map[string]string) (*Artifact, error) {
	if err := checkKeys(m); err != nil {
		return nil, err
	}
	a := &Artifact{Scaler: dataset.Scaler{TargetDeviation: 1}}
	for _, f := range fields {
		s, given := m[f.key]
		switch {
		case given && f.has != nil && !f.has(a):
			return nil, fmt.Errorf("metadata %s: a model for %v scaled by %v has none; leave it out", f.key, a.Kind, a.Scaler.Scale)
		case given:
			if err := f.set(a, s); err != nil {
				return nil, fmt.Errorf("metadata %s: %w", f.key, err)
			}
		case !f.optional && (f.has == nil || f.has(a)):
			return nil, fmt.Errorf("the metadata lack %s, which a model for %v scaled by %v has", f.key, a.Kind, a.Scaler.Scale)
		}
	}
	return a, a.checkMeaning()
}

// checkKeys refuses metadata that are not of this format: those of a file that
// holds tensors alone, or of a later version.
func checkKeys(m map[string]string) error {
	if err := mustBe(Format)(nil, m["format"]); err != nil && m["format"] != "" {
		return fmt.Errorf("metadata format: %w", err)
	}
	var lacking []string
	left := len(m)
	for _, f := range fields {
		if _, given := m[f.key]; given {
			left--
		} else if !f.optional && f.has == nil {
			lacking = append(lacking, f.key)
		}
	}
	if len(lacking) > 0 {
		return errors.New("the metadata lack " + strings.Join(lacking, ", ") + ", without which the numbers mean nothing; export the model from a device, or add what safetensors.cddl tells")
	}
	if left == 0 {
		return nil
	}
	var unknown []string
	for key := range m {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key }) {
			unknown = append(unknown, key)
		}
	}
	return fmt.Errorf("metadata %.40q: %s has no such key; remove it", slices.Min(unknown), Format)
}
