"""Act 8: the letterbox, opening, reading; and act 10's correspondence, as a list.

Opening happens in the limited child; here its evidence meets the address book, the truth table names the seal, and
letter, certificate and arrival change in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from dearly.desk import certificates, dateline, indexing, introductions, newcomers, saving, views
from dearly.desk.desk import Desk
from dearly.desk.recognise import best, recognise
from dearly.desk.values import EnvelopeView, LetterView, Opened
from dearly.drawer import accounts, arrivals, drafts, keyring, letters, people, pieces
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure
from dearly.letter.errors import NotFound, Refused
from dearly.letter.failpoint import reach
from dearly.letter.sealing import PROVEN, Binding, Seal, Signature, Signed, judge
from dearly.letter.words import _
from dearly.opener import values as opener
from dearly.seal.trust import CertificateFacts

_BY_AN_OLD_COPY = frozenset({Signature.EXPIRED, Signature.BAD, Signature.UNKNOWN})
"""What a signature comes to that was made by a key which our copy of the certificate does not show as good."""

_KNOWN_FOR_THEM = frozenset({Binding.FIRST_SEEN, Binding.PINNED, Binding.VERIFIED})

_NOT_FOR_READING = frozenset({arrivals.ArrivalState.OWN, arrivals.ArrivalState.REPORT, arrivals.ArrivalState.REFUSED})


class DatedAhead(Refused):
    """The seal was made at a time that is still to come, by a key that is known. It is no forgery: one of two clocks is
    wrong. The envelope stays closed, and is judged anew when it is opened the next time (F12). `until`: local time."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            "dated_ahead",
            _(
                "This letter says that it was sealed on {time}, which is still to come: one of two clocks is wrong."
            ).format(time=dateline.moment(until)),
            _("Open it after that time, or set the clock of this machine. It lies here unharmed."),
        )


async def letterbox(desk: Desk) -> list[EnvelopeView]:
    """What lies in the letterbox, the last arrived first."""
    return await desk.drawer.read(lambda db: [views.envelope_view(one) for one in arrivals.letterbox(db)])


async def open_letter(desk: Desk, number: int, save_to: Path | None = None) -> Opened:
    """Open an envelope; opened before, it is simply shown. `save_to`: a folder for its enclosures.

    A parcel that cannot be opened stays as it came: state "unreadable", with the reason, and no text. Opening it again
    tries again. Raises `NotFound` (no_arrival), `DatedAhead`."""
    arrival = await desk.drawer.read(lambda db: arrivals.arrival(db, number))
    if arrival.state in _NOT_FOR_READING:
        raise NotFound(
            "no_arrival",
            _("Number {number} is no letter that came for you.").format(number=number),
            _("“dearly letterbox” shows what came."),
        )
    if arrival.state not in {arrivals.ArrivalState.OPENED, arrivals.ArrivalState.SAME}:
        await _open(desk, number)
        await open_what_belongs(desk)
    return await show(desk, number, save_to)


async def open_what_belongs(desk: Desk) -> list[int]:
    """Open the mails with enclosures that letters opened before are waiting for (`drawer.pieces`): they are part of
    those letters, and nobody has to ask for them. Their numbers."""
    numbers = await desk.drawer.read(pieces.waiting_arrivals)
    for number in numbers:
        with suppress(DatedAhead):
            await _open(desk, number)
    return numbers


async def _open(desk: Desk, number: int) -> None:
    reading = await read_parcel(desk, await desk.drawer.read(lambda db: arrivals.raw(db, number)))
    if reading.opened.evidence.signature is Signature.AHEAD and reading.opened.signed_at is not None:
        raise DatedAhead(reading.opened.signed_at.astimezone(desk.clock.local().tzinfo))
    reach("open.opened")
    await _file(desk, number, reading)
    reach("open.after-commit")


async def show(desk: Desk, number: int, save_to: Path | None = None) -> Opened:
    """A letter, ours or theirs, a draft, or a parcel that could not be opened. Raises `NotFound` (no_letter)."""

    def work(db: Db) -> tuple[LetterView, tuple[Enclosure, ...]]:
        try:
            view = views.letter_view(db, number)
        except NotFound:
            with suppress(NotFound):
                return views.draft_view(drafts.load(db, number)), drafts.whole(db, number).enclosures
            with suppress(NotFound):
                arrival = arrivals.arrival(db, number)
                if arrival.state is arrivals.ArrivalState.UNREADABLE:
                    return views.unreadable_view(arrival), ()
            raise
        return view, tuple(letters.enclosure(db, view.number, at) for at in range(len(view.enclosures)))

    view, enclosures = await desk.drawer.read(work)
    saved = await asyncio.to_thread(saving.save, enclosures, save_to) if save_to is not None else []
    return Opened(view, enclosures, tuple(saved))


