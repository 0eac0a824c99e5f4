# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# What the tests with real processes share: a folder of their own, mosquitto with
# TLS and a password file, an uneven share of the digits for each device, and an
# end that leaves nothing running. Sourced by the others; needs VECINO, the
# binary, and mosquitto, mosquitto_passwd and openssl.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
digits=$here/../../../fl/dataset/digits
work=$(mktemp -d)
pids=

say() { printf '%s %s\n' "$(date +%T)" "$*"; }

fail() {
	say "FAIL: $*"
	for log in "$work"/*.log; do
		echo "--- $(basename "$log")"
		tail -n 30 "$log"
	done
	exit 1
}

finish() {
	status=$?
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
	if [ -n "${KEEP:-}" ]; then # a folder to look at what was left
		cp -r "$work" "$KEEP"
	fi
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

# within SECONDS COMMAND…: run the command until it succeeds.
within() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $deadline ] || return 1
		sleep 0.2
	done
}

# make_certificates: an authority, and a certificate for the broker.
make_certificates() {
	cd "$work"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test authority" \
		-addext "basicConstraints=critical,CA:TRUE" -keyout ca.key -out ca.pem 2>openssl.log
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
		-keyout broker.key -out broker.csr 2>>openssl.log
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >san
	openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out broker.pem 2>>openssl.log
	cd - >/dev/null
}

# start_mosquitto: on the port of the first call, with TLS and a password.
start_mosquitto() {
	if [ ! -f "$work/mosquitto.conf" ]; then
		port=$((20000 + $$ % 20000))
		printf 'secret-of-the-shared-account\n' >"$work/password"
		mosquitto_passwd -b -c "$work/passwd" neighbour "$(cat "$work/password")"
		chmod 644 "$work/passwd"
		chmod 755 "$work"
		cat >"$work/mosquitto.conf" <<-CONF
			listener $port 127.0.0.1
			allow_anonymous false
			password_file $work/passwd
			certfile $work/broker.pem
			keyfile $work/broker.key
			user root
			log_dest stderr
		CONF
	fi
	mosquitto -c "$work/mosquitto.conf" >>"$work/mosquitto.log" 2>&1 &
	mosquitto_pid=$!
	pids="$pids $mosquitto_pid"
}

# share NAME FIRST LAST: a data folder with the digits FIRST to LAST alone, and
# the test rows of all ten.
share() {
	mkdir -p "$work/data/$1"
	gzip -dc "$digits/train.csv.gz" | awk -F, -v a="$2" -v b="$3" 'NR == 1 || $NF >= a && $NF <= b' >"$work/data/$1/train.csv"
	cp "$digits/test.csv.gz" "$work/data/$1/"
	printf 'kind = "classification"\ntarget = "label"\nscale = "divide:16"\n' >"$work/data/$1/schema.toml"
}

# on NAME ARGUMENTS…: vecino as that device.
on() {
	device=$1
	shift
	VECINO_STATE=$work/$device "$VECINO" "$@"
}

# run NAME: start a device's agent; its process is in pid_NAME. Settings of its own
# are in env_NAME, as words.
run() {
	eval "own=\${env_$1:-}"
	# shellcheck disable=SC2086 # words
	env $own VECINO_STATE="$work/$1" VECINO_FL_CHECKPOINT_EVERY=0s VECINO_HTTP_LISTEN= "$VECINO" run >>"$work/$1.log" 2>&1 &
	eval "pid_$1=$!"
	pids="$pids $!"
}

# field NAME FIELD: a number or word from the device's first task.
field() {
	on "$1" learn status --json 2>/dev/null | sed 's/},{"id".*//' | sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}

round_is() { [ "$(field "$1" round || echo 0)" -ge "$2" ] 2>/dev/null; }
heard_is() { [ "$(field "$1" heard)" = "$2" ]; }
state_is() { [ "$(field "$1" state)" = "$2" ]; }
sees() { [ "$(on "$1" peers list --json 2>/dev/null | grep -o '"present":true' | wc -l)" -ge "$2" ]; }

# accuracy_is NAME SHARE: the device's accuracy is at least that.
accuracy_is() { field "$1" accuracy | awk -v least="$2" '{ok = $1 >= least} END {exit !ok}'; }

# settle [NAME]: found a neighbourhood on a, let b and c join by invite, and a
# fourth where one is named, run all. CHUNKS is how many each sends a minute, EPOCH
# how long an epoch lasts.
settle() {
	make_certificates
	start_mosquitto
	share a 0 3
	share b 4 6
	share c 7 9
	[ $# -eq 0 ] || share "$1" 2 8
	on a init --found --name a --broker "mqtts://localhost:$port" --username neighbour --password-file "$work/password" \
		--ca-file "$work/ca.pem" --data "$work/data/a" --epoch "${EPOCH:-1h}" --chunks-per-minute "${CHUNKS:-3000}" --spread 1s
	run a
	within 20 on a peers list >/dev/null 2>&1 || fail "the founder's agent does not answer"
	for name in b c "$@"; do
		within 20 on a peers invite >"$work/invite" 2>"$work/invite.log" || fail "no invite"
		on "$name" init --join - --name "$name" --ca-file "$work/ca.pem" --data "$work/data/$name" <"$work/invite" ||
			fail "$name cannot join"
		run "$name"
	done
	for name in a b c "$@"; do
		within 30 sees "$name" $((2 + $#)) || fail "$name does not see the others"
	done
	say "$((3 + $#)) devices see each other over mosquitto with TLS and a password"
}

# task ROUNDS: start a task of that many rounds of a second.
task() {
	printf 'name = "digits"\nmodel = "mlp:64"\nrate = 0.3\nrounds = %d\nround = "1s"\n' "$1" >"$work/digits.toml"
	on a learn start "$work/digits.toml" >/dev/null || fail "the task does not start"
}

# task_of MODE ROUNDS LENGTH: start a task of sums.
task_of() {
	printf 'name = "%s"\nmodel = "mlp:32"\nrate = 0.3\nmode = "%s"\nrounds = %d\nround = "%s"\n' "$1" "$1" "$2" "$3" >"$work/$1.toml"
	on a learn start "$work/$1.toml" >/dev/null || fail "the task does not start"
}

# no_secrets: the shared account's password is in no log.
no_secrets() {
	if grep -l "$(cat "$work/password")" "$work"/*.log; then
		fail "a log holds the password"
	fi
}
