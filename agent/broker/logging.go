// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"context"
	"log/slog"
)

// quiet passes the library's records on at debug level. It keeps plain values
// only: the library attaches whole packets to its warnings, and with them
// payloads and the passwords of CONNECT.
type quiet struct{ next slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.next.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, slog.LevelDebug, "mochi: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if harmless(a) {
			out.AddAttrs(a)
		}
		return true
	})
	return q.next.Handle(ctx, out)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	var keep []slog.Attr
	for _, a := range attrs {
		if harmless(a) {
			keep = append(keep, a)
		}
	}
	return quiet{q.next.WithAttrs(keep)}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.next.WithGroup(name)} }

func harmless(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindString, slog.KindInt64, slog.KindUint64, slog.KindBool, slog.KindDuration, slog.KindTime:
		return true
	}
	_, isError := a.Value.Any().(error)
	return isError && a.Key == "error"
}
