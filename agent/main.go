// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Vecino turns a router or a small board into a neighbour: devices that learn
// from their own data together, without a server. This package is the one that
// knows every room of the house: the verbs of the command line, one file each,
// and compose.go, which puts a device together. What the verbs promise is in the
// README; nothing here is meant to be imported.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], system()))
}
