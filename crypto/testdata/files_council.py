# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector file of issuers among themselves: what it is held against."""

import identity as id_
from cbor import U8, U32, array, bstr, decode, encode, exactly, many, need, uint
from common import H, lv, u8, unhex
from files_issuers import DEAL, open_deal
from identity import COMMITMENT, a_point, a_scalar
from sodium import (IDENTITY, add, base, ed25519_keys, ed25519_sign, ed25519_verify, frost_challenge, frost_commitment,
                    frost_factors, frost_lambda, frost_verify, hpke_open, mul, scalar, x25519_public)

LETTER = array(uint(0, 16), uint(1, 16), bstr(48, 49152))
SAID = array(bstr(16), U8, bstr(0, 49152), bstr(64))
CANDIDACY = array(bstr(32), a_point, bstr(32), bstr(32), bstr(64))
PLAN = array(U32, bstr(32), lambda x: x, uint(1, 16), bstr(1, 16), many(1, 16, array(uint(1, 16), CANDIDACY)))
VOTE = array(uint(1, 16), bstr(64))
HANDED = array(bstr(32), bstr(64))
EVIDENCE = array(bstr(16), uint(1, 16), bstr(0, 49152), many(1, 16, DEAL), many(1, 16, VOTE))
DENY = array(exactly("vecino/deny/1"), bstr(16), U32, many(1, 32, bstr(16)))


def said_text(nbhd, session, step, sender, receiver, body):
    return encode(["vecino/issuers/1", nbhd, session, step, sender, receiver, body])


def vote_text(nbhd, stage, index, round_):
    return encode(["vecino/round/1", nbhd, stage, index, round_])


class House:
    def __init__(self, v):
        self.nbhd = unhex(v["nbhd"])
        self.hpke = {i["index"]: unhex(i["hpke_x25519"]["private"]) for i in v["issuers"]}
        self.sign = {i["index"]: ed25519_keys(unhex(i["ed25519"]["private"])) for i in v["issuers"]}

    def letter_info(self, sender, receiver):
        return lv(b"vecino/issuers/1", self.nbhd, u8(sender), u8(receiver))

    def open(self, raw):
        sender, receiver, sealed = LETTER(decode(raw))
        need(sender in self.sign and receiver in self.hpke, "of another issuer")
        plain = hpke_open(self.hpke[receiver], self.letter_info(sender, receiver), sealed)
        session, step, body, signature = SAID(decode(plain))
        ed25519_verify(self.sign[sender][0], said_text(self.nbhd, session, step, sender, receiver, body), signature)
        return sender, receiver, plain


class Dealt:
    """The evidence of a dealing, checked by nothing but itself."""

    def __init__(self, nbhd, raw):
        self.session, self.initiator, self.raw_plan, deals, ready = EVIDENCE(decode(raw))
        self.gen, self.base, self.new, self.t, self.dealers, receivers = PLAN(decode(self.raw_plan))
        self.keys = {index: offer for index, offer in receivers}
        self.dealing = H(b"vecino/issuers/1", nbhd, self.session, u8(self.initiator), self.raw_plan)[:32]
        self.deals = [open_deal(self.dealing, encode(d)) for d in deals]
        need([d[0] for d in self.deals] == list(self.dealers) and all(len(d[1]) == self.t for d in self.deals), "dealers")
        self.round = H(b"vecino/round/1", self.dealing, encode(deals))
        need([i for i, _ in ready] == list(self.keys), "not all are ready")
        for index, signature in ready:
            ed25519_verify(self.keys[index][3], vote_text(nbhd, 1, index, self.round), signature)
        self.P = total(d[1][0] for d in self.deals)

    def value(self, dealer, j):
        points = dict(self.deals)[dealer]
        return total(mul(j ** k, p) for k, p in enumerate(points))

    def Y(self, j):
        return total(self.value(d, j) for d in self.dealers)


def total(points):
    out = IDENTITY
    for p in points:
        out = add(out, p)
    return out


def council(v, n, _):
    h = House(v)
    for i in v["issuers"]:
        n.equal("hpke", x25519_public(unhex(i["hpke_x25519"]["private"])), unhex(i["hpke_x25519"]["public"]))
        n.equal("ed25519", h.sign[i["index"]][0], unhex(i["ed25519"]["public"]))
    dealt = Dealt(h.nbhd, unhex(v["evidence"]))
    n.flips("evidence", unhex(v["evidence"]), lambda bad: Dealt(h.nbhd, bad), bits=(0, 5))
    said = [letter(h, n, e) for e in v["letters"]]
    n.equal("steps", [s[3] for s in said], list(range(1, 13)))
    bodies = {s[3]: s[4] for s in said}
    n.equal("sessions", len({s[2] for s in said}), 2)
    shares = dealing(v, n, h, dealt, bodies)
    charter(v, n, h, dealt, shares)
    deny(v, n, h, dealt, bodies)


def letter(h, n, e):
    raw, plain = unhex(e["sample_letter"]), unhex(e["plaintext"])
    n.equal("letter", h.open(raw), (e["from"], e["to"], plain))
    session, step, body, signature = SAID(decode(plain))
    text = said_text(h.nbhd, session, step, e["from"], e["to"], body)
    n.equal("what is signed", text, unhex(e["signed"]))
    n.equal("signature", ed25519_sign(h.sign[e["from"]][1], text), signature)
    n.equal("info", h.letter_info(e["from"], e["to"]), unhex(e["info"]))
    n.equal("step, sample", [step, step in (6, 7)], [e["step"], e["body_is_a_sample"]])
    n.flips("letter", raw, h.open, bits=(step % 8,))
    return e["from"], e["to"], session, step, body


