#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Four agents learn by sums that show no single update, by lattices and then by
# masks. In the first task one is killed with -9 in the middle of a round: there
# is no sum without it, as four are too few to do without one, until it is back
# and has sat out a round. What goes over the broker cannot be compressed.

. "$(dirname "$0")/lib.sh"

CHUNKS=6000
settle d

# skips NAME: rounds without a sum.
skips() { field "$1" skipped | grep . || echo 0; }
roster_is() { [ "$(field "$1" roster)" = "$2" ]; }
skips_are() { [ "$(skips "$1")" -ge "$2" ]; }

task_of private 18 3200ms
for name in a b c d; do
	within 20 roster_is "$name" 4 || fail "$name agrees on no roster: $(on "$name" learn status)"
done
say "a roster of four, $(field a tau) of whom open a sum; $(field a tolerated) may collude"
within 20 round_is a 4 || fail "a does not get to round 4"
timeout 2 mosquitto_sub -h localhost -p "$port" --cafile "$work/ca.pem" -u neighbour -P "$(cat "$work/password")" \
	-t 't/#' -N >"$work/capture" 2>/dev/null || true
within 20 heard_is d 3 || fail "d hears $(field d heard) before it is killed"
sleep 0.7
kill -9 "$pid_d"
died=$(field a round)
before=$(skips a)
say "d killed in round $died, $before rounds were without a sum until then"
within 12 skips_are a $((before + 1)) || fail "a has sums without d, which four cannot"
run d
within 16 heard_is a 3 || fail "a has no sums with d again: $(on a learn status)"
within 8 heard_is d 3 || fail "d has no sums again: $(on d learn status)"
say "d is back: sums of all four in round $(field a round), $(skips a) rounds were without one"

size=$(wc -c <"$work/capture")
packed=$(xz -9e <"$work/capture" | wc -c)
[ "$size" -ge 200000 ] || fail "only $size bytes captured"
[ "$packed" -ge "$size" ] || fail "what was captured can be compressed: $size bytes to $packed"
say "captured $size bytes, $packed after xz"

learned() { # learned MODE
	for name in a b c d; do
		within 60 state_is "$name" "done" || fail "$name does not end the task: $(on "$name" learn status)"
		[ "$(field "$name" mode)" = "$1" ] || fail "$name is in mode $(field "$name" mode)"
		accuracy_is "$name" 0.85 || fail "$name learned too little: $(on "$name" learn status)"
		say "$name: accuracy $(field "$name" accuracy) in mode $1, $(skips "$name") rounds without a sum, the last for $(field "$name" last_skip)"
	done
}
learned private

task_of mask 12 2400ms
learned mask
no_secrets
say "PASS"
