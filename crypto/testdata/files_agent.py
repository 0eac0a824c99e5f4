# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of what a device keeps of its tasks, and of tasks that owners sign."""

import hashlib
import struct

import files_owner as owner
from cbor import U64, array, bstr, decode, encode, exactly, many, need, uint
from common import unhex
from files_learning import flag, open_budget, open_task, real
from sodium import ed25519_keys, ed25519_sign

# Tasks, agent/learn/saved.cddl.

STATES = ("waiting", "running", "done", "stopped", "failed", "spent")
IDS = many(0, 16, bstr(16))
BYTES = bstr(0, 1 << 19)


def state(x):
    need(x in STATES, "state")
    return x


SAVED = array(exactly(2), many(0, 16, array(state, BYTES, array(U64, U64, U64))), IDS)
OLD = array(state, BYTES, IDS)


def open_saved(raw):
    s = SAVED(decode(raw))
    for t in s[1]:
        told(t[1])
    return s


def told(raw):
    """A task, alone or in what its owner signed."""
    if raw[:1] != b"\xd2":
        return open_task(raw)
    return open_task(array(bstr(0, 64), exactly({}), BYTES, bstr(64))(decode(raw[1:], 4))[2])


def saved(v, n, _):
    for e in v:
        raw, stopped = unhex(e["bytes"]), [unhex(s) for s in e["stopped"]]
        entries = [[t["state"], unhex(t["task"]), t["spent"]] for t in e["tasks"]]
        if raw[0] == 0x83 and raw[1] == 2:
            n.equal("fields", open_saved(raw), [2, entries, stopped])
            n.equal("bytes", encode([2, entries, stopped]), raw)
            n.refuse("a byte more", open_saved, raw + b"\x00")
            n.refuse("another version", open_saved, encode([3, entries, stopped]))
            n.refuse("a state that is none", open_saved, encode([2, [["new"] + entries[0][1:]], stopped]))
        else:
            n.equal("fields, as they used to be", OLD(decode(raw)), entries[0][:2] + [stopped])
            n.equal("nothing was counted", entries[0][2], [0, 0, 0])


# What records have told, agent/learn/privacy.cddl.

PURSE = array(exactly(1), uint(0, 15), many(1, 16, array(bstr(32), bstr(0, 1 << 16))), bstr(32))


def open_purse(raw):
    p = PURSE(decode(raw))
    need(hashlib.sha256(raw[:-32]).digest() == p[3], "sum")
    need(p[1] < len(p[2]), "present")
    return p


def purse(v, n, _):
    raw = unhex(v["bytes"])
    p = open_purse(raw)
    n.equal("present", p[1], v["present"])
    n.equal("keys", [d[0] for d in p[2]], [hashlib.sha256(f.encode()).digest() for f in v["folders"]])
    n.equal("steps", [sum(m[2] for m in open_budget(d[1])[4]) for d in p[2]], v["steps"])
    n.equal("bytes", encode(p), raw)
    n.flips("purse", raw, open_purse)


# Signed tasks, agent/learn/task.cddl.

USE = "vecino/otask/1"


def signed(v, n, _):
    seed, public = owner.read(owner.SECRET, v["secret"]), owner.read(owner.PUBLIC, v["owner"])
    task, raw = unhex(v["task"]), unhex(v["bytes"])
    made, private = ed25519_keys(seed)
    n.equal("owner", made, public)
    n.equal("name", open_task(task)[1], v["name"])
    n.equal("id", hashlib.sha256(task).digest()[:16], unhex(v["id"]))
    to_sign = owner.to_be_signed(owner.header(public), USE, [], task)
    n.equal("message", b"\xd2" + encode([owner.header(public), {}, task, ed25519_sign(private, to_sign)]), raw)
    n.equal("payload", owner.open_(public, USE, [], raw), task)
    n.equal("told", told(raw), open_task(task))
    n.flips("message", raw, lambda bad: owner.open_(public, USE, [], bad))
    n.refuse("another use", owner.open_, public, "vecino/task/1", [], raw)


# Models of live scores, agent/live/saved.cddl.

MODELS = array(exactly(1), many(0, 4, array(BYTES, bstr(0, 1 << 23), bstr(0, 1 << 16), flag, real(0, 3.5e38))))


def open_models(raw):
    m = MODELS(decode(raw))
    for task, theta, fill, known, reach in m[1]:
        columns = open_task(task)[3]
        need(len(theta) % 4 == 0 and len(fill) == 4 * len(columns), "length")
        need(all(x - x == 0 for x in floats(theta) + floats(fill)), "a number that is not finite")
        need(known or reach == 0, "a reach that nobody knows")
    return m


def floats(b):
    return list(struct.unpack("<%df" % (len(b) // 4), b))


def pack(numbers):
    return struct.pack("<%df" % len(numbers), *numbers)


def models(v, n, _):
    raw = unhex(v["bytes"])
    fields = [1, [[unhex(m["task"]), pack(m["theta"]), pack(m["fill"]), m["known"], float(m["reach"])] for m in v["models"]]]
    n.equal("fields", open_models(raw), fields)
    n.equal("bytes", encode(fields), raw)
    n.refuse("a byte more", open_models, raw + b"\x00")
    first = fields[1][0]
    for what, at, value in (("a number that is not finite", 1, pack([float("inf")])), ("too few to fill", 2, b""), ("a reach that nobody knows", 3, False)):
        n.refuse(what, open_models, encode([1, [first[:at] + [value] + first[at + 1:]]]))
