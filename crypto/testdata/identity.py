# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""Charters, hellos, key requests and the door, as crypto/PROTOCOL.md and the CDDL files tell."""

import base64
import hmac
import itertools
import re

from cbor import U8, U16, U32, U64, array, bstr, decode, encode, exactly, many, need, text, uint
from common import H, base32, hash_scalar, key, lv, u8, u32
from signcryption import Member, verify
from sodium import (Refused, base, ed25519_verify, frost_challenge, frost_commitment, frost_factors, frost_lambda,
                    frost_nonce, frost_verify, hpke_open, mul, point, scalar, scalar_bytes, sub)


def a_point(x):
    return point(bstr(32)(x))


def a_scalar(x):
    return scalar(bstr(32)(x))


def name(x):
    need(type(x) is str and re.fullmatch("[a-z0-9-]{1,32}", x), "name")
    return x


# Charter.

ISSUER = array(uint(1, 16), a_point, a_point, bstr(32), bstr(32))
MEMBER = array(name, bstr(32), bstr(32))
CHARTER = array(exactly("vecino/charter/1"), bstr(16), U32, U32, a_point, U8, many(1, 16, ISSUER), many(1, 32, MEMBER),
                uint(0, 1 << 40), uint(5, 604800), exactly(4096), uint(1, 65535), U16)
SIGNED_CHARTER = array(bstr(0, 16384), many(1, 2, bstr(64)))


class Charter:
    def __init__(self, raw):
        (_, self.nbhd, self.gen, self.v, self.P, self.t, self.issuers, self.members,
         self.epoch0, self.epoch_len, _, _, self.D) = CHARTER(decode(raw))
        indices = [i[0] for i in self.issuers]
        need(indices == sorted(set(indices)), "issuers in order")
        need(len(indices) < 2 * self.t and self.t <= len(indices), "threshold")
        for one, other in itertools.combinations(self.members, 2):
            need(not set(one) & set(other), "a name or a key twice")
        need(2 * self.D < self.epoch_len, "edges wider than the epoch")
        self.hash = H(raw)[:32]

    def epoch(self, unix):
        return (unix - self.epoch0) // self.epoch_len


def open_charter(raw):
    need(len(raw) <= 16384, "charter too long")
    body, signatures = SIGNED_CHARTER(decode(raw))
    charter = Charter(body)
    frost_verify(charter.P, body, signatures[0])
    return charter


def frost_alone(share, group_key, message, randomness):
    """The signature of one issuer, who is all of them, with identifier 1."""
    hiding, binding = (frost_nonce(r, share) for r in randomness)
    return frost_parts(1, share, group_key, message, hiding, binding, [(1, base(hiding), base(binding))])


def frost_parts(identifier, share, group_key, message, hiding, binding, commitments):
    """R and the signer's part z."""
    factors = frost_factors(group_key, commitments, message)
    r = frost_commitment(commitments, factors)
    weight = frost_lambda(identifier, [c[0] for c in commitments])
    z = hiding + binding * factors[identifier] + weight * share * frost_challenge(r, group_key, message)
    return r, scalar_bytes(z)


# Hello.

PUBLIC = array(a_point, a_point)
HELLO = array(PUBLIC, PUBLIC, bstr(32), many(1, 8, U8), many(32, 32, bstr(8)), bstr(96))


def hello_transcript(scope, sig, kem, charter, versions, tags):
    return lv(b"vecino/hello/1", H(encode(["vecino/hello/1", scope.nbhd, scope.epoch, sig, kem, charter, versions, tags])))


def open_hello(scope, raw):
    need(len(raw) <= 2048, "hello too long")
    sig, kem, charter, versions, tags, signature = HELLO(decode(raw))
    need(versions == sorted(set(versions)), "versions in order")
    need(tags == sorted(tags), "tags in order")
    member = Member(scope, sig, kem)
    verify(scope, member, hello_transcript(scope, sig, kem, charter, versions, tags), signature)
    return member


# Keys of an epoch.

COMMITMENT = array(uint(1, 16), a_point, a_point)
PACKET = array(uint(0, 1), bstr(16), uint(1, 16), bstr(48, 6144))
REQUEST = (array(U32, bstr(32), a_point, a_point, bstr(64), bstr(64), bstr(32), bstr(64)),
           array(many(1, 16, COMMITMENT), many(1, 16, COMMITMENT), bstr(64)))
ANSWER = (array(COMMITMENT, COMMITMENT), array(a_scalar, a_scalar))


def request_info(rid, round_, index):
    return lv(b"vecino/keyreq/1", rid, u8(round_), u8(index))


def answer_info(rid, index, y):
    return lv(b"vecino/keyans/1", rid, u8(index), y)


def mac(y, fields):
    return hmac.digest(y, encode(fields), "sha512")


def proof_challenge(usage, nbhd, epoch, u_sig, u_kem, t, reply):
    return hash_scalar(b"vecino/pok/1", usage.encode(), nbhd, u32(epoch), u_sig, u_kem, t, reply)


def prove(usage, u, nonce, nbhd, epoch, u_sig, u_kem, reply):
    c = proof_challenge(usage, nbhd, epoch, u_sig, u_kem, base(nonce), reply)
    return scalar_bytes(c) + scalar_bytes(nonce + c * u)


