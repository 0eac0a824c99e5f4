# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of encodings, names, chunks, shards and learning: what each is held against."""

import hashlib
import pathlib
import struct

import transport as tr
from cbor import Refused, decode, encode
from common import u32, unhex

SHARD_BYTES = 1 << 20


def appendix_a(v, n, file):
    want = {}
    for line in pathlib.Path(file).with_name("appendix_a_outcomes.txt").read_text().splitlines():
        if line and line[0] != "#":
            raw, outcome = line.split()[:2]
            want[raw] = outcome
    for e in v:
        raw = e["hex"]
        if want.pop(raw) == "accept":
            item = decode(unhex(raw))
            n.equal(raw, encode(item), unhex(raw))
            if isinstance(e.get("decoded"), (int, str, bool)):
                n.equal(raw, item, e["decoded"])
        else:
            n.refuse(raw, decode, unhex(raw))
    n.equal("outcomes without a vector", want, {})


def names(v, n, _):
    for e in v["epochs"]:
        k = unhex(e["K"])
        n.equal("topics", [tr.topic(k, e["epoch"], s) for s in range(8)], e["topics"])
        n.equal("outer key", tr.outer_key(k, e["epoch"]), unhex(e["outer_key"]))
    for c in v["client_ids"]:
        n.equal("client id", tr.client_id(unhex(c["random"])), c["client_id"])


def chunks(v, n, all_bits):
    k, where = unhex(v["key"]), v["topic"]
    seen, messages = [], []
    for c in v["chunks"]:
        payload, raw = unhex(c["payload"]).ljust(tr.PAYLOAD, b"\x00"), unhex(c["chunk"])
        n.equal("payload", tr.open_chunk(k, where, raw), payload)
        n.equal("chunk", tr.seal_chunk(k, where, unhex(c["nonce"]), payload), raw)
        bits = range(8) if all_bits else (len(seen) % 8,)
        n.flips("chunk", raw, lambda bad: tr.open_chunk(k, where, bad), bits=bits)
        n.refuse("another topic", tr.open_chunk, k, where[:-1] + "a", raw)
        seen += tr.frames(payload)
    got = tr.assemble(seen)
    n.equal("messages", sorted(got), sorted((m["type"], unhex(m["data"])) for m in v["messages"]))
    n.equal("identifiers", sorted({f[1].hex() for f in seen}), sorted(v["identifiers"]))
    end = bytearray(tr.PAYLOAD)
    end[-1] = 1
    n.refuse("a byte behind the frames", tr.frames, bytes(end))
    n.refuse("a frame beyond the payload", tr.frames, b"\x0f\xf4".ljust(11, b"\x00") + b"\x00\x01" + bytes(tr.PAYLOAD - 13))
    n.refuse("part = parts", tr.frames, b"\x00\x01".ljust(11, b"\x00") + b"\x01\x01" + bytes(tr.PAYLOAD - 13))


