# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of secure sums and of what is learned by them: what each is held against."""

import hashlib
import math
import struct

from cbor import U32, array, bstr, decode, encode, exactly, many, need, uint
from common import H, lv, u8, u32, unhex
from sodium import call, long

# The protocol of sums.

SCOPE = array(bstr(16), uint(0, 255))
ACTIVE = array(U32, U32, bstr(32))
FORMS = {
    "roster": array(exactly(0), SCOPE, uint(0, 1), uint(2, 32), many(3, 32, bstr(32))),
    "ack": array(exactly(1), SCOPE, bstr(32)),
    "holdings": array(exactly(2), SCOPE, bstr(32), U32, U32, U32, U32, many(0, 32, bstr(32))),
    "active set": array(exactly(3), SCOPE, bstr(32), U32, ACTIVE),
    "signature": array(exactly(4), SCOPE, bstr(32), U32, ACTIVE),
    "share of 89 bytes": array(SCOPE, bstr(32), exactly(None), bstr(32)),
    "upload": array(SCOPE, bstr(32), U32, U32, bstr(0, 1 << 22)),
    "answer": array(SCOPE, bstr(32), U32, ACTIVE, uint(0, 63), bstr(0, 55296)),
}
POLY = 55296
LATTICE, MASK = 0, 1


def min_active(n, tau):
    return max(tau, min(tau - 1, 2 * tau - n - 1) + 3)


def threshold(n):
    tau = 2 * n // 3 + 1
    while tau > 2 and min_active(n, tau) > n:
        tau -= 1
    return tau


def bits(mask):
    return [i for i in range(32) if mask >> i & 1]


def leaders(epoch, task, round_, members):
    return sorted(range(len(members)), key=lambda i: H(b"vecino/lead/1", u32(epoch), task, u32(round_), members[i]))


def public_seed(nbhd, epoch, task, round_, vector, chunk, roster):
    return H(b"vecino/sum/1", nbhd, u32(epoch), task, u32(round_), u8(0), u8(vector), u32(chunk), roster)


def sums(v, n, _):
    nbhd, epoch, task = unhex(v["nbhd"]), v["epoch"], unhex(v["task"])
    for r in v["rounds"]:
        members, messages = [unhex(m) for m in r["members"]], {m["name"]: m for m in r["messages"]}
        got = {k: FORMS[k](decode(unhex(m["bytes"]))) for k, m in messages.items() if "bytes" in m}
        n.equal("members", members, sorted(set(members)))
        n.equal("points", [1 + int.from_bytes(H(b"vecino/point/1", m)[:6], "big") for m in members], r["points"])
        order = leaders(epoch, task, 0, members)
        n.equal("leaders", order, r["leaders"])
        raw = encode([0, [task, 0], r["mode"], threshold(len(members)), members])
        n.equal("roster", raw, unhex(messages["roster"]["bytes"]))
        roster = H(b"vecino/roster/1", nbhd, u32(epoch), raw)[:32]
        n.equal("roster hash", roster, unhex(r["roster_hash"]))
        n.equal("seeds", [public_seed(nbhd, epoch, task, 0, i, 0, roster) for i in range(len(r["seeds_of_public_polynomials"]))],
                [unhex(s) for s in r["seeds_of_public_polynomials"]])
        n.equal("pieces", len(r["seeds_of_public_polynomials"]), len(r["sums"]) if r["mode"] == LATTICE else 1)
        n.equal("sums", [[sum(x) for x in zip(*vectors)] for vectors in zip(*r["values"])], r["sums"])
        n.equal("seeds of secrets", [device(i)(32) for i in range(len(members))], [unhex(s) for s in r["seeds_of_secrets"]])
        said(r, n, got, messages, [task, 0], roster, order)
        if r["mode"] == MASK:
            masked(r, n, got, messages, roster, members)


