// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
)

// dataSet returns the path by which the privacy budget of the device's data is known.
func dataSet(h *home, c *config.Config) string {
	path := config.ResolvePath(h.dir.Root(), c.FL.Data)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Clean(path)
}

// ownEpsilon returns what the device allows, 0 where it leaves that to the tasks.
func ownEpsilon(c *config.FL) float64 {
	v, err := strconv.ParseFloat(c.Epsilon, 64)
	if err != nil { // empty: the configuration takes nothing else
		return 0
	}
	return v
}

// privacyInWords returns the line about what the device's records have told.
func privacyInWords(p *learn.PrivacyStatus) []string {
	if p == nil {
		return nil
	}
	return []string{fmt.Sprintf("privacy\tepsilon %.3g of %v at delta %.3g is spent, per %s of this device's data, over all private tasks", p.Epsilon, p.Target, p.Delta, p.Unit)}
}

// personalInWords returns the line about the device's own model.
func personalInWords(p *learn.Personal) []string {
	if p == nil {
		return nil
	}
	return []string{fmt.Sprintf("own model\t%s on this device's test rows; the shared one %s, alone %s", percent(p.Own), percent(p.Shared), percent(p.Alone))}
}