async def correspondence(desk: Desk, name: str) -> list[LetterView]:
    """Every letter to and from someone, oldest first. Raises `NotFound` (unknown_person)."""

    def work(db: Db) -> list[LetterView]:
        person = people.find(db, name).id
        found: list[LetterView] = []
        after: int | None = None
        while lines := letters.correspondence(db, person, after=after):
            found += [views.letter_view(db, line.number) for line in lines]
            after = lines[-1].number
        return found

    return await desk.drawer.read(work)


@dataclass(frozen=True, slots=True)
class Reading:
    """What opening came to, judged. `speaker`: facts of the certificate that proves the sender, if any does.
    `signed`: of a letter that was never sealed, what its signature is worth for this sender."""

    opened: opener.Opened
    seal: Seal
    signer: str | None
    speaker: CertificateFacts | None
    signed: Signed
    brought: list[introductions.Brought]


async def read_parcel(desk: Desk, raw: bytes) -> Reading:
    """Open a parcel and judge it. Certificates that it brings, and that are taken, are kept; nothing else is changed.
    Raises `DearlyError` where no process could read it, for no fault of the parcel's."""

    def ours(db: Db) -> tuple[str, Sequence[Address]]:
        return keyring.own_key(db).fingerprint, accounts.own_addresses(db, left=True)

    async def find(issuers: Sequence[str]) -> list[bytes]:
        known = await desk.drawer.read(lambda db: keyring.certificates_by_key_ids(db, issuers))
        return [certificate.body for certificate in known]

    fingerprint, addresses = await desk.drawer.read(ours)
    await asyncio.gather(
        desk.opener.start(), desk.keyholder.ready()
    )  # both children at once, where they do not run yet

    async def once() -> opener.Opened:
        return await desk.opener.open(
            raw,
            desk.keyholder.session_keys,
            find,
            now=desk.clock.now(),
            our_fingerprints=[fingerprint],
            our_addresses=addresses,
        )

    opened = await once()
    # A newer copy of a key that we have may have come in this very letter: then its signature is judged by that.
    if await introductions.renewed(desk, opened) and opened.evidence.signature in _BY_AN_OLD_COPY:
        opened = await once()
    signers = await _signers(desk, opened)
    sender = _sender(opened)

    def look(db: Db) -> tuple[Seal, str | None, Signed]:
        person = people.person_of_address(db, sender.address, sender.name) if sender else None
        bindings = {
            one: recognise(
                keyring.standing(db, person.id if person else None, one),
                speaks_for_sender=_speaks(facts, opened, sender),
            )
            for one, facts in signers.items()
        }
        binding, signer = best(bindings)
        signed = opened.signed
        if signed is Signed.HOLDS and not (
            person and any(keyring.standing(db, person.id, one) in _KNOWN_FOR_THEM for one in opened.signers)
        ):
            signed = Signed.UNKNOWN  # by somebody else's key, or one that nobody knows for this person (A07)
        return judge(replace(opened.evidence, binding=binding)), signer, signed

    seal, signer, signed = await desk.drawer.read(look)
    speaker = signers.get(signer) if signer is not None else None
    if speaker is not None and (seal in PROVEN or seal is Seal.SIGNED_CHANGED_KEY):
        await _keep_certificate(desk, opened, speaker)
    return Reading(opened, seal, signer, speaker, signed, await introductions.gather(desk, opened, seal))


async def _signers(desk: Desk, opened: opener.Opened) -> dict[str, CertificateFacts]:
    """The facts of every certificate whose signature holds, by fingerprint."""
    now = desk.clock.now()
    facts = [await desk.opener.examine(certificate, now) for certificate in opened.found]
    found = {one.fingerprint: one for one in facts}
    for fingerprint in opened.signers:
        if fingerprint not in found:
            known = await desk.drawer.read(lambda db, f=fingerprint: keyring.certificate(db, f))  # type: ignore[misc]  # bound now
            if known is not None:
                found[fingerprint] = await desk.opener.examine(known.body, now)
    return {fingerprint: found[fingerprint] for fingerprint in opened.signers if fingerprint in found}