def dealing(v, n, h, dealt, bodies):
    """Steps 1 to 8; returns the receivers' shares that the file holds."""
    n.equal("plan", bodies[1], dealt.raw_plan)
    n.equal("no deal of one who does not deal", bodies[2], b"")
    n.equal("deals", [open_deal(dealt.dealing, encode(d)) for d in decode(bodies[3])], dealt.deals)
    n.equal("round", dealt.round, unhex(v["round_one_hash"]))
    for name, stage, step in (("signed_for_agreement_by_2", 0, 4), ("signed_for_readiness_by_2", 1, 8)):
        n.equal(name, vote_text(h.nbhd, stage, 2, dealt.round), unhex(v[name]))
        n.equal("vote", VOTE(decode(bodies[step])), [2, ed25519_sign(h.sign[2][1], unhex(v[name]))])
    for index, signature in decode(bodies[5]):
        ed25519_verify(h.sign[index][0], vote_text(h.nbhd, 0, index, dealt.round), signature)
    n.equal("shares of one who does not deal", decode(bodies[6]), [])
    n.equal("parcels", decode(bodies[7]), [[p["dealer"], unhex(p["sample_sealed"])] for p in v["shares"]])
    shares = {}
    for p in v["shares"]:
        dealer, receiver, plain = p["dealer"], p["receiver"], unhex(p["plaintext"])
        info = lv(b"vecino/deal/1", dealt.round, u8(dealer), u8(receiver))
        n.equal("info of a share", info, unhex(p["info"]))
        n.equal("share", hpke_open(h.hpke[receiver], info, unhex(p["sample_sealed"])), plain)
        value, signature = HANDED(decode(plain))
        text = encode(["vecino/deal/1", h.nbhd, dealt.round, dealer, receiver, value])
        n.equal("what its dealer signs", text, unhex(p["signed"]))
        n.equal("its signature", ed25519_sign(h.sign[dealer][1], text), signature)
        n.equal("value", base(scalar(value)), dealt.value(dealer, receiver))
        shares[receiver] = (shares.get(receiver, 0) + scalar(value))
    return shares


def charter(v, n, h, dealt, shares):
    c = id_.open_charter(unhex(v["signed_charter"]))
    n.flips("charter", unhex(v["signed_charter"]), id_.open_charter, bits=(0, 5))
    n.equal("gen, t, P", [c.gen, c.t, c.P], [dealt.gen, dealt.t, dealt.P])
    n.equal("issuers", c.issuers, [[i, dealt.Y(i), *offer[1:4]] for i, offer in dealt.keys.items()])
    member, poprf, hpke, ed, signature = CANDIDACY(decode(unhex(v["candidacy_of_2"])))
    text = encode(["vecino/issuers/1", h.nbhd, member, poprf, hpke, ed])
    n.equal("what a candidate signs", text, unhex(v["signed_for_candidacy_of_2"]))
    ed25519_verify(member, text, signature)
    n.equal("the candidate is a member", member in [m[1] for m in c.members], True)
    n.equal("candidacy in the plan", dealt.keys[2], [member, poprf, hpke, ed, signature])
    share = shares[2].to_bytes(32, "little")
    for name, want in (("saved_keys_of_2_while_pending", [0, bytes(32), bytes(32), 0, [[dealt.gen, 2, share, dealt.P]]]),
                       ("saved_keys_of_2_after_the_charter", [2, share, dealt.P, dealt.gen, []])):
        index, own, group_key, secret, hpke_key, seed, gen, pending = decode(unhex(v[name]))
        n.equal(name, [index, own, group_key, gen, pending], want)
        n.equal("keys of the candidate", [base(scalar(secret)), x25519_public(hpke_key), ed25519_keys(seed)[0]], [poprf, hpke, ed])


def deny(v, n, h, dealt, bodies):
    """Steps 9 to 12, and the list that they sign."""
    raw, signature = array(bstr(0, 1024), bstr(64))(decode(unhex(v["signed_deny"])))
    pids = DENY(decode(raw))[3]
    n.equal("pids in order", pids, sorted(set(pids)))
    n.equal("motion", decode(bodies[9]), [2, dealt.P, raw, b""])
    listed = [tuple(COMMITMENT(c)) for c in decode(bodies[11])]
    n.equal("commitment", tuple(decode(bodies[10])), listed[1])
    factors = frost_factors(dealt.P, listed, raw)
    r = frost_commitment(listed, factors)
    n.equal("R", r, signature[:32])
    weight = frost_lambda(2, [c[0] for c in listed]) * frost_challenge(r, dealt.P, raw)
    _, hiding, binding = listed[1]
    n.equal("part", base(a_scalar(bodies[12])), total([hiding, mul(factors[2], binding), mul(weight, dealt.Y(2))]))
    n.flips("deny list", unhex(v["signed_deny"]), lambda bad: open_deny(dealt.P, h.nbhd, bad))
    open_deny(dealt.P, h.nbhd, unhex(v["signed_deny"]))


def open_deny(group_key, nbhd, raw):
    body, signature = array(bstr(0, 1024), bstr(64))(decode(raw))
    frost_verify(group_key, body, signature)
    need(DENY(decode(body))[1] == nbhd, "another neighbourhood")
