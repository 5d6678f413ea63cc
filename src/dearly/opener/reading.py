"""What a child does with one parcel: from raw bytes to evidence, each step only after the one before it held.

Pure, apart from two questions to the desk: session keys for PKESK bodies, and certificates for issuer ids. All that is
wrong with a parcel, or with us while we read it, ends in the evidence or in `trouble`; only MemoryError passes through.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from dearly.letter.address import Address
from dearly.letter.errors import DearlyError
from dearly.letter.sealing import TEXT_WITHHELD, Evidence, Headers, Shape, Signature, judge
from dearly.letter.words import _
from dearly.mime import autocrypt, pgpmime, report
from dearly.mime.outline import Body, Outline
from dearly.mime.read import Unreadable, compare_headers, outline, readable
from dearly.opener import gossip
from dearly.opener.protocol import MOST_ISSUERS, Open
from dearly.opener.values import Heading, Introduced, Opened, OpenedLetter, Outside, Trouble, unopened
from dearly.seal import openpgp, trust

Ask = Callable[[str, Any], Any]


def look(raw: bytes) -> Outside:
    """The outside of a parcel. Raises `Unreadable`."""
    seen = outline(raw)
    shape, armor = pgpmime.shape(raw, seen)
    sealed = openpgp.outer(armor).seal_sha256 if armor is not None else None
    told = report.reports(raw, seen) if shape is Shape.PLAIN else ()
    return Outside(hashlib.sha256(raw).digest(), sealed or None, shape, heading(seen), seen.headers, told)


def open_parcel(what: Open, ask: Ask) -> Opened:
    """Open one parcel (letter.sealing says what each piece of evidence means)."""
    opened = unopened(what.raw)
    try:
        return _open(opened, what, ask)
    except (MemoryError, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a fault of ours must not cost the parcel; Rust panics are no Exception
        why = _("This letter could not be read ({kind}).").format(kind=type(error).__name__)
        return replace(opened, trouble=Trouble("unreadable", why, _("It is kept exactly as it came.")))


def _open(opened: Opened, what: Open, ask: Ask) -> Opened:
    try:
        outside = outline(what.raw)
        opened = replace(opened, outer=heading(outside))
        shape, armor = pgpmime.shape(what.raw, outside)
    except Unreadable as error:
        return replace(opened, trouble=Trouble(error.code, error.message, error.hint))
    opened = replace(opened, evidence=Evidence(shape))
    if shape is Shape.PLAIN:
        return _read_cleartext(opened, what, outside)
    if shape is Shape.MALFORMED or armor is None:
        return opened
    taken = openpgp.outer(armor)
    del armor  # the largest letter has to fit in here several times over, so nothing is held on to
    if taken.shape is not Shape.SEALED:
        return replace(opened, evidence=Evidence(Shape.MALFORMED))
    opened = replace(opened, seal_sha256=taken.seal_sha256, quantum_safe=taken.quantum_safe)
    unpacked = openpgp.unpack(taken, ask("keys", taken.pkesks) if taken.pkesks else (), what.limit)
    del taken
    return _read_unpacked(opened, what, outside, unpacked, ask)


def _read_cleartext(opened: Opened, what: Open, outside: Outline) -> Opened:
    """A letter that was never sealed, a postcard: nothing about it is proven."""
    return replace(
        opened,
        inner_sha256=cleartext_sha256(what.raw, outside),
        letter=_letter(heading(outside), readable(what.raw, outside), inside=False),
        introduced=_introduced(outside, outside, inside=False),
        evidence=replace(opened.evidence, for_us=_named((*outside.to, *outside.cc), what.our_addresses)),
    )


def _read_unpacked(opened: Opened, what: Open, outside: Outline, unpacked: openpgp.Unpacked, ask: Ask) -> Opened:
    """What was sealed, now proven whole or not: judge its signatures and read the letter."""
    evidence = Evidence(Shape.SEALED, unpacked.key, unpacked.integrity, unpacked.grammar)
    opened = replace(opened, evidence=evidence)
    if judge(evidence) in TEXT_WITHHELD:
        return opened
    opened = replace(opened, inner_sha256=hashlib.sha256(unpacked.data).digest(), issuers=unpacked.issuers)
    inner: Outline | None = None
    trouble: Trouble | None = None
    if outside.root.content_type == "multipart/encrypted":
        try:
            inner = outline(unpacked.data)
        except Unreadable as error:
            trouble = Trouble(error.code, error.message, error.hint)
    judged = _judge_signature(unpacked, inner, outside, what, ask)
    headers = compare_headers(inner, outside) if inner is not None else Headers.ABSENT
    evidence = replace(
        evidence, signature=judged.verified.signature, headers=headers, for_us=_for_us(judged.verified, inner, what)
    )
    told = inner if judged.verified.signature is Signature.HOLDS and inner is not None and inner.from_fields else None
    return replace(
        opened,
        evidence=evidence,
        gossiped=gossip.gossiped(told, what.our_addresses, _speaking, _fingerprint) if told else (),
        chat=gossip.chat(told) if told else None,
        signers=judged.verified.signers,
        signed_at=judged.verified.signed_at,
        introduced=judged.introduced,
        found=judged.found,
        letter=None if trouble else _sealed_letter(unpacked.data, inner, outside),
        trouble=trouble,
    )


def _sealed_letter(data: bytes, inner: Outline | None, outside: Outline) -> OpenedLetter:
    """The signed part as a letter. Where it names no sender, or is no MIME at all (an armor as the whole text of a
    letter, RFC 3156 aside), the header outside is all there is."""
    if inner is None:
        return _letter(heading(outside), Body(_plain_text(data)), inside=False)
    inside = bool(inner.from_fields)
    head = heading(inner) if inside else replace(heading(outside), subject=inner.subject or outside.subject)
    return _letter(head, readable(data, inner), inside=inside)


def _plain_text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class _Judged:
    verified: openpgp.Verified
    introduced: Introduced | None
    found: tuple[bytes, ...]


def _judge_signature(
    unpacked: openpgp.Unpacked, inner: Outline | None, outside: Outline, what: Open, ask: Ask
) -> _Judged:
    """Check the signatures with the certificates at hand, and with the one that the letter itself brings.

    That one is taken only from the Autocrypt field that speaks for the letter's own From, first from inside, and
    `verify` uses it only where it owns an id that a signature claims. Keys that lie in the letter as enclosures are
    never taken (A13)."""
    names = inner if inner is not None and inner.from_fields else outside
    introduced = _introduced(inner, names, inside=True) if inner is not None else None
    introduced = introduced or _introduced(outside, names, inside=False)
    if not unpacked.signatures:
        return _Judged(openpgp.Verified(Signature.NONE), introduced, ())
    given: tuple[bytes, ...] = ask("find", unpacked.issuers[:MOST_ISSUERS]) if unpacked.issuers else ()
    brought = (introduced.certificate,) if introduced else ()
    verified = openpgp.verify(unpacked, given + brought, what.now)
    if introduced and introduced.fingerprint in verified.signers:
        found = () if introduced.fingerprint in map(_fingerprint, given) else brought
        return _Judged(verified, introduced, found)
    return _Judged(verified, introduced, ())


@lru_cache(maxsize=256)
def _fingerprint(certificate: bytes) -> str:
    try:
        return trust.examine(certificate, datetime.now(UTC)).fingerprint
    except DearlyError:
        return ""


def _introduced(carries: Outline, names: Outline, *, inside: bool) -> Introduced | None:
    """The certificate in the Autocrypt field of `carries`, if it speaks for the one sender that `names` names."""
    if len(names.froms) != 1:
        return None
    address = names.froms[0].address
    field = autocrypt.for_sender(carries.autocrypt, address)
    certificate = _minimised(field.keydata, address) if field else None
    fingerprint = _fingerprint(certificate) if certificate else ""
    return Introduced(address, certificate, fingerprint, inside) if certificate and fingerprint else None


@lru_cache(maxsize=64)
def _minimised(keydata: bytes, address: Address) -> bytes | None:
    """Once for each certificate of people who write often."""
    try:
        return trust.minimise(keydata, address)
    except DearlyError:
        return None


def _speaking(keydata: bytes, address: Address) -> bytes | None:
    """A certificate of which one User ID is the address (A13: a key without it is nobody's)."""
    certificate = _minimised(keydata, address)
    if certificate is None:
        return None
    facts = trust.examine(certificate, datetime.now(UTC))
    return certificate if any(address.same(one) for one in facts.addresses) else None


def _for_us(verified: openpgp.Verified, inner: Outline | None, what: Open) -> bool | None:
    """A17: the intended recipients of the signature, or else the signed To and Cc, name us. None: nobody is named."""
    if verified.intended:
        return bool(set(verified.intended) & set(what.our_fingerprints))
    return _named((*inner.to, *inner.cc), what.our_addresses) if inner is not None else None


def _named(people: Sequence[Any], ours: Sequence[Address]) -> bool | None:
    keys = {address.key for address in ours}
    return any(person.address.key in keys for person in people) if people else None


def heading(seen: Outline) -> Heading:
    """The header fields of an outline."""
    return Heading(
        senders=seen.froms,
        from_fields=seen.from_fields,
        to=seen.to,
        cc=seen.cc,
        date=seen.date,
        subject=seen.subject,
        letter_id=seen.message_id,
        in_reply_to=seen.in_reply_to,
        references=seen.references,
        letter_no=seen.letter_no,
        letter_format=seen.letter_format,
    )


def _letter(head: Heading, body: Body, *, inside: bool) -> OpenedLetter:
    return OpenedLetter(head, inside, body.text, body.html, body.enclosures, body.left_out, body.cut)


def cleartext_sha256(raw: bytes, outside: Outline) -> bytes:
    """The identity of a letter that was never sealed: its From, Date, Message-ID and To as read, and its body with LF
    line ends and without empty lines at its end, so that it survives the ways of carriers and mailbox files."""
    names = ("from", "date", "message-id", "to")
    head = "".join(f"{name}: {outside.first(name)}\n" for name in names)
    body = raw[outside.root.body : outside.root.end].replace(b"\r\n", b"\n").rstrip(b"\n")
    return hashlib.sha256(head.encode(errors="replace") + b"\n" + body).digest()
