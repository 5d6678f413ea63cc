"""What sealing and opening can come to, as values that every room may read, and the one truth table that names them.

`Evidence` is what was proven, step by step; `judge` turns it into exactly one `Seal`. Nothing else in the program
decides what a seal is worth, so no state can be shown that the cryptography did not prove.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Seal(StrEnum):
    """The whole judgement on a letter's seal. The words for people belong to the faces."""

    NEVER_SEALED = "never_sealed"
    LOCKED = "locked"
    BROKEN = "broken"
    TOO_BIG = "too_big"
    UNSUPPORTED = "unsupported"
    UNSIGNED = "unsigned"
    SIGNER_UNKNOWN = "signer_unknown"
    SIGNATURE_BAD = "signature_bad"
    SIGNER_REVOKED = "signer_revoked"
    SIGNER_EXPIRED = "signer_expired"
    SIGNED_BY_OTHER = "signed_by_other"
    NOT_FOR_US = "not_for_us"
    HEADERS_DIFFER = "headers_differ"
    SIGNED_CHANGED_KEY = "signed_changed_key"
    SIGNED_FIRST_SEEN = "signed_first_seen"
    SIGNED_PINNED = "signed_pinned"
    SIGNED_VERIFIED = "signed_verified"


class Shape(Enum):
    """The outer form. Sealed is only one RFC 3156 encrypted layer at the root (A01, A06 in docs/threats.md)."""

    PLAIN = "plain"
    SEALED = "sealed"
    MALFORMED = "malformed"
    """Claims to be sealed, but holds no OpenPGP message that could be."""


class Key(Enum):
    """Whether a key of ours gave a session key."""

    NONE = "none"
    FITTED = "fitted"


class Integrity(Enum):
    """What unpacking the sealed bytes came to."""

    INTACT = "intact"
    ALTERED = "altered"
    TOO_BIG = "too_big"
    UNSUPPORTED = "unsupported"


class Grammar(Enum):
    """Whether exactly one letter is inside: n one-pass, one literal, n signatures, and nothing else."""

    ONE_LETTER = "one_letter"
    OTHER = "other"


class Signature(Enum):
    """What checking the signatures with the certificates at hand came to."""

    NONE = "none"
    UNKNOWN = "unknown"
    """The certificates asked for are not at hand."""
    BAD = "bad"
    """The certificate is at hand, alive, and the signature does not hold."""
    REVOKED = "revoked"
    EXPIRED = "expired"
    AHEAD = "ahead"
    """Truly made by a certificate at hand, at a time that is still to come: one of two clocks is wrong (F12)."""
    HOLDS = "holds"


class Signed(StrEnum):
    """What a letter that was never sealed carries besides: a second fact, which never makes it a sealed one (A06, A10).

    A signature speaks for the text alone. To whom and when it was written, whoever passes it on may say anew."""

    NONE = "none"
    HOLDS = "holds"
    """One signature around the whole text, by a key of the person whom the letter names."""
    BAD = "bad"
    """One around the whole text that does not hold, or by a key that may not be used."""
    UNKNOWN = "unknown"
    """One around the whole text that cannot be checked here: by no key that is known for this sender."""
    IN_PART = "in_part"
    """Something in it is signed or sealed by itself. It is shown as it stands, and not looked into."""


class Binding(Enum):
    """What the address book says of the signer's certificate, for the person the letter says it is from."""

    OTHER = "other"
    """It is known as another person's, or does not speak for this From address."""
    CHANGED = "changed"
    FIRST_SEEN = "first_seen"
    PINNED = "pinned"
    VERIFIED = "verified"


class Headers(Enum):
    """Whether From, To, Date and LetterId inside the signed part agree with the ones outside (RFC 9788)."""

    MATCH = "match"
    ABSENT = "absent"
    """The signed part carries none; the signer's pin on the outer From is all that binds it."""
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was proven. Later fields mean something only when the earlier ones got that far.

    `for_us`: whether the intended recipients (RFC 9580 5.2.3.36), or else the signed To, name us; None when nobody
    is named."""

    shape: Shape
    key: Key = Key.NONE
    integrity: Integrity = Integrity.ALTERED
    grammar: Grammar = Grammar.OTHER
    signature: Signature = Signature.NONE
    binding: Binding = Binding.OTHER
    for_us: bool | None = None
    headers: Headers = Headers.ABSENT


def judge(e: Evidence) -> Seal:
    """The one seal value for this evidence. Total: every combination has an answer, and the worse news wins."""
    if e.shape is Shape.PLAIN:
        return Seal.NEVER_SEALED
    if e.shape is Shape.MALFORMED:
        return Seal.BROKEN
    if e.key is Key.NONE:
        return Seal.LOCKED
    match e.integrity:
        case Integrity.ALTERED:
            return Seal.BROKEN
        case Integrity.TOO_BIG:
            return Seal.TOO_BIG
        case Integrity.UNSUPPORTED:
            return Seal.UNSUPPORTED
    if e.grammar is Grammar.OTHER:
        return Seal.BROKEN
    match e.signature:
        case Signature.NONE:
            return Seal.UNSIGNED
        case Signature.UNKNOWN:
            return Seal.SIGNER_UNKNOWN
        case Signature.BAD | Signature.AHEAD:
            return Seal.SIGNATURE_BAD  # whoever waits until the time has come never sees this of one that is ahead
        case Signature.REVOKED:
            return Seal.SIGNER_REVOKED
        case Signature.EXPIRED:
            return Seal.SIGNER_EXPIRED
    if e.binding is Binding.OTHER:
        return Seal.SIGNED_BY_OTHER
    if e.for_us is False:
        return Seal.NOT_FOR_US
    if e.headers is Headers.DIFFER:
        return Seal.HEADERS_DIFFER
    return {
        Binding.CHANGED: Seal.SIGNED_CHANGED_KEY,
        Binding.FIRST_SEEN: Seal.SIGNED_FIRST_SEEN,
        Binding.PINNED: Seal.SIGNED_PINNED,
        Binding.VERIFIED: Seal.SIGNED_VERIFIED,
    }[e.binding]


PROVEN = frozenset({Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED, Seal.SIGNED_VERIFIED})
"""Only letters with one of these may feed keys or addresses to the address book."""

TEXT_WITHHELD = frozenset({Seal.LOCKED, Seal.BROKEN, Seal.TOO_BIG, Seal.UNSUPPORTED})
"""With one of these there is no text to show: the parcel is kept as it came."""

CAUTION = frozenset(
    {
        Seal.SIGNATURE_BAD,
        Seal.SIGNED_BY_OTHER,
        Seal.SIGNED_CHANGED_KEY,
        Seal.SIGNER_REVOKED,
        Seal.NOT_FOR_US,
        Seal.HEADERS_DIFFER,
    }
)
"""Of a letter with one of these nothing is shown until its reader asks for it all the same."""
