#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# One of three agents is killed with -9 in the middle of a task: the others go on
# round by round; the killed one resumes at its checkpoint and catches up. Then
# the broker is killed and comes back: so do all agents, by themselves.

. "$(dirname "$0")/lib.sh"

settle
task 45
within 30 round_is c 8 || fail "c does not get to round 8"
kill -9 "$pid_c"
died=$(field a round)
say "c killed in round $died"

within 8 round_is a $((died + 4)) || fail "a waits for the dead"
within 8 round_is b $((died + 4)) || fail "b waits for the dead"
heard_is a 1 || fail "a hears $(field a heard) neighbours while c is dead"
say "a and b are at round $(field a round) without c"

run c
within 10 heard_is a 2 || fail "a does not hear c again"
resumed=$(field c resumed_at)
[ "$resumed" -ge $((died - 2)) ] || fail "c did not resume at its checkpoint, but at round $resumed"
say "c resumed after round $resumed of its checkpoint"
within 10 heard_is c 2 || fail "c does not hear the others"
within 10 accuracy_is c 0.8 || fail "c does not catch up: $(field c accuracy)"
say "c has caught up: accuracy $(field c accuracy) in round $(field c round), a has $(field a accuracy)"

kill -9 "$mosquitto_pid"
before=$(field b round)
within 8 round_is b $((before + 3)) || fail "b stops without a broker"
say "broker killed in round $before; the agents go on alone"
start_mosquitto
for name in a b c; do
	within 30 heard_is "$name" 2 || fail "$name is not back after the broker's restart"
done
say "all are back in round $(field a round)"

for name in a b c; do
	within 60 state_is "$name" "done" || fail "$name does not end the task: $(on "$name" learn status)"
	[ "$(field "$name" round)" = 45 ] || fail "$name ended at round $(field "$name" round)"
	accuracy_is "$name" 0.85 || fail "$name learned too little: $(field "$name" accuracy)"
	say "$name: accuracy $(field "$name" accuracy)"
done
no_secrets
say "PASS"
