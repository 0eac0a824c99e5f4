// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/fl/node"
)

// privacyArgs are the table privacy of a task file: how single records are hidden. All
// of it is needed but clip.
type privacyArgs struct {
	Epsilon float32 `toml:"epsilon" json:"epsilon"` // that the task may tell of a record
	Delta   float32 `toml:"delta" json:"delta"`
	Noise   float32 `toml:"noise" json:"noise"`   // multiplier: deviation of the noise over clip
	Sample  float32 `toml:"sample" json:"sample"` // share of the rows in a step; an epoch is one step
	Clip    float32 `toml:"clip" json:"clip"`     // largest norm of a record's gradient; 0 stands for 1
}

func (a *privacyArgs) plan() *node.Privacy {
	if a == nil {
		return nil
	}
	p := &node.Privacy{Sigma: a.Noise, Clip: a.Clip, Q: a.Sample, Delta: a.Delta, Epsilon: a.Epsilon}
	if p.Clip == 0 {
		p.Clip = 1
	}
	return p
}

// personalArgs are the table personal of a task file: what each device keeps to itself.
type personalArgs struct {
	Tune int  `toml:"tune" json:"tune"` // epochs on the device's own rows alone, after the last round
	Head bool `toml:"head" json:"head"` // the last layer is not shared
}

func (a personalArgs) plan() node.Personal {
	const most = 1 << 20 // far more than a task may have, which its check says
	tune := a.Tune
	if tune < 0 || tune > most {
		tune = most
	}
	return node.Personal{Tune: uint32(tune), Head: a.Head}
}

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
