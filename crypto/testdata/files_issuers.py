# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of tokens, dealt shares and pairs: what each is held against."""

import hmac

from cbor import U32, array, bstr, decode, encode, exactly, many, need, uint
from common import H, hash_scalar, key, lv, u8, u32, unhex
from identity import a_point
from oprf import Mode
from sodium import (ORDER, add, base, ed25519_keys, ed25519_sign, ed25519_verify, frost_lambda, frost_nonce, hpke_open,
                    mul, scalar, scalar_bytes, sub, x25519_public)


def rfc9497(v, n, _):
    for s in v["suites"]:
        mode, secret = Mode(s["mode"]), scalar(unhex(s["skSm"]))
        n.equal("suite", [s["identifier"], s["hash"]], ["ristretto255-SHA512", "SHA512"])
        n.equal("DST", b"HashToGroup-" + mode.context, unhex(s["groupDST"]))
        n.equal("private key", mode.derive(unhex(s["seed"]), unhex(s["keyInfo"])), secret)
        if "pkSm" in s:
            n.equal("public key", base(secret), unhex(s["pkSm"]))
        for e in s["vectors"]:
            rfc9497_vector(mode, secret, e, n)


def rfc9497_vector(mode, secret, e, n):
    lists = {k: [unhex(x) for x in e[k].split(",")] for k in ("Input", "Blind", "BlindedElement", "EvaluationElement", "Output")}
    info, blinds = unhex(e.get("Info", "")), [scalar(b) for b in lists["Blind"]]
    blinded = [mode.blind(i, b) for i, b in zip(lists["Input"], blinds)]
    n.equal("blinded elements", blinded, lists["BlindedElement"])
    evaluated = [mode.evaluate(secret, info, b) for b in blinded]
    n.equal("evaluated elements", evaluated, lists["EvaluationElement"])
    outputs = [mode.output(i, info, b, x) for i, b, x in zip(lists["Input"], blinds, evaluated)]
    n.equal("outputs", outputs, lists["Output"])
    n.equal("batch", len(blinded), e["Batch"])
    if "Proof" in e:
        proof = unhex(e["Proof"]["proof"])
        n.equal("proof", mode.prove(secret, info, blinded, evaluated, scalar(unhex(e["Proof"]["r"]))), proof)
        mode.verify(base(secret), info, blinded, evaluated, proof)
        n.flips("proof", proof, lambda bad: mode.verify(base(secret), info, blinded, evaluated, bad), bits=(0, 3))


# Tokens.

TOKEN = Mode(2)
GRANT = array(uint(1, 16), bstr(64))
BODY = array(exactly("vecino/tokreq/1"), bstr(16), uint(0, 1), bstr(16), uint(1, 16), U32, bstr(32), bstr(32),
             many(1, 25, array(U32, a_point, many(0, 16, GRANT))))
PACKET = array(uint(0, 1), bstr(16), uint(1, 16), bstr(48, 32768))
ANSWERS = (many(0, 25, array(U32, bstr(64))), many(0, 25, array(U32, a_point, bstr(64))))


def token(v, n, _):
    nbhd, version = unhex(v["nbhd"]), v["v"]
    public, private = ed25519_keys(unhex(v["member_ed25519"]["private"]))
    n.equal("member", public, unhex(v["member_ed25519"]["public"]))
    reply = unhex(v["reply_x25519"]["private"])
    n.equal("reply", x25519_public(reply), unhex(v["reply_x25519"]["public"]))
    for i in v["issuers"]:
        n.equal("poprf", base(scalar(unhex(i["poprf"]["private"]))), unhex(i["poprf"]["public"]))
        n.equal("hpke", x25519_public(unhex(i["hpke_x25519"]["private"])), unhex(i["hpke_x25519"]["public"]))
        n.equal("ed25519", ed25519_keys(unhex(i["ed25519"]["private"]))[0], unhex(i["ed25519"]["public"]))
    for e in v["epochs"]:
        token_epoch(v, n, e, nbhd, version, public)
    for round_, name in enumerate(("round_a_with_issuer_1", "round_b_with_issuer_1")):
        token_round(v, v[name], n, round_, nbhd, version, public, private, reply)
    wallet(v, n, nbhd, version)


