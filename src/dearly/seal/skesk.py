"""Symmetric-Key Encrypted Session Key packets (RFC 9580 5.3) and what makes keys of passphrases (3.7), at bounded cost.

Letters that arrive are never tried with passphrases by themselves; a person asks for it (A26).
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dearly.seal.pkesk import CannotOpen
from dearly.seal.seipd import KEY_SIZES, Unsupported, aead, hkdf, nonce_size

MOST_ARGON2_KIB = 256 << 10
MOST_ARGON2_PASSES = 10
MOST_ARGON2_LANES = 16
_HASHES = {2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224", 12: "sha3-256", 14: "sha3-512"}


def unwrap(body: bytes, passphrase: bytes) -> tuple[int | None, bytes]:
    """(cipher, session key); the cipher is None for version 6. Raises `CannotOpen`.

    A version 4 packet often cannot tell a wrong passphrase: then a wrong key comes out."""
    try:
        if body[0] == 4:
            return _version4(body, passphrase)
        if body[0] == 6:
            return _version6(body, passphrase)
    except (KeyError, IndexError, InvalidTag, ValueError, Unsupported):
        raise CannotOpen from None
    raise CannotOpen


def _version4(body: bytes, passphrase: bytes) -> tuple[int | None, bytes]:
    cipher = body[1]
    key, used = stretch(body[2:], passphrase, KEY_SIZES[cipher])
    wrapped = body[2 + used :]
    if not wrapped:
        return cipher, key
    plain = Cipher(algorithms.AES(key), CFB(bytes(16))).decryptor().update(wrapped)
    if KEY_SIZES[plain[0]] != len(plain) - 1:
        raise CannotOpen
    return plain[0], plain[1:]


def _version6(body: bytes, passphrase: bytes) -> tuple[int | None, bytes]:
    cipher, mode = body[2], body[3]
    key, used = stretch(body[5:], passphrase, KEY_SIZES[cipher])
    info, rest = bytes([0xC3, 6, cipher, mode]), body[5 + used :]
    size = nonce_size(mode)
    box = aead(mode, hkdf(key, None, info, KEY_SIZES[cipher]))
    return None, box.decrypt(rest[:size], rest[size:], info)


def stretch(specifier: bytes, passphrase: bytes, size: int) -> tuple[bytes, int]:
    """(key of `size` octets, octets of the specifier). Raises `CannotOpen` for what is unknown or costs too much."""
    kind = specifier[0]
    if kind == 4:
        passes, lanes, memory = specifier[17:20]
        if memory > 31 or 1 << memory > MOST_ARGON2_KIB or passes > MOST_ARGON2_PASSES or lanes > MOST_ARGON2_LANES:
            raise CannotOpen
        argon = Argon2id(salt=specifier[1:17], length=size, iterations=passes, lanes=lanes, memory_cost=1 << memory)
        return argon.derive(passphrase), 20
    if kind not in (0, 1, 3):
        raise CannotOpen
    used = {0: 2, 1: 10, 3: 11}[kind]
    if len(specifier) < used:
        raise CannotOpen
    name, text = _HASHES[specifier[1]], (specifier[2:10] if kind else b"") + passphrase
    count = len(text)
    if kind == 3:
        coded = specifier[10]
        count = max(count, (16 + (coded & 15)) << (coded >> 4) + 6)
    out = b""
    while len(out) < size:
        # The n-th hash of a long key begins with n zero octets (RFC 9580 3.7.1.1).
        out += _repeated(name, bytes(len(out) // hashlib.new(name).digest_size), text, count)
    return out[:size], used


def _repeated(name: str, start: bytes, text: bytes, count: int) -> bytes:
    total = hashlib.new(name, start)
    block = text * max(1, 65536 // max(1, len(text)))
    whole, rest = divmod(count, len(block)) if block else (0, 0)
    for _ in range(whole):
        total.update(block)
    total.update(block[:rest])
    return total.digest()
