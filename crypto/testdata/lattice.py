# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Seeded, key-homomorphic RLWE, as crypto/rlwe/rlwe.cddl tells: Z[X]/(X^4096 + 1) modulo two primes."""

import hashlib

from cbor import need
from common import lv, u8

N = 4096
PRIMES = (2**54 - 172031, 2**54 - 188415)
Q = PRIMES[0] * PRIMES[1]
SLOT = 16  # bytes in which a coefficient of a product fits
LANES = {8: (3, 13, 2**39, 62), 16: (2, 21, 2**42, 59)}  # lanes, bits of one, T, n of the flooding


def stream(name):
    return hashlib.shake_128(name.encode())


def expand(seed):
    out = []
    for i, q in enumerate(PRIMES):
        size = 7 * N + 4096
        raw = hashlib.shake_128(lv(b"vecino/expand/1", seed, u8(i))).digest(size)
        numbers = (int.from_bytes(raw[at:at + 7], "big") & (1 << 54) - 1 for at in range(0, size - 6, 7))
        out.append([x for x in numbers if x < q][:N])
        assert len(out[-1]) == N
    return out


def encode(poly):
    bits = 0
    for x in (x for half in poly for x in half):
        bits = bits << 54 | x
    return bits.to_bytes(2 * N * 54 // 8, "big")


def decode(raw):
    need(len(raw) == 2 * N * 54 // 8, "length of a polynomial")
    bits, out = int.from_bytes(raw, "big"), []
    digits = "{:0{}b}".format(bits, 2 * N * 54)
    numbers = [int(digits[at:at + 54], 2) for at in range(0, len(digits), 54)]
    for i, q in enumerate(PRIMES):
        out.append(numbers[i * N:(i + 1) * N])
        need(all(x < q for x in out[-1]), "a coefficient above its prime")
    return out


def residues(integers):
    return [[x % q for x in integers] for q in PRIMES]


def add(*polys):
    return [[sum(xs) % q for xs in zip(*halves)] for q, *halves in zip(PRIMES, *polys)]


def scale(factors, poly):
    return [[f * x % q for x in half] for q, f, half in zip(PRIMES, factors, poly)]


def mul(a, b):
    return [mul_mod(x, y, q) for q, x, y in zip(PRIMES, a, b)]


def mul_mod(a, b, q):
    """By one product of integers that hold a coefficient in every 16 bytes."""
    pack = lambda p: int.from_bytes(b"".join(x.to_bytes(SLOT, "little") for x in p), "little")
    raw = (pack(a) * pack(b)).to_bytes(2 * N * SLOT, "little")
    c = [int.from_bytes(raw[at:at + SLOT], "little") for at in range(0, len(raw), SLOT)]
    return [(c[i] - c[i + N]) % q for i in range(N)]


def lagrange(points, at, i, q):
    top = bottom = 1
    for j, x in enumerate(points):
        if j != i:
            top, bottom = top * (at - x) % q, bottom * (points[i] - x) % q
    return top * pow(bottom, -1, q) % q


def ternary(name):
    raw, out = stream(name).digest(4 * N), []
    for byte in raw:
        out += [pair - 1 for pair in (byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3) if pair < 3]
    return out[:N]


def error(name):
    raw = stream(name).digest(5 * N)
    count = lambda x: bin(x).count("1")
    numbers = (int.from_bytes(raw[at:at + 5], "big") for at in range(0, len(raw), 5))
    return [count(x >> 20) - count(x & (1 << 20) - 1) for x in numbers]


def flood(name, n):
    raw = stream(name).digest(8 * N)
    numbers = (int.from_bytes(raw[at:at + 8], "big") for at in range(0, len(raw), 8))
    return [(x & (1 << n + 1) - 1) - (1 << n) for x in numbers]


def shares(secret, seeds, points):
    """Of one party: the first receivers' are seeds, the others' polynomials."""
    known = [residues(secret)] + [expand(s) for s in seeds]
    at = [0] + points[:len(seeds)]
    out = list(seeds)
    for x in points[len(seeds):]:
        out.append(add(*(scale([lagrange(at, x, i, q) for q in PRIMES], p) for i, p in enumerate(known))))
    return out


def share_poly(share):
    return expand(share) if isinstance(share, bytes) else share


def pack_values(values, width):
    lanes, bits, _, _ = LANES[width]
    return [sum(values[i * lanes + l] << l * bits for l in range(lanes)) for i in range(N)]


def encrypt(a, secret, e, values, width):
    delta = Q // LANES[width][2]
    a_s = mul(a, residues(secret))
    message = residues([x + delta * m for x, m in zip(e, pack_values(values, width))])
    return [[(m - p) % q for m, p in zip(ms, ps)] for q, ms, ps in zip(PRIMES, message, a_s)]


def partial(a, factors, sums, flooding):
    return add(mul(a, scale(factors, sums)), residues(flooding))


def opened(ciphertexts, partials, width):
    """The sums of all values; what has too much noise is refused."""
    lanes, bits, T, n = LANES[width]
    total = add(*ciphertexts, *partials)
    bound = len(partials) * 2**n + 20 * len(ciphertexts) + T
    crt = PRIMES[0] * pow(PRIMES[0], -1, PRIMES[1])
    out = []
    for x, y in zip(*total):
        whole = (x + (y - x) * crt) % Q
        m = (2 * T * whole + Q) // (2 * Q)
        need(abs(whole * T - Q * m) <= bound * T, "noise")
        m %= T
        values = [m >> l * bits & (1 << bits) - 1 for l in range(lanes)]
        need(m >> lanes * bits == 0 and max(values) <= len(ciphertexts) * (2**width - 1), "a sum that cannot be")
        out += values
    return out
