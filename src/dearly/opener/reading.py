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
from dearly.letter.sealing import TEXT_WITHHELD, Evidence, Headers, Shape, Signature, Signed, judge
from dearly.letter.words import _
from dearly.mime import autocrypt, charset, pgpmime, report
from dearly.mime.outline import Body, Outline
from dearly.mime.read import Unreadable, compare_headers, outline, readable
from dearly.mime.signed import SignedText, foreign_signature, signed_in_part, signed_whole
from dearly.opener import gossip
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import FIND, KEYS, MOST_ISSUERS, Open
from dearly.opener.values import Heading, Introduced, Opened, OpenedLetter, Outside, Trouble, unopened
from dearly.seal import openpgp, trust

Ask = Callable[[Operation[Any, Any], Any], Any]


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
        return _read_cleartext(opened, what, outside, ask)
    if shape is Shape.MALFORMED or armor is None:
        return opened
    taken = openpgp.outer(armor)
    del armor  # the largest letter has to fit in here several times over, so nothing is held on to
    if taken.shape is not Shape.SEALED:
        return replace(opened, evidence=Evidence(Shape.MALFORMED))
    opened = replace(opened, seal_sha256=taken.seal_sha256, quantum_safe=taken.quantum_safe)
    unpacked = openpgp.unpack(taken, ask(KEYS, taken.pkesks) if taken.pkesks else (), what.limit)
    del taken
    return _read_unpacked(opened, what, outside, unpacked, ask)


def _read_cleartext(opened: Opened, what: Open, outside: Outline, ask: Ask) -> Opened:
    """A letter that was never sealed, a postcard. A signature around all of it is looked at, and proves its text alone.

    What its root says of protected headers means nothing here: nothing was sealed (A19)."""
    whole = signed_whole(what.raw, outside)
    verified = openpgp.Verified(Signature.NONE)
    if whole is not None:
        text = openpgp.detached(whole.data, whole.signature, text_only=whole.text is not None)
        # Only with certificates that the drawer knows: a key that comes with the letter would prove nothing.
        given: tuple[bytes, ...] = ask(FIND, text.issuers[:MOST_ISSUERS]) if text.issuers else ()
        verified = openpgp.verify(text, given, what.now)
    body = readable(what.raw, outside, inside=False)
    if whole is not None and whole.text is not None:
        body = replace(body, text=charset.decode(whole.text, outside.root.charset))
    return replace(
        opened,
        inner_sha256=cleartext_sha256(what.raw, outside),
        letter=_letter(heading(outside), body, inside=False),
        introduced=_introduced(outside, outside, inside=False),
        evidence=replace(opened.evidence, for_us=_named((*outside.to, *outside.cc), what.our_addresses)),
        signers=verified.signers,
        named=verified.named,
        signed_at=verified.signed_at,
        signed=_signed(what.raw, outside, whole, verified.signature),
    )


def _signed(raw: bytes, outside: Outline, whole: SignedText | None, found: Signature) -> Signed:
    if whole is None:
        if foreign_signature(outside):
            return Signed.UNKNOWN
        return Signed.IN_PART if signed_in_part(raw, outside) else Signed.NONE
    if found is Signature.HOLDS:
        return Signed.HOLDS if _agrees(whole, outside) else Signed.BAD
    return Signed.UNKNOWN if found in (Signature.UNKNOWN, Signature.NONE) else Signed.BAD


def _agrees(whole: SignedText, outside: Outline) -> bool:
    """Whether the header fields inside the signed part, where it has some (RFC 9788 2.1), are those of the letter."""
    if whole.text is not None:
        return True
    try:
        inside = outline(whole.data)
    except Unreadable:
        return False
    same_subject = not inside.subject or inside.subject == outside.subject
    return same_subject and compare_headers(inside, outside) is not Headers.DIFFER


