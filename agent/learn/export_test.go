// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/export"
	"github.com/vecino-edge/vecino/fl/node"
)

// TestExport holds that the model of a task can be had while it runs, when it is over,
// after a restart and at rest, with all that it needs.
func TestExport(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(_ *resident, o *Options) { o.CheckpointEvery = 3 * time.Minute })
		if _, err := r.Export("", false); !errors.Is(err, ErrNoTask) {
			t.Errorf("no task: %v", err)
		}
		task := r.start(plan())
		sleep(time.Second)
		if _, err := r.Export("", false); !errors.Is(err, ErrNoModel) {
			t.Errorf("no round yet: %v", err)
		}
		sleepUntil(task, 5, 10*time.Second)
		running, err := r.Export("halves", false)
		if err != nil {
			t.Fatal(err)
		}
		want := export.Artifact{
			Kind: dataset.Classification, Columns: []string{"a", "b"}, Target: "larger", Classes: 2, Scaler: *task.Scaler(), Theta: running.Theta, Spec: running.Spec,
			Task: "halves", TaskID: task.ID(), Rounds: 5, Rows: 30, Measure: r.Status().Accuracy, Created: time.Now().UTC().Truncate(time.Second),
		}
		if d := cmp.Diff(&want, running); d != "" || running.Spec.String() != "mlp:4" {
			t.Errorf("model %v: -want +exported:\n%s", running.Spec, d)
		}
		if _, err := r.Export("other", false); !errors.Is(err, ErrNoTask) {
			t.Errorf("another task: %v", err)
		}
		if _, err := r.Export("", true); !errors.Is(err, ErrNotOwn) {
			t.Errorf("own: %v", err)
		}
		sleep(time.Until(task.End()) + time.Second)
		done, err := r.Export(r.Status().ID[:6], false)
		if err != nil || done.Rounds != 8 || slices.Equal(done.Theta, running.Theta) {
			t.Fatalf("%+v, %v", done, err)
		}
		r.end()
		saved, err := SavedModel(r.disk, "halves", false, r.load)
		if err != nil {
			t.Fatal(err)
		}
		r.again()
		again, err := r.Export("", false)
		if err != nil {
			t.Fatal(err)
		}
		for name, a := range map[string]*export.Artifact{"at rest": saved, "after a restart": again} {
			a.Created = done.Created
			if d := cmp.Diff(done, a); d != "" {
				t.Errorf("%s: -done +exported:\n%s", name, d)
			}
		}
		blind, err := SavedModel(r.disk, "", false, func() (*Data, error) { return nil, ErrNoData })
		if err != nil || blind.Measure != nil || blind.Rows != 0 || !slices.Equal(blind.Theta, done.Theta) {
			t.Errorf("without data: %+v, %v", blind, err)
		}
		if _, err := SavedModel(r.disk, "other", false, r.load); !errors.Is(err, ErrNoTask) {
			t.Errorf("another task at rest: %v", err)
		}
		r.disk.files[CheckpointFile(task.ID())][9] ^= 1
		if _, err := SavedModel(r.disk, "", false, r.load); !errors.Is(err, node.ErrCheckpoint) {
			t.Errorf("a checkpoint that is damaged: %v", err)
		}
	})
}

// learned returns a model that two devices learned together, as a file.
func learned(t *testing.T, settle settler) []byte {
	t.Helper()
	r, other := settle(0, nil), settle(1, nil)
	p := plan()
	p.Rounds = 16
	task := r.start(p)
	sleep(time.Until(task.End()) + time.Second)
	a, err := r.Export("", false)
	if err != nil || *a.Measure < 0.8 {
		t.Fatalf("%+v, %v", a, err)
	}
	r.end()
	other.end()
	b, err := encodeModel(a)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestImport holds that the next task begins with the model and at its scale, whoever
// of those who imported it starts the task, and that a restart does not lose it.
func TestImport(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		file := learned(t, settle)
		all := []*resident{settle(2, nil), settle(3, nil), settle(4, nil)}
		for _, r := range all[:2] {
			if a, err := r.Import(file, ""); err != nil || a.Task != "" || a.Spec.String() != "mlp:4" {
				t.Fatalf("%+v, %v", a, err)
			}
		}
		p := plan()
		p.Rate, p.Name = 1e-6, "again" // whoever knows something has it from elsewhere
		task := all[0].start(p)
		model, err := decodeModel(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(task.Mean, model.Scaler.Mean) || !slices.Equal(task.Deviation, model.Scaler.Deviation) {
			t.Error("the task has another scale than the model")
		}
		sleep(time.Second)
		all[0].end()
		all[0].again()
		sleepUntil(task, 1, 30*time.Second)
		for i, r := range all {
			st := r.Status()
			if st.Imported != (i < 2) || st.State != Running {
				t.Errorf("device %d: %+v", i, st)
			}
		}
		sleep(time.Until(task.End()) + time.Second)
		if st := all[1].Status(); *st.Accuracy < 0.75 {
			t.Errorf("two of three began with the model: %v", *st.Accuracy)
		}
		next := plan()
		next.Name, next.Seed = "next", 9
		later := all[0].start(next)
		sleepUntil(later, 1, 0)
		if st := all[0].Status(); st.Imported {
			t.Errorf("another task begins with the model, too: %+v", st)
		}
	})
}

