# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector file of what owners sign: COSE_Sign1 of RFC 9052 as in crypto/cose/cose.cddl."""

import base64
import hashlib

from cbor import Refused, array, bstr, decode, encode, exactly, need
from common import unhex
from sodium import ed25519_keys, ed25519_sign, ed25519_verify

SECRET, PUBLIC = "vecino-owner-key-1:", "vecino-owner-1:"


def text(kind, key):
    return kind + base64.b32encode(key + hashlib.sha256(kind.encode() + key).digest()[:3]).decode().lower()


def read(kind, word):
    need(word.startswith(kind) and len(word) == len(kind) + 56 and word == word.lower(), "kind or length")
    try:
        key = base64.b32decode(word[len(kind):].upper())[:32]
    except ValueError:
        raise Refused("base32")
    need(text(kind, key) == word, "checksum")
    return key


def to_be_signed(protected, label, aad, payload):
    return encode(["Signature1", protected, encode([label] + aad), payload])


def header(public):
    return encode({1: -8, 4: hashlib.sha256(public).digest()[:16]})


def open_(public, label, aad, raw):
    need(raw[:1] == b"\xd2", "tag")
    protected, _, payload, signature = array(exactly(header(public)), exactly({}), bstr(0, 1 << 20), bstr(64))(decode(raw[1:], 4))
    ed25519_verify(public, to_be_signed(protected, label, aad, payload), signature)
    return payload


def owner(v, n, _):
    keys = []
    for k in v["keys"]:
        seed = unhex(k["seed"])
        public, private = ed25519_keys(seed)
        n.equal("public key", public, unhex(k["public"]))
        n.equal("identifier", hashlib.sha256(public).digest()[:16], unhex(k["id"]))
        for kind, key, word in ((SECRET, seed, k["secret_text"]), (PUBLIC, public, k["public_text"])):
            n.equal("text", text(kind, key), word)
            n.equal("key", read(kind, word), key)
            n.refuse("a letter less", read, kind, word[:-1])
            n.refuse("another letter", read, kind, word[:-1] + ("a" if word[-1] != "a" else "b"))
        keys.append((public, private))
    for m in v["messages"]:
        public, private = keys[m["key"]]
        label, aad, payload, raw = m["label"], [unhex(a) for a in m["aad"]], unhex(m["payload"]), unhex(m["message"])
        signed = to_be_signed(header(public), label, aad, payload)
        n.equal("to be signed", signed, unhex(m["to_be_signed"]))
        n.equal("message", b"\xd2" + encode([header(public), {}, payload, ed25519_sign(private, signed)]), raw)
        n.equal("payload", open_(public, label, aad, raw), payload)
        n.flips("message", raw, lambda bad: open_(public, label, aad, bad))
        n.refuse("another use", open_, public, label + "x", aad, raw)
        n.refuse("more external data", open_, public, label, aad + [b""], raw)
        n.refuse("another key", open_, keys[1 - m["key"]][0], label, aad, raw)
