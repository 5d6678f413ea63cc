"""The words of a key: what two people read to each other to be sure that nobody stands between them.

Each key gives six pairs of words, from its fingerprint alone. Whoever wanted to pass for somebody would have to make a
key with the very same words. Each pair is worth twelve bits, together 72; and because the fingerprint first goes
through scrypt (RFC 7914) with 32 MiB of memory, a single try costs about as much as half a million plain hashes, so
that the search comes to more than 2^90 of them. The words are those of one key, never of two together: an attacker
cannot prepare two keys at once and wait until their words meet (the birthday search), he has to hit one given key.

The lists are part of what two desks must have in common: they never change. They hold English words, the same in every
language of the desk; no two of a list begin with the same three letters or differ in fewer than three places.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

FIRST = (
    "amber", "bashful", "bitter", "brave", "broad", "calm", "careful", "clever", "crimson", "curious", "distant",
    "early", "eastern", "empty", "famous", "fearless", "floating", "foreign", "friendly", "frozen", "gentle",
    "golden", "grateful", "hidden", "honest", "humble", "hungry", "idle", "jolly", "kind", "lazy", "lonely", "loyal",
    "lucky", "merry", "mighty", "narrow", "noisy", "northern", "open", "patient", "peaceful", "polite", "purple",
    "quiet", "rapid", "restless", "rugged", "rusty", "scarlet", "secret", "silver", "sleepy", "solemn", "splendid",
    "steady", "sunny", "tender", "thirsty", "tidy", "violet", "wandering", "woollen", "yellow",
)  # fmt: skip
SECOND = (
    "acorn", "anchor", "apple", "badger", "basket", "beacon", "blossom", "bridge", "butter", "candle", "carpet",
    "cellar", "chimney", "copper", "cottage", "cricket", "dolphin", "donkey", "elbow", "engine", "falcon", "feather",
    "ferry", "finger", "forest", "garden", "giraffe", "hammer", "harbour", "hedgehog", "island", "jungle", "kettle",
    "lantern", "lemon", "lighthouse", "meadow", "mirror", "mountain", "needle", "oyster", "parrot", "pebble",
    "pillow", "plough", "potato", "pumpkin", "quarry", "rabbit", "ribbon", "rudder", "sailor", "sandal", "shovel",
    "spider", "teapot", "thunder", "turnip", "umbrella", "valley", "violin", "walnut", "window", "zebra",
)  # fmt: skip

PAIRS = 6
_SALT = b"dearly: words of a key, 1"
_COST, _BLOCK = 1 << 15, 8


@lru_cache(maxsize=512)
def of_key(fingerprint: str) -> tuple[str, ...]:
    """The six pairs of a key, such as "quiet lantern". `fingerprint`: hexadecimal, of the primary key, in any case.

    Takes about a tenth of a second the first time, and 32 MiB of memory meanwhile. Raises ValueError for what is no
    fingerprint."""
    octets = bytes.fromhex(fingerprint)
    if len(octets) not in (20, 32):  # v4 and v6 (RFC 9580 5.5.4)
        raise ValueError("not a fingerprint")
    digest = hashlib.scrypt(octets, salt=_SALT, n=_COST, r=_BLOCK, p=1, maxmem=64 << 20, dklen=9)
    bits = int.from_bytes(digest, "big")
    return tuple(_pair(bits >> 12 * (PAIRS - 1 - place) & 0xFFF) for place in range(PAIRS))


def _pair(bits: int) -> str:
    return f"{FIRST[bits >> 6]} {SECOND[bits & 63]}"
