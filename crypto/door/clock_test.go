// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"pgregory.net/rapid"
)

var truth = time.Unix(1_700_000_000, 0)

// dial is an issuer whose own clock is off by skew.
type dial struct {
	skew time.Duration
	Clock
	Timekeeper
}

// dials are n issuers, t of whom sign, and their charter.
func dials(t testing.TB, threshold uint8, skews ...time.Duration) ([]*dial, *issuer.Charter, io.Reader) {
	t.Helper()
	rand := newStream("dials")
	c := &issuer.Charter{Nbhd: [16]byte([]byte("a neighbourhood!")), T: threshold}
	var out []*dial
	for i, skew := range skews {
		keys := must(issuer.Found(rand))(t)
		keys.Share.Index = uint8(i + 1)
		c.Issuers = append(c.Issuers, keys.Public())
		d := &dial{skew: skew, Clock: Clock{Self: keys.Share.Index}, Timekeeper: Timekeeper{Keys: keys, Nbhd: c.Nbhd}}
		d.Trust(0)
		out = append(out, d)
	}
	return out, c, rand
}

// at has an issuer show its clock at the true time.
func (d *dial) at(now time.Time) *Timekeeper {
	d.Timekeeper.Time = func() (time.Time, bool) { return d.Clock.Time(now.Add(d.skew)) }
	return &d.Timekeeper
}

// ask runs a request of a device whose clock is off by skew. The trip to each
// issuer and back takes as long as given; 0 is never.
func ask(t testing.TB, c *Clock, ch *issuer.Charter, rand io.Reader, issuers []*dial, skew time.Duration, trips ...time.Duration) error {
	t.Helper()
	request := must(c.Ask(rand, truth.Add(skew)))(t)
	for i, d := range issuers {
		if trips[i] == 0 {
			continue
		}
		answer, err := d.at(truth.Add(trips[i]/2)).Answer(request, truth)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Handle(ch, truth.Add(skew+trips[i]), answer); err != nil && !errors.Is(err, ErrAnswer) {
			t.Fatal(err)
		}
	}
	return c.Settle(ch)
}

// TestClock is a device that asks issuers, some of whom are slow, silent or wrong.
func TestClock(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for name, tc := range map[string]struct {
		threshold uint8
		issuers   []time.Duration // their skew
		trips     []time.Duration
		skew      time.Duration
		trust     bool // the device has a last offset of 7 s
		want      time.Duration
		err       error
	}{
		"alone":                     {1, []time.Duration{0}, []time.Duration{100 * ms}, 120 * s, false, -120 * s, nil},
		"slow clock":                {1, []time.Duration{0}, []time.Duration{100 * ms}, -120 * s, false, 120 * s, nil},
		"no clock at all":           {1, []time.Duration{0}, []time.Duration{100 * ms}, -50 * 365 * 24 * time.Hour, false, 50 * 365 * 24 * time.Hour, nil},
		"beyond all bounds":         {1, []time.Duration{0}, []time.Duration{100 * ms}, -101 * 365 * 24 * time.Hour, false, 0, ErrNoClock},
		"one of three is wrong":     {2, []time.Duration{0, 3600 * s, 0}, []time.Duration{s, s, s}, 30 * s, false, -30 * s, nil},
		"median of three":           {2, []time.Duration{-2 * s, 3 * s, s}, []time.Duration{s, 2 * s, 3 * s}, 0, false, s, nil},
		"lower one of two":          {2, []time.Duration{5 * s, 3 * s, 0}, []time.Duration{s, s, 0}, 0, false, 3 * s, nil},
		"too slow by a millisecond": {1, []time.Duration{0}, []time.Duration{5*s + ms}, 0, false, 0, ErrNoClock},
		"just in time":              {1, []time.Duration{0}, []time.Duration{5 * s}, 0, false, 0, nil},
		"in time with the others":   {2, []time.Duration{0, 10 * s, 20 * s}, []time.Duration{s, 2 * s, 4 * s}, 9 * s, false, s, nil},
		"after the others":          {2, []time.Duration{0, 10 * s, 20 * s}, []time.Duration{s, 2 * s, 4*s + ms}, 9 * s, false, -9 * s, nil},
		"too few, no clock":         {2, []time.Duration{50 * s, 0, 0}, []time.Duration{s, 0, 0}, 0, false, 0, ErrNoClock},
		"too few, last offset":      {2, []time.Duration{50 * s, 0, 0}, []time.Duration{s, 0, 0}, 0, true, 7 * s, nil},
		"nobody, last offset":       {1, []time.Duration{0}, []time.Duration{0}, 0, true, 7 * s, nil},
		"nobody":                    {1, []time.Duration{0}, []time.Duration{0}, 0, false, 0, ErrNoClock},
	} {
		issuers, ch, rand := dials(t, tc.threshold, tc.issuers...)
		var c Clock
		if tc.trust {
			c.Trust(7 * s)
		}
		err := ask(t, &c, ch, rand, issuers, tc.skew, tc.trips...)
		got, known := c.Offset()
		if err != tc.err || known != (err == nil) || (got-tc.want).Abs() > ms {
			t.Errorf("%s: offset %v, %v; want %v, %v", name, got, err, tc.want, tc.err)
		}
		if now, ok := c.Time(truth); ok != known || ok && !now.Equal(truth.Add(got)) {
			t.Errorf("%s: time %v, %v", name, now, ok)
		}
	}
}

