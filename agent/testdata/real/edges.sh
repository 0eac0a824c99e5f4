#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Four agents live through short epochs; the clocks of three are wrong by +110 s,
# -110 s and an hour. All have other pseudonyms in each epoch and recognise one
# another all the same. One is stopped through two whole epochs and goes on. One is
# removed while another is stopped, which finds the new key when it wakes.

. "$(dirname "$0")/lib.sh"

# A clock can be wrong only in a build for tests.
(cd "$here/../../.." && go build -tags testhooks -o "$work/vecino" ./agent) || fail "no build with testhooks"
VECINO=$work/vecino
EPOCH=20s
skew_a=0s skew_b=110s skew_c=-110s skew_d=1h

on() {
	device=$1
	shift
	eval "skew=\$skew_$device"
	VECINOTEST_CLOCK_SKEW=$skew VECINO_STATE=$work/$device "$VECINO" "$@"
}

run() {
	eval "skew=\$skew_$1"
	VECINOTEST_CLOCK_SKEW=$skew VECINO_STATE=$work/$1 VECINO_HTTP_LISTEN= "$VECINO" run >>"$work/$1.log" 2>&1 &
	eval "pid_$1=$!"
	pids="$pids $!"
}

# neighbours NAME: the pseudonyms that it sees; recognises NAME N: so many of those
# that are there are no strangers; changed NAME FILE: none of them is in FILE.
neighbours() { on "$1" peers list --json 2>/dev/null | grep -o '"pseudonym":"[0-9a-f]*"' | sort; }
recognises() {
	[ "$(on "$1" peers list --json 2>/dev/null | grep -o '"present":true[^}]*"recognised":true' | wc -l)" = "$2" ]
}
changed() {
	neighbours "$1" >"$work/now"
	[ -s "$work/now" ] && [ -z "$(comm -12 "$work/now" "$2")" ]
}
sees_only() { [ "$(on "$1" peers list --json 2>/dev/null | grep -o '"present":true' | wc -l)" = "$2" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

settle d
say "the clocks of b, c and d are wrong by $skew_b, $skew_c and $skew_d"

# Who exchanges recognises the others from the next epoch on.
task 12
for name in a b c d; do
	within 40 recognises "$name" 3 || fail "$name recognises too few: $(on "$name" peers list --json)"
done
neighbours a >"$work/before"
within 30 changed a "$work/before" || fail "the pseudonyms stay"
for name in a b c d; do
	within 20 recognises "$name" 3 || fail "$name recognises too few after the edge: $(on "$name" peers list --json)"
done
say "all recognise one another under other pseudonyms"

# b is stopped through two whole epochs; c until d has been removed.
kill -STOP "$pid_b" "$pid_c"
on a peers remove d >/dev/null || fail "d is not removed"
say "b and c are stopped, d is being removed"
sleep 45
kill -CONT "$pid_b"
within 70 sees b 1 || fail "b does not find back: $(on b peers list --json)"
say "b is back after two epochs"
within 10 gone "$pid_d" || fail "d does not end"
grep -q "removed" "$work/d.log" || fail "d does not say that it was removed"
sleep 20
within 60 sees_only a 1 || fail "a and b are not alone under the new key: $(on a peers list --json)"
grep -q "key changes" "$work/c.log" && fail "c has heard of the new key before it slept"
kill -CONT "$pid_c"
say "a and b have the new key; c wakes"
within 60 grep -q "key changes" "$work/c.log" || fail "c does not find the new key"
for name in a b c; do
	within 60 sees_only "$name" 2 || fail "$name does not see two others: $(on "$name" peers list --json)"
done
for name in a b c; do
	within 30 recognises "$name" 2 || fail "$name recognises too few in the end: $(on "$name" peers list --json)"
done
say "c found the new key, and the others"
no_secrets
say "PASS"
