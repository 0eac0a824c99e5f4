// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

// Waiting returns those who have yet to answer in the session that this issuer
// began, nil where none is under way.
func (c *Council) Waiting() []uint8 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own == nil {
		return nil
	}
	return c.own.silent()
}

// Withdraw ends the session that this issuer began as if its time were over, so
// that another can begin. Without one it does nothing.
func (c *Council) Withdraw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own != nil {
		c.finish(&SilentError{Silent: c.own.silent()})
	}
}
