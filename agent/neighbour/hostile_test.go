// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/token"
)

// what is a type of message and, where a message shows one, its kind or round.
type what struct {
	typ  uint8
	kind int8 // anyKind: whichever
}

const anyKind = -1

// is reports whether a message of which as much is known as in w may be one of x.
func (x what) is(w what) bool {
	return w.typ == x.typ && (w.kind == x.kind || w.kind == anyKind || x.kind == anyKind)
}

func (x what) String() string {
	if x.kind == anyKind {
		return fmt.Sprint(x.typ)
	}
	return fmt.Sprintf("%d.%d", x.typ, x.kind)
}

// misdeed is what a broker does to the messages of one type and kind.
type misdeed string

const (
	obeys     misdeed = "control"   // nothing
	holdsAll  misdeed = "drop all"  // while the misdeed lasts
	dropsTwo  misdeed = "drop two"  // the first ones
	triples   misdeed = "triple"    // each comes twice, and twice more as if its sender had sent it again
	delays    misdeed = "delay"     // by 20 s
	delaysFar misdeed = "delay far" // by more than an epoch
	withholds misdeed = "withhold"  // from one receiver
	replays   misdeed = "replay"    // in the next epoch, as of that epoch
)

var misdeeds = []misdeed{obeys, holdsAll, dropsTwo, triples, delays, delaysFar, withholds, replays}

const delay = 20 * time.Second

// scene is one of the protocol's sequences. Up to ready nothing is wrong; begin
// begins the sequence, under a misdeed that lasts for some time. Before the end of
// the epoch after that all must be well again.
type scene struct {
	name   string
	chunks uint16 // a minute; 60 where it is 0
	ready  func(h *town)
	begin  func(h *town)
	lasts  time.Duration
	after  func(h *town)
	check  func(h *town) // when all must be well
	steps  []step
	deeds  []misdeed // nil: all
	copes  bool      // the others make up for one who misses a message
}

// step is a type of message that takes part, who needs it, and what is told where
// it does not come.
type step struct {
	what  what
	name  string
	to    string
	says  string             // a line of the diary of who is named in by
	by    string             // to, where it is empty
	shows func(h *town) bool // a state that says it
	quiet bool               // there is nothing to say: one that is lost is like one that was never sent
}

// TestHostileBroker has a broker do each misdeed to each type of message at each
// step of each sequence. When it stops, all must be well within the next epoch;
// what may be used once must not have been used twice; and who misses something
// must have said so.
func TestHostileBroker(t *testing.T) {
	if _, err := theKit(); err != nil { // outside the bubbles
		t.Fatal(err)
	}
	n := 0
	for _, sc := range scenes {
		for i, st := range sc.steps {
			for _, deed := range misdeeds {
				switch {
				case deed == withholds && st.what.forOne(): // it is dropped, then
					continue
				case deed == obeys && i > 0: // once for a sequence
					continue
				case sc.deeds != nil && !slices.Contains(sc.deeds, deed):
					continue
				}
				if n++; testing.Short() && n%9 != 0 {
					continue
				}
				t.Run(sc.name+"/"+st.what.String()+" "+st.name+"/"+string(deed), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { play(t, &sc, &st, deed) })
				})
			}
		}
	}
}

// forOne reports whether a single device can use a message: one issuer, or the one
// who asked.
func (x what) forOne() bool {
	switch x.typ {
	case issuer.TypeRequest, issuer.TypeAnswer, token.TypeRequest, token.TypeAnswer:
		return true
	}
	return x == what{17, 0} || x == what{18, 0} || x == what{17, 2} || x == what{18, 2}
}

func play(t *testing.T, sc *scene, st *step, deed misdeed) {
	h := newTown(t, 30, max(60, sc.chunks))
	sc.ready(h)
	h.broker.misbehave(deed, st.what, st.to)
	sc.begin(h)
	time.Sleep(sc.lasts)
	if deed == holdsAll || deed == delaysFar || deed == withholds && !sc.copes {
		h.told(st)
	}
	if h.broker.behave() == 0 {
		t.Error("no such message was sent")
	}
	last := h.epoch()
	if sc.after != nil {
		sc.after(h)
	}
	if deed == replays {
		for _, at := range []time.Duration{60 * time.Second, 120 * time.Second} {
			h.until(last+1, at)
			h.broker.replay()
		}
	}
	h.until(last+1, 420*time.Second)
	h.whole()
	if sc.check != nil {
		sc.check(h)
	}
	for _, f := range h.watch.faults {
		t.Error(f)
	}
}

// told holds that who misses a message says so, or shows it.
func (h *town) told(st *step) {
	h.t.Helper()
	if st.quiet {
		return
	}
	if st.shows != nil {
		if !st.shows(h) {
			h.t.Error("the state does not show what is missing")
		}
		return
	}
	by := st.by
	if by == "" {
		by = st.to
	}
	if !h.logs[by].says(st.says) {
		h.t.Errorf("%s does not say %q:\n%s", by, st.says, tail(h.logs[by].buf.String()))
	}
}