def token_epoch(v, n, e, nbhd, version, member):
    info, serial, blind = unhex(e["info"]), unhex(e["serial"]), scalar(unhex(e["blind"]))
    n.equal("info", lv(b"vecino/token/1", nbhd, u32(e["epoch"]), u32(version)), info)
    blinded = TOKEN.blind(serial, blind)
    n.equal("blinded", blinded, unhex(e["blinded"]))
    message = encode(["vecino/grant/1", nbhd, e["epoch"], version, member, blinded])
    n.equal("grant message", message, unhex(e["grant_message"]))
    n.equal("issuers of an epoch", len(e["of_issuers"]), len(v["issuers"]))
    for i, o in zip(v["issuers"], e["of_issuers"]):
        secret = scalar(unhex(i["poprf"]["private"]))
        n.equal("grant", ed25519_sign(ed25519_keys(unhex(i["ed25519"]["private"]))[1], message), unhex(o["grant"]))
        evaluated, proof = TOKEN.evaluate(secret, info, blinded), unhex(o["sample_proof"])
        n.equal("evaluated", evaluated, unhex(o["evaluated"]))
        TOKEN.verify(base(secret), info, [blinded], [evaluated], proof)
        n.flips("proof", proof, lambda bad: TOKEN.verify(base(secret), info, [blinded], [evaluated], bad), bits=(0, 3))
        n.refuse("a proof for another epoch", TOKEN.verify, base(secret), info[:-9] + b"\x01" + info[-8:], [blinded], [evaluated], proof)
        n.equal("y", TOKEN.output(serial, info, blind, evaluated), unhex(o["y"]))


def open_token_request(private, nbhd, round_, rid, index, plain):
    body, signature = array(bstr(0, 32768), bstr(64))(decode(plain))
    fields = BODY(decode(body))
    need(fields[1:5] == [nbhd, round_, rid, index], "another request's")
    need([i[0] for i in fields[8]] == sorted({i[0] for i in fields[8]}), "epochs in order")
    ed25519_verify(fields[6], body, signature)
    return fields


def open_token_packet(private, info, raw):
    """info makes the context from rid, round and idx of the packet."""
    round_, rid, index, sealed = PACKET(decode(raw))
    return hpke_open(private, info(rid, round_, index), sealed)


def token_round(v, w, n, round_, nbhd, version, member, private, reply):
    rid, issuer = unhex(v["rid"]), v["issuers"][0]
    hpke, index = unhex(issuer["hpke_x25519"]["private"]), issuer["index"]
    grants = lambda e: [[i["index"], unhex(o["grant"])] for i, o in zip(v["issuers"], e["of_issuers"])] if round_ else []
    items = [[e["epoch"], unhex(e["blinded"]), grants(e)] for e in v["epochs"]]
    body = encode(["vecino/tokreq/1", nbhd, round_, rid, index, version, member, x25519_public(reply), items])
    n.equal("t", len(v["issuers"]), v["t"])  # the member asks t issuers for all of its tokens
    n.equal("body", body, unhex(w["request_body"]))
    signature = ed25519_sign(private, body)
    n.equal("signature", signature, unhex(w["signature"]))
    plain = encode([body, signature])
    n.equal("request", plain, unhex(w["request_plaintext"]))
    request_info = lambda r, o, i: lv(b"vecino/tokreq/1", r, u8(o), u8(i))
    n.equal("info of the request", request_info(rid, round_, index), unhex(w["request_info"]))
    packet = unhex(w["sample_request_packet"])
    n.equal("sample of a request", open_token_packet(hpke, request_info, packet), plain)
    n.flips("request packet", packet, lambda bad: open_token_packet(hpke, request_info, bad), bits=(2,))
    n.flips("request", plain, lambda bad: open_token_request(hpke, nbhd, round_, rid, index, bad), bits=(0, 5))
    answer_info = lambda r, o, i: lv(b"vecino/tokans/1", r, u8(o), u8(i), H(plain))
    n.equal("info of the answer", answer_info(rid, round_, index), unhex(w["answer_info"]))
    answer, packet = unhex(w["sample_answer_plaintext"]), unhex(w["sample_answer_packet"])
    n.equal("sample of an answer", open_token_packet(reply, answer_info, packet), answer)
    n.flips("answer packet", packet, lambda bad: open_token_packet(reply, answer_info, bad), bits=(1,))
    mine = [e["of_issuers"][0] for e in v["epochs"]]
    columns = ("evaluated", "sample_proof") if round_ else ("grant",)
    want = [[e["epoch"]] + [unhex(o[c]) for c in columns] for e, o in zip(v["epochs"], mine)]
    n.equal("answer", ANSWERS[round_](decode(answer)), want)


def wallet(v, n, nbhd, version):
    format_, got, kept, _, slots = decode(unhex(v["saved_wallet"]))
    n.equal("wallet", [format_, got, kept], [1, nbhd, version])
    by = {e["epoch"]: e for e in v["epochs"]}
    for epoch, serial, blind, grants, outputs in slots:
        e = by[epoch]
        n.equal("slot", [serial, blind], [unhex(e["serial"]), unhex(e["blind"])])
        listed = lambda field, k: sorted([unhex(i[k]["public"]), unhex(o[field])] for i, o in zip(v["issuers"], e["of_issuers"]))
        n.equal("grants", grants, listed("grant", "ed25519"))
        n.equal("outputs", outputs, listed("y", "poprf"))