def said(r, n, got, messages, scope, roster, order):
    everybody = (1 << len(order)) - 1
    for name, m in messages.items():
        n.equal("type of " + name, m["type"], {"upload": 1, "answer": 7}.get(name, 5 if name.startswith("share") else 6))
        if name in ("roster", "answer"):
            n.equal("to whom first", m["to"], 0 if m["from"] else 1)
        if name in got:
            raw = unhex(m["bytes"])
            n.equal("length", len(raw), m["length"])
            n.refuse(name + " cut", lambda: FORMS[name](decode(raw[:-1])))
            n.refuse(name + " with a byte more", lambda: FORMS[name](decode(raw + b"\x00")))
    n.equal("the first leader announces", messages["roster"]["from"], order[0])
    n.equal("ack", got["ack"], [1, scope, roster])
    _, s, hash_, round_, dealt, shares, held, digests = got["holdings"]
    n.equal("holdings", [s, hash_, round_, held, len(digests)], [scope, roster, 0, everybody, len(order)])
    n.equal("holdings of shares", [dealt, shares], [everybody, everybody if r["mode"] == MASK else 0])
    active = got["active set"][4]
    n.equal("active set", got["active set"][1:4] + active[:1], [scope, roster, 0, everybody])
    n.equal("openers", active[1], sum(1 << i for i in order[:threshold(len(order))]))
    n.equal("uploads", H(b"vecino/active/1", *digests)[:32], active[2])
    n.equal("signature", got["signature"], [4] + got["active set"][1:])
    n.equal("the answer's author is an opener", messages["answer"]["from"] in bits(active[1]), True)
    frame = len(encode([scope, roster, 0, active, 0]))
    size = POLY if r["mode"] == LATTICE else 32 * len(order)
    n.equal("length of an answer", frame + len(encode(bytes(size))), messages["answer"]["length"])


def device(i):
    """The randomness of device i, some bytes after the others."""
    at, xof = [0], hashlib.shake_256(b"device %d" % i)

    def take(size):
        at[0] += size
        return xof.digest(at[0])[-size:]
    return take


def stream(k, vector, count):
    raw = call("crypto_stream_chacha20_ietf", 2 * count, long(2 * count), bytes(11) + u8(vector), k)
    return struct.unpack(">%dH" % count, raw)


def mask_key(use, seed, roster, round_):
    return H(b"vecino/mask/1", u8(use), seed, roster, u32(round_))[:32]


def times(a, b):
    p = 0
    while b:
        p ^= a if b & 1 else 0
        a, b = a << 1 ^ (0x11B if a & 0x80 else 0), b >> 1
    return p


def share_of(secret, coefficients, x):
    out = bytearray(secret)
    for k in range(32):
        y = 0
        for at in range(k, len(coefficients), 32):  # Horner's rule, highest power first
            y = times(y ^ coefficients[at], x)
        out[k] ^= y
    return bytes(out)


def masked(r, n, got, messages, roster, members):
    """All of a round in mode mask, byte by byte."""
    count, pairs, own, shares = len(members), {}, [], []
    for i in range(count):
        take = device(i)
        secret = hashlib.shake_256(lv(b"vecino/secret/1", take(32), roster)).digest(32 * 32)
        pairs.update({(i, j): secret[32 * j:32 * j + 32] for j in range(i + 1, count)})
        take(16)  # of the reservation
        own.append(take(32))
        coefficients = take(32 * (threshold(count) - 1))
        shares.append([share_of(own[i], coefficients, j + 1) for j in range(count)])
    m = messages["share of 89 bytes"]
    n.equal("seed of a pair", got["share of 89 bytes"][3], pairs[m["from"], m["to"]])
    digests = []
    for i in range(count):
        data = b""
        for vector, values in enumerate(r["values"][i]):
            lanes = [x + y for x, y in zip(values, stream(mask_key(2, own[i], roster, 0), vector, len(values)))]
            for j in set(range(count)) - {i}:
                sign = 1 if i < j else -1
                mask = stream(mask_key(1, pairs[min(i, j), max(i, j)], roster, 0), vector, len(values))
                lanes = [x + sign * y for x, y in zip(lanes, mask)]
            data += b"".join((x & 0xFFFF).to_bytes(2, "big") for x in lanes)
        upload = encode([got["upload"][0], roster, 0, (1 << count) - 1 - (1 << i), data])
        digests.append(H(upload)[:32])
        if i == messages["upload"]["from"]:
            n.equal("upload", upload, unhex(messages["upload"]["bytes"]))
    n.equal("digests", digests, got["holdings"][7])
    author = messages["answer"]["from"]
    want = [got["roster"][1], roster, 0, got["active set"][4], 0, b"".join(shares[i][author] for i in range(count))]
    n.equal("answer", got["answer"], want)


