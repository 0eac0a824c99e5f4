#!/usr/bin/env python3
# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Holds the golden vectors of this repository against a second implementation.

It was written from crypto/PROTOCOL.md and the CDDL files, in Python's standard library and libsodium, and
shares no code with the first. For each file it recomputes what the file says, opens what it holds, and
damages it: every mutation must be refused. It prints a line for each file and ends with 1 where one differs.

    check.py [--all-bits] [--strict] [--control] [FILE ...]

--all-bits flips every bit of the long ones too and codes the largest shards; --strict also fails where
a vector file has no check here; --control tests the checks: it changes values of each file one at a time,
and fails where that is not noticed (control.py says which).
"""

import json
import pathlib
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import files_agent as agent
import files_council as council
import files_door as door
import files_identity as identity
import files_issuers as issuers
import files_lattice as lattice
import files_learning as learning
import files_owner as owner
import files_sums as sums
import files_transport as transport
import files_updates as updates
from cbor import Refused
from common import Count, Mismatch
from control import unnoticed

ROOT = pathlib.Path(__file__).resolve().parents[2]

CHECKS = {
    "crypto/wire/testdata/appendix_a.json": transport.appendix_a,
    "crypto/group/testdata/rfc9496.json": identity.rfc9496,
    "crypto/frost/testdata/frost-ristretto255-sha512.json": identity.rfc9591,
    "crypto/signcrypt/testdata/frost-ristretto255-sha512.json": identity.rfc9591,
    "crypto/signcrypt/testdata/envelopes.json": identity.envelopes,
    "crypto/signcrypt/testdata/steps.json": identity.steps,
    "crypto/pseudonym/testdata/names.json": transport.names,
    "crypto/pseudonym/testdata/hello.json": identity.hello,
    "crypto/issuer/testdata/charter.json": identity.charter,
    "crypto/issuer/testdata/keys.json": identity.keys,
    "crypto/issuer/testdata/council.json": council.council,
    "crypto/frost/testdata/dealing.json": issuers.dealing,
    "crypto/token/testdata/rfc9497-ristretto255-sha512.json": issuers.rfc9497,
    "crypto/token/testdata/token.json": issuers.token,
    "crypto/pseudonym/testdata/pairs.json": issuers.pairs,
    "crypto/rlwe/testdata/vectors.json": lattice.rlwe,
    "crypto/homomorphic/testdata/sums.json": sums.sums,
    "crypto/door/testdata/door.json": door.door,
    "crypto/door/testdata/time.json": door.time,
    "crypto/door/testdata/rekey.json": door.rekey,
    "crypto/cose/testdata/cose.json": owner.owner,
    "crypto/chunk/testdata/chunks.json": transport.chunks,
    "crypto/shard/testdata/codes.json": transport.codes,
    "crypto/shard/testdata/messages.json": transport.shard_messages,
    "fl/update/testdata/updates.json": transport.updates,
    "fl/update/testdata/deltas.json": updates.deltas,
    "fl/update/testdata/exchanges.json": updates.exchanges,
    "fl/privacy/testdata/budgets.json": learning.budgets,
    "fl/dataset/testdata/rings.json": learning.rings,
    "fl/node/testdata/tasks.json": learning.tasks,
    "fl/node/testdata/checkpoints.json": transport.checkpoints,
    "fl/node/testdata/sums.json": sums.learned,
    "agent/learn/testdata/saved.json": agent.saved,
    "agent/learn/testdata/privacy.json": agent.purse,
    "agent/learn/testdata/signed.json": agent.signed,
    "agent/live/testdata/saved.json": agent.models,
    "agent/learn/testdata/groups.json": sums.told_sums,
    "agent/neighbour/testdata/standing.json": transport.standing,
    "agent/testdata/charters.json": transport.signed_charters,
    "agent/neighbour/testdata/sums.json": sums.listed,
}

CODES = "crypto/shard/testdata/codes.json"  # of which --control wants the largest too
# Of which --control changes every so many values only.
SLOW = {"crypto/rlwe/testdata/vectors.json": 9, "fl/update/testdata/deltas.json": 3}

# JSON in testdata that is no vector of the protocol.
OTHERS = {"agent/config/testdata/config.schema.json", "agent/live/testdata/discovery.json"}


def main(args):
    flags = {a for a in args if a.startswith("-")}
    if flags - {"--all-bits", "--strict", "--control"}:
        print(__doc__, file=sys.stderr)
        return 2
    chosen = [str(pathlib.Path(a).resolve()).removeprefix(str(ROOT) + "/") for a in args if a not in flags] or list(CHECKS)
    for name in set(chosen) - CHECKS.keys():
        print("%s has no check here" % name, file=sys.stderr)
        return 2
    if "--control" in flags:
        return 0 if all([noticed(name) for name in chosen]) else 1
    failed = [name for name in chosen if not held(name, "--all-bits" in flags)]
    unknown = sorted(find() - CHECKS.keys() - OTHERS) if len(chosen) == len(CHECKS) else []
    for name in unknown:
        print("%-58s no check here" % name)
    return 1 if failed or unknown and "--strict" in flags else 0


def find():
    return {str(p.relative_to(ROOT)) for room in ("agent", "crypto", "fl", "llm", "ota") for p in ROOT.glob(room + "/**/testdata/*.json")}


def held(name, all_bits):
    count, begin = Count(), time.monotonic()
    try:
        with open(ROOT / name, encoding="utf-8") as f:
            vectors = json.load(f)
        CHECKS[name](vectors, count, ROOT / name if name.endswith("appendix_a.json") else all_bits)
    except (Mismatch, Refused, KeyError, IndexError, TypeError, ValueError, OSError, struct.error) as e:
        print("%-58s FAIL after %d values: %s: %s" % (name, count.same, type(e).__name__, e))
        return False
    print("%-58s ok: %6d values the same, %6d mutations refused, %5.1f s" % (name, count.same, count.refused, time.monotonic() - begin), flush=True)
    return True


def noticed(name):
    with open(ROOT / name, encoding="utf-8") as f:
        vectors = json.load(f)
    if name.endswith("appendix_a.json"):
        return True  # published; its outcomes are in a file of their own
    total, *missed = unnoticed(vectors, CHECKS[name], name == CODES, SLOW.get(name, 1))
    print("%-58s %s: %d values changed%s" % (name, "FAIL" if missed else "ok", total, "".join(", unnoticed: " + m for m in missed)))
    return not missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
