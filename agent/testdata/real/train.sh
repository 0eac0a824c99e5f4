#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Three agents, each with three or four of the ten digits, founded and joined by
# invite, train over mosquitto with TLS and a password file: each ends up knowing
# all ten.

. "$(dirname "$0")/lib.sh"

settle
task 25
for name in a b c; do
	eval "pid=\$pid_$name"
	within 60 state_is "$name" "done" || fail "$name does not end the task: $(on "$name" learn status)"
	accuracy_is "$name" 0.85 || fail "$name learned too little: $(field "$name" accuracy)"
	say "$name: accuracy $(field "$name" accuracy) on all ten digits, $(field "$name" heard) neighbours heard in the last round"
	peak=$(awk '/^VmHWM/ {print $2}' "/proc/$pid/status")
	[ "$peak" -le 40960 ] || fail "$name took $peak kB of memory"
	say "$name: $peak kB of memory at most, $(on "$name" status --json | sed -n 's/.*"bytes_sent":\([0-9]*\).*/\1/p') bytes sent"
	# On a busy machine an update may come late; nothing else may be refused.
	on "$name" status --json | grep -qE '"refused":\{("late":[0-9]+)?\}' || fail "$name refused messages: $(on "$name" status)"
done
no_secrets
say "PASS"