def codes(v, n, all_bits):
    stream = b"".join(hashlib.sha256(u32(i)).digest() for i in range(SHARD_BYTES // 32 + 1))
    for c in v["cases"]:
        if c["size"] > 200000 and not all_bits:
            continue
        shards = tr.split(stream[:c["size"]], c["k"], c["m"])
        n.equal("hashes", [tr.shard_hash(s).hex() for s in shards], c["hashes"])
        if "shards" in c:
            n.equal("shards", [s.hex() for s in shards], c["shards"])
        for s in shards[:2]:
            bad = bytes([s[0] ^ 1]) + s[1:]
            n.refuse("a shard with a flipped bit", against, bad, unhex(c["hashes"][shards.index(s)]))


def against(shard, want):
    if tr.shard_hash(shard) != want:
        raise Refused("shard")


def shard_messages(v, n, _):
    for c in v["cases"]:
        raw, fields = unhex(c["encoded"]), [unhex(c["id"]), c["index"], unhex(c["data"])]
        n.equal("fields", tr.open_shard(raw), fields)
        n.equal("message", encode(fields), raw)
        n.refuse("cut", tr.open_shard, raw[:-1])
        n.refuse("a byte more", tr.open_shard, raw + b"\x00")
        for bit in range(8):  # of the array's head
            n.refuse("head", tr.open_shard, bytes([raw[0] ^ 1 << bit]) + raw[1:])
    n.refuse("index 64", tr.open_shard, encode([bytes(16), 64, b"x"]))
    n.refuse("no data", tr.open_shard, encode([bytes(16), 0, b""]))


def updates(v, n, _):
    for u in v:
        sender, raw = unhex(u["sender"]), unhex(u["message"])
        header, payload = tr.open_update(sender, raw)
        n.equal("task, base, vectors, params, quant", header[:5], [unhex(u["task"]), unhex(u["base"]), u["vectors"], u["params"], u["quant"]])
        n.equal("key", header[8], unhex(u["random"]))
        want, hashed = unhex(u["payload"]), len(unhex(u["payload"])) == 32
        n.equal("hash of the payload", want if hashed else hashlib.sha256(want).digest(), header[10])
        messages = []
        if payload is not None:
            n.equal("payload", hashlib.sha256(payload).digest() if hashed else payload, want)
            n.flips(u["name"], raw, lambda bad: tr.open_update(sender, bad))
        elif not hashed:
            messages = sharded(n, sender, header, raw, want)
        if payload is not None or messages:
            n.equal("messages of type 2", hashlib.sha256(b"".join(messages)).digest(), unhex(u["shards"]))
        n.refuse("another sender", tr.open_update, bytes(16), raw)


def sharded(n, sender, header, raw, payload):
    """Seals and cuts a payload that does not go inline; returns the shards' messages."""
    k, m, name = header[6], header[7], header[13]
    sealed = tr.seal_payload(header, payload)
    n.equal("hash of the ciphertext", hashlib.sha256(sealed).digest(), header[9])
    shards = tr.split(sealed, k, m)
    n.equal("hashes of the shards", [tr.shard_hash(s) for s in shards], header[11])
    n.equal("payload from shards", tr.open_update(sender, raw, shards)[1], payload)
    n.flips("update", raw, lambda bad: tr.open_update(sender, bad, shards, header[3]), bits=(0,))
    for i in range(k):
        bad = shards[:i] + [shards[i][:-1] + bytes([shards[i][-1] ^ 1])] + shards[i + 1:]
        n.refuse("a bad shard", tr.open_update, sender, raw, bad)
    return [encode([name, i, s]) for i, s in enumerate(shards)]


def checkpoints(v, n, _):
    for c in v:
        raw = unhex(c["bytes"])
        item = decode(raw)
        n.equal("version, task, round", item[:3], [3, unhex(c["task"]), c["round"]])
        n.equal("rand", item[3], unhex(c["rand"]))
        floats = lambda of, names: [b"".join(map(float32, of.get(name) or [])) for name in names]
        n.equal("vectors", item[4:8], floats(c, ("model", "correction", "direction", "settled")))
        n.equal("epoch", item[8], c.get("epoch"))
        shared = c.get("shared")
        want = shared and floats(shared, ("model", "mean", "own", "residue")) + [shared[k] for k in ("scale", "sums", "steps", "skipped")]
        n.equal("shared", item[9], want)
        n.equal("sum", hashlib.sha256(raw[:-32]).digest(), item[10])


def float32(x):
    return struct.pack("<f", x)


def standing(v, n, _):
    """How a device stands to issuing."""
    for s in v:
        known = [[unhex(issuer), unhex(member)] for issuer, member in s["known"]]
        n.equal("standing", encode([1, s["offers"], s["stopped"], known]), unhex(s["encoded"]))


def signed_charters(v, n, _):
    """A record of the journal of charters that an issuer has signed a part of."""
    n.equal("record", encode([unhex(v["p"]), v["gen"], unhex(v["charter"])]), unhex(v["encoded"]))
