// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board_test

import (
	"testing"

	"github.com/vecino-edge/vecino/board"
)

func TestQuality(t *testing.T) {
	for q, name := range map[board.Quality]string{board.Good: "good", board.Stale: "stale", board.Bad: "bad"} {
		text, err := q.MarshalText()
		if err != nil || string(text) != name || q.String() != name {
			t.Errorf("%d: %q, %q, error %v", q, q, text, err)
		}
		var back board.Quality
		if err := back.UnmarshalText(text); err != nil || back != q {
			t.Errorf("%s read as %v, error %v", text, back, err)
		}
	}
	if text, err := board.Quality(3).MarshalText(); err == nil {
		t.Errorf("quality(3) written as %q", text)
	}
	var q board.Quality
	if err := q.UnmarshalText([]byte("Good")); err == nil || err.Error() != `quality "Good" is unknown; it is good, stale or bad` {
		t.Errorf("Good: error %v", err)
	}
}
