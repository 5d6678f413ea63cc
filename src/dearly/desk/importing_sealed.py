"""Sealed mail in an archive: opened one by one like any letter, with the keys that are here. What no key of ours opens
is kept as it is, and opened when its key is given (`open_kept`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial

from dearly.desk import indexing, newcomers, parcels
from dearly.desk.desk import Desk
from dearly.desk.parcels import Reading, read_parcel
from dearly.drawer import arrivals, importing, importing_left, objects
from dearly.drawer.connection import Db
from dearly.drawer.importing_values import Content, Imported, PackedEnclosure
from dearly.letter.envelope import Way
from dearly.letter.errors import DearlyError
from dearly.letter.sealing import Seal
from dearly.letter.words import _


async def opened(
    desk: Desk, raw: bytes, *, lay_in_sent: bool, ours: frozenset[str], place: str, now: datetime
) -> Imported:
    """The original, with the letter in it where it could be opened. `ours`: keys of our addresses."""
    return packed(raw, await read_parcel(desk, raw), lay_in_sent=lay_in_sent, ours=ours, place=place, now=now)


async def open_kept(desk: Desk) -> tuple[int, int]:
    """Try anew what was taken in sealed and could not be opened: how many are letters now, and how many are not."""
    after, now_open, still = 0, 0, 0
    mine = await desk.drawer.read(parcels.ours)
    while numbers := await desk.drawer.read(partial(importing_left.kept_sealed, after=after)):
        while numbers:
            raws = await desk.drawer.read(partial(_originals, numbers=numbers))
            async with aclosing(parcels.batches(desk, raws, mine)) as batches:
                async for some in batches:
                    filed = await desk.drawer.write(partial(_file, desk=desk, raws=raws, unsealed=some, mine=mine))
                    now_open, still = now_open + filed, still + len(some) - filed
            numbers, after = numbers[len(raws) :], max(raws)
    return now_open, still


def _originals(db: Db, *, numbers: Sequence[int]) -> dict[int, bytes]:
    """The first of them, few enough to be opened together."""
    found: dict[int, bytes] = {}
    for number in numbers[: parcels.AT_ONCE]:
        found[number] = arrivals.raw(db, number)
        if sum(map(len, found.values())) >= parcels.WEIGHT:
            break
    return found


def _file(
    db: Db,
    *,
    desk: Desk,
    raws: Mapping[int, bytes],
    unsealed: Mapping[int, parcels.Unsealed | DearlyError],
    mine: parcels.Ours,
) -> int:
    """Judge and file what was opened, in order; how many became letters."""
    now, filed = desk.clock.now(), 0
    ours = frozenset(one.key for one in mine.addresses)
    for number, one in unsealed.items():
        if isinstance(one, DearlyError):
            raise one
        reading = parcels.judged(db, one.opened)
        filed += importing.file_late(
            db,
            number,
            packed(raws[number], reading, lay_in_sent=False, ours=ours, place="", now=now),
            meet=lambda db, who: newcomers.person_of(db, desk, who).id,
            now=now,
            chance=desk.chance,
            index=indexing.index,
        )
    return filed


def packed(
    raw: bytes, reading: Reading, *, lay_in_sent: bool, ours: frozenset[str], place: str, now: datetime
) -> Imported:
    """What the drawer keeps of a parcel that was opened, or could not be."""
    found = reading.opened
    letter = found.letter
    head = letter.heading if letter else found.outer
    sender = head.sender if head else None
    content = None
    if letter is not None and found.inner_sha256 is not None and head is not None:
        sent = lay_in_sent or (sender is not None and sender.address.key in ours)
        content = Content(
            direction="out" if sent else "in",
            letter_id=head.letter_id,
            inner_sha256=found.inner_sha256,
            senders=head.senders[:1],
            to=head.to,
            cc=head.cc,
            date=head.date or now,
            subject=head.subject,
            text=letter.text,
            packed_text=objects.pack_text(letter.text),
            html=None if letter.html is None or head.letter_format else objects.pack(letter.html.encode()),
            enclosures=tuple(
                PackedEnclosure(one.name, one.media_type, objects.pack(one.data), one.cid) for one in letter.enclosures
            ),
            in_reply_to=head.in_reply_to,
            references=head.references,
            letter_no=head.letter_no,
            commonmark=bool(head.letter_format),
            postcard=sent and reading.seal is Seal.NEVER_SEALED,
            signature=reading.signed,
            seal=None if sent else reading.seal,
            quantum_safe=found.quantum_safe,
            signer=reading.signer,
            signed_at=found.signed_at,
        )
    return Imported(
        objects.pack(raw),
        Way.MAIL,
        place,
        now,
        content,
        sender,
        head.letter_id if head else None,
        found.seal_sha256,
        reading.seal,
        "" if content else _why(reading),
    )


def _why(reading: Reading) -> str:
    if reading.seal is Seal.LOCKED:
        return _("It is sealed, and its key is not here.")
    trouble = reading.opened.trouble
    if trouble is not None:
        return f"{trouble.message} {trouble.hint}".strip()
    return _("It is sealed, and cannot be opened here.")
