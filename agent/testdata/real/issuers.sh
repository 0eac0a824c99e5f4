#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Five devices become issuers, three of whom sign. With two killed a new device
# joins and everybody gets keys in the next epoch; with three killed nobody does,
# and the status says who is silent. An issuer killed in the middle of a refresh
# comes back, and the neighbourhood still gets keys.

. "$(dirname "$0")/lib.sh"

epoch=20

# issuers_are NAME T N: the device knows of N issuers of whom T sign.
issuers_are() {
	status=$(on "$1" key issuer status --json 2>/dev/null) || return 1
	case $status in *"\"threshold\":$2,"*) ;; *) return 1 ;; esac
	[ "$(printf %s "$status" | grep -o '"index":' | wc -l)" = "$3" ]
}

# epoch_of NAME: the epoch, from the founding on.
next_epoch() {
	now=$(date +%s)
	sleep $((epoch - (now - founded) % epoch))
}

# has_keys NAME: the device has keys of this epoch.
has_keys() { ! on "$1" status --json | grep -q 'no keys for this epoch'; }
hears_candidates() { [ "$(on a key issuer status --json | sed 's/.*"candidates":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | grep -c '"')" -ge "$1" ]; }

make_certificates
start_mosquitto
on a init --found --name a --broker "mqtts://localhost:$port" --username neighbour --password-file "$work/password" \
	--ca-file "$work/ca.pem" --chunks-per-minute 3000 --spread 1s --epoch ${epoch}s
founded=$(date +%s)
run a
within 20 on a peers list >/dev/null 2>&1 || fail "the founder's agent does not answer"
for name in b c d e; do
	within 20 on a peers invite >"$work/invite" 2>"$work/invite.log" || fail "no invite"
	on "$name" init --join - --name "$name" --ca-file "$work/ca.pem" <"$work/invite" || fail "$name cannot join"
	run "$name"
done
for name in b c d e; do
	on "$name" key issuer join --wait 1s 2>/dev/null || true # it goes on offering itself
done
within 30 hears_candidates 4 || fail "a does not hear the candidates"
on a key issuer init --threshold 3 >"$work/init.txt" || fail "no new key is dealt"
for name in a b c d e; do
	within 20 issuers_are "$name" 3 5 || fail "$name does not know the five issuers"
done
say "five issuers, of whom three sign"
next_epoch
for name in a b c d e; do
	within 15 sees "$name" 4 || fail "$name has no keys of the five"
done
say "all have keys from them"

kill -9 "$pid_b" "$pid_d"
within 20 on c peers invite >"$work/invite" || fail "c makes no invite"
on f init --join - --name f --ca-file "$work/ca.pem" <"$work/invite" || fail "f cannot join while two issuers are dead"
run f
say "f joined by an invite of c while b and d are dead"
next_epoch
for name in a c e f; do
	within 18 sees "$name" 3 || fail "$name has no keys while two issuers are dead"
done
say "all who live have keys"

kill -9 "$pid_e"
next_epoch
sleep 10
for name in a c f; do
	if has_keys "$name"; then fail "$name has keys of two issuers"; fi
done
within 10 sh -c "VECINO_STATE=$work/f '$VECINO' status --json | grep -q 'issuers 2, 4, 5 do not answer'" || fail "f does not say who is silent"
say "with three dead nobody has keys: $(on f status --json | grep -o 'no keys for this epoch[^"]*')"

run b
run d
run e
next_epoch
for name in a b c d e f; do
	within 18 sees "$name" 5 || fail "$name has no keys after the three came back"
done
say "the three are back"

tries=0
while [ $tries -lt 3 ]; do
	on a key issuer refresh --wait 30s >"$work/refresh.txt" 2>&1 &
	refresh=$!
	sleep 0.$((tries * 2 + 1))
	kill -9 "$pid_a" "$pid_c"
	wait $refresh || true
	run a
	run c
	tries=$((tries + 1))
	within 20 on a peers list >/dev/null 2>&1 || fail "a does not come back"
	within 20 on c peers list >/dev/null 2>&1 || fail "c does not come back"
done
next_epoch
for name in a b c d e f; do
	within 18 sees "$name" 5 || fail "$name has no keys after two died in the middle of a refresh"
done
say "killed thrice in the middle of a refresh, and all have keys"
on b key issuer refresh >"$work/refresh.txt" || fail "shares are not refreshed afterwards"
next_epoch
for name in a b c d e f; do
	within 18 sees "$name" 5 || fail "$name has no keys of the new shares"
done
say "shares are refreshed, and all have keys"
no_secrets
say "PASS"