def _read_unpacked(opened: Opened, what: Open, outside: Outline, unpacked: openpgp.Unpacked, ask: Ask) -> Opened:
    """What was sealed, now proven whole or not: judge its signatures and read the letter."""
    evidence = Evidence(Shape.SEALED, unpacked.key, unpacked.integrity, unpacked.grammar)
    opened = replace(opened, evidence=evidence)
    if judge(evidence) in TEXT_WITHHELD:
        return opened
    inner: Outline | None = None
    trouble: Trouble | None = None
    data = unpacked.data
    if outside.root.content_type == "multipart/encrypted":
        try:
            unpacked = _signed_before(unpacked)
            data, inner = _unwrapped(unpacked.data)
        except Unreadable as error:
            trouble = Trouble(error.code, error.message, error.hint)
    opened = replace(opened, inner_sha256=hashlib.sha256(unpacked.data).digest(), issuers=unpacked.issuers)
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
        named=judged.verified.named,
        signed_at=judged.verified.signed_at,
        introduced=judged.introduced,
        found=judged.found,
        letter=None if trouble else _sealed_letter(data, inner, outside),
        trouble=trouble,
    )


def _signed_before(unpacked: openpgp.Unpacked) -> openpgp.Unpacked:
    """RFC 3156 6.1: signed as a multipart/signed first, and then sealed as a whole. The one layer directly below the
    seal is part of it (RFC 9787); only what it signs is the letter, so fields beside that are not read. Raises
    `Unreadable`."""
    if unpacked.signatures:
        return unpacked
    whole = signed_whole(unpacked.data, outline(unpacked.data))
    if whole is None or whole.text is not None:
        return unpacked
    text = openpgp.detached(whole.data, whole.signature)
    if not text.signatures:
        return unpacked
    return replace(unpacked, data=text.data, signatures=text.signatures, issuers=text.issuers)


def _unwrapped(data: bytes) -> tuple[bytes, Outline]:
    """The signed part and its outline; where a program put its header fields there by wrapping the whole message once
    (RFC 8551 3.1, and the drafts before RFC 9788), that message. A second wrapping is an enclosure, as is a message
    that somebody passes on (A19). Raises `Unreadable`."""
    seen = outline(data)
    root = seen.root
    meant = root.parameters.get("forwarded", "").lower() == "no" or "protected-headers" in root.parameters
    if root.content_type != "message/rfc822" or not meant or root.cte in ("base64", "quoted-printable"):
        return data, seen
    inside = data[root.body : root.end]
    return inside, outline(inside)


def _sealed_letter(data: bytes, inner: Outline | None, outside: Outline) -> OpenedLetter:
    """The signed part as a letter. Where it names no sender, or is no MIME at all (an armor as the whole text of a
    letter, RFC 3156 aside), the header outside is all there is."""
    if inner is None:
        return _letter(heading(outside), Body(_plain_text(data)), inside=False)
    inside = bool(inner.from_fields)
    if not inside:
        head = replace(heading(outside), subject=inner.subject or outside.subject)
    elif inner.hp is None and not inner.hp_outer:
        head = _completed(heading(inner), outside)
    else:
        head = heading(inner)
    return _letter(head, readable(data, inner), inside=inside)


def _completed(inside: Heading, outside: Outline) -> Heading:
    """Programs before RFC 9788 put some fields under the seal and others not. What a thread hangs on, and the day, is
    then taken from outside, where the inside says nothing of it: no more than a claim, but the only one there is."""
    threaded = inside.in_reply_to is not None or bool(inside.references)
    return replace(
        inside,
        letter_id=inside.letter_id or outside.message_id,
        date=inside.date or outside.date,
        in_reply_to=inside.in_reply_to if threaded else outside.in_reply_to,
        references=inside.references if threaded else outside.references,
    )


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
    given: tuple[bytes, ...] = ask(FIND, unpacked.issuers[:MOST_ISSUERS]) if unpacked.issuers else ()
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
    line ends and without empty lines at its end, so that it survives the ways of carriers and mailbox files.

    Of one that has neither Date nor Message-ID also what the server that took it first says: the same few words may
    have been written on two days."""
    names = ("from", "date", "message-id", "to")
    head = "".join(f"{name}: {outside.first(name)}\n" for name in names)
    if not outside.first("date") and not outside.first("message-id"):
        head += next((f"{name}: {value}\n" for name, value in reversed(outside.headers) if name == "received"), "")
    body = raw[outside.root.body : outside.root.end].replace(b"\r\n", b"\n").rstrip(b"\n")
    return hashlib.sha256(head.encode(errors="replace") + b"\n" + body).digest()
