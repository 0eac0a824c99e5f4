# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector file of the door: what it is held against."""

import identity as id_
from cbor import decode, encode
from common import base32, key, unhex
from sodium import ed25519_keys, ed25519_sign, x25519_public


def door(v, n, _):
    nbhd, K, P = unhex(v["nbhd"]), unhex(v["K"]), unhex(v["P"])
    n.equal("topic", id_.door_topic(nbhd), v["topic"])
    n.equal("key among members", key(K, b"vecino/door/1"), unhex(v["member_key"]))
    i = v["invite"]
    j, issuers = unhex(i["J"]), unhex(i["issuer_hash"])
    n.equal("hash of P", id_.issuer_hash(P), issuers)
    n.equal("key of one who joins", key(j, b"vecino/door/1"), unhex(i["join_key"]))
    raw = encode([1, i["broker"], i["username"], i["password"], unhex(i["pin"]), nbhd, j, issuers, i["expiry"]])
    n.equal("invite", raw, unhex(i["bytes"]))
    n.equal("code", base32(raw), i["code"])
    for code in (i["code"], i["code"].lower(), "-".join(i["code"][a:a + 4] for a in range(0, len(i["code"]), 4)), " " + i["code"] + " "):
        n.equal("invite read", id_.parse_invite(code)[0], raw)
    for bad in (i["code"][:-1] + "J", i["code"] + "A", i["code"][1:], "1" + i["code"][1:], ""):
        n.refuse("code " + bad[-8:], id_.parse_invite, bad)
    q = v["join_request"]
    public, private = ed25519_keys(unhex(q["ed25519_seed"]))
    reply = unhex(q["reply_private"])
    fields = [q["name"], public, x25519_public(unhex(q["x25519_private"])), x25519_public(reply), unhex(q["nonce"])]
    n.equal("what is signed", id_.join_signed(nbhd, *fields), unhex(q["signed"]))
    request = encode([0] + fields + [ed25519_sign(private, unhex(q["signed"]))])
    n.equal("request", request, unhex(q["request"]))
    n.equal("admit code", id_.admit_code(public), q["admit_code"])
    n.flips("request", request, lambda bad: id_.open_join(nbhd, bad))
    welcome(v, n, nbhd, K, j, issuers, request, reply)


def welcome(v, n, nbhd, K, j, issuers, request, reply):
    w = v["welcome"]
    kind, signed = decode(unhex(v["charter_message"]))
    charter = id_.open_charter_message(unhex(v["charter_message"]))
    public, private = ed25519_keys(unhex(w["issuer_ed25519_seed"]))
    n.equal("issuer", public, charter.issuers[0][4])
    message = id_.welcome_signed(nbhd, request, charter.hash, K, 1, w["unix_ms"])
    n.equal("what is signed", message, unhex(w["signed"]))
    n.equal("info", id_.welcome_info(j, request), unhex(w["info"]))
    plain = unhex(w["plaintext"])
    n.equal("welcome", encode([0, "", signed, K, 1, w["unix_ms"], ed25519_sign(private, message)]), plain)
    answer = unhex(w["sample_answer"])
    n.equal("sample of an answer", id_.open_join_answer(reply, nbhd, j, issuers, request, answer), plain)
    n.flips("welcome", plain, lambda bad: id_.check_result(nbhd, issuers, request, bad))
    n.flips("answer", answer, lambda bad: id_.open_join_answer(reply, nbhd, j, issuers, request, bad), bits=(0, 6), step=3)
    waiting = unhex(v["waiting_plaintext"])
    n.equal("status of one who waits", id_.check_result(nbhd, issuers, request, waiting)[0], 1)
    n.flips("charter message", unhex(v["charter_message"]), id_.open_charter_message, bits=(0, 5))
