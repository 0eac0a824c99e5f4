// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/agent/control"
)

type inviteArgs struct {
	Minutes int    `json:"minutes"`
	Note    string `json:"note"`
}

// echo answers with its arguments.
func echo(_ context.Context, a inviteArgs) (any, error) { return a, nil }

func TestTyped(t *testing.T) {
	verb := control.Typed(echo)
	for _, c := range []struct {
		name, args string
		want       inviteArgs
		wrong      string // what the message must hold
	}{
		{name: "all", args: `{"minutes":5,"note":"x"}`, want: inviteArgs{5, "x"}},
		{name: "some", args: `{"minutes":5}`, want: inviteArgs{Minutes: 5}},
		{name: "none", args: `{}`},
		{name: "null", args: `null`},
		{name: "empty", args: ""},
		{name: "space", args: " \n\t\r"},
		{name: "space around", args: "\n {\"minutes\":5} \n", want: inviteArgs{Minutes: 5}},
		{name: "unknown field", args: `{"minuts":5}`, wrong: `unknown field "minuts"`},
		{name: "two values", args: `{"minutes":5}{"minutes":6}`, wrong: "more than one JSON value"},
		{name: "two values apart", args: "{\"minutes\":5}\nnull", wrong: "more than one JSON value"},
		{name: "closing brace", args: `{"minutes":5}}`, wrong: "more than one JSON value"},
		{name: "closing bracket", args: `{"minutes":5}]`, wrong: "more than one JSON value"},
		{name: "rubbish behind", args: `{"minutes":5}x`, wrong: "more than one JSON value"},
		{name: "another type", args: `{"minutes":"5"}`, wrong: "minutes"},
		{name: "a fraction", args: `{"minutes":5.5}`, wrong: "minutes"},
		{name: "too large", args: `{"minutes":1e99}`, wrong: "minutes"},
		{name: "list", args: `[]`, wrong: "array"},
		{name: "text", args: `"5"`, wrong: "string"},
		{name: "cut", args: `{"minutes":`, wrong: "unexpected EOF"},
		{name: "not JSON", args: `minutes=5`, wrong: "invalid character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := verb(t.Context(), json.RawMessage(c.args))
			if c.wrong == "" {
				if err != nil || got != c.want {
					t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
				}
				return
			}
			var e *control.Error
			if !errors.As(err, &e) || e.Code != control.Usage {
				t.Fatalf("got %+v, %v, want wrong usage", got, err)
			}
			if !strings.HasPrefix(e.Message, "arguments: ") || !strings.Contains(e.Message, c.wrong) {
				t.Errorf("message %q does not say %q", e.Message, c.wrong)
			}
		})
	}
}

// TestWrongArgumentsDoNotRun holds that a verb never sees arguments of which a
// part was not understood.
func TestWrongArgumentsDoNotRun(t *testing.T) {
	verb := control.Typed(func(context.Context, inviteArgs) (any, error) {
		t.Error("the verb ran")
		return nil, nil
	})
	for _, args := range []string{`{"x":1}`, `{}{}`, `{}]`, `[]`, `{"minutes":true}`} {
		if _, err := verb(t.Context(), json.RawMessage(args)); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

func TestTable(t *testing.T) {
	type key struct{}
	var table control.Table
	if names := table.Names(); len(names) != 0 {
		t.Errorf("the zero table has the verbs %v", names)
	}
	table.Add("peers/list", func(ctx context.Context, args json.RawMessage) (any, error) {
		return fmt.Sprintf("%v %s", ctx.Value(key{}), args), nil
	})
	table.Add("learn/stop", control.Typed(echo))
	if d := cmp.Diff([]string{"learn/stop", "peers/list"}, table.Names()); d != "" {
		t.Error(d)
	}
	got, err := table.Do(context.WithValue(t.Context(), key{}, "context"), "peers/list", json.RawMessage("args"))
	if err != nil || got != "context args" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAddTwicePanics(t *testing.T) {
	var table control.Table
	table.Add("status", control.Typed(echo))
	defer func() {
		if got := recover(); got != "control: verb status is there twice" {
			t.Errorf("panic with %v", got)
		}
	}()
	table.Add("status", control.Typed(echo))
	t.Error("the second verb of a name replaced the first")
}

func TestErrors(t *testing.T) {
	refused := control.Errorf(control.Refused, "not for %s", "you").WithHint("ask %s", "the owner")
	var table control.Table
	for name, err := range map[string]error{
		"plain":   errors.New("the disk is full"),
		"refused": refused,
		"wrapped": fmt.Errorf("invite: %w", refused),
		"busy":    control.Errorf(control.Busy, "a task is running"),
		"nothing": nil,
	} {
		table.Add(name, func(context.Context, json.RawMessage) (any, error) { return "answer", err })
	}
	for _, c := range []struct {
		name string
		want *control.Error
	}{
		{"plain", &control.Error{Code: control.Failed, Message: "the disk is full"}},
		{"refused", &control.Error{Code: control.Refused, Message: "not for you", Hint: "ask the owner"}},
		{"wrapped", &control.Error{Code: control.Refused, Message: "not for you", Hint: "ask the owner"}},
		{"busy", &control.Error{Code: control.Busy, Message: "a task is running"}},
		{"missing", &control.Error{Code: control.Unknown, Message: `there is no verb "missing"`}},
		{"", &control.Error{Code: control.Unknown, Message: `there is no verb ""`}},
		{"../status", &control.Error{Code: control.Unknown, Message: `there is no verb "../status"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := table.Do(t.Context(), c.name, nil)
			if out != nil {
				t.Errorf("answer %v beside an error", out)
			}
			var got *control.Error
			if !errors.As(err, &got) {
				t.Fatalf("%T is no error of the table", err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	if out, err := table.Do(t.Context(), "nothing", nil); err != nil || out != "answer" {
		t.Errorf("got %v, %v", out, err)
	}
}

// TestErrorOnTheWire holds the form in which clients of other makers read
// errors.
func TestErrorOnTheWire(t *testing.T) {
	for want, e := range map[string]*control.Error{
		`{"code":"failed","message":"a"}`:               control.Errorf(control.Failed, "a"),
		`{"code":"usage","message":"a","hint":"b"}`:     control.Errorf(control.Usage, "a").WithHint("b"),
		`{"code":"busy","message":"a"}`:                 control.Errorf(control.Busy, "a"),
		`{"code":"refused","message":"100 % \"sure\""}`: control.Errorf(control.Refused, "100 %% %q", "sure"),
		`{"code":"unknown-verb","message":"a"}`:         control.Errorf(control.Unknown, "a"),
	} {
		got, err := json.Marshal(e)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

// FuzzTyped holds that whatever is taken is one JSON value of known fields.
func FuzzTyped(f *testing.F) {
	verb := control.Typed(echo)
	f.Fuzz(func(t *testing.T, args []byte) {
		out, err := verb(t.Context(), args)
		if err != nil {
			if control.AsError(err).Code != control.Usage {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if len(bytes.TrimSpace(args)) > 0 && !json.Valid(args) {
			t.Fatalf("%q was taken as %+v and is no JSON", args, out)
		}
	})
}
