# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Deltas and exchanges, as fl/update/update.cddl tells."""

import functools
import operator
import re
import struct
from decimal import Decimal
from fractions import Fraction

from cbor import U8, U32, array, bstr, decode, many, need, uint

BLOCK = 256
TINY, LARGEST_HALF = 2.0**-100, 0x7F7F


def f32(x):
    """The nearest float32, halves to the even one. What two of them give by one operation, rounded to float64 first, is the same."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def of_bits(bits):
    need(bits >> 23 & 255 != 255, "a number that is not finite")
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def to_bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def raised(x, low, most):
    """x, rounded up so that the low bits of its float32 are 0."""
    bits = -(-to_bits(x) >> low) << low
    return most if bits >= 0x7F800000 else min(of_bits(bits), most)


def nearest_half(x):
    """x, rounded to the nearest upper half of a float32, halves to the even one."""
    low = to_bits(x) >> 16
    if low == LARGEST_HALF:
        return of_bits(low << 16)
    down, up = x - of_bits(low << 16), of_bits(low + 1 << 16) - x
    return of_bits((low if down < up or down == up and low % 2 == 0 else low + 1) << 16)


def half(scale):
    return struct.pack("<H", to_bits(scale) >> 16)


def total(numbers):
    """The sum in float64, one after the other: Python's own is more exact."""
    return functools.reduce(operator.add, numbers)


# Blocks of 256 numbers: largest level, low bits of the scale that are 0, the largest scale.
LEVELS = {"q8": (127, 7, float.fromhex("0x1.0204p+121")), "q4": (7, 16, float.fromhex("0x1.24p+125"))}
WIDTH = {"q8": 8, "q4": 4, "sign": 1}
HEAD = {"q8": 4, "q4": 2, "sign": 2}


def blocks(v):
    return [v[i:i + BLOCK] for i in range(0, len(v), BLOCK)]


def block_scale(kind, block):
    levels, low, most = LEVELS[kind]
    largest = max(map(abs, block))
    return 0.0 if largest < TINY else raised(f32(largest / levels), low, most)


def level(x, scale, most):
    if scale == 0:
        return 0
    r = f32(x / scale)
    n = int(abs(r) + 0.5)
    return max(-most, min(most, n if r >= 0 else -n))


def encode_block(kind, block):
    """The bytes of a block and what they mean."""
    if kind == "sign":
        mean = f32(total(map(abs, block)) / len(block))
        scale = 0.0 if mean < TINY else nearest_half(mean)
        bits = [int(x < 0 and scale > 0) for x in block]
        return half(scale) + packed(bits, 1), [-scale if b else scale for b in bits]
    scale, most = block_scale(kind, block), LEVELS[kind][0]
    levels = [level(x, scale, most) for x in block]
    head = struct.pack("<f", scale) if kind == "q8" else half(scale)
    return head + packed(levels, WIDTH[kind]), [f32(scale * n) for n in levels]


