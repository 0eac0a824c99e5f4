# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The vector files of keys, signatures and envelopes: what each is held against."""

from hashlib import sha512

import identity as id_
import signcryption as sc
from cbor import decode, encode
from common import H, lv, u32, unhex
from oprf import Mode
from sodium import (CHACHA, IDENTITY, ZERO_NONCE, add, base, from_hash, frost_factors, frost_nonce,
                    frost_verify, mul, open_, point, scalar, scalar_bytes, seal, x25519_public)

TOKEN = Mode(2)


def rfc9496(v, n, _):
    at = IDENTITY
    for i, want in enumerate(map(unhex, v["small_multiples"])):
        n.equal("multiple %d" % i, base(i), want)
        n.equal("sum %d" % i, at, want)
        at = add(at, base(1))
    for bad in v["bad_encodings"]:
        n.refuse("encoding " + bad, point, unhex(bad))
    for u in v["from_uniform_bytes"]:
        n.equal("element", from_hash(sha512(u["sha512_of"].encode()).digest()), unhex(u["element"]))


def rfc9591(v, n, _):
    given, message = v["inputs"], unhex(v["inputs"]["message"])
    group_key = unhex(given["group_public_key"])
    n.equal("group key", base(scalar(unhex(given["group_secret_key"]))), group_key)
    shares = {s["identifier"]: scalar(unhex(s["participant_share"])) for s in given["participant_shares"]}
    polynomial = [scalar(unhex(x)) for x in [given["group_secret_key"]] + given["share_polynomial_coefficients"]]
    for i, share in shares.items():
        n.equal("share %d" % i, scalar_bytes(sum(a * i ** j for j, a in enumerate(polynomial))), scalar_bytes(share))
    nonces = {}
    for o in v["round_one_outputs"]["outputs"]:
        i = o["identifier"]
        nonces[i] = [frost_nonce(unhex(o[kind + "_nonce_randomness"]), shares[i]) for kind in ("hiding", "binding")]
        for kind, k in zip(("hiding", "binding"), nonces[i]):
            n.equal("%s nonce of %d" % (kind, i), scalar_bytes(k), unhex(o[kind + "_nonce"]))
            n.equal("%s commitment of %d" % (kind, i), base(k), unhex(o[kind + "_nonce_commitment"]))
    n.equal("signers", sorted(nonces), given["participant_list"])
    commitments = [(i, base(h), base(b)) for i, (h, b) in sorted(nonces.items())]
    factors = frost_factors(group_key, commitments, message)
    for o in v["round_one_outputs"]["outputs"]:
        n.equal("binding factor", scalar_bytes(factors[o["identifier"]]), unhex(o["binding_factor"]))
    z = 0
    for o in v["round_two_outputs"]["outputs"]:
        i = o["identifier"]
        r, part = id_.frost_parts(i, shares[i], group_key, message, *nonces[i], commitments)
        n.equal("part of %d" % i, part, unhex(o["sig_share"]))
        z += scalar(part)
    signature = unhex(v["final_output"]["sig"])
    n.equal("signature", r + scalar_bytes(z), signature)
    frost_verify(group_key, message, signature)
    n.flips("signature", signature, lambda bad: frost_verify(group_key, message, bad))
    n.flips("message", message, lambda bad: frost_verify(group_key, bad, signature))


def member_of(scope, k, n):
    """Checks both keys of a device, and returns its public part with d and u of the sig and the kem key."""
    m = sc.Member(scope, (unhex(k["sig_R"]), unhex(k["sig_U"])), (unhex(k["kem_R"]), unhex(k["kem_U"])))
    secrets = [scalar(unhex(k[name])) for name in ("sig_d", "sig_u", "kem_d", "kem_u")]
    for what, got, want in zip(("sig D", "sig U", "kem D", "kem U"), map(base, secrets), (m.D, m.U, m.kem_D, m.kem_U)):
        n.equal(what, got, want)
    n.equal("pid", m.pid, unhex(k["pid"]))
    return m, secrets[:2], secrets[2:]


def flip_envelope(n, open_it, raw, all_bits):
    open_it(raw)
    if all_bits or len(raw) < 1000:
        n.flips("envelope", raw, open_it)
    else:
        for i in range(len(raw)):
            bad = bytearray(raw)
            bad[i] ^= 1 << i % 8
            n.refuse("envelope with a bit of byte %d flipped" % i, open_it, bytes(bad))


