# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector file of secure sums: what it is held against."""

import hashlib

import lattice as la
from common import unhex


def number(x):
    return int(x, 16)


def numbers(rows):
    return [[number(x) for x in row] for row in rows]


def rlwe(v, n, _):
    n.equal("primes", [number(q) for q in v["primes"]], list(la.PRIMES))
    for e in v["expand"]:
        poly = la.expand(unhex(e["seed"]))
        for i, half in enumerate(poly):
            n.equal("first", half[:len(e["first"][i])], numbers(e["first"])[i])
            n.equal("last", half[-1], number(e["last"][i]))
        raw = la.encode(poly)
        n.equal("encoding", hashlib.sha256(raw).digest(), unhex(e["sha256"]))
        n.equal("decoding", la.decode(raw), poly)
        n.refuse("a polynomial cut", la.decode, raw[:-1])
        n.refuse("a coefficient above its prime", la.decode, b"\xff" * 7 + raw[7:])
    for r in v["rounds"]:
        one_round(r, n)


def values_of(party, width):
    top, count = 2**width - 1, la.N * la.LANES[width][0]
    return [top if k % 1024 < 96 else 0 if k % 1024 < 192 else (k + k // 3 + 77 * party) & top for k in range(count)]


def hashed(n, what, poly, want):
    raw = la.encode(poly)
    begin = unhex(want["begin"])
    n.equal(what, (raw[:len(begin)], hashlib.sha256(raw).digest()), (begin, unhex(want["sha256"])))
    return poly


def one_round(r, n):
    width, t, points = r["width"], r["threshold"], [number(p) for p in r["points"]]
    a = la.expand(unhex(r["seed_of_a"]))
    n.equal("delta", [number(d) for d in r["delta"]], [la.Q // la.LANES[width][2] % q for q in la.PRIMES])
    dealt, ciphertexts = [], []
    for i, p in enumerate(r["parties"]):
        secret = la.ternary("secret %d" % i)
        packed = sum(x + 1 << 2 * (la.N - 1 - k) for k, x in enumerate(secret)).to_bytes(la.N // 4, "big")
        n.equal("secret", packed, unhex(p["secret"]))
        raw = la.stream("split %d" % i).digest(32 * (t - 1))
        dealt.append(la.shares(secret, [raw[at:at + 32] for at in range(0, len(raw), 32)], points))
        short = [s if isinstance(s, bytes) else hashlib.sha256(la.encode(s)).digest() for s in dealt[i]]
        n.equal("shares", short, [unhex(s) for s in p["shares"]])
        b = la.encrypt(a, secret, la.error("error %d" % i), values_of(i, width), width)
        ciphertexts.append(hashed(n, "ciphertext", b, p["ciphertext"]))
    n.equal("size of a ciphertext", len(la.encode(ciphertexts[0])), r["ciphertext_size"])
    open_round(r, n, a, points, dealt, ciphertexts)


def open_round(r, n, a, points, dealt, ciphertexts):
    width, active, among = r["width"], r["active"], [points[j] for j in r["decryptors"]]
    partials = []
    for i, j in enumerate(r["decryptors"]):
        factors = [la.lagrange(among, 0, i, q) for q in la.PRIMES]
        n.equal("lambda", factors, numbers(r["lambda"])[i])
        sums = la.add(*(la.share_poly(dealt[k][j]) for k in active))
        h = la.partial(a, factors, sums, la.flood("flood %d" % j, la.LANES[width][3]))
        partials.append(hashed(n, "partial", h, r["partials"][i]))
    sums = la.opened([ciphertexts[k] for k in active], partials, width)
    want = [sum(column) for column in zip(*(values_of(k, width) for k in active))]
    n.equal("sums", sums, want)
    n.equal("sums 1020 to 1027", sums[1020:1028], r["sums_1020_to_1027"])
    n.equal("hash of the sums", hashlib.sha256(b"".join(s.to_bytes(4, "big") for s in sums)).digest(), unhex(r["sums_sha256"]))
    n.refuse("a partial is missing", la.opened, [ciphertexts[k] for k in active], partials[1:], width)
    n.refuse("a ciphertext of another device", la.opened, ciphertexts, partials, width)
    bad = [half[:] for half in partials[0]]
    bad[1][7] ^= 1
    n.refuse("a partial with a flipped bit", la.opened, [ciphertexts[k] for k in active], [bad] + partials[1:], width)
