// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build nobroker

package broker

import (
	"context"
	"net"
)

// Available tells whether this build has a broker.
const Available = false

// Broker is not in this build.
type Broker struct{}

// Start returns [ErrAbsent].
func Start(Options) (*Broker, error) { return nil, ErrAbsent }

// Addr returns nil.
func (*Broker) Addr() net.Addr { return nil }

// Close does nothing.
func (*Broker) Close(context.Context) error { return nil }

// Stats returns zeros.
func (*Broker) Stats() Stats { return Stats{} }
