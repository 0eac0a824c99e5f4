# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""CLSC-R255, section "Signcryption" of crypto/PROTOCOL.md: partial keys, signatures, envelopes."""

import hmac

from cbor import U8, U32, array, bstr, decode, encode, exactly, many, need, prefix
from common import H, hash_scalar, lv, u8, u32
from sodium import (CHACHA, ZERO_NONCE, Refused, add, base, expand, extract, frost_challenge, mul,
                    open_, point, scalar, scalar_bytes, seal, sub)

VERSION = SUITE = 1
BUCKETS = (1, 4, 8, 16, 32)


class Scope:
    """One epoch of one neighbourhood."""

    def __init__(self, issuers_key, nbhd, epoch):
        self.P, self.nbhd, self.epoch = point(issuers_key), nbhd, epoch

    def message(self, usage, u_sig, u_kem):
        return encode(["vecino/ppk/1", usage, self.nbhd, self.epoch, u_sig, u_kem])

    def issued(self, usage, r, u_sig, u_kem):
        """D, which anybody computes from a public key."""
        h = frost_challenge(r, self.P, self.message(usage, u_sig, u_kem))
        return add(r, mul(h, self.P))


class Member:
    """Public keys of both usages, with their D."""

    def __init__(self, scope, sig, kem):
        self.R, self.U = point(sig[0]), point(sig[1])
        self.kem_R, self.kem_U = point(kem[0]), point(kem[1])
        self.D = scope.issued("sig", self.R, self.U, self.kem_U)
        self.kem_D = scope.issued("kem", self.kem_R, self.U, self.kem_U)
        self.pid = H(b"vecino/pid/1", self.U)[:16]


def challenge(scope, member, t1, t2, transcript):
    return hash_scalar(b"vecino/sig/1", scope.P, member.R, member.U, t1, t2, transcript)


def nonces(d, u, hedge, transcript):
    return [hash_scalar(b"vecino/nonce/1", u8(i), scalar_bytes(d), scalar_bytes(u), hedge, transcript) for i in (1, 2)]


def sign(scope, member, d, u, hedge, transcript):
    k1, k2 = nonces(d, u, hedge, transcript)
    c = challenge(scope, member, base(k1), base(k2), transcript)
    return scalar_bytes(c) + scalar_bytes(k1 + c * d) + scalar_bytes(k2 + c * u)


def verify(scope, member, transcript, signature):
    need(len(signature) == 96, "signature")
    c, z1, z2 = (scalar(signature[i:i + 32]) for i in (0, 32, 64))
    t1, t2 = sub(base(z1), mul(c, member.D)), sub(base(z2), mul(c, member.U))
    need(challenge(scope, member, t1, t2, transcript) == c, "AND-Schnorr signature")


def padme(n):
    e = n.bit_length() - 1
    step = 1 << e - e.bit_length()
    return -(-n // step) * step


def commitment(cek):
    return expand(cek, b"vecino/commit/1", 32)


def body_key(cek):
    return expand(cek, b"vecino/body/1", 32)


def context(scope, com):
    return lv(bytes([VERSION, SUITE]), scope.nbhd, u32(scope.epoch), com)


def slot_keys(z1, z2, e, r, u, ctx):
    """prk, tag and kek of one receiver."""
    prk = extract(b"vecino/kem/1", lv(z1, z2))
    out = expand(prk, lv(b"slot", e, r, u, ctx), 40)
    return prk, out[:8], out[8:]


def transcript(ctx, slots, e, com, r, u, round_, kind, message):
    return lv(b"vecino/sc/1", ctx, H(encode(slots)), e, com, r, u, u32(round_), u8(kind), H(message))


def authenticated(scope, e, com, slots):
    return encode([VERSION, SUITE, scope.epoch, e, com, slots])


ENVELOPE = array(exactly(VERSION), exactly(SUITE), U32, bstr(32), bstr(32),
                 many(1, 32, array(bstr(8), bstr(48))), bstr(0, 1 << 20))
INNER = array(bstr(32), bstr(32), bstr(96), U32, U8, bstr(0, 1 << 20))


class Opened:
    """All that one who opens an envelope has seen on the way."""


def open_envelope(scope, member, d, u, senders, raw):
    """Opens under the kem key (d, u) of member; senders are members by pid. Everything wrong is Refused."""
    ver, suite, epoch, e, com, slots, body = ENVELOPE(decode(raw))
    need(epoch == scope.epoch, "epoch")
    tags = [s[0] for s in slots]
    need(len(slots) in BUCKETS and tags == sorted(tags), "slots")
    ctx = context(scope, com)
    o = Opened()
    _, o.tag, kek = slot_keys(mul(d, point(e)), mul(u, e), e, member.kem_R, member.kem_U, ctx)
    o.cek = content_key(slots, o.tag, kek, com)
    o.E, o.com, o.slots = e, com, slots
    padded = open_(CHACHA, body_key(o.cek), ZERO_NONCE, body, authenticated(scope, e, com, slots))
    open_inner(scope, senders, o, ctx, padded)
    return o


def content_key(slots, tag, kek, com):
    """Of all slots with the receiver's tag, the first that opens to a key with this commitment."""
    for slot_tag, wrap in slots:
        if hmac.compare_digest(slot_tag, tag):
            try:
                cek = open_(CHACHA, kek, ZERO_NONCE, wrap)
            except Refused:
                continue
            if hmac.compare_digest(commitment(cek), com):
                return cek
    raise Refused("no slot for this receiver")


def open_inner(scope, senders, o, ctx, padded):
    inner, rest = prefix(padded)
    r, u, o.signature, o.round, o.type, o.message = INNER(inner)
    need(not any(rest) and len(padded) == padme(len(padded) - len(rest)), "padding")
    o.pid = H(b"vecino/pid/1", u)[:16]
    need(o.pid in senders, "unknown sender")
    known = senders[o.pid]  # under the R of the envelope: a retried issuing gives another R for the same U
    sender = Member(scope, (r, u), (known.kem_R, known.kem_U))
    o.transcript = transcript(ctx, o.slots, o.E, o.com, r, u, o.round, o.type, o.message)
    verify(scope, sender, o.transcript, o.signature)


def seal_envelope(scope, sender, d, u, e, cek, slots, hedge, round_, kind, message, spoil=lambda inner: inner, pad=b""):
    """The envelope around slots that are made already; spoil and pad damage it for tests."""
    com = commitment(cek)
    th = transcript(context(scope, com), slots, e, com, sender.R, sender.U, round_, kind, message)
    inner = encode(spoil([sender.R, sender.U, sign(scope, sender, d, u, hedge, th), round_, kind, message]))
    padded = inner + pad if pad else inner.ljust(padme(len(inner)), b"\x00")
    body = seal(CHACHA, body_key(cek), ZERO_NONCE, padded, authenticated(scope, e, com, slots))
    return encode([VERSION, SUITE, scope.epoch, e, com, slots, body])

