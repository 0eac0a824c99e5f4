#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# One of three agents is told to train at another time of the day: it says why it
# pauses, the others go on without it, and once it may train again it takes part
# and knows what they know.

. "$(dirname "$0")/lib.sh"

# again NAME [WINDOW]: start a device's agent anew, to train in that window alone.
again() {
	eval "pid=\$pid_$1"
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	if [ $# -gt 1 ]; then
		export VECINO_POWER_WINDOW="$2"
	fi
	run "$1"
	unset VECINO_POWER_WINDOW
}

paused() { on "$1" learn status --json 2>/dev/null | grep -q '"paused":"[^"]*outside '; }

settle
task 60
within 30 round_is c 5 || fail "c does not get to round 5"
hour=$(date +%H)
other=$(((${hour#0} + 12) % 24))
again c "$(printf '%02d:00-%02d:30' $other $other)"
within 20 paused c || fail "c does not pause: $(on c learn status)"
within 10 heard_is a 1 || fail "a hears $(field a heard) neighbours while c pauses"
before=$(field a round)
within 12 round_is a $((before + 5)) || fail "a waits for c"
say "c pauses, and a goes on to round $(field a round): $(on c learn status | head -n 1)"

again c
within 20 heard_is a 2 || fail "a does not hear c again"
say "c takes part again in round $(field c round)"
for name in a b c; do
	within 90 state_is "$name" "done" || fail "$name does not end the task: $(on "$name" learn status)"
	accuracy_is "$name" 0.85 || fail "$name learned too little: $(field "$name" accuracy)"
	say "$name: accuracy $(field "$name" accuracy)"
done
on c learn export "$work/c.safetensors" || fail "c does not export its model"
no_secrets
say "PASS"
