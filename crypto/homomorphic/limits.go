// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/rlwe"
)

// Threshold returns the default tau of a roster of n: floor(2n/3) + 1, how many
// acks make a roster, signatures an active set and decryptors an answer. For n =
// 3 it is 2, since with 3 no active set would be large enough.
func Threshold(n int) int {
	tau := 2*n/3 + 1
	for tau > 2 && MinActive(n, tau) > n {
		tau--
	}
	return tau
}

// overlap is how many colluders neither open a sum alone nor bring about two
// active sets, each signed by tau of n.
func overlap(n, tau int) int { return min(tau-1, 2*tau-n-1) }

// MinActive returns the smallest active set that is opened: even if all whom tau
// tolerates collude, three others stay in the sum.
func MinActive(n, tau int) int { return max(tau, overlap(n, tau)+3) }

// Tolerance returns how many members of a roster of n may collude, so that the
// sum over so many active ones still tells nothing but itself.
func Tolerance(n, tau, active int) int { return max(0, min(overlap(n, tau), active-3)) }

// checkThreshold refuses what cannot work: two disjoint sets of tau, or active
// sets larger than the roster.
func checkThreshold(n, tau int) error {
	if n < MinRoster || n > MaxRoster {
		return fmt.Errorf("%w: a roster of %d, not %d to %d", ErrRule, n, MinRoster, MaxRoster)
	}
	if tau < 2 || tau > n || 2*tau <= n || MinActive(n, tau) > n {
		return fmt.Errorf("%w: threshold %d of %d", ErrRule, tau, n)
	}
	return nil
}

// pieces returns how many polynomials hold so many vectors of params values.
func pieces(vectors, params int, w rlwe.Width) int {
	return vectors * ((params + w.Values() - 1) / w.Values())
}

// Plan is what a task asks of secure sums.
type Plan struct {
	Mode    Mode
	Width   rlwe.Width // bits of a value: 8, or 16 with Lattice; 0 is 8
	Roster  int        // members present
	Tau     int        // 0 is the default
	Vectors int        // of an upload, 1 or 2
	Params  int        // values of a vector
}

// withDefaults fills in what was left to the package.
func (p Plan) withDefaults() Plan {
	if p.Width == 0 {
		p.Width = rlwe.Width8
	}
	if p.Tau == 0 {
		p.Tau = Threshold(p.Roster)
	}
	return p
}

// SetupBytes returns what one member sends in an epoch to share its secret.
func (p Plan) SetupBytes() int {
	p = p.withDefaults()
	if p.Mode == Mask {
		return (p.Roster - 1) * rlwe.ShareSeedSize
	}
	return (p.Tau-1)*rlwe.ShareSeedSize + (p.Roster-p.Tau)*rlwe.PolySize
}

// UploadBytes returns the size of an upload, without its few bytes of frame.
func (p Plan) UploadBytes() int {
	p = p.withDefaults()
	if p.Mode == Mask {
		return 2 * p.Vectors * p.Params
	}
	return pieces(p.Vectors, p.Params, p.Width) * rlwe.PolySize
}

// Pieces returns the number of messages of an opener's part, 1 with Mask.
func (p Plan) Pieces() int {
	p = p.withDefaults()
	if p.Mode == Mask {
		return 1
	}
	return pieces(p.Vectors, p.Params, p.Width)
}

// UnfitError says why the members present cannot sum up the vectors of a task
// all together.
type UnfitError struct {
	What        string // set-up or memory
	Need, Limit int64  // bytes
	Alternative string // what to set instead
}

// Error says what is needed, what there is, and what to do.
func (e *UnfitError) Error() string {
	return fmt.Sprintf("homomorphic: %s of %d bytes is over the %d that are allowed; %s", e.What, e.Need, e.Limit, e.Alternative)
}

// Fit returns an [*UnfitError] where sharing secrets takes more than 5 % of the
// budget, the bytes that a member may send in an epoch, or where the uploads of
// a round take more than [MaxMemory], and an error that wraps [ErrConfig] or
// [ErrRule] for a plan that makes no sense.
func (p Plan) Fit(budget int64) error {
	if err := p.checkShape(); err != nil {
		return err
	}
	p = p.withDefaults()
	if err := checkThreshold(p.Roster, p.Tau); err != nil {
		return err
	}
	const alternative = `use mode "hybrid" (groups of 5 or more) or a smaller model`
	if need, limit := int64(p.SetupBytes()), budget/100*SetupPercent; need > limit {
		return &UnfitError{"set-up", need, limit, alternative}
	}
	return p.fitMemory(p.Roster, alternative)
}

// fitMemory holds the uploads of n members against the memory for them.
func (p Plan) fitMemory(n int, alternative string) error {
	if need := int64(n) * int64(p.UploadBytes()); need > MaxMemory {
		return &UnfitError{"memory for a round's uploads", need, MaxMemory, alternative}
	}
	return nil
}

// checkShape refuses what makes no sense, before sizes are multiplied.
func (p Plan) checkShape() error {
	q := p.withDefaults()
	switch {
	case !q.Mode.Valid():
		return fmt.Errorf("%w: mode %d", ErrConfig, q.Mode)
	case !q.Width.Valid() || q.Mode == Mask && q.Width != rlwe.Width8:
		return fmt.Errorf("%w: values of %d bits", ErrConfig, q.Width)
	case q.Vectors < 1 || q.Vectors > MaxVectors:
		return fmt.Errorf("%w: %d vectors", ErrConfig, q.Vectors)
	case q.Params < 1 || q.Params > MaxMemory:
		return fmt.Errorf("%w: %d values", ErrConfig, q.Params)
	}
	return nil
}

// EpochBudget returns the bytes that a member may send in an epoch.
func EpochBudget(chunksPerMinute, chunk int, epoch time.Duration) int64 {
	return int64(chunksPerMinute) * int64(chunk) * int64(epoch/time.Second) / 60
}