// TestImportRefuses holds what is not taken, and the sentence that says so.
func TestImportRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		file := learned(t, settle)
		r := settle(2, nil)
		change := func(f func(a *export.Artifact)) []byte {
			a, err := decodeModel(file)
			if err != nil {
				t.Fatal(err)
			}
			f(a)
			b, err := encodeModel(a)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for _, tt := range []struct {
			name string
			file []byte
			want string
		}{
			{"no model", []byte("no model at all, and long enough"), "is it a safetensors file?"},
			{"cut", file[:len(file)-1], "it ends after"},
			{"columns", change(func(a *export.Artifact) { a.Columns = []string{"a", "c"} }), `column 2 of the file is "c", and that of the task "b"`},
			{"target", change(func(a *export.Artifact) { a.Target = "smaller" }), `the file predicts "smaller"`},
		} {
			if _, err := r.Import(tt.file, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
		if _, err := r.Import(file, "again"); err != nil {
			t.Fatal(err)
		}
		p := plan()
		p.Name, p.Model = "again", "softmax"
		if _, err := r.Start(p); err == nil || !strings.Contains(err.Error(), `the model that was imported for task "again" does not fit it: the file holds model mlp:4`) {
			t.Errorf("another model: %v", err)
		}
		p.Model, p.Mode = "mlp:4", node.Private
		if _, err := r.Start(p); err == nil || !strings.Contains(err.Error(), "one model in common") {
			t.Errorf("in a mode of sums: %v", err)
		}
		p.Name, p.Mode = "other", node.Robust
		task := r.start(p)
		sleep(time.Second)
		if st := r.Status(); st.Imported || st.State != Running {
			t.Errorf("a task of another name: %+v", st)
		}
		if _, err := r.Import(file, "other"); err == nil || !strings.Contains(err.Error(), "stop it, import the model and start it anew") {
			t.Errorf("a task that has begun: %v", err)
		}
		sleep(time.Until(task.End()) + time.Second)
		r.disk.files[FileImport][100] ^= 1
		p.Name = "again"
		if _, err := r.Start(p); err == nil || !strings.Contains(err.Error(), "import it anew") {
			t.Errorf("an import that is damaged: %v", err)
		}
	})
}

// TestPersonal holds that a device makes its own model after the last round, keeps it,
// and compares, and that the shared one stays as it is.
func TestPersonal(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil)}
		p := plan()
		p.Personal.Tune = 20
		task := all[0].start(p)
		sleepUntil(task, 7, 0)
		if st := all[0].Status(); st.Personal != nil {
			t.Errorf("before the last round: %+v", st.Personal)
		}
		sleep(time.Until(task.End()) + time.Second)
		for i, r := range all {
			st := r.Status()
			if st.State != Done || st.Personal == nil || *st.Personal.Shared != *st.Accuracy || *st.Personal.Own < 0.7 || *st.Personal.Alone < 0.6 {
				t.Fatalf("device %d: %+v, %+v", i, st, st.Personal)
			}
		}
		shared, err := all[0].Export("", false)
		if err != nil {
			t.Fatal(err)
		}
		own, err := all[0].Export("halves", true)
		if err != nil || *own.Measure != *all[0].Status().Personal.Own || slices.Equal(own.Theta, shared.Theta) || own.Rounds != 8 {
			t.Errorf("own %+v, %v", own, err)
		}
		all[0].end()
		rest, err := SavedModel(all[0].disk, "", true, nil)
		if d := cmp.Diff(own, rest); err != nil || d != "" {
			t.Errorf("at rest: %v\n%s", err, d)
		}
		all[0].again()
		other := plan()
		other.Name = "other"
		next := all[0].start(other)
		sleep(time.Until(next.End()) + time.Second)
		if _, err := all[0].Export("", true); !errors.Is(err, ErrNotOwn) {
			t.Errorf("the own model of another task: %v", err)
		}
	})
}
