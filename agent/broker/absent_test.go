// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build nobroker

package broker

import (
	"context"
	"errors"
	"testing"
)

func TestAbsent(t *testing.T) {
	b, err := Start(Options{Listen: "127.0.0.1:0"})
	if Available || b != nil || !errors.Is(err, ErrAbsent) {
		t.Errorf("Available %t, Start = %v, %v", Available, b, err)
	}
	if b.Addr() != nil || b.Stats() != (Stats{}) || b.Close(context.Background()) != nil {
		t.Error("a broker that is absent does something")
	}
}