def envelopes(v, n, all_bits):
    scope = sc.Scope(unhex(v["issuers_public_key"]), unhex(v["neighbourhood"]), v["epoch"])
    (sender, _, other), (receiver, _, kem) = member_of(scope, v["sender"], n), member_of(scope, v["receiver"], n)
    roster = {sender.pid: sender}
    for e in v["envelopes"]:
        raw = unhex(e["envelope"])
        o = sc.open_envelope(scope, receiver, *kem, roster, raw)
        n.equal("message", (o.round, o.type, o.message), (e["round"], e["type"], unhex(e["message"])))
        n.equal("slots", len(o.slots), min(b for b in sc.BUCKETS if b >= e["receivers"]))
        flip_envelope(n, lambda bad: sc.open_envelope(scope, receiver, *kem, roster, bad), raw, all_bits)
        n.refuse("a device that is no receiver", sc.open_envelope, scope, sender, *other, roster, raw)
        n.refuse("an unknown sender", sc.open_envelope, scope, receiver, *kem, {receiver.pid: receiver}, raw)
        late = sc.Scope(scope.P, scope.nbhd, scope.epoch + 1)
        n.refuse("the next epoch", sc.open_envelope, late, receiver, *kem, roster, raw)


def steps(v, n, all_bits):
    scope = sc.Scope(unhex(v["issuers_public_key"]), unhex(v["neighbourhood"]), v["epoch"])
    n.equal("P", base(scalar(unhex(v["issuers_secret_key"]))), scope.P)
    sender, own, _ = member_of(scope, v["sender"], n)
    receivers = [member_of(scope, r, n) for r in v["receivers"]]
    for e in v["envelopes"]:
        step(scope, sender, own, receivers, {k: unhex(x) if type(x) is str else x for k, x in e.items()}, n, all_bits)


def step(scope, sender, own, receivers, e, n, all_bits):
    t = scalar(e["t"])
    n.equal("E", base(t), e["E"])
    n.equal("com", sc.commitment(e["CEK"]), e["com"])
    ctx = sc.context(scope, e["com"])
    n.equal("ctx", ctx, e["ctx"])
    slots = []
    for (m, _, kem), s in zip(receivers, e["slots_of_receivers"]):
        z1, z2 = mul(t, m.kem_D), mul(t, m.kem_U)
        n.equal("tD, tU", [z1.hex(), z2.hex()], [s["tD"], s["tU"]])
        n.equal("dE, uE", (mul(kem[0], e["E"]), mul(kem[1], e["E"])), (z1, z2))
        _, tag, kek = sc.slot_keys(z1, z2, e["E"], m.kem_R, m.kem_U, ctx)
        wrap = seal(CHACHA, kek, ZERO_NONCE, e["CEK"])
        n.equal("tag, kek, wrap", [tag.hex(), kek.hex(), wrap.hex()], [s["tag"], s["kek"], s["wrap"]])
        slots.append([tag, wrap])
    slots += [[unhex(f)[:8], unhex(f)[8:]] for f in e["random_slots"] or []]
    slots.sort()
    n.equal("slots", encode(slots), e["slots_encoded"])
    n.equal("number of slots", (len(e["slots_of_receivers"]), len(slots)), (e["receivers"], min(b for b in sc.BUCKETS if b >= e["receivers"])))
    th = sc.transcript(ctx, slots, e["E"], e["com"], sender.R, sender.U, e["round"], e["type"], e["message"])
    n.equal("th", th, e["th"])
    k = sc.nonces(*own, e["hedge"], th)
    n.equal("k1, k2", [scalar_bytes(x) for x in k], [e["k1"], e["k2"]])
    n.equal("T1, T2", [base(x) for x in k], [e["T1"], e["T2"]])
    signature = sc.sign(scope, sender, *own, e["hedge"], th)
    n.equal("signature", signature, e["signature"])
    inner = encode([sender.R, sender.U, signature, e["round"], e["type"], e["message"]])
    n.equal("inner", inner, e["inner"])
    n.equal("padded length", sc.padme(len(inner)), e["padded_bytes"])
    n.equal("aad", sc.authenticated(scope, e["E"], e["com"], slots), e["aad"])
    n.equal("body key", sc.body_key(e["CEK"]), e["body_key"])
    n.equal("envelope", sc.seal_envelope(scope, sender, *own, e["E"], e["CEK"], slots, e["hedge"], e["round"], e["type"], e["message"]), e["envelope"])
    roster = {sender.pid: sender}
    for i, (m, _, kem) in enumerate(receivers):
        if i < e["receivers"]:
            o = sc.open_envelope(scope, m, *kem, roster, e["envelope"])
            n.equal("message", (o.round, o.type, o.message), (e["round"], e["type"], e["message"]))
        else:
            n.refuse("a device that is no receiver", sc.open_envelope, scope, m, *kem, roster, e["envelope"])
    m, _, kem = receivers[0]
    opens = lambda raw: sc.open_envelope(scope, m, *kem, roster, raw)
    flip_envelope(n, opens, e["envelope"], all_bits)
    by_the_sender(scope, sender, own, e, slots, len(inner), n, opens)


