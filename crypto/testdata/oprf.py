# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""RFC 9497 over ristretto255 with SHA-512: OPRF (mode 0), VOPRF (1) and POPRF (2)."""

import hashlib

from cbor import need
from sodium import IDENTITY, ORDER, add, base, from_hash, mul, reduced, scalar, scalar_bytes


def sized(*parts):
    return b"".join(len(p).to_bytes(2, "big") + p for p in parts)


def expand_message(message, dst, size=64):
    """expand_message_xmd of RFC 9380."""
    dst += bytes([len(dst)])
    first = hashlib.sha512(bytes(128) + message + size.to_bytes(2, "big") + b"\x00" + dst).digest()
    return hashlib.sha512(first + b"\x01" + dst).digest()[:size]


class Mode:
    def __init__(self, mode):
        self.mode = mode
        self.context = b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"

    def element(self, message):
        return from_hash(expand_message(message, b"HashToGroup-" + self.context))

    def scalar(self, message, dst=b"HashToScalar-"):
        return reduced(expand_message(message, dst + self.context))

    def derive(self, seed, info):
        counter = 0
        while True:
            k = self.scalar(seed + sized(info) + bytes([counter]), b"DeriveKeyPair")
            if k:
                return k
            counter += 1

    def tweak(self, info):
        return self.scalar(b"Info" + sized(info)) if self.mode == 2 else 0

    def blind(self, value, blind):
        return mul(blind, self.element(value))

    def evaluate(self, key, info, blinded):
        if self.mode < 2:
            return mul(key, blinded)
        return mul(pow(key + self.tweak(info), -1, ORDER), blinded)

    def output(self, value, info, blind, evaluated):
        element = mul(pow(blind, -1, ORDER), evaluated)
        parts = (value, info, element) if self.mode == 2 else (value, element)
        return hashlib.sha512(sized(*parts) + b"Finalize").digest()

    def composites(self, public, cs, ds):
        seed = hashlib.sha512(sized(public, b"Seed-" + self.context)).digest()
        m = z = IDENTITY
        for i, (c, d) in enumerate(zip(cs, ds)):
            weight = self.scalar(sized(seed) + i.to_bytes(2, "big") + sized(c, d) + b"Composite")
            m, z = add(m, mul(weight, c)), add(z, mul(weight, d))
        return m, z

    def sides(self, public, info, blinded, evaluated):
        """The key that the proof is about, and the two lists that it relates."""
        if self.mode < 2:
            return public, blinded, evaluated
        return add(base(self.tweak(info)), public), evaluated, blinded

    def challenge(self, public, *elements):
        return self.scalar(sized(public, *elements) + b"Challenge")

    def prove(self, key, info, blinded, evaluated, r):
        public, cs, ds = self.sides(base(key), info, blinded, evaluated)
        m, z = self.composites(public, cs, ds)
        c = self.challenge(public, m, z, base(r), mul(r, m))
        return scalar_bytes(c) + scalar_bytes(r - c * (key + self.tweak(info)))

    def verify(self, public, info, blinded, evaluated, proof):
        need(len(proof) == 64, "proof")
        c, s = scalar(proof[:32]), scalar(proof[32:])
        public, cs, ds = self.sides(public, info, blinded, evaluated)
        m, z = self.composites(public, cs, ds)
        t2, t3 = add(base(s), mul(c, public)), add(mul(s, m), mul(c, z))
        need(self.challenge(public, m, z, t2, t3) == c, "proof of equal logarithms")