func TestGathered(t *testing.T) {
	issuers, ch, rand := dials(t, 2, 0, 0, 0)
	var c Clock
	if !c.Gathered(ch, truth) {
		t.Error("before a request there is something to wait for")
	}
	request := must(c.Ask(rand, truth))(t)
	answer := func(i int, after time.Duration) {
		if err := c.Handle(ch, truth.Add(after), must(issuers[i].at(truth).Answer(request, truth))(t)); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(after time.Duration, want bool) {
		t.Helper()
		if c.Gathered(ch, truth.Add(after)) != want {
			t.Errorf("after %v: %v", after, !want)
		}
	}
	expect(MaxRoundTrip-1, false)
	expect(MaxRoundTrip, true)
	answer(0, time.Second)
	expect(time.Second+TimeGather-1, false)
	expect(time.Second+TimeGather, true)
	answer(1, 2*time.Second)
	answer(2, 2*time.Second)
	expect(2*time.Second, true)
	own := &issuers[0].Clock
	must(own.Ask(rand, truth))(t)
	if own.Gathered(&issuer.Charter{T: 1, Issuers: ch.Issuers[:2]}, truth) || !own.Gathered(&issuer.Charter{T: 1, Issuers: ch.Issuers[:1]}, truth) {
		t.Error("an issuer waits for itself, or not for the other")
	}
}

// TestIssuersAgree has issuers with clocks far apart ask each other, in any
// order: after two rounds all that began right or wrong show the same time, and it
// lies among those that there were.
func TestIssuersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(rt, "n")
		var skews []time.Duration
		low, high := time.Duration(1<<62), -time.Duration(1<<62)
		for range n {
			skew := time.Duration(rapid.IntRange(-200, 200).Draw(rt, "skew")) * time.Second
			skews = append(skews, skew)
			low, high = min(low, skew), max(high, skew)
		}
		issuers, ch, rand := dials(t, uint8(n/2+1), skews...)
		trips := make([]time.Duration, n)
		for i := range trips {
			trips[i] = time.Second
		}
		for range 2 {
			for _, i := range rapid.Permutation(issuers).Draw(rt, "order") {
				if err := ask(t, &i.Clock, ch, rand, issuers, i.skew, trips...); err != nil {
					rt.Fatal(err)
				}
			}
		}
		first, _ := issuers[0].Clock.Time(truth.Add(issuers[0].skew))
		for _, i := range issuers {
			now, _ := i.Clock.Time(truth.Add(i.skew))
			if !now.Equal(first) || now.Before(truth.Add(low)) || now.After(truth.Add(high)) {
				rt.Fatalf("issuers show %v and %v; they began between %v and %v", first, now, low, high)
			}
		}
	})
}
