#!/bin/sh
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
#
# Holds all golden vectors against the second implementation in this folder, then
# tests that implementation itself. Wants Python 3.9 and libsodium 1.0.18 or later;
# says what is missing and ends with 3 then. Arguments go to check.py, in the place
# of --strict.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

missing=
python=
for name in "${PYTHON:-}" python3 python; do
	[ -n "$name" ] || continue
	if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
		python=$name
		break
	fi
done
if [ -z "$python" ]; then
	missing="python3, version 3.9 or later (Debian: apt-get install python3)"
elif ! "$python" -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import sodium' "$here" 2>/dev/null; then
	missing="libsodium, version 1.0.18 or later (Debian: apt-get install libsodium23; elsewhere LIBSODIUM=/path/to/libsodium.so)"
fi
if [ -n "$missing" ]; then
	echo "check: left out, this is missing: $missing" >&2
	exit 3
fi
if [ $# -gt 0 ]; then
	exec "$python" -B "$here/check.py" "$@"
fi
"$python" -B "$here/check.py" --strict
"$python" -B "$here/check.py" --control