def packed(levels, width):
    whole = sum((n & (1 << width) - 1) << width * i for i, n in enumerate(levels))
    return whole.to_bytes(-(-width * len(levels) // 8), "little")


def decode_blocks(kind, data, n):
    out, at = [], 0
    for size in map(len, blocks(range(n))):
        head, width = HEAD[kind], WIDTH[kind]
        body = -(-width * size // 8)
        need(len(data) >= at + head + body, "length of a block")
        scale = of_bits(int.from_bytes(data[at:at + head], "little") << 32 - 8 * head)
        word = int.from_bytes(data[at + head:at + head + body], "little")
        need(data[at + head - 1] >> 7 == 0 and word >> width * size == 0, "a scale below 0, or bits behind the last number")
        at += head + body
        out += block_values(kind, scale, [word >> width * i & (1 << width) - 1 for i in range(size)])
    need(at == len(data), "bytes behind the blocks")
    return out


def block_values(kind, scale, symbols):
    if kind == "sign":
        need(scale >= TINY or scale == 0 and not any(symbols), "scale")
        return [-scale if s else scale for s in symbols]
    top = 1 << WIDTH[kind] - 1
    levels = [s - 2 * top if s >= top else s for s in symbols]
    values = [f32(scale * n) for n in levels]
    need(-top not in levels and (scale or not any(levels)) and block_scale(kind, values) == scale, "another scale than that of its numbers")
    return values


# The range coder: low without end, in units that shrink by 256.

class Encoder:
    def __init__(self):
        self.low, self.width, self.shifts = 0, 2**32 - 1, 0

    def settle(self):
        while self.width < 2**24:
            self.low, self.width, self.shifts = self.low * 256, self.width * 256, self.shifts + 1

    def uniform(self, value, n):
        self.width //= n
        self.low += value * self.width
        self.settle()

    def choice(self, yes, chance):
        part = (self.width >> 16) * chance
        if yes:
            self.width = part
        else:
            self.low, self.width = self.low + part, self.width - part
        self.settle()

    def end(self):
        e = -(-self.low // 2**32)
        if e << 32 < self.low + self.width:
            return e.to_bytes(self.shifts, "big")
        return (-(-self.low // 2**24)).to_bytes(self.shifts + 1, "big")


class Decoder(Encoder):
    def __init__(self, data):
        super().__init__()
        self.number, self.size = int.from_bytes(data, "big"), len(data)

    def code(self):
        need(self.shifts <= self.size, "the string is too short")
        shift = 8 * (self.shifts + 4 - self.size)
        return (self.number << shift if shift >= 0 else self.number >> -shift) - self.low

    def read_uniform(self, n):
        value = self.code() // (self.width // n)
        need(value < n, "a value out of range")
        self.uniform(value, n)
        return value

    def read_choice(self, chance):
        yes = self.code() < (self.width >> 16) * chance
        self.choice(yes, chance)
        return yes


class Positions:
    """What is expected of the next index: a mix of two guesses, of which the better one gains."""

    def __init__(self, n, k):
        self.weight, self.left, self.chosen = 8192, n, k
        self.local = self.urn()

    def certain(self):
        return self.chosen == self.left

    def urn(self):
        return max(1, min(65535, self.chosen * 65536 // self.left))

    def chance(self):
        return (self.weight * self.local + (65536 - self.weight) * self.urn()) >> 16

    def note(self, yes, chance):
        if yes:
            self.weight = self.weight * self.local // chance
            self.local += (65536 - self.local) >> 5
            self.chosen -= 1
        else:
            self.weight = self.weight * (65536 - self.local) // (65536 - chance)
            self.local -= self.local >> 5
        self.weight = max(2048, min(57344, self.weight))
        self.left -= 1


def ranged(n, most, index, symbols, kinds):
    coder, expected, sent = Encoder(), Positions(n, len(index)), 0
    coder.uniform(len(index), most + 1)
    for i in range(n):
        if sent == len(index):
            break
        yes = index[sent] == i
        if not expected.certain():
            chance = expected.chance()
            coder.choice(yes, chance)
            expected.note(yes, chance)
        if yes:
            coder.uniform(symbols[sent], kinds)
            sent += 1
    return coder.end()


def unranged(data, n, most, kinds):
    coder = Decoder(data)
    k = coder.read_uniform(most + 1)
    expected, index, symbols, i = Positions(n, k), [], [], 0
    while len(index) < k:
        yes = True
        if not expected.certain():
            chance = expected.chance()
            yes = coder.read_choice(chance)
            expected.note(yes, chance)
        if yes:
            index.append(i)
            symbols.append(coder.read_uniform(kinds))
        i += 1
    return index, symbols


# Deltas.

NAME = re.compile(r"none|q8|q4|sign|topk:([0-9.]+):(1|4)bit")


def compression(name):
    """(share, bits) of a top-k, None of the others."""
    match = NAME.fullmatch(name)
    need(match is not None, "compression")
    if match[1] is None:
        return None
    share = Fraction(Decimal(match[1]))
    need(0 < share <= 1, "share")
    return share, int(match[2])


def most_of(share, n):
    return max(1, int(share * n + Fraction(1, 2)))


def encode_delta(name, u):
    """The bytes of a delta, its indices, None for all, and its values."""
    top = compression(name)
    if top:
        return encode_top(*top, u)
    if name == "none":
        return b"".join(struct.pack("<f", x) for x in u), None, u
    parts = [encode_block(name, b) for b in blocks(u)]
    return b"".join(p for p, _ in parts), None, [x for _, v in parts for x in v]


def encode_top(share, bits, u):
    most = most_of(share, len(u))
    index = sorted(i for i in sorted(range(len(u)), key=lambda i: (-abs(u[i]), i))[:most] if u[i])
    size = [abs(u[i]) for i in index] or [0.0]
    m = f32(total(size) / len(size)) if bits == 1 else max(size)
    largest = of_bits(LARGEST_HALF << 16)
    scale = 0.0 if m < TINY else nearest_half(m) if bits == 1 else raised(m, 16, largest)
    index, symbols = index if scale else [], []
    for i in index:
        step = 1 if bits == 1 else max(1, min(8, int(f32(abs(u[i]) / scale) * 8 + 0.5)))
        symbols.append(step - 1 + (1 if bits == 1 else 8) * (u[i] < 0))
    return half(scale) + ranged(len(u), most, index, symbols, 1 << bits), index, top_values(scale, symbols, bits)


def top_values(scale, symbols, bits):
    steps = 1 if bits == 1 else 8
    return [scale * (s % steps + 1) / steps * (-1 if s >= steps else 1) for s in symbols]


def decode_delta(name, data, n):
    """Indices, None for all, and values; any but the one encoding is refused."""
    top = compression(name)
    if top:
        return decode_top(*top, data, n)
    if name != "none":
        return None, decode_blocks(name, data, n)
    need(len(data) == 4 * n, "length")
    return None, [of_bits(x) for x, in struct.iter_unpack("<I", data)]


def decode_top(share, bits, data, n):
    need(len(data) >= 2 and data[1] >> 7 == 0, "scale")
    scale, most, kinds = of_bits(int.from_bytes(data[:2], "little") << 16), most_of(share, n), 1 << bits
    need(scale == 0 or scale >= TINY, "scale")
    index, symbols = unranged(data[2:], n, most, kinds)
    need((scale == 0) == (not index), "a scale without numbers, or the other way round")
    need(not index or bits == 1 or any(s % 8 == 7 for s in symbols), "a scale that no number reaches")
    need(ranged(n, most, index, symbols, kinds) == data[2:], "another encoding")
    return index, top_values(scale, symbols, bits)


# Exchanges.

def or_nil(rule):
    return lambda x: None if x is None else rule(x)


FRAME = array(U32, or_nil(U32), U8, U8, bstr(0, 1020), U32, bstr(0, 1 << 20), bstr(0, 1 << 20))
EXCHANGE = array(U32, bstr(0, 3072), many(0, 16, FRAME))


def open_exchange(raw, params):
    x = EXCHANGE(decode(raw))
    before = -1
    for round_, prev, _, _, behind, start, piece, _ in x[2]:
        need(round_ > before and (prev is None or prev < round_) and len(behind) % 4 == 0, "frame")
        before, n = round_, slice_numbers(piece)
        need(start + n <= params and (n or start == 0) and n <= min(params, max(2048, params // 16)), "slice")
        decode_blocks("q8", piece, n)
    return x


def slice_numbers(piece):
    n = len(piece) - 4 * -(-len(piece) // (BLOCK + 4))
    need(n >= 0 and n + 4 * -(-n // BLOCK) == len(piece), "length of a slice")
    return n