def by_the_sender(scope, sender, own, e, slots, size, n, opens):
    """Damage inside the body, which only the sender, or a receiver that passes a message on, could do."""
    def sealed(slots=slots, spoil=lambda x: x, pad=b""):
        return sc.seal_envelope(scope, sender, *own, e["E"], e["CEK"], slots, e["hedge"], e["round"], e["type"], e["message"], spoil, pad)

    def change(i, value):
        return lambda x: x[:i] + [value] + x[i + 1:]
    opens(sealed())
    n.flips("signature inside", e["signature"], lambda bad: opens(sealed(spoil=change(2, bad))), bits=(0, 7))
    n.refuse("another R", opens, sealed(spoil=change(0, sender.kem_R)))
    n.refuse("another round", opens, sealed(spoil=change(3, e["round"] + 1)))
    n.refuse("another type", opens, sealed(spoil=change(4, e["type"] + 1)))
    n.refuse("another message", opens, sealed(spoil=change(5, e["message"] + b"!")))
    rest = e["padded_bytes"] - size
    if rest:
        n.refuse("padding that is not zero", opens, sealed(pad=bytes(rest - 1) + b"\x01"))
    n.refuse("padding that is too long", opens, sealed(pad=bytes(sc.padme(e["padded_bytes"] + 1) - size)))
    if len(slots) > 1:  # a receiver seals the same signed body for other slots
        own_tag = unhex(e["slots_of_receivers"][0]["tag"])
        other = [s if s[0] == own_tag else [s[0], bytes(48)] for s in slots]
        body = open_(CHACHA, e["body_key"], ZERO_NONCE, decode(e["envelope"])[6], e["aad"])
        aad = sc.authenticated(scope, e["E"], e["com"], other)
        passed_on = encode([1, 1, scope.epoch, e["E"], e["com"], other, seal(CHACHA, e["body_key"], ZERO_NONCE, body, aad)])
        n.refuse("a body for other slots", opens, passed_on)
        n.refuse("slots out of order", opens, sealed(slots=slots[::-1]))
        n.refuse("a number of slots that is no bucket", opens, sealed(slots=slots[:-1]))


def hello(v, n, _):
    scope = sc.Scope(unhex(v["issuers_public_key"]), unhex(v["neighbourhood"]), v["epoch"])
    nbhd, epoch, sig_r, sig_d, sig_u, kem_r, kem_d, kem_u = decode(unhex(v["keys"]))
    n.equal("scope of the keys", (nbhd, epoch), (scope.nbhd, scope.epoch))
    sig, kem = [unhex(v["sig_R"]), unhex(v["sig_U"])], [unhex(v["kem_R"]), unhex(v["kem_U"])]
    n.equal("public keys", [sig, kem], [[sig_r, base(scalar(sig_u))], [kem_r, base(scalar(kem_u))]])
    m = sc.Member(scope, sig, kem)
    n.equal("D", [m.D, m.kem_D], [base(scalar(sig_d)), base(scalar(kem_d))])
    n.equal("pid", m.pid, unhex(v["pid"]))
    tags = [unhex(t) for t in v["tags"]]
    th = id_.hello_transcript(scope, sig, kem, unhex(v["charter"]), v["versions"], tags)
    n.equal("transcript", th, unhex(v["transcript"]))
    signature = sc.sign(scope, m, scalar(sig_d), scalar(sig_u), unhex(v["hedge"]), th)
    n.equal("hello", encode([sig, kem, unhex(v["charter"]), v["versions"], tags, signature]), unhex(v["hello"]))
    id_.open_hello(scope, unhex(v["hello"]))
    n.flips("hello", unhex(v["hello"]), lambda bad: id_.open_hello(scope, bad))
    n.refuse("the next epoch", id_.open_hello, sc.Scope(scope.P, scope.nbhd, scope.epoch + 1), unhex(v["hello"]))


def charter(v, n, _):
    c = v["charter"]
    raw, signed = unhex(v["charter_bytes"]), unhex(v["signed_charter"])
    entries = lambda rows: [[unhex(x) if type(x) is str and i else x for i, x in enumerate(row)] for row in rows]
    members = [[m[0]] + [unhex(x) for x in m[1:]] for m in c["members"]]
    n.equal("charter", encode(["vecino/charter/1", unhex(c["nbhd"]), c["gen"], c["v"], unhex(c["P"]), c["t"], entries(c["issuers"]),
                               members, c["epoch0"], c["epoch_len"], c["chunk"], c["chunks_per_minute"], c["d"]]), raw)
    secret = scalar(unhex(v["issuers_secret_key"]))
    n.equal("P", base(secret), unhex(c["P"]))
    r, z = id_.frost_alone(secret, unhex(c["P"]), raw, (unhex(v["hiding_nonce_randomness"]), unhex(v["binding_nonce_randomness"])))
    n.equal("signed charter", encode([raw, [r + z]]), signed)
    opened = id_.open_charter(signed)
    n.equal("hash", opened.hash, unhex(v["hash"]))
    for e in v["epochs"]:
        n.equal("epoch", opened.epoch(e["unix"]), e["epoch"])
    n.flips("signed charter", signed, id_.open_charter)


