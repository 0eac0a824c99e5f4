#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Four agents learn three tasks at the same time over mosquitto: two whose updates
# neighbours read, and one of sums, which takes all who are there. One device joins
# signed tasks only, and so has two of the three. Another is killed with -9 and goes on
# with all of them.

. "$(dirname "$0")/lib.sh"

owner=$(on owner key init --json | sed -n 's/.*"owner":"\([^"]*\)".*/\1/p')
env_d="VECINO_FL_TASKS=signed VECINO_FL_TASK_KEYS=$owner"
CHUNKS=6000
settle d
say "d joins what $(echo "$owner" | cut -c 1-24)… has signed, and nothing else"

# of NAME TASK FIELD: a number or word of one of the device's tasks.
of() {
	on "$1" learn status --json 2>/dev/null | sed 's/},{"id"/}\n{"id"/g' | grep "\"name\":\"$2\"" | sed -n "s/.*\"$3\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}
of_is() { [ "$(of "$1" "$2" "$3")" = "$4" ]; }
of_round() { [ "$(of "$1" "$2" round || echo 0)" -ge "$3" ] 2>/dev/null; }
tasks() { on "$1" learn status --json 2>/dev/null | grep -o '"id":' | wc -l; }

printf 'name = "signed"\nmodel = "mlp:64"\nrate = 0.3\nrounds = 30\nround = "1500ms"\n' >"$work/signed.toml"
printf 'name = "plain"\nmodel = "softmax"\nalgorithm = "kgt"\nrate = 0.3\nrounds = 30\nround = "1500ms"\n' >"$work/plain.toml"
printf 'name = "sums"\nmodel = "softmax"\nrate = 0.3\nmode = "mask"\nrounds = 14\nround = "4s"\n' >"$work/sums.toml"
for task in signed sums; do
	on owner learn sign "$work/$task.toml" --data "$work/data/a" --in 4s >/dev/null || fail "the owner cannot sign"
	on b learn start "$work/$task.task" >/dev/null || fail "b cannot start what is signed"
done
on c learn start "$work/plain.toml" >/dev/null || fail "the third task does not start"
for name in a b c; do
	for task in signed plain sums; do
		within 20 of_is "$name" "$task" state running || fail "$name does not run $task: $(on "$name" learn status)"
	done
done
for task in signed sums; do
	within 20 of_is d "$task" state running || fail "d does not run what is signed: $(on d learn status)"
	of_is d "$task" signed_by "$owner" || fail "d does not say who signed"
done

within 30 of_round c plain 8 || fail "c does not get to round 8"
kill -9 "$pid_c"
say "c killed in round $(of b plain round) of plain"
sleep 2
run c
for task in signed plain sums; do
	within 20 of_is c "$task" state running || fail "c does not go on with $task: $(on c learn status)"
done
resumed=$(of c plain resumed_at)
[ "${resumed:-0}" -ge 6 ] || fail "c did not resume at its checkpoint, but at round $resumed"
say "c goes on with all three, with plain after round $resumed of its checkpoint"

for task in signed plain sums; do
	for name in a b c; do
		within 90 of_is "$name" "$task" state "done" || fail "$name does not end $task: $(on "$name" learn status)"
		of "$name" "$task" accuracy | awk '{ok = $1 >= 0.8} END {exit !ok}' || fail "$name learned too little of $task: $(on "$name" learn status)"
		say "$name, $task: accuracy $(of "$name" "$task" accuracy)"
	done
done
for task in signed sums; do
	within 10 of_is d "$task" state "done" || fail "d does not end $task"
	say "d, $task: accuracy $(of d "$task" accuracy)"
done
[ "$(tasks d)" -eq 2 ] || fail "d has tasks that nobody signed: $(on d learn status)"
on d status --json | grep -q '"task-unsigned":' || fail "d counts no task that it refused"
[ "$(grep -c 'task is refused' "$work/d.log")" -eq 1 ] || fail "d does not say once that it refused: $(grep 'task is refused' "$work/d.log")"
no_secrets
say "PASS"
