#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Somebody with an account at the broker and no keys sends 10,000 messages of
# garbage a second, as long as chunks, to all topics of the neighbours for FLOOD
# seconds (30): training goes on, memory stays as it is, and all of it is counted.

. "$(dirname "$0")/lib.sh"

FLOOD=${FLOOD:-30}
memory() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

settle
task $((FLOOD + 20))
within 30 round_is a 4 || fail "no rounds before the flood"
before=$(memory "$pid_a")

# The topics of the neighbourhood, as anybody on the broker sees them.
timeout 4 mosquitto_sub -h localhost -p "$port" --cafile "$work/ca.pem" -u neighbour -P "$(cat "$work/password")" \
	-t 't/#' -F '%t' 2>/dev/null | sort -u >"$work/topics" || true
[ "$(wc -l <"$work/topics")" -ge 4 ] || fail "no topics seen"

# Lines of 4,136 characters, sent at 10,000 a second in all.
head -c 800000 /dev/urandom | base64 -w 4136 | head -n 250 >"$work/garbage"
topics=$(head -n 5 "$work/topics")
flooders=
for topic in $topics; do
	(
		end=$(($(date +%s) + FLOOD))
		while [ "$(date +%s)" -lt $end ]; do
			i=0
			while [ $i -lt 8 ]; do
				cat "$work/garbage"
				i=$((i + 1))
			done
			sleep 0.9
		done
	) | mosquitto_pub -h localhost -p "$port" --cafile "$work/ca.pem" -u neighbour -P "$(cat "$work/password")" -t "$topic" -l &
	flooders="$flooders $!"
	pids="$pids $!"
done
round=$(field a round)

# highest SECONDS: the most memory in that time.
highest() {
	most=0
	until=$(($(date +%s) + $1))
	while [ "$(date +%s)" -lt $until ]; do
		now=$(memory "$pid_a")
		[ "$now" -gt "$most" ] && most=$now
		sleep 0.2
	done
	echo $most
}
first=$(highest $((FLOOD / 2)))
second=$(highest $((FLOOD - FLOOD / 2)))
for pid in $flooders; do wait "$pid" || true; done
refused=$(on a status --json | sed -n 's/.*"chunk-key":\([0-9]*\).*/\1/p')
dropped=$(on a status --json | sed -n 's/.*"dropped_in":\([0-9]*\).*/\1/p')
rounds=$(($(field a round) - round))
say "in $FLOOD s of flood: $rounds rounds, ${refused:-0} messages refused, $dropped dropped unread; memory $before kB before, $first kB at most in the first half, $second kB in the second"
[ "$rounds" -ge $((FLOOD * 8 / 10)) ] || fail "training stops under the flood"
[ "${refused:-0}" -gt $((FLOOD * 1000)) ] || fail "the flood did not arrive or was not counted"
# What the process has resident moves by some MB as the collector runs; what the
# flood could fill would be 40 MB a second.
[ "$second" -lt 40960 ] && [ "$second" -lt $((first * 3 / 2)) ] || fail "memory grows under the flood"
for name in a b c; do
	within 90 state_is "$name" "done" || fail "$name does not end the task: $(on "$name" learn status)"
	accuracy_is "$name" 0.85 || fail "$name learned too little: $(field "$name" accuracy)"
	say "$name: accuracy $(field "$name" accuracy)"
done
say "PASS"
