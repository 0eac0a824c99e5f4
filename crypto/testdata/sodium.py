# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The standards that the protocol names: libsodium through ctypes, and hashes of Python."""

import ctypes
import ctypes.util
import hashlib
import hmac
import os

from cbor import Refused, need

ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = bytes(32)


def load():
    for name in filter(None, (os.environ.get("LIBSODIUM"), ctypes.util.find_library("sodium"), "libsodium.so.23", "libsodium.so.26", "libsodium.so")):
        try:
            lib = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(lib, "crypto_core_ristretto255_is_valid_point") and lib.sodium_init() >= 0:
            return lib
    raise SystemExit("check: libsodium 1.0.18 or later is missing (Debian: apt-get install libsodium23)")


lib = load()
long = ctypes.c_ulonglong


def call(name, size, *args):
    """Calls a function whose first argument receives size bytes, and whose result is 0."""
    out = ctypes.create_string_buffer(size)
    if getattr(lib, name)(out, *args) != 0:
        raise Refused(name)
    return out.raw


# ristretto255. Points are their 32 bytes, scalars are integers below the order.

def point(raw):
    need(len(raw) == 32 and raw != IDENTITY and lib.crypto_core_ristretto255_is_valid_point(raw) == 1, "no point")
    return raw


def scalar(raw):
    n = int.from_bytes(raw, "little")
    need(len(raw) == 32 and n < ORDER, "no scalar")
    return n


def scalar_bytes(n):
    return (n % ORDER).to_bytes(32, "little")


def reduced(digest):
    assert len(digest) == 64
    return int.from_bytes(digest, "little") % ORDER


def mul(n, p):
    n %= ORDER
    if n == 0 or p == IDENTITY:
        return IDENTITY
    return call("crypto_scalarmult_ristretto255", 32, scalar_bytes(n), p)


def base(n):
    n %= ORDER
    return call("crypto_scalarmult_ristretto255_base", 32, scalar_bytes(n)) if n else IDENTITY


def add(p, q):
    return call("crypto_core_ristretto255_add", 32, p, q)


def sub(p, q):
    return call("crypto_core_ristretto255_sub", 32, p, q)


def from_hash(digest):
    return call("crypto_core_ristretto255_from_hash", 32, digest)


# Ed25519 and X25519.

def ed25519_keys(seed):
    public, private = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    lib.crypto_sign_ed25519_seed_keypair(public, private, seed)
    return public.raw, private.raw


def ed25519_sign(private, message):
    return call("crypto_sign_ed25519_detached", 64, None, message, long(len(message)), private)


def ed25519_verify(public, message, signature):
    need(len(signature) == 64 and len(public) == 32, "signature")
    need(lib.crypto_sign_ed25519_verify_detached(signature, message, long(len(message)), public) == 0, "Ed25519")


def x25519(private, public):
    return call("crypto_scalarmult_curve25519", 32, private, public)


def x25519_public(private):
    return call("crypto_scalarmult_curve25519_base", 32, private)


# AEADs, named as in libsodium.

def seal(cipher, key, nonce, plain, aad=b""):
    return call("crypto_aead_%s_encrypt" % cipher, len(plain) + 16, None, plain, long(len(plain)),
                aad, long(len(aad)), None, nonce, key)


def open_(cipher, key, nonce, sealed, aad=b""):
    need(len(sealed) >= 16, "shorter than its tag")
    return call("crypto_aead_%s_decrypt" % cipher, len(sealed), None, None, sealed, long(len(sealed)),
                aad, long(len(aad)), nonce, key)[:len(sealed) - 16]


CHACHA, XCHACHA = "chacha20poly1305_ietf", "xchacha20poly1305_ietf"
ZERO_NONCE = bytes(12)


# HKDF (RFC 5869).

def extract(salt, secret, hash_="sha512"):
    return hmac.digest(salt or bytes(hashlib.new(hash_).digest_size), secret, hash_)


def expand(key, info, size, hash_="sha512"):
    out, block = b"", b""
    for i in range(1, 256):
        if len(out) >= size:
            break
        block = hmac.digest(key, block + info + bytes([i]), hash_)
        out += block
    return out[:size]


# HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

KEM = b"KEM\x00\x20"
SUITE = b"HPKE\x00\x20\x00\x01\x00\x03"


def labelled_extract(suite, salt, label, secret):
    return extract(salt, b"HPKE-v1" + suite + label + secret, "sha256")


def labelled_expand(suite, key, label, info, size):
    return expand(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, size, "sha256")


def hpke_open(private, info, sealed):
    need(len(sealed) >= 48, "shorter than a key and a tag")
    enc, ciphertext = sealed[:32], sealed[32:]
    shared = labelled_extract(KEM, b"", b"eae_prk", x25519(private, enc))
    shared = labelled_expand(KEM, shared, b"shared_secret", enc + x25519_public(private), 32)
    context = b"\x00" + labelled_extract(SUITE, b"", b"psk_id_hash", b"") + labelled_extract(SUITE, b"", b"info_hash", info)
    secret = labelled_extract(SUITE, shared, b"secret", b"")
    key = labelled_expand(SUITE, secret, b"key", context, 32)
    nonce = labelled_expand(SUITE, secret, b"base_nonce", context, 12)
    return open_(CHACHA, key, nonce, ciphertext)


# FROST(ristretto255, SHA-512) (RFC 9591).

CONTEXT = b"FROST-RISTRETTO255-SHA512-v1"


def frost_hash(label, *parts):
    return hashlib.sha512(CONTEXT + label + b"".join(parts)).digest()


def frost_challenge(r, group_key, message):
    return reduced(frost_hash(b"chal", r, group_key, message))


def frost_verify(group_key, message, signature):
    need(len(signature) == 64, "signature")
    r, z = point(signature[:32]), scalar(signature[32:])
    need(base(z) == add(r, mul(frost_challenge(r, group_key, message), group_key)), "FROST signature")


def frost_nonce(randomness, share):
    return reduced(frost_hash(b"nonce", randomness, scalar_bytes(share)))


def frost_factors(group_key, commitments, message):
    """commitments: ascending (identifier, hiding, binding). Returns the factor of each identifier."""
    listed = b"".join(scalar_bytes(i) + h + b for i, h, b in commitments)
    prefix = group_key + frost_hash(b"msg", message) + frost_hash(b"com", listed)
    return {i: reduced(frost_hash(b"rho", prefix, scalar_bytes(i))) for i, _, _ in commitments}


def frost_commitment(commitments, factors):
    total = IDENTITY
    for i, h, b in commitments:
        total = add(total, add(h, mul(factors[i], b)))
    return total


def frost_lambda(identifier, identifiers):
    top = bottom = 1
    for j in identifiers:
        if j != identifier:
            top, bottom = top * j % ORDER, bottom * (j - identifier) % ORDER
    return top * pow(bottom, -1, ORDER) % ORDER