def keys(v, n, _):
    nbhd, epoch, P = unhex(v["nbhd"]), v["epoch"], unhex(v["P"])
    issuer, share = v["issuer"], scalar(unhex(v["issuer"]["share"]))
    hpke, reply = ((unhex(p["private"]), unhex(p["public"])) for p in (issuer["hpke_x25519"], v["reply_x25519"]))
    for what, (private, public) in (("hpke", hpke), ("reply", reply)):
        n.equal(what, x25519_public(private), public)
    serial, y, poprf = unhex(v["serial"]), unhex(v["y"]), scalar(unhex(issuer["poprf"]["private"]))
    n.equal("poprf", base(poprf), unhex(issuer["poprf"]["public"]))
    info = lv(b"vecino/token/1", nbhd, u32(epoch), u32(v["v"]))
    n.equal("y", TOKEN.output(serial, info, 1, TOKEN.evaluate(poprf, info, TOKEN.blind(serial, 1))), y)
    scope = sc.Scope(P, nbhd, epoch)
    u_sig, u_kem = (base(scalar(unhex(v[usage]["u"]))) for usage in ("sig", "kem"))
    n.equal("U", [u_sig, u_kem], [unhex(v["sig"]["U"]), unhex(v["kem"]["U"])])
    n.equal("bound pair", H(u_sig, u_kem), unhex(v["bound_pair"]))
    proofs, commitments, parts = [], [], []
    for usage in ("sig", "kem"):
        w = v[usage]
        proofs.append(id_.prove(usage, scalar(unhex(w["u"])), scalar(unhex(w["proof_nonce"])), nbhd, epoch, u_sig, u_kem, reply[1]))
        n.equal("proof", proofs[-1], unhex(w["proof"]))
        message = scope.message(usage, u_sig, u_kem)
        n.equal("message", message, unhex(w["partial_key_message"]))
        nonces = [frost_nonce(unhex(w[kind + "_nonce_randomness"]), share) for kind in ("hiding", "binding")]
        commitments.append([issuer["index"]] + [base(k) for k in nonces])
        r, d = id_.frost_parts(issuer["index"], share, P, message, *nonces, [tuple(commitments[-1])])
        n.equal("R, d", [r, d], [unhex(w["R"]), unhex(w["d"])])
        n.equal("dB = R + hP", base(scalar(d)), scope.issued(usage, r, u_sig, u_kem))
        frost_verify(P, message, r + d)
        n.flips("partial key", r + d, lambda bad: frost_verify(P, message, bad))
        parts.append(d)
    first = [epoch, serial, u_sig, u_kem, *proofs, reply[1]]
    requests = (first, [[commitments[0]], [commitments[1]]])
    answers = (commitments, parts)
    for round_, name in enumerate(("round_a", "round_b")):
        exchange(v, v[name], n, round_, requests[round_], answers[round_], nbhd, issuer["index"], hpke[0], reply[0], y)


def exchange(v, w, n, round_, request, answer, nbhd, index, hpke, reply, y):
    rid = unhex(v["rid"])
    n.equal("fields under the MAC", encode(request), unhex(w["mac_fields"]))
    n.equal("MAC", id_.mac(y, request), unhex(w["mac"]))
    plain = unhex(w["request_plaintext"])
    n.equal("request", encode(request + [id_.mac(y, request)]), plain)
    n.equal("info of the request", id_.request_info(rid, round_, index), unhex(w["request_info"]))
    n.equal("answer", encode(answer), unhex(w["answer_plaintext"]))
    n.equal("info of the answer", id_.answer_info(rid, index, y), unhex(w["answer_info"]))
    packet = unhex(w["sample_request_packet"])
    n.equal("sample of a request", id_.open_request(hpke, nbhd, index, y, packet), plain)
    n.flips("request packet", packet, lambda bad: id_.open_request(hpke, nbhd, index, y, bad), bits=(0, 6))
    n.flips("request", plain, lambda bad: id_.check_request(nbhd, y, round_, bad))
    packet = unhex(w["sample_answer_packet"])
    n.equal("sample of an answer", id_.open_answer(reply, rid, y, packet), unhex(w["answer_plaintext"]))
    n.flips("answer packet", packet, lambda bad: id_.open_answer(reply, rid, y, bad))
