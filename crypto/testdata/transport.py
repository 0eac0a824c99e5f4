# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Topics, chunks, shards and updates, as crypto/PROTOCOL.md and the CDDL files tell."""

import hashlib
import hmac
import struct

import deltas
from cbor import array, bstr, decode, encode, exactly, many, need, uint
from common import H, base32, key, lv, u8, u32
from identity import topic_name
from sodium import CHACHA, XCHACHA, ZERO_NONCE, open_, seal

PAYLOAD, FRAME_HEAD = 4096, 13


def topic(k, epoch, slot):
    return topic_name(hmac.digest(k, lv(b"vecino/topic/1", u32(epoch), u8(slot)), "sha256"))


def outer_key(k, epoch):
    return key(k, b"vecino/outer/1", u32(epoch))


def client_id(randomness):
    return base32(randomness)[:23].lower()


# Chunks.

def open_chunk(k, where, raw):
    need(len(raw) == 24 + PAYLOAD + 16, "length of a chunk")
    return open_(XCHACHA, k, raw[:24], raw[24:], where.encode())


def seal_chunk(k, where, nonce, payload):
    return nonce + seal(XCHACHA, k, nonce, payload.ljust(PAYLOAD, b"\x00"), where.encode())


def frames(payload):
    """(type, mid, part, parts, data) of each frame."""
    need(len(payload) == PAYLOAD, "length of a payload")
    out, at = [], 0
    while len(payload) - at >= FRAME_HEAD:
        size, kind, mid, part, parts = struct.unpack_from(">HB8sBB", payload, at)
        if size == 0:
            break
        at += FRAME_HEAD + size
        need(at <= PAYLOAD and part < parts, "frame")
        out.append((kind, mid, part, parts, payload[at - size:at]))
    need(not any(payload[at:]), "bytes behind the frames")
    return out


def assemble(all_frames):
    """Messages as (type, data), in the order in which they are complete."""
    seen, out = {}, []
    for kind, mid, part, parts, data in all_frames:
        got = seen.setdefault((mid, kind, parts), {})
        got[part] = data
        if len(got) == parts:
            out.append((kind, b"".join(got[i] for i in range(parts))))
    return out


# Shards: Reed-Solomon over GF(2^8), polynomial 0x11d.

LOG, EXP = [0] * 256, [0] * 510
element = 1
for power in range(255):
    EXP[power] = EXP[power + 255] = element
    LOG[element] = power
    element = element << 1 ^ (0x11D if element & 0x80 else 0)


def times(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def power_of(a, n):
    return 1 if n == 0 else 0 if a == 0 else EXP[LOG[a] * n % 255]


def invert(matrix):
    n = len(matrix)
    rows = [row[:] + [int(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = next(j for j in range(i, n) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = EXP[255 - LOG[rows[i][i]]]
        rows[i] = [times(scale, x) for x in rows[i]]
        for j in range(n):
            if j != i and rows[j][i]:
                f = rows[j][i]
                rows[j] = [x ^ times(f, y) for x, y in zip(rows[j], rows[i])]
    return [row[n:] for row in rows]


def parity_rows(k, m):
    v = [[power_of(i, j) for j in range(k)] for i in range(k + m)]
    top = invert(v[:k])
    out = []
    for row in v[k:]:
        combined = [0] * k
        for a, line in zip(row, top):
            combined = [x ^ times(a, y) for x, y in zip(combined, line)]
        out.append(combined)
    return out


def split(data, k, m):
    """The k data shards and m parity shards of data."""
    size = -(-len(data) // k)
    shards = [data[i * size:(i + 1) * size].ljust(size, b"\x00") for i in range(k)]
    for row in parity_rows(k, m):
        total = 0
        for factor, shard in zip(row, shards):
            table = bytes(times(factor, b) for b in range(256))
            total ^= int.from_bytes(shard.translate(table), "big")
        shards.append(total.to_bytes(size, "big"))
    return shards


def shard_hash(shard):
    return hashlib.sha256(shard).digest()[:16]


SHARD = array(bstr(16), uint(0, 63), bstr(1, 65536))


def open_shard(raw):
    return SHARD(decode(raw))


# Updates.

HEADER = array(bstr(16), bstr(32), uint(1, 2), uint(1, 1 << 20), uint(0, 4), uint(1, 1 << 20), uint(0, 64), uint(0, 63),
               bstr(32), bstr(32), bstr(32), many(0, 64, bstr(16)), exactly(1), bstr(16))
EXCHANGE = 4


FLOAT32_END = 2.0**128 - 2.0**103  # rounds to infinity


def vector_size(quant, params):
    blocks = -(-params // 256)
    return (4 * params, params + 4 * blocks, params, 2 * blocks + -(-params // 2))[quant]


def payload_size(vectors, quant, params):
    return len(encode([bytes(vector_size(quant, params))] * vectors))


def update_id(sender, k):
    return H(b"vecino/update/1", sender, k)[:16]


def check_vector(raw, quant, params):
    need(len(raw) == vector_size(quant, params), "length of a vector")
    if quant == 2:
        return
    if quant == 3:
        deltas.decode_delta("q4", raw, params)
        return
    if quant == 0:
        numbers = struct.unpack("<%df" % params, raw)
        need(all(x - x == 0 for x in numbers), "a number that is not finite")
        return
    for at in range(0, len(raw), 260):
        scale = struct.unpack_from("<f", raw, at)[0]
        block = raw[at + 4:at + 260]
        need(scale - scale == 0 and struct.pack("<f", scale)[3] & 0x80 == 0, "scale")
        need(0x80 not in block and (scale > 0 or not any(block)), "block of int8")
        largest = max(min(b, 256 - b) for b in block)
        need(scale * largest < FLOAT32_END, "a number that is not finite")


def payload_aad(header):
    return lv(b"vecino/payload/1", header[13], header[0], header[1])


def seal_payload(header, payload):
    return seal(CHACHA, header[8], ZERO_NONCE, payload, payload_aad(header))


def open_update(sender, raw, shards=None, model=None):
    """Message of type 1, about a model of so many numbers where that is known. Returns its header and, where the ciphertext is there, the payload."""
    item = decode(raw)
    need(type(item) is list and len(item) == 2, "update")
    header, inline = HEADER(item[0]), item[1]
    _, _, vectors, params, quant, size, k, m, secret, ct_hash, m_hash, hashes, _, name = header
    need(name == update_id(sender, secret), "an id that is not the sender's")
    need(model is None or params == model, "of another model")
    if quant == EXCHANGE:
        need(size >= 20, "size")
    else:
        need(size == payload_size(vectors, quant, params) + 16, "size")
    need(quant not in (2, EXCHANGE) or vectors == 1, "several strings of bytes")
    need(len(hashes) == k + m <= 64, "number of shards")
    if inline is not None:
        need(k == 0 and m == 0 and len(bstr(1, 1024)(inline)) == size, "inline")
        sealed = inline
    else:
        need(k >= 1, "neither shards nor inline")
        if shards is None:
            return header, None
        need([shard_hash(s) for s in shards] == hashes, "shard")
        sealed = b"".join(shards[:k])[:size]
    need(hashlib.sha256(sealed).digest() == ct_hash, "hash of the ciphertext")
    payload = open_(CHACHA, secret, ZERO_NONCE, sealed, payload_aad(header))
    need(hashlib.sha256(payload).digest() == m_hash, "hash of the payload")
    if quant == EXCHANGE:
        deltas.open_exchange(payload, params)
        return header, payload
    for v in many(vectors, vectors, bstr(0, 1 << 20))(decode(payload)):
        check_vector(v, quant, params)
    return header, payload