def _sender(opened: opener.Opened) -> Correspondent | None:
    heading = opened.letter.heading if opened.letter else opened.outer
    return heading.sender if heading else None


def _speaks(facts: CertificateFacts, opened: opener.Opened, sender: Correspondent | None) -> bool:
    """Whether the certificate itself claims the sender's address: in a User ID, or by the Autocrypt field inside."""
    if sender is None:
        return False
    if any(address.same(sender.address) for address in facts.addresses):
        return True
    said = opened.introduced
    return (
        said is not None and said.inside and said.fingerprint == facts.fingerprint and said.address.same(sender.address)
    )


async def _keep_certificate(desk: Desk, opened: opener.Opened, speaker: CertificateFacts) -> None:
    """Keep the signer's certificate where it came in this letter; a newer copy of one that was here is joined already
    (`introductions.renewed`)."""
    now = desk.clock.now()
    for certificate in opened.found:
        if (await desk.opener.examine(certificate, now)).fingerprint == speaker.fingerprint:
            await certificates.take_in(desk, certificate, "signature")


async def _file(desk: Desk, number: int, reading: Reading) -> None:
    now = desk.clock.now()
    opened, letter = reading.opened, reading.opened.letter
    if letter is None or opened.inner_sha256 is None:
        why = f"{opened.trouble.message} {opened.trouble.hint}".strip() if opened.trouble else ""
        await desk.drawer.write(lambda db: arrivals.mark_unreadable(db, number, reading.seal, why, now))
        return
    inner_sha256 = opened.inner_sha256
    heading = letter.heading

    proves = reading.seal is not Seal.NEVER_SEALED or reading.signed is Signed.HOLDS

    def work(db: Db) -> None:
        person = _let_in(db, desk, number, heading.sender, reading)
        received = letters.Received(
            letter_id=heading.letter_id,
            inner_sha256=inner_sha256,
            sender=heading.sender,
            to=heading.to,
            cc=heading.cc,
            date=heading.date or now,
            subject=heading.subject,
            text=letter.text,
            seal=reading.seal,
            # Of a letter of Dearly's own the text is the letter, and the HTML only a rendering of it for others.
            html=None if heading.letter_format else letter.html,
            enclosures=letter.enclosures,
            in_reply_to=heading.in_reply_to,
            references=heading.references,
            letter_no=heading.letter_no,
            quantum_safe=opened.quantum_safe,
            signer=reading.signer if proves else None,
            signed_at=opened.signed_at if proves else None,
            signature=reading.signed,
            person=person,
            commonmark=bool(heading.letter_format),
            announces=_announced(opened.chat),
            behind=opened.chat is not None and opened.chat.behind,
        )
        filed = letters.file_received(db, number, received, now)
        indexing.index(db, filed.number)
        introductions.file(db, filed.number, reading.brought, now)
        reach("open.before-commit")

    await desk.drawer.write(work)


def _announced(chat: opener.Chat | None) -> pieces.Announced | None:
    if chat is None or chat.announces is None:
        return None
    return pieces.Announced(chat.announces, chat.name, chat.size)


def _let_in(db: Db, desk: Desk, number: int, sender: Correspondent | None, reading: Reading) -> int | None:
    """The person whose correspondence the letter joins. Opening a stranger's first letter lets the stranger in, by the
    name the letter gives; it pins a key only where the seal proves one, as first seen."""
    if sender is None:
        return None
    now = desk.clock.now()
    person = people.person_of_address(db, sender.address, sender.name)
    if person is None:
        person = newcomers.person_of(db, desk, sender)
        arrivals.let_in(db, number, person.id, now)
    if reading.speaker is not None and (reading.seal in PROVEN or reading.seal is Seal.SIGNED_CHANGED_KEY):
        keyring.saw(db, person.id, sender.address, reading.speaker.fingerprint, "letter", now)
        if reading.seal in {Seal.SIGNED_PINNED, Seal.SIGNED_VERIFIED}:
            keyring.mark_used(db, person.id, sender.address, now)
    return person.id
