# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Core deterministic CBOR (RFC 8949, section 4.2.1): what does not encode back is refused."""

import struct

DEPTH = 8
ELEMENTS = 4096


class Refused(Exception):
    """What a receiver must not accept."""


class Simple(int):
    """A simple value other than false, true and null."""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | extra]) + n.to_bytes(size, "big")
    raise Refused("an integer of more than 64 bits")


def encode(x):
    if x is None or x is False or x is True:
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[x]
    if isinstance(x, Simple):
        return head(7, x)
    if isinstance(x, int):
        return head(0, x) if x >= 0 else head(1, -1 - x)
    if isinstance(x, (bytes, bytearray)):
        return head(2, len(x)) + bytes(x)
    if isinstance(x, str):
        raw = x.encode()
        return head(3, len(raw)) + raw
    if isinstance(x, (list, tuple)):
        return head(4, len(x)) + b"".join(map(encode, x))
    if isinstance(x, dict):
        pairs = sorted((encode(k), encode(v)) for k, v in x.items())
        return head(5, len(pairs)) + b"".join(k + v for k, v in pairs)
    return encode_float(x)


def encode_float(x):
    if x != x:
        return b"\xf9\x7e\x00"
    for code, form in ((0xF9, ">e"), (0xFA, ">f"), (0xFB, ">d")):
        try:
            raw = struct.pack(form, x)
        except OverflowError:
            continue
        if struct.unpack(form, raw)[0] == x:
            return bytes([code]) + raw
    raise AssertionError("a double has eight bytes")


class Reader:
    def __init__(self, raw):
        self.raw, self.at = bytes(raw), 0

    def take(self, n):
        if n > len(self.raw) - self.at:
            raise Refused("the item ends early")
        self.at += n
        return self.raw[self.at - n:self.at]

    def argument(self, extra):
        if extra < 24:
            return extra
        if extra > 27:
            raise Refused("an indefinite length")
        return int.from_bytes(self.take(1 << extra - 24), "big")

    def item(self, depth):
        first = self.take(1)[0]
        major, extra = first >> 5, first & 31
        if major == 7:
            return self.simple(extra)
        n = self.argument(extra)
        if major < 2:
            return n if major == 0 else -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode()
            except UnicodeDecodeError:
                raise Refused("text that is not UTF-8")
        if major == 6:
            raise Refused("a tag")
        if depth == 0 or n > ELEMENTS or n > len(self.raw) - self.at:
            raise Refused("too deep or too long")
        if major == 4:
            return [self.item(depth - 1) for _ in range(n)]
        pairs = [(self.item(depth - 1), self.item(depth - 1)) for _ in range(n)]
        try:
            got = dict(pairs)
        except TypeError:
            raise Refused("a key that is no number or string")
        if len(got) != n:
            raise Refused("a key twice")
        return got

    def simple(self, extra):
        if extra in (20, 21, 22):
            return {20: False, 21: True, 22: None}[extra]
        if extra in (25, 26, 27):
            form = {25: ">e", 26: ">f", 27: ">d"}[extra]
            return struct.unpack(form, self.take(1 << extra - 24))[0]
        value = self.argument(extra)
        if value == 23 or 24 <= value < 32 or extra == 24 and value < 24:
            raise Refused("undefined, or a simple value that does not exist")
        return Simple(value)


def prefix(raw, depth=DEPTH):
    """Decodes the first item and returns it with the bytes behind it."""
    r = Reader(raw)
    item = r.item(depth)
    if encode(item) != r.raw[:r.at]:
        raise Refused("not in deterministic form")
    return item, r.raw[r.at:]


def decode(raw, depth=DEPTH):
    item, rest = prefix(raw, depth)
    if rest:
        raise Refused("bytes behind the item")
    return item


# What CDDL calls rules: each takes a decoded item and refuses it or returns it.

def need(holds, why):
    if not holds:
        raise Refused(why)


def bstr(low, high=None):
    def rule(x):
        need(type(x) is bytes and low <= len(x) <= (low if high is None else high), "byte string")
        return x
    return rule


def text(low, high):
    def rule(x):
        need(type(x) is str and low <= len(x.encode()) <= high and x.isprintable(), "text")
        return x
    return rule


def uint(low, high):
    def rule(x):
        need(type(x) is int and low <= x <= high, "integer out of its range")
        return x
    return rule


def exactly(value):
    def rule(x):
        need(type(x) is type(value) and x == value, "not %r" % (value,))
        return x
    return rule


def array(*rules):
    def rule(x):
        need(type(x) is list and len(x) == len(rules), "array")
        return [r(e) for r, e in zip(rules, x)]
    return rule


def many(low, high, each):
    def rule(x):
        need(type(x) is list and low <= len(x) <= high, "number of elements")
        return [each(e) for e in x]
    return rule


U8, U16, U32, U64 = (uint(0, (1 << 8 * n) - 1) for n in (1, 2, 4, 8))
