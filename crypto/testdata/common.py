# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Notation of crypto/PROTOCOL.md, and flips: every mutation must be refused."""

import base64
import hashlib

from cbor import Refused
from sodium import expand, extract, reduced


def lv(*parts):
    return b"".join(len(p).to_bytes(4, "big") + p for p in parts)


def H(*parts):
    return hashlib.sha512(lv(*parts)).digest()


def hash_scalar(*parts):
    return reduced(H(*parts))


def key(secret, label, *contexts):
    return expand(extract(label, secret), b"".join(contexts), 32)


def u8(n):
    return n.to_bytes(1, "big")


def u32(n):
    return n.to_bytes(4, "big")


def base32(raw):
    return base64.b32encode(raw).rstrip(b"=").decode()


unhex = bytes.fromhex


class Mismatch(Exception):
    """A golden value that this implementation does not reproduce."""


class Count:
    """What one vector file was held against."""

    def __init__(self):
        self.same = self.refused = 0

    def equal(self, what, got, want):
        if got != want:
            show = lambda v: v.hex() if isinstance(v, bytes) else repr(v)
            raise Mismatch("%s: computed %s, the file has %s" % (what, show(got)[:200], show(want)[:200]))
        self.same += 1

    def refuse(self, what, function, *args):
        try:
            function(*args)
        except Refused:
            self.refused += 1
            return
        raise Mismatch("%s: accepted" % what)

    def flips(self, what, raw, function, bits=(0, 1, 2, 3, 4, 5, 6, 7), step=1):
        """Every step-th byte with each of the bits flipped, and the message cut and with a byte more."""
        for i in range(0, len(raw), step):
            for bit in bits:
                bad = bytearray(raw)
                bad[i] ^= 1 << bit
                self.refuse("%s with bit %d of byte %d flipped" % (what, bit, i), function, bytes(bad))
        self.refuse(what + " without its last byte", function, raw[:-1])
        self.refuse(what + " with a zero behind", function, raw + b"\x00")
        self.refuse(what + " empty", function, b"")