def check_proof(usage, proof, nbhd, epoch, u_sig, u_kem, reply):
    c, z = scalar(proof[:32]), scalar(proof[32:])
    t = sub(base(z), mul(c, u_sig if usage == "sig" else u_kem))
    need(proof_challenge(usage, nbhd, epoch, u_sig, u_kem, t, reply) == c, "proof of a secret value")


def open_request(private, nbhd, issuer, y, raw):
    """As the issuer does, but for who may ask: HPKE, form, MAC, and in the first round both proofs."""
    need(len(raw) <= 6144, "packet too long")
    round_, rid, index, sealed = PACKET(decode(raw))
    need(index == issuer, "another issuer's")
    plain = hpke_open(private, request_info(rid, round_, index), sealed)
    return check_request(nbhd, y, round_, plain)


def check_request(nbhd, y, round_, plain):
    fields = decode(plain)
    REQUEST[round_](fields)
    need(hmac.compare_digest(mac(y, fields[:-1]), fields[-1]), "MAC")
    if round_ == 0:
        epoch, _, u_sig, u_kem, pok_sig, pok_kem, reply, _ = fields
        check_proof("sig", pok_sig, nbhd, epoch, u_sig, u_kem, reply)
        check_proof("kem", pok_kem, nbhd, epoch, u_sig, u_kem, reply)
    else:
        lists = [[c[0] for c in l] for l in fields[:2]]
        need(lists[0] == lists[1] == sorted(set(lists[0])), "signers in order, the same in both lists")
    return plain


def open_answer(private, rid, y, raw):
    round_, got, index, sealed = PACKET(decode(raw))
    need(got == rid, "another request's")
    plain = hpke_open(private, answer_info(rid, index, y), sealed)
    ANSWER[round_](decode(plain))
    return plain


# Door.

INVITE = array(exactly(1), text(1, 256), text(0, 256), text(0, 256), bstr(0, 32), bstr(16), bstr(16), bstr(32), U64)
JOIN = array(exactly(0), name, bstr(32), bstr(32), bstr(32), bstr(16), bstr(64))
JOIN_ANSWER = array(exactly(0), bstr(16), bstr(48, 16896))
RESULT = array(uint(0, 2), text(0, 256), bstr(0, 16384), bstr(32), U8, U64, bstr(64))


def topic_name(digest):
    return "t/" + base32(digest)[:26].lower()


def door_topic(nbhd):
    return topic_name(hmac.digest(nbhd, b"vecino/door/1", "sha256"))


def parse_invite(code):
    code = code.upper().replace(" ", "").replace("-", "")
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
    except ValueError:
        raise Refused("no base32")
    need(len(raw) <= 1024, "invite too long")
    need(base32(raw) == code, "bits behind the last byte")
    invite = INVITE(decode(raw))
    need(len(invite[4]) in (0, 32), "pin")
    return raw, invite


def issuer_hash(group_key):
    return H(b"vecino/issuer/1", group_key)[:32]


def join_signed(nbhd, who, ed, x, reply, nonce):
    return encode(["vecino/join/1", nbhd, who, ed, x, reply, nonce])


def open_join(nbhd, raw):
    _, who, ed, x, reply, nonce, signature = JOIN(decode(raw))
    ed25519_verify(ed, join_signed(nbhd, who, ed, x, reply, nonce), signature)
    return who, ed, x, reply, nonce


def admit_code(ed):
    code = base32(H(b"vecino/admit/1", ed)[:5])
    return code[:4] + "-" + code[4:]


def welcome_info(j, request):
    return lv(b"vecino/door/1", j, H(request))


def welcome_signed(nbhd, request, charter_hash, k, index, unix_ms):
    return encode(["vecino/welcome/1", nbhd, H(request)[:32], charter_hash, k, index, unix_ms])


def check_result(nbhd, issuers, request, plain):
    """What one who joins holds against an answer: nbhd and the hash of P are the invite's."""
    status, reason, signed, k, index, unix_ms, signature = RESULT(decode(plain))
    if status != 0:
        need(not any((signed, any(k), index, unix_ms, any(signature))), "a refusal with more than words")
        return status, reason
    charter = open_charter(signed)
    _, ed, x, _, _ = open_join(nbhd, request)
    need(issuer_hash(charter.P) == issuers and charter.nbhd == nbhd, "another neighbourhood")
    need(any(m[1:] == [ed, x] for m in charter.members), "the charter does not name this device")
    keys = [i[4] for i in charter.issuers if i[0] == index]
    need(keys, "no such issuer")
    ed25519_verify(keys[0], welcome_signed(nbhd, request, charter.hash, k, index, unix_ms), signature)
    return status, k


def open_join_answer(private, nbhd, j, issuers, request, raw):
    _, nonce, sealed = JOIN_ANSWER(decode(raw))
    need(nonce == open_join(nbhd, request)[4], "another request's")
    plain = hpke_open(private, welcome_info(j, request), sealed)
    check_result(nbhd, issuers, request, plain)
    return plain


def open_charter_message(raw):
    return open_charter(array(exactly(1), bstr(0, 16384))(decode(raw))[1])
