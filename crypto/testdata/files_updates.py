# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of compressed updates: what each is held against."""

import hashlib
import struct

import deltas as de
import transport as tr
from cbor import encode, need
from common import unhex
from files_transport import sharded

SENDER, TASK, BASE = b"anna".ljust(16, b"\0"), b"task".ljust(16, b"\0"), b"base".ljust(32, b"\0")
KEY = bytes(range(1, 33))


def deltas(v, n, _):
    for e in v:
        name, params = e["compression"], e["params"]
        raw, index, values = de.encode_delta(name, numbers(e["start"], params, e["zeros"]))
        n.equal("delta", raw, unhex(e["delta"]))
        n.equal("bytes", len(raw), e["bytes"])
        top = de.compression(name)
        n.equal("bytes within the bound", len(raw) <= e["bound"] and (top is not None or len(raw) == e["bound"]), True)
        n.equal("indices", digest("<I", index) if index is not None else "", e["index"])
        n.equal("values", digest("<f", values), e["value"])
        n.equal("what it says", de.decode_delta(name, raw, params), (index, values))
        damage(n, name, raw, params, (index, values))


def damage(n, name, raw, params, meaning):
    """There is one form for each meaning: what is damaged is none, or another's."""
    n.refuse("a byte more", distinct, name, raw + b"\x00", params, meaning)
    if name == "none":
        n.refuse("cut", de.decode_delta, name, raw[:-1], params)
        n.refuse("infinity", de.decode_delta, name, b"\x00\x00\x80\x7f" + raw[4:], params)
        return
    head = de.HEAD.get(name, 2)
    n.refuse("a scale below 0", de.decode_delta, name, raw[:head - 1] + bytes([raw[head - 1] | 128]) + raw[head:], params)
    n.refuse("an infinite scale", de.decode_delta, name, b"\x00" * (head - 2) + b"\x80\x7f" + raw[head:], params)
    if any(raw[:head]):
        n.refuse("a scale of 0", de.decode_delta, name, bytes(head) + raw[head:], params)
    for bad in (raw[:-1], raw[:-1] + bytes([raw[-1] ^ 1]), raw[:len(raw) // 2]):
        n.refuse("the same meaning in other bytes", distinct, name, bad, params, meaning)


def distinct(name, bad, params, meaning):
    """Refuses what is refused, and what has a meaning of its own."""
    need(de.decode_delta(name, bad, params) == meaning, "another meaning")


def numbers(state, count, zeros):
    out = []
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        x = state - 2**32 if state >> 31 else state
        if zeros and x % zeros == 0:
            out.append(0.0)
            continue
        x = de.f32(x) / 2**31
        out.append(de.f32(de.f32(x * x) * x))
    return out


def digest(form, xs):
    return hashlib.sha256(b"".join(struct.pack(form, x) for x in xs)).hexdigest()


def exchanges(v, n, _):
    for e in v:
        params, want = e["params"], unhex(e["payload"])
        de.compression(e["compression"])
        frames = [[f["round"], f["prev"], f["degree"], f["gain"], unhex(f["behind"]), f["from"], unhex(f["slice"]), unhex(f["delta"])]
                  for f in e["frames"]]
        n.equal("payload", encode([e["gen"], unhex(e["receipts"]), frames]), want)
        n.equal("what it says", de.open_exchange(want, params), [e["gen"], unhex(e["receipts"]), frames])
        for f in frames:
            if f[7]:
                de.decode_delta(e["compression"], f[7], params)
        exchange_message(n, e, want)
        refused_exchanges(n, e["gen"], frames, params)


def exchange_message(n, e, want):
    raw = unhex(e["message"])
    header, payload = tr.open_update(SENDER, raw)
    n.equal("header", header[:5] + [header[8]], [TASK, BASE, 1, e["params"], 4, KEY])
    n.equal("hash of the payload", hashlib.sha256(want).digest(), header[10])
    if payload is not None:
        n.equal("payload that is sealed", payload, want)
        n.flips(e["name"], raw, lambda bad: tr.open_update(SENDER, bad, None, e["params"]))
        messages = []
    else:
        messages = sharded(n, SENDER, header, raw, want)
    n.equal("messages of type 2", hashlib.sha256(b"".join(messages)).digest(), unhex(e["shards"]))


def refused_exchanges(n, gen, frames, params):
    opened = lambda frames: de.open_exchange(encode([gen, b"", frames]), params)
    plain = [9, None, 0, 0, b"", 0, b"", b""]
    for what, bad in (
        ("a round twice", [plain, plain]),
        ("it goes on from itself", [[9, 9] + plain[2:]]),
        ("half a neighbour", [plain[:4] + [b"12"] + plain[5:]]),
        ("a slice of nothing, somewhere", [plain[:5] + [1, b"", b""]]),
        ("a slice of a scale alone", [plain[:6] + [bytes(4), b""]]),
        ("a slice beyond the end", [plain[:5] + [params, bytes(5), b""]]),
        ("another scale than the numbers'", [plain[:6] + [struct.pack("<f", 1) + b"\x01", b""]]),
        ("17 frames", [[i] + plain[1:] for i in range(17)]),
    ):
        n.refuse(what, opened, bad)
    if frames:
        n.refuse("a frame without its delta", opened, [frames[0][:7]])
