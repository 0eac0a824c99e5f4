// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import "fmt"

// FileError says which of the device's own records is not as it was written, and
// what to do. Name is that of the record in [Options.State].
type FileError struct {
	Name, Remedy string
	Err          error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

// Unwrap returns what is wrong with the record.
func (e *FileError) Unwrap() error { return e.Err }

// remedies say what is lost with a record that is moved away.
var remedies = map[string]string{
	walletFile:   "move it away and start again: tokens are fetched for epochs that have none, and the device has no keys until then",
	pairsFile:    "move it away and start again: neighbours are met as if for the first time",
	archiveFile:  "move it away and start again: others answer those who slept",
	standingFile: "move it away and start again: a device that offered itself as an issuer offers itself again by vecino key issuer join",
}

// damaged names the record that an error is of, if there is one.
func damaged(name string, err error) error {
	if err == nil {
		return nil
	}
	return &FileError{Name: name, Remedy: remedies[name], Err: err}
}
