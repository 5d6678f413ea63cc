"""Symmetrically Encrypted and Integrity Protected Data (RFC 9580 5.13), version 1 and 2, both ways.

Opening returns nothing before all of it has proven unaltered (A02).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dearly.seal.pieces import Piece, cut

KEY_SIZES = {7: 16, 8: 24, 9: 32}
"""AES alone: who still uses 3DES or CAST5 is told that it is an old way of sealing."""

AES256, OCB, GCM = 9, 2, 3
_TAG = 16
_MDC = b"\xd3\x14"
_SMALL_CHUNKS, _LARGE_CHUNKS = 6, 10
"""As RFC 9580 5.13.2 codes them: 4 KiB, and 64 KiB from a letter of that size on."""


class Altered(Exception):
    """Not as it was sealed, or not with this key."""


class Unsupported(Exception):
    """Sealed in a way that we do not open."""


def hkdf(secret: bytes, salt: bytes | None, info: bytes, size: int) -> bytes:
    """HKDF with SHA-256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), size, salt, info).derive(secret)


def aead(mode: int, key: bytes) -> AESOCB3 | AESGCM:
    """The cipher of an AEAD mode (RFC 9580 9.6). Raises `Unsupported`."""
    if mode == OCB:
        return AESOCB3(key)
    if mode == GCM:
        return AESGCM(key)
    raise Unsupported


def nonce_size(mode: int) -> int:
    """Octets of a whole nonce."""
    return {OCB: 15, GCM: 12}.get(mode, 0)


def version_known(body: bytes) -> bool:
    """Whether the container is of a kind that we can open at all."""
    return body[:1] == b"\1" or (
        body[:1] == b"\2" and body[1:2] in (b"\7", b"\x08", b"\x09") and body[2:3] in (b"\2", b"\3")
    )


def unseal(body: bytes, cipher: int | None, key: bytes) -> bytes:
    """The packets inside. `cipher` is for version 1; version 2 names its own. Raises `Altered` or `Unsupported`."""
    try:
        if body[:1] == b"\1":
            return _unseal1(body, cipher, key)
        if body[:1] == b"\2":
            return _unseal2(body, key)
    except (InvalidTag, IndexError, ValueError, struct.error):
        raise Altered from None
    raise Unsupported


def _unseal1(body: bytes, cipher: int | None, key: bytes) -> bytes:
    if cipher not in KEY_SIZES:
        raise Unsupported
    if KEY_SIZES[cipher] != len(key):
        raise Altered
    plain = Cipher(algorithms.AES(key), CFB(bytes(16))).decryptor().update(memoryview(body)[1:])
    digest = hashlib.sha1(memoryview(plain)[:-20], usedforsecurity=False).digest()
    if len(plain) < 40 or plain[-22:-20] != _MDC or not hmac.compare_digest(digest, plain[-20:]):
        raise Altered
    return plain[18:-22]


def _unseal2(body: bytes, key: bytes) -> bytes:
    cipher, mode, size, salt, sealed = body[1], body[2], body[3], body[4:36], memoryview(body)[36:]
    if cipher not in KEY_SIZES or not nonce_size(mode) or size > 16:
        raise Unsupported
    if KEY_SIZES[cipher] != len(key) or len(sealed) < _TAG:
        raise Altered
    info = b"\xd2" + body[:4]
    made = hkdf(key, salt, info, len(key) + nonce_size(mode) - 8)
    box, start, step = aead(mode, made[: len(key)]), made[len(key) :], (64 << size) + _TAG
    sealed, last = sealed[:-_TAG], sealed[-_TAG:]
    pieces = [
        box.decrypt(start + struct.pack(">Q", n), sealed[at : at + step], info)
        for n, at in enumerate(range(0, len(sealed), step))
    ]
    plain = b"".join(pieces)
    box.decrypt(start + struct.pack(">Q", len(pieces)), last, info + struct.pack(">Q", len(plain)))
    return plain


def sealed_size(size: int, version: int) -> int:
    """Octets of the container's body around `size` octets."""
    if version == 1:
        return 1 + 18 + size + 22
    return 36 + size + _TAG * (-(-size // (64 << _coded(size))) + 1)


def _coded(size: int) -> int:
    return _SMALL_CHUNKS if size < 64 << _LARGE_CHUNKS else _LARGE_CHUNKS


def seal(parts: Sequence[Piece], version: int, cipher: int, key: bytes) -> Iterator[bytes]:
    """Body of the container of that version around `parts`, under this session key, in pieces."""
    return _seal1(parts, key) if version == 1 else _seal2(parts, cipher, key)


def _seal1(parts: Sequence[Piece], key: bytes) -> Iterator[bytes]:
    front = os.urandom(16)
    front += front[-2:]
    box = Cipher(algorithms.AES(key), CFB(bytes(16))).encryptor()
    digest = hashlib.sha1(usedforsecurity=False)
    yield b"\1"
    for piece in cut((front, *parts, _MDC), 64 << _LARGE_CHUNKS):
        digest.update(piece)
        yield box.update(piece)
    yield box.update(digest.digest())


def _seal2(parts: Sequence[Piece], cipher: int, key: bytes) -> Iterator[bytes]:
    size = sum(map(len, parts))
    coded, salt = _coded(size), os.urandom(32)
    info = bytes([0xD2, 2, cipher, OCB, coded])
    made = hkdf(key, salt, info, len(key) + nonce_size(OCB) - 8)
    box, start, count = AESOCB3(made[: len(key)]), made[len(key) :], 0
    yield info[1:] + salt
    for piece in cut(parts, 64 << coded):
        yield box.encrypt(start + struct.pack(">Q", count), piece, info)
        count += 1
    yield box.encrypt(start + struct.pack(">Q", count), b"", info + struct.pack(">Q", size))
