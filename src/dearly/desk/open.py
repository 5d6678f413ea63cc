"""Act 8: the letterbox, opening, reading; and act 10's correspondence, as a list.

Opening happens in the limited child; here its evidence meets the address book, the truth table names the seal, and
letter, certificate and arrival change in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from dearly.desk import dateline, indexing, introductions, lists, newcomers, parcels, saving, signatures
from dearly.desk.desk import Desk
from dearly.desk.values import EnvelopeView, LetterView, Opened
from dearly.drawer import arrivals, keyring, knocks, letters, people, pieces
from dearly.drawer.connection import Db
from dearly.letter.address import Correspondent
from dearly.letter.errors import Damaged, DearlyError, NotFound, Refused
from dearly.letter.failpoint import reach
from dearly.letter.sealing import Seal, Signature, Signed
from dearly.letter.words import _
from dearly.opener import values as opener

_NOT_FOR_READING = frozenset({arrivals.ArrivalState.OWN, arrivals.ArrivalState.REPORT, arrivals.ArrivalState.REFUSED})

_OPEN = frozenset({arrivals.ArrivalState.OPENED, arrivals.ArrivalState.SAME})


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
    return await desk.drawer.read(lists.letterbox)


async def open_letter(desk: Desk, number: int, save_to: Path | None = None) -> Opened:
    """Open an envelope; opened before, it is simply shown. `save_to`: a folder for its enclosures.

    A parcel that cannot be opened stays as it came: state "unreadable", with the reason, and no text. Opening it again
    tries again. Raises `NotFound` (no_arrival), `DatedAhead`."""
    for error in (await open_many(desk, [number])).values():
        raise error
    return await show(desk, number, save_to)


async def open_many(desk: Desk, numbers: Sequence[int]) -> dict[int, DearlyError]:
    """Open envelopes, in this order; what was opened before stays as it is. Those of which nothing is known now, by
    number, and why: as `open_letter` raises.

    Some are being opened while others are filed, a number of them in one transaction. Each is judged there, by the
    address book as the letters before it left it."""
    done = await _open(desk, numbers)
    if done.belongs:
        await open_what_belongs(desk)
    return done.closed


async def open_what_belongs(desk: Desk) -> list[int]:
    """Open the mails with enclosures that letters opened before are waiting for (`drawer.pieces`): they are part of
    those letters, and nobody has to ask for them. Their numbers."""
    numbers = await desk.drawer.read(pieces.waiting_arrivals)
    for error in (await _open(desk, numbers)).closed.values():
        if not isinstance(error, DatedAhead):
            raise error
    return numbers


@dataclass(slots=True)
class _Envelopes:
    """The next envelopes to be opened, out of one look. `looked`: at how many numbers."""

    mine: parcels.Ours
    raws: dict[int, bytes] = field(default_factory=dict)
    not_for_reading: dict[int, DearlyError] = field(default_factory=dict)
    looked: int = 0


@dataclass(slots=True)
class _Done:
    """What became of envelopes. `closed`: why these are not open. `belongs`: whether a letter waits for a mail here."""

    closed: dict[int, DearlyError] = field(default_factory=dict)
    belongs: bool = False


async def _open(desk: Desk, numbers: Sequence[int]) -> _Done:
    done = _Done()
    while numbers:
        envelopes = await desk.drawer.read(partial(_envelopes, numbers=numbers))
        done.closed |= envelopes.not_for_reading
        numbers = numbers[envelopes.looked :]
        if envelopes.raws:
            await _open_some(desk, envelopes, done)
    return done


def _envelopes(db: Db, numbers: Sequence[int]) -> _Envelopes:
    found = _Envelopes(parcels.ours(db))
    weight = 0
    for number in numbers:
        found.looked += 1
        try:
            arrival = arrivals.arrival(db, number)
            if arrival.state in _NOT_FOR_READING:
                raise NotFound(
                    "no_arrival",
                    _("Number {number} is no letter that came for you.").format(number=number),
                    _("“dearly letterbox” shows what came."),
                )
            if arrival.state not in _OPEN:
                found.raws[number] = arrivals.raw(db, number)
                weight += len(found.raws[number])
        except DearlyError as error:
            found.not_for_reading[number] = error
            if isinstance(error, Damaged):
                break  # nothing else can be read in the same snapshot
        if len(found.raws) >= parcels.AT_ONCE or weight >= parcels.WEIGHT:
            break
    return found


async def _open_some(desk: Desk, envelopes: _Envelopes, done: _Done) -> None:
    async with aclosing(parcels.batches(desk, envelopes.raws, envelopes.mine)) as batches:
        async for some in batches:
            ready: dict[int, parcels.Unsealed] = {}
            for number, one in some.items():
                if isinstance(one, DearlyError):
                    done.closed[number] = one
                elif one.opened.evidence.signature is Signature.AHEAD and one.opened.signed_at is not None:
                    done.closed[number] = DatedAhead(one.opened.signed_at.astimezone(desk.clock.local().tzinfo))
                else:
                    ready[number] = one
            if ready:
                reach("open.opened")
                await _file(desk, ready, done)


async def _file(desk: Desk, ready: Mapping[int, parcels.Unsealed], done: _Done) -> None:
    """File what was opened, in one transaction; where that cannot be, each alone."""

    def work(db: Db) -> bool:
        for number, one in ready.items():
            _file_one(db, desk, number, one)
        return bool(pieces.waiting_arrivals(db))

    try:
        done.belongs = await desk.drawer.write(work)
    except DearlyError as error:
        if len(ready) == 1:
            done.closed |= dict.fromkeys(ready, error)
            return
        for number, one in ready.items():
            await _file(desk, {number: one}, done)
    reach("open.after-commit")


async def show(desk: Desk, number: int, save_to: Path | None = None) -> Opened:
    """A letter, ours or theirs, a draft, or a parcel that could not be opened. Raises `NotFound` (no_letter)."""
    look = partial(lists.letter, number=number)
    view, enclosures = await desk.drawer.read(look)
    if view.signature is Signed.UNKNOWN and await signatures.look_at(desk, view.number):
        view, enclosures = await desk.drawer.read(look)
    saved = await asyncio.to_thread(saving.save, enclosures, save_to) if save_to is not None else []
    return Opened(view, enclosures, tuple(saved))


async def correspondence(desk: Desk, name: str) -> list[LetterView]:
    """Every letter to and from someone, oldest first. Raises `NotFound` (unknown_person)."""
    return await desk.drawer.read(partial(lists.correspondence, name=name))


def _file_one(db: Db, desk: Desk, number: int, unsealed: parcels.Unsealed) -> None:
    """Judge a letter and file it, or mark its envelope as unreadable."""
    now = desk.clock.now()
    reading = parcels.judged(db, unsealed.opened)
    opened, letter = reading.opened, reading.opened.letter
    if letter is None or opened.inner_sha256 is None:
        why = f"{opened.trouble.message} {opened.trouble.hint}".strip() if opened.trouble else ""
        arrivals.mark_unreadable(db, number, reading.seal, why, now)
        return
    heading = letter.heading
    proves = reading.seal is not Seal.NEVER_SEALED or reading.signed is Signed.HOLDS
    person = _let_in(db, desk, number, heading.sender, reading)
    received = letters.Received(
        letter_id=heading.letter_id,
        inner_sha256=opened.inner_sha256,
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
    introductions.file(db, filed.number, unsealed.brought, now)
    reach("open.before-commit")


def _announced(chat: opener.Chat | None) -> pieces.Announced | None:
    if chat is None or chat.announces is None:
        return None
    return pieces.Announced(chat.announces, chat.name, chat.size)


def _let_in(db: Db, desk: Desk, number: int, sender: Correspondent | None, reading: parcels.Reading) -> int | None:
    """The person whose correspondence the letter joins. Opening a stranger's first letter lets the stranger in, by the
    name the letter gives; it pins a key only where the seal proves one, as first seen."""
    if sender is None:
        return None
    now = desk.clock.now()
    person = people.person_of_address(db, sender.address, sender.name)
    if person is None or knocks.heard_of(db, sender.address.key):
        person = person or newcomers.person_of(db, desk, sender)
        arrivals.let_in(db, number, person.id, now)
    if reading.signer is not None and reading.seal in parcels.TAKEN:
        keyring.saw(db, person.id, sender.address, reading.signer, "letter", now)
        if reading.seal in {Seal.SIGNED_PINNED, Seal.SIGNED_VERIFIED}:
            keyring.mark_used(db, person.id, sender.address, now)
    return person.id