# Dealt shares.

DEAL = array(uint(1, 16), many(1, 16, a_point), bstr(64))


def deal_challenge(session, dealer, commitments, t):
    return hash_scalar(b"vecino/deal/1", session, u8(dealer), *commitments, t)


def open_deal(session, raw):
    dealer, commitments, proof = DEAL(decode(raw))
    c, z = scalar(proof[:32]), scalar(proof[32:])
    t = sub(base(z), mul(c, commitments[0]))
    need(deal_challenge(session, dealer, commitments, t) == c, "proof of a dealer")
    return dealer, commitments


def at(coefficients, j):
    return sum(a * j ** k for k, a in enumerate(coefficients)) % ORDER


def dealing(v, n, _):
    for d in v["dealings"]:
        session, commitments = unhex(d["session"]), []
        n.equal("dealers", [e["dealer"] for e in d["deals"]], d["dealers"])
        for e in d["deals"]:
            raw, coefficients = unhex(e["deal"]), [scalar(unhex(a)) for a in e["coefficients"]]
            if "old_share" in e:
                n.equal("a_0", coefficients[0], frost_lambda(e["dealer"], d["dealers"]) * scalar(unhex(e["old_share"])) % ORDER)
            points = [base(a) for a in coefficients]
            k = frost_nonce(unhex(e["proof_nonce_randomness"]), coefficients[0])
            c = deal_challenge(session, e["dealer"], points, base(k))
            proof = scalar_bytes(c) + scalar_bytes(k + c * coefficients[0])
            n.equal("deal", encode([e["dealer"], points, proof]), raw)
            n.equal("coefficients", len(points), d["t"])
            n.equal("opened", open_deal(session, raw), (e["dealer"], points))
            n.flips("deal", raw, lambda bad: open_deal(session, bad))
            values = [scalar_bytes(at(coefficients, j)) for j in d["receivers"]]
            n.equal("values", values, [unhex(x) for x in e["values_for_receivers"]])
            commitments.append(points)
        total = commitments[0][0]
        for points in commitments[1:]:
            total = add(total, points[0])
        n.equal("P", total, unhex(d["P"]))
        n.equal("receivers", [r["receiver"] for r in d["results"]], d["receivers"])
        for i, r in enumerate(d["results"]):
            share = sum(scalar(unhex(e["values_for_receivers"][i])) for e in d["deals"])
            n.equal("share", scalar_bytes(share), unhex(r["share"]))
            n.equal("Y", base(share), unhex(r["Y"]))


# Pairs.

PAIR = array(uint(0, 2), uint(0, 31), bstr(32), bstr(32))
NO_HALF = bytes(32)


def half(seed, epoch, own, other):
    return key(seed, b"vecino/pair/1", u32(epoch), own, other)


def tag(secret, epoch, u_sig):
    return hmac.digest(secret, lv(b"vecino/tag/1", u32(epoch), u_sig), "sha256")[:8]


def pairs(v, n, _):
    a, b = unhex(v["U_sig_a"]), unhex(v["U_sig_b"])
    halves = half(unhex(v["seed_a"]), v["epoch"], a, b), half(unhex(v["seed_b"]), v["epoch"], b, a)
    n.equal("halves", list(halves), [unhex(v["half_a"]), unhex(v["half_b"])])
    secret = key(lv(*sorted(halves)), b"vecino/pair/1")
    n.equal("secret", secret, unhex(v["secret"]))
    for name, kind, own, echo in (("offer_a_to_b", 0, halves[0], NO_HALF), ("accept_b_to_a", 1, halves[1], halves[0]),
                                  ("decline_b_to_a", 2, NO_HALF, halves[0])):
        fields = PAIR(decode(unhex(v[name])))
        n.equal(name, [fields[0]] + fields[2:], [kind, own, echo])
        n.equal("no places in a refusal", kind == 2 and fields[1] != 0, False)
        n.refuse(name + " cut", decode, unhex(v[name])[:-1])
    for who, u_sig in (("a", a), ("b", b)):
        for epoch, want in v["tags_of_%s_by_epoch_under_U_sig_%s" % (who, who)].items():
            n.equal("tag", tag(secret, int(epoch), u_sig), unhex(want))
    version, seed, own, kept = decode(unhex(v["saved_a"]))
    n.equal("saved pairs", [version, seed, own[1], kept[0][1]], [1, unhex(v["seed_a"]), a, secret])
