// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"fmt"
	"strings"
	"time"
)

// Gate decides by a policy whether training may go on. It remembers which limits
// are passed, so that it opens again only once a condition is well back.
type Gate struct {
	policy Policy
	limits []limit
}

// limit is one limit of the policy and how it stands.
type limit struct {
	judge   func(p *Policy, c *Conditions, now time.Time) verdict
	absent  string // what the board does not tell, and what follows
	passed  bool
	why     string    // of the last verdict that was known
	judged  time.Time // when that was; zero if never
	stopped time.Time // when it was last beyond
	told    bool      // that the board does not tell
}

// verdict is how a condition stands to a limit. Between stop and resume things
// stay as they are.
type verdict struct {
	known  bool
	stop   bool          // beyond the limit
	resume bool          // well within it
	after  time.Duration // for which it must not have been beyond before it resumes
	why    string        // of not training: of stop, or else of not yet resume
}

const (
	// lost is how long a limit stays as it is after the board ceased to tell the
	// condition: a reading that fails once must not start a hot board.
	lost = 2 * time.Minute

	// calm is how long a board must not have made itself slower.
	calm = 2 * time.Minute
)

// NewGate returns a gate for a policy that is valid.
func NewGate(p Policy) (*Gate, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	g := &Gate{policy: p}
	add := func(set bool, judge func(*Policy, *Conditions, time.Time) verdict, absent string) {
		if set {
			g.limits = append(g.limits, limit{judge: judge, absent: absent})
		}
	}
	add(!p.Window.Always(), judgeWindow, "the clock is not set, the window "+p.Window.String()+" does not count")
	add(p.MaxCelsius > 0, judgeTemperature, "this board does not tell its temperature, the limit of "+trim(p.MaxCelsius)+" °C does not count")
	add(p.Throttled, judgeThrottled, "this board does not tell whether it makes itself slower")
	add(p.MinBattery > 0, judgeBattery, "this board does not tell the level of a battery, the limit of "+trim(p.MinBattery*100)+" % does not count")
	add(p.MaxLoad > 0, judgeLoad, "this board does not tell its load, the limit of "+trim(p.MaxLoad*100)+" % does not count")
	add(p.MinMemory > 0, judgeMemory, "this board does not tell its memory, the limit of "+trim(p.MinMemory/1e6)+" MB does not count")
	return g, nil
}

// Decide says whether training may go on under the conditions of now. Where it
// may not, why says so in words for people, such as "71 °C, above 70 °C", all
// reasons separated by semicolons. A condition that the board does not tell never
// keeps it from training; why says that too, the first time.
func (g *Gate) Decide(c Conditions, now time.Time) (allowed bool, why string) {
	var reasons, notes []string
	for i := range g.limits {
		l := &g.limits[i]
		if l.update(l.judge(&g.policy, &c, now), now) {
			l.told = true
			notes = append(notes, l.absent)
		}
		if l.passed {
			reasons = append(reasons, l.why)
		}
	}
	return len(reasons) == 0, strings.Join(append(reasons, notes...), "; ")
}

// update takes in a verdict and reports whether it has to be told that there is
// none.
func (l *limit) update(v verdict, now time.Time) (tell bool) {
	if !v.known {
		if !l.judged.IsZero() && now.Sub(l.judged) < lost {
			return false
		}
		l.passed = false
		return !l.told
	}
	l.judged, l.why = now, v.why
	switch {
	case v.stop:
		l.passed, l.stopped = true, now
	case v.resume && now.Sub(l.stopped) >= v.after:
		l.passed = false
	}
	return false
}

func judgeWindow(p *Policy, _ *Conditions, now time.Time) verdict {
	in := p.Window.Contains(now)
	return verdict{
		known:  now.Year() >= 2000, // a board without a clock wakes in 1970
		stop:   !in,
		resume: in,
		why:    now.Format("15:04") + ", outside " + p.Window.String(),
	}
}

func judgeTemperature(p *Policy, c *Conditions, _ time.Time) verdict {
	v := verdict{known: c.Temperature.Known, stop: c.Temperature.X > p.MaxCelsius, resume: c.Temperature.X <= p.MaxCelsius-backCelsius}
	v.why = number(c.Temperature.X, 1, true) + " °C, "
	if v.stop {
		v.why += "above " + trim(p.MaxCelsius) + " °C"
	} else {
		v.why += "resumes at " + trim(p.MaxCelsius-backCelsius) + " °C"
	}
	return v
}

func judgeThrottled(_ *Policy, c *Conditions, _ time.Time) verdict {
	v := verdict{known: c.Throttled.Known, stop: c.Throttled.Now, resume: !c.Throttled.Now, after: calm}
	if v.why = "the board made itself slower a moment ago"; v.stop {
		v.why = "the board makes itself slower: " + c.Throttled.Why
	}
	return v
}

func judgeBattery(p *Policy, c *Conditions, _ time.Time) verdict {
	if c.Power.Known && !c.Power.OnBattery {
		return verdict{known: true, resume: true}
	}
	level, back := c.Power.Level.X, min(p.MinBattery+backBattery, 1)
	v := verdict{known: c.Power.Known && c.Power.Level.Known, stop: level < p.MinBattery, resume: level >= back}
	v.why = "battery at " + number(level*100, 0, false) + " %, "
	if v.stop {
		v.why += "below " + trim(p.MinBattery*100) + " %"
	} else {
		v.why += "resumes at " + trim(back*100) + " %"
	}
	return v
}

func judgeLoad(p *Policy, c *Conditions, _ time.Time) verdict {
	load, what := c.Others, "others use %s %% of the CPU time, "
	if !load.Known {
		load, what = c.Load, "a load average of %s %% of the CPUs, "
	}
	back := backLoad * p.MaxLoad
	v := verdict{known: load.Known, stop: load.X > p.MaxLoad, resume: load.X <= back}
	v.why = fmt.Sprintf(what, number(load.X*100, 0, true))
	if v.stop {
		v.why += "above " + trim(p.MaxLoad*100) + " %"
	} else {
		v.why += "resumes at " + trim(back*100) + " %"
	}
	return v
}

func judgeMemory(p *Policy, c *Conditions, _ time.Time) verdict {
	back := backMemory * p.MinMemory
	v := verdict{known: c.Memory.Known, stop: c.Memory.X < p.MinMemory, resume: c.Memory.X >= back}
	v.why = number(c.Memory.X/1e6, 1, false) + " MB of memory available, "
	if v.stop {
		v.why += "below " + trim(p.MinMemory/1e6) + " MB"
	} else {
		v.why += "resumes at " + trim(back/1e6) + " MB"
	}
	return v
}
