# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of tasks, privacy budgets and samples: what each is held against."""

import hashlib
import math
import struct

from cbor import U8, U16, U64, array, bstr, decode, encode, exactly, many, need, text, uint
from common import unhex

# Tasks, fl/node/task.cddl.


def real(low, high):
    def rule(x):
        need(type(x) is float and low <= x <= high, "number")
        return x
    return rule


def flag(x):
    need(type(x) is bool, "no truth value")
    return x


def or_nil(rule):
    return lambda x: None if x is None else rule(x)


ANY, ABOVE = real(-3.5e38, 3.5e38), real(1e-45, 3.5e38)
COLUMN, U32 = text(1, 256), uint(0, (1 << 32) - 1)
FEATURES = array(many(1, 64, COLUMN), U16, U16, U8, U32)
PRIVACY = array(ABOVE, ABOVE, real(1e-9, 1), real(1e-300, 1), ABOVE)
TASK = array(exactly("vecino/task/1"), text(1, 64), uint(1, 3), many(1, 4096, COLUMN), COLUMN, uint(0, 1000), uint(0, 2), ANY,
             many(0, 4096, ANY), many(0, 4096, ABOVE), array(ANY, ABOVE), or_nil(FEATURES), text(1, 64), uint(0, 1), text(1, 64),
             text(1, 64), text(1, 64), uint(0, 3), real(1e-6, 100), uint(0, 1), real(0, 1), uint(1, 4096), uint(1, 1000),
             many(0, 1000, ANY), or_nil(PRIVACY), array(U32, flag), array(U64, U32, U32), U64, uint(1, 1 << 20), uint(0, 1 << 44),
             uint(100, 604800000))
TOPOLOGY, COMPRESS, MODE = 14, 15, 17


def open_task(raw):
    t = TASK(decode(raw))
    need(t[MODE] == 0 or t[TOPOLOGY] == "full" and t[COMPRESS] == "q8", "mode")
    return t


def tasks(v, n, _):
    for t in v:
        raw = unhex(t["bytes"])
        n.equal("name", open_task(raw)[1], t["name"])
        n.equal("id", hashlib.sha256(raw).digest()[:16], unhex(t["id"]))
        n.refuse("cut", open_task, raw[:-1])
        n.refuse("a byte more", open_task, raw + b"\x00")
        ringed = decode(raw)
        ringed[TOPOLOGY], ringed[MODE] = "ring", 1
        n.refuse("sums on a ring", open_task, encode(ringed))


# Budgets, fl/privacy/budget.cddl. What is spent is told by the integral that defines the Rényi divergence of the
# sampled Gaussian mechanism (Mironov, Talwar and Zhang, 2019), summed over a grid: for what decays like this the
# error of such a sum falls exponentially with the grid.

ORDERS = [1 + i / 10 for i in range(1, 100)] + list(range(12, 64))
MECHANISM = array(real(1e-9, 1), real(0.2, 10000), uint(1, 1 << 30))
BUDGET = array(exactly(1), exactly("record"), real(1e-300, 1000), real(1e-300, 1 - 1e-16), many(0, 64, MECHANISM))


def open_budget(raw):
    b = BUDGET(decode(raw))
    spent = b[4]
    need(all(x[:2] < y[:2] for x, y in zip(spent, spent[1:])), "order")
    return b


def rdp(q, sigma, alpha):
    """log E[((1-q) + q exp((2z-1)/(2 sigma^2)))^alpha] / (alpha-1) of a normal z of deviation sigma."""
    if q == 1:
        return alpha / (2 * sigma * sigma)
    step = min(sigma, sigma * sigma) / 10
    terms = []
    for i in range(int(-12 * sigma / step), int((alpha + 12 * sigma) / step) + 1):
        z = i * step
        u = (2 * z - 1) / (2 * sigma * sigma)
        ratio = math.log1p(q * math.expm1(u)) if u < 500 else math.log(q) + u
        terms.append((-z * z / (2 * sigma * sigma), alpha * ratio))
    unit = math.log(step / sigma / math.sqrt(2 * math.pi))
    largest = max(w + a for w, a in terms) + unit
    if largest > 30:
        total = largest + math.log(math.fsum(math.exp(w + a + unit - largest) for w, a in terms))
    else:
        total = math.log1p(math.fsum(math.exp(w + unit) * math.expm1(a) if a < 30 else math.exp(w + unit + a) for w, a in terms))
    return total / (alpha - 1)


def epsilon(spent, delta):
    if not spent:
        return 0
    best = math.inf
    for alpha in ORDERS:
        told = math.log1p(-1 / alpha) - math.log(delta * alpha) / (alpha - 1)  # Canonne, Kamath and Steinke, 2020
        if told < best:
            best = min(best, told + sum(steps * rdp(q, sigma, alpha) for q, sigma, steps in spent))
    return max(best, 0)