def listed(v, n, _):
    """The sums whose records a device keeps."""
    for e in v:
        rows = [x.split(",") for x in e["entries"].split()]
        n.equal("list", encode([[unhex(task), int(group), int(epoch)] for task, group, epoch in rows]), unhex(e["bytes"]))


def told_sums(v, n, _):
    """What members of a group tell others of its sum."""
    for g in v:
        values = b"".join(struct.pack(">H", x) for x in g["sum"])
        n.equal("group's sum", encode([unhex(g["task"]), g["group"], g["round"], g["count"], values]), unhex(g["bytes"]))


# What is learned by sums, all in float32.

LEVELS, CLIP, ZERO, SCALE_ZERO, LOW, HIGH = 127, 32, 128, 64, -40, 24


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def norm(v):
    return math.sqrt(math.fsum(x * x for x in v))


def quantize(direction, residue, scale):
    unit = 2.0 ** scale
    u = [f32(f32(a) + f32(b)) for a, b in zip(direction, residue)]
    limit = CLIP * unit * math.sqrt(len(u))
    shrink = f32(limit / norm(u)) if norm(u) > limit else 1.0
    values, rest = [], []
    for x in u:
        r = min(max(f32(f32(x * shrink) / unit), -LEVELS), LEVELS)
        level = int(r + math.copysign(0.5, r))
        values.append(ZERO + level)
        rest.append(min(max(f32(x - level * unit), -LEVELS * unit), LEVELS * unit))
    return values, rest


def wish(v):
    v = [f32(x) for x in v]
    fits = lambda e: max(map(abs, v)) <= LEVELS * 2.0 ** e and norm(v) <= CLIP * 2.0 ** e * math.sqrt(len(v))
    return next((e for e in range(LOW, HIGH) if fits(e)), HIGH)


def learned(v, n, _):
    for e in v:
        params, total = len(e["directions"][0]), None
        for direction, residue, steps, values, rest in zip(e["directions"], e["residues"], e["steps"], e["values"], e["rests"]):
            levels, left = quantize(direction, residue, e["scale"])
            steps = min(steps, 65535)
            got = levels + [SCALE_ZERO + wish(direction), steps >> 8, steps & 255]
            n.equal("values", got, values)
            n.equal("rest", left, [f32(x) for x in rest])
            total = [a + b for a, b in zip(total or [0] * len(got), got)]
        m = len(e["steps"])
        n.equal("members", [len(e[k]) for k in ("directions", "residues", "values", "rests")], [m] * 4)
        n.equal("sum", total, e["sum"])
        check(total, m, params)
        n.refuse("a level that nobody reaches", check, [255 * m + 1] + total[1:], m, params)
        n.refuse("a wish out of range", check, total[:params] + [89 * m] + total[params + 1:], m, params)
        n.refuse("levels that are too long", check, [255 * m] * params + total[params:], m, params)
        n.equal("mean", [f32(f32((s - ZERO * m) / m) * 2.0 ** e["scale"]) for s in total[:params]], [f32(x) for x in e["mean"]])
        n.equal("mean of the steps", f32((total[params + 1] * 256 + total[params + 2]) / m), f32(e["mean_steps"]))
        mean = math.ceil(f32((total[params] - SCALE_ZERO * m) / m))
        n.equal("next scale", min(max(mean, e["scale"] - 1, LOW), e["scale"] + 1, HIGH), e["next_scale"])


def check(total, m, params):
    need(all(m <= s <= 255 * m for s in total[:params]), "sum-range")
    need(24 * m <= total[params] <= 88 * m and all(s <= 255 * m for s in total[params + 1:]), "sum-range")
    need(sum((s - ZERO * m) ** 2 for s in total[:params]) <= (33 * m) ** 2 * params, "sum-norm")
