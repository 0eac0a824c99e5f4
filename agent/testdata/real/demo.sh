#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# The demo is real: the broker counts the bytes that the devices report, what the
# devices say cannot be compressed, and where the labels mean nothing, nothing is
# learned.

. "$(dirname "$0")/lib.sh"

# number FILE FIELD: a number from a line of JSON.
number() { sed -n "s/.*\"$2\":\([0-9.e+-]*\).*/\1/p" "$1"; }

port=$((20000 + $$ % 20000))
cat >"$work/mosquitto.conf" <<-CONF
	listener $port 127.0.0.1
	allow_anonymous true
	sys_interval 1
	user root
	log_dest stderr
CONF
start_mosquitto
within 10 mosquitto_pub -p "$port" -t ready -n || fail "mosquitto does not start"

mosquitto_sub -p "$port" -t 't/#' -F '%p' -N >"$work/capture" &
pids="$pids $!"
counter() { mosquitto_sub -p "$port" -t '$SYS/broker/bytes/received' -C 2 | tail -1; }
before=$(counter)
"$VECINO" demo --broker "mqtt://127.0.0.1:$port" --json >"$work/demo.json" || fail "the demo fails"
sleep 2
counted=$(($(counter) - before))
reported=$(awk -v n="$(number "$work/demo.json" nodes)" -v b="$(number "$work/demo.json" bytes_per_node)" 'BEGIN {printf "%d", n * b}')
say "the broker received $counted bytes, the devices report $reported"
awk -v a="$counted" -v b="$reported" 'BEGIN {exit !(a > 0 && b / a > 0.9 && b / a < 1.1)}' || fail "the two differ by more than 10 %"

together=$(number "$work/demo.json" together_accuracy)
alone=$(number "$work/demo.json" alone_accuracy)
worst=$(number "$work/demo.json" worst_accuracy)
say "together $together, worst $worst, alone $alone in $(number "$work/demo.json" seconds) s"
awk -v t="$together" -v w="$worst" -v a="$alone" 'BEGIN {exit !(t >= 0.92 && w >= 0.88 && t - a >= 0.30)}' || fail "too little was learned"

raw=$(wc -c <"$work/capture")
packed=$(xz -6 -c <"$work/capture" | wc -c)
say "$raw bytes of payload were captured, xz makes them $packed"
awk -v r="$raw" -v p="$packed" 'BEGIN {exit !(r > 1000000 && p > 0.99 * r)}' || fail "what the devices say can be compressed"

# The same pixels, the labels shuffled in a fixed way.
mkdir -p "$work/shuffled"
gzip -dc "$digits/train.csv.gz" | awk -F, -v OFS=, '
	NR == 1 {print; next}
	{row[NR] = $0; label[NR] = $NF}
	END {
		srand(1)
		for (i = NR; i > 2; i--) {j = 2 + int(rand() * (i - 1)); l = label[i]; label[i] = label[j]; label[j] = l}
		for (i = 2; i <= NR; i++) {n = split(row[i], f, ","); f[n] = label[i]; line = f[1]; for (k = 2; k <= n; k++) line = line OFS f[k]; print line}
	}' >"$work/shuffled/train.csv"
cp "$digits/test.csv.gz" "$work/shuffled/"
printf 'kind = "classification"\ntarget = "label"\nscale = "divide:16"\n' >"$work/shuffled/schema.toml"
"$VECINO" demo --data "$work/shuffled" --json >"$work/shuffled.json" || fail "the demo with shuffled labels fails"
together=$(number "$work/shuffled.json" together_accuracy)
say "with shuffled labels: together $together"
awk -v t="$together" 'BEGIN {exit !(t < 0.20)}' || fail "the demo learns what is not there"
say "PASS"