def budgets(v, n, _):
    for e in v:
        raw, spent = unhex(e["bytes"]), [[float(m["q"]), float(m["sigma"]), m["steps"]] for m in e["spent"]]
        fields = [1, "record", float(e["epsilon"]), float(e["delta"]), spent]
        n.equal("fields", open_budget(raw), fields)
        n.equal("bytes", encode(fields), raw)
        n.equal("epsilon that is spent, to six digits", abs(epsilon(spent, e["delta"]) - e["epsilon_spent"]) < 2e-6, True)
        n.refuse("cut", open_budget, raw[:-1])
        n.refuse("a byte more", open_budget, raw + b"\x00")
        for what, at, value in (("version", 0, 2), ("unit", 1, "device"), ("an epsilon of 0", 2, 0.0), ("a whole epsilon", 2, 1),
                                ("a delta of 1", 3, 1.0), ("no steps", 4, [[0.5, 1.0, 0]]), ("out of order", 4, [[0.5, 1.0, 1]] * 2)):
            n.refuse(what, open_budget, encode(fields[:at] + [value] + fields[at + 1:]))


# Samples, fl/dataset/ring.cddl. Sample i of the vectors is i and i/4, or its second is missing where 3 divides i; its
# target is i modulo 2, or missing where 5 divides i.

PART = array(bstr(0, 1 << 21), bstr(0, 1 << 24), bstr(0, 1 << 20))
RING = array(exactly(1), many(1, 4096, text(1, 256)), text(0, 256), uint(1, 3), uint(0, 1000), uint(1, 262144), uint(0, 1000),
             uint(0, 4096), U64, uint(0, (1 << 63) - 1), PART, PART, bstr(32))
MISSING = b"\x00\x00\xc0\x7f"


def mixed(z):
    """The output function of SplitMix64 (Steele, Lea and Flood, 2014)."""
    z = z + 0x9E3779B97F4A7C15 & (1 << 64) - 1
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    z = (z ^ z >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
    return z ^ z >> 31


def is_held(number, hold_out, run, seed):
    return hold_out > 0 and mixed(number // max(run, 1) ^ seed) % hold_out == 0


def open_ring(raw):
    r = RING(decode(raw))
    need(hashlib.sha256(raw[:-32]).digest() == r[12], "sum")
    columns, capacity, hold_out, run, seed, sequence = len(r[1]), *r[5:10]
    held = max(capacity // hold_out, 1) if hold_out else 0
    for which, (number, x, y) in enumerate(r[10:12]):
        rows = len(y) // 4
        need(len(number) == 8 * rows and len(y) == 4 * rows and len(x) == 4 * columns * rows, "length of a part")
        need(rows <= (held if which else capacity - held), "more samples than there is room for")
        numbers = struct.unpack("<%dQ" % rows, number)
        need(all(a < b for a, b in zip(numbers, numbers[1:])) and all(i < sequence for i in numbers), "numbers")
        need(all(is_held(i, hold_out, run, seed) == bool(which) for i in numbers), "a sample in the wrong part")
    return r


def sample(i):
    float32 = lambda x: struct.pack("<f", x)
    return (float32(i) + (MISSING if i % 3 == 0 else float32(i / 4)), MISSING if i % 5 == 0 else float32(i % 2))


def part(numbers):
    rows = [sample(i) for i in numbers]
    return [b"".join(struct.pack("<Q", i) for i in numbers), b"".join(x for x, _ in rows), b"".join(y for _, y in rows)]


def rings(v, n, _):
    for e in v:
        raw, s = unhex(e["bytes"]), e["ring"]
        got = open_ring(raw)
        held = max(s["Capacity"] // s["HoldOut"], 1) if s["HoldOut"] else 0
        which = [[], []]
        for i in range(e["samples"]):
            which[is_held(i, s["HoldOut"], s["Run"], s["Seed"])].append(i)
        latest = [which[0][-(s["Capacity"] - held):], which[1][-held:] if held else []]
        fields = [1] + [s[k] for k in ("Columns", "Target", "Kind", "Classes", "Capacity", "HoldOut", "Run", "Seed")]
        fields += [e["samples"], part(latest[0]), part(latest[1])]
        n.equal("fields", got[:12], fields)
        n.equal("bytes", encode(got), raw)
        n.flips("ring", raw, open_ring, bits=(0, 7))
        sealed = lambda fields: (lambda b: b[:-32] + hashlib.sha256(b[:-32]).digest())(encode(fields + [bytes(32)]))
        n.refuse("a sample that is yet to come", open_ring, sealed(fields[:9] + [0, part([7]), part([])]))
        n.refuse("numbers that fall", open_ring, sealed(fields[:9] + [9, part([2, 1]), part([])]))
        n.refuse("a part that is cut", open_ring, sealed(fields[:10] + [[bytes(8), bytes(8), b""], part([])]))
