"""Sealing and opening: OpenPGP messages (RFC 9580 10.3), signed and encrypted.

Opening is four steps, because bytes from outside and our private keys never meet in one process: `outer` (child),
`session_keys` (keyholder), `unpack` (child), `verify` (child). Nothing is returned that was not proven whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dearly.letter.sealing import Grammar, Integrity, Key, Shape, Signature
from dearly.seal.keys import OwnKey
from dearly.seal.trust import SealPlan

LIMIT = 64 << 20
"""Octets that a letter may unfold to, unless the person allows more."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """`armored`: ASCII armor, CRLF, with CRC-24, no armor headers (RFC 9580 6.2). `slice_sha256`: SHA-256 of the bytes
    in the armor. `quantum_safe`: no key but ML-KEM-768+X25519 opens it. `fingerprints`: of all certificates it was
    sealed to, ours last; the signature names them as intended recipients."""

    armored: bytes = field(repr=False)
    slice_sha256: bytes
    quantum_safe: bool
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    """The sealed bytes taken apart, unopened.

    `shape`: SEALED, or MALFORMED for what is no OpenPGP message; then everything else is empty. `pkesks`: bodies of
    the Public-Key Encrypted Session Key packets, in order, for the keyholder. `skesks`: the same for passphrases.
    `container`: body of the encrypted data packet. `integrity`: INTACT as long as nothing speaks against opening it,
    else UNSUPPORTED (sealed without protection against alteration: tag 9, or in a way unknown to us).
    `seal_sha256`: of the decoded bytes. `quantum_safe`: only ML-KEM keys can open it. `hidden`: nobody is named."""

    shape: Shape
    pkesks: tuple[bytes, ...] = field(default=(), repr=False)
    skesks: tuple[bytes, ...] = field(default=(), repr=False)
    container: bytes = field(default=b"", repr=False)
    integrity: Integrity = Integrity.ALTERED
    seal_sha256: bytes = b""
    quantum_safe: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class SessionKey:
    """One key to one letter. `cipher`: RFC 9580 9.3, None where the container names it. `opened_with`: fingerprint of
    the subkey, or "passphrase". `index`: which of the pkesks (or skesks) it came from."""

    cipher: int | None
    key: bytes = field(repr=False)
    opened_with: str
    index: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is inside, proven whole, its signatures not yet checked.

    `key`, `integrity`, `grammar` as in `letter.sealing`. `data`: the signed part; empty unless INTACT and ONE_LETTER.
    `packets`: the inner OpenPGP packets, decompressed. `issuers`: ids (lower-case hex key ids and fingerprints) that
    the signatures claim: a claim only. `signed`: whether there is any signature. `opened_with`: fingerprint of our
    subkey, or "passphrase". `quantum_safe`: as in `Outer`."""

    key: Key
    integrity: Integrity
    grammar: Grammar
    data: bytes = field(default=b"", repr=False)
    packets: bytes = field(default=b"", repr=False)
    issuers: tuple[str, ...] = ()
    signed: bool = False
    opened_with: str = ""
    quantum_safe: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """`signers`: fingerprints of the certificates whose signature holds. `signed_at`: as the first of them says, aware
    UTC. `intended`: primary fingerprints that the signatures that hold name as intended recipients (RFC 9580
    5.2.3.36); empty when they name nobody."""

    signature: Signature
    signers: tuple[str, ...] = ()
    signed_at: datetime | None = None
    intended: tuple[str, ...] = ()


def seal(data: bytes, own: OwnKey, plan: SealPlan) -> Sealed:
    """`data` signed by us and sealed to everybody in the plan and to ourselves.

    Every certificate is looked at again: `CannotSealOrOpen` (key_revoked, key_expired, key_unusable, bad_certificate)
    is raised before anything is sealed."""
    raise NotImplementedError


def outer(slice_: bytes) -> Outer:
    """Step 1, in the child: the sealed bytes (ASCII armor or binary) taken apart. Never raises."""
    raise NotImplementedError


def session_keys(pkesks: Sequence[bytes], own: OwnKey) -> tuple[SessionKey, ...]:
    """Step 2, with the keyholder: the session keys that our subkeys give. Never raises; at most 64 are looked at."""
    raise NotImplementedError


def passphrase_keys(skesks: Sequence[bytes], passphrase: str) -> tuple[SessionKey, ...]:
    """Step 2 for a letter under a passphrase (RFC 9580 5.3), with bounded cost (A26). Never raises.

    A wrong passphrase often shows only as a session key that opens nothing: `unpack` then says Key.NONE."""
    raise NotImplementedError


def unpack(outer: Outer, keys: Sequence[SessionKey], limit: int = LIMIT) -> Unpacked:
    """Step 3, in the child: open, prove whole, unfold at most `limit` octets, and take the one letter out.

    Never raises. Nothing of the content is looked at before all of it is proven unaltered."""
    raise NotImplementedError


def verify(unpacked: Unpacked, certificates: Sequence[bytes], now: datetime) -> Verified:
    """Step 4, in the child: judge the signatures with these certificates. Never raises.

    Certificates that own none of the claimed issuer ids count as not given. `now` (aware UTC) decides whether a
    certificate whose signature does not hold is called expired."""
    raise NotImplementedError
