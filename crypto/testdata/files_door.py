# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of the door: what each is held against."""

import identity as id_
from cbor import U32, U64, array, bstr, decode, encode, exactly, many, need, uint
from common import H, base32, key, lv, u32, unhex
from sodium import ed25519_keys, ed25519_sign, ed25519_verify, frost_verify, hpke_open, x25519_public


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


# The clock.

TIME_REQUEST = array(exactly(2), bstr(16))
TIME_ANSWER = array(exactly(2), uint(1, 16), bstr(16), uint(0, 1000 << 40), bstr(64))


def open_time(nbhd, nonce, keys, raw):
    _, index, got, unix_ms, signature = TIME_ANSWER(decode(raw))
    need(got == nonce and index in keys, "another's answer")
    ed25519_verify(keys[index], encode(["vecino/time/1", nbhd, nonce, unix_ms, index]), signature)
    return unix_ms


def time(v, n, _):
    nbhd, nonce = unhex(v["nbhd"]), unhex(v["nonce"])
    public, private = ed25519_keys(unhex(v["issuer_ed25519_seed"]))
    n.equal("request", encode(TIME_REQUEST([2, nonce])), unhex(v["request"]))
    signed = encode(["vecino/time/1", nbhd, nonce, v["unix_ms"], v["idx"]])
    n.equal("what is signed", signed, unhex(v["signed"]))
    answer = unhex(v["answer"])
    n.equal("answer", encode([2, v["idx"], nonce, v["unix_ms"], ed25519_sign(private, signed)]), answer)
    n.flips("answer", answer, lambda bad: open_time(nbhd, nonce, {v["idx"]: public}, bad))


# Evictions.

REKEY = array(exactly(3), bstr(0, 16384), bstr(0, 4096), bstr(64))
BODY = array(exactly("vecino/rekey/1"), bstr(16), U32, U32, uint(0, 1 << 40), bstr(32), bstr(32), many(1, 32, bstr(80)))
SYNC = array(exactly(3), U32, U32)


def slot_info(body, x):
    _, nbhd, gen, v, at, charter, check, _ = body
    return lv(b"vecino/rekey/1", nbhd, u32(gen), u32(v), at.to_bytes(8, "big"), charter, check, x)


def key_check(nbhd, gen, k):
    return H(b"vecino/rekey/1", nbhd, u32(gen), k)[:32]


def open_rekey(held, private, ed, raw):
    """As a member does that holds a charter: body, charter and K of a rekey."""
    need(len(raw) <= 20608, "rekey too long")
    _, signed, raw_body, signature = REKEY(decode(raw))
    charter, body = id_.open_charter(signed), BODY(decode(raw_body))
    need(charter.nbhd == held.nbhd and charter.P == held.P and charter.gen > held.gen, "charter")
    need(body[1:4] == [charter.nbhd, charter.gen, charter.v] and body[5] == charter.hash, "rekey of another charter")
    need(len(body[7]) == len(charter.members), "slots")
    frost_verify(charter.P, raw_body, signature)
    own = [i for i, m in enumerate(charter.members) if m[1:] == [ed, x25519_public(private)]]
    need(own, "removed")
    k = hpke_open(private, slot_info(body, x25519_public(private)), body[7][own[0]])
    need(len(k) == 32 and key_check(charter.nbhd, charter.gen, k) == body[6], "another K")
    return charter, body, own[0], k


def rekey(v, n, _):
    ed, private = ed25519_keys(unhex(v["ed25519_seed"]))[0], unhex(v["x25519_private"])
    held, raw = id_.open_charter(unhex(v["held_charter"])), unhex(v["sample_rekey"])
    charter, body, slot, k = open_rekey(held, private, ed, raw)
    raw_charter, raw_body = decode(decode(raw)[1])[0], decode(raw)[2]
    n.equal("P", held.P, unhex(v["P"]))
    n.equal("charter", raw_charter, unhex(v["next_charter"]))
    n.equal("hash", charter.hash, unhex(v["next_charter_hash"]))
    n.equal("at, slot, K", [body[4], slot, k], [v["at"], v["slot"], unhex(v["sample_K"])])
    n.equal("check", key_check(charter.nbhd, charter.gen, k), unhex(v["check_of_sample_K"]))
    n.equal("info", slot_info(body, x25519_public(private)), unhex(v["info_of_sample_slot"]))
    n.flips("rekey", raw, lambda bad: open_rekey(held, private, ed, bad), bits=(0, 5))
    gone, gone_private = ed25519_keys(unhex(v["removed_ed25519_seed"]))[0], unhex(v["removed_x25519_private"])
    n.equal("members", [m for m in held.members if m[1:] != [gone, x25519_public(gone_private)]], charter.members)
    n.equal("evictions", [held.v + 1, len(held.members) - 1], [charter.v, len(charter.members)])
    for i, sealed in enumerate(body[7]):
        for x in (x25519_public(gone_private), charter.members[i][2]):
            n.refuse("a slot for the one who was removed", hpke_open, gone_private, slot_info(body, x), sealed)
    n.equal("sync", encode(SYNC([3, held.gen, 1])), unhex(v["sync_request"]))
    saved(v, n, body, raw_charter, raw_body, k, held, gone, [ed, x25519_public(private)])


GUEST = [bstr(16), U64, lambda x: x, id_.name, bstr(32), bstr(32), lambda x: x, lambda x: x]


def saved(v, n, body, raw_charter, raw_body, k, held, gone, own):
    guest = array(*GUEST)(decode(unhex(v["guest"])))
    n.equal("guest", guest[2:], [True, "ann", *own, False, False])
    n.equal("not bound", encode(guest[:2] + [False, "", bytes(32), bytes(32), False, False]), unhex(v["guest_unbound"]))
    n.equal("sworn", encode(guest[:6] + [True, False, 7]), unhex(v["guest_saved_sworn"]))
    version, member, until, *rest = decode(unhex(v["sample_eviction_saved"]))
    n.equal("eviction", [version, member, until > 0, rest], [1, gone, True, [raw_charter, raw_body, True]])
    version, ring = decode(unhex(v["sample_keyring_saved"]))
    n.equal("keyring", [version, ring[0][:3], ring[1:]], [1, [held.gen, held.v, 0], [body[2:5] + [k]]])
    n.equal("archive", encode([1, [], unhex(v["sample_rekey"])]), unhex(v["sample_archive_saved"]))
