# Copyright The Vecino Authors
# SPDX-License-Identifier: Apache-2.0
"""The checker's own test: every value of every file is changed once, and the check must notice.

Of lists the first and the last element are taken. Mutations within the check are left out here.
"""

import copy

from common import Count

# Words for people, inputs that nothing follows from, and values that stand for what the file does not hold.
NOT_HELD = {"comment", "about", "name", "source", "config", "bad_encodings", "binding_factor_input", "unix",
            "algorithm", "fixed_graph", "chunk", "saved_a", "bound"}

# A long payload is there as its hash alone, so that nothing can be said of its shards.
HASHED = {"2.shards", "3.shards", "4.shards", "4.message", "6.shards", "6.message"}

# Of a lattice's answer there is a hash alone, and it rests on what a device draws as it likes.
HASHED |= {"rounds.0.messages.8.from", "rounds.0.messages.8.sha512"}

# Where all numbers are zeros, it does not matter from where they are drawn.
HASHED |= {"14.start"}


def leaves(x, path=()):
    if isinstance(x, dict):
        for k in x:
            if k not in NOT_HELD:
                yield from leaves(x[k], path + (k,))
    elif isinstance(x, list):
        for i in sorted({0, len(x) - 1} if x else ()):
            yield from leaves(x[i], path + (i,))
    elif x not in (None, ""):
        yield path, x


def changed(x):
    if isinstance(x, bool):
        return not x
    if isinstance(x, (int, float)):
        return x + 1
    i = len(x) // 2
    return x[:i] + ("1" if x[i] != "1" else "2") + x[i + 1:]


def put(v, path, x):
    for p in path[:-1]:
        v = v[p]
    v[path[-1]] = x


class Quick(Count):
    def flips(self, *_, **__):
        """Left out."""


def unnoticed(vectors, check, arg, step):
    """Of every step-th value, yields how many there are, then each whose change the check does not notice."""
    found = list(leaves(vectors))[::step]
    yield len(found)
    for path, x in found:
        damaged = copy.deepcopy(vectors)
        put(damaged, path, changed(x))
        try:
            check(damaged, Quick(), arg)
        except Exception:
            continue
        if (name := ".".join(map(str, path))) not in HASHED:
            yield name
