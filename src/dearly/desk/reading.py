"""Act 8, reading: a letter as it lies before one, on paper, with all that the desk knows of it beside the paper.

Foreign text becomes HTML in the limited child only (`opener.paper`); nothing of it is kept on the disk.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dearly.desk import signatures, views
from dearly.desk.desk import Desk
from dearly.desk.values import LetterView
from dearly.drawer import leafing, ledger, letters, people
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import Enclosed
from dearly.drawer.letters import Reply
from dearly.letter.content import Enclosure
from dearly.letter.errors import DearlyError, NotFound
from dearly.letter.sealing import CAUTION, Signed
from dearly.letter.words import _
from dearly.mime import plain
from dearly.opener.picture import Purpose
from dearly.opener.showing import Foreign, Paper, Picture, Sheet

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""Media types of what is shown as a picture, made anew; everything else is only saved."""

MOST_FRAMED = 24 << 20
"""Octets of pictures that stand in a locked frame; what goes beyond is left out of it."""

_FRAMED_SIDE = 1600


@dataclass(frozen=True, slots=True)
class EnclosedView:
    """An enclosure as listed. `position` counts from 0. `picture`: whether it can be shown; `placed`: whether it stands
    in the text already."""

    position: int
    name: str
    media_type: str
    size: int
    cid: str | None
    picture: bool
    placed: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A letter before its reader. `paper` None: not shown yet (see `cautious`), or there is no text at all.

    `claimed`: the name that its sender gives, where it is not the one in the address book. `uid`: of the person whose
    correspondence this is, "" for nobody's; `which`, `before`, `after`: its place there. `reply`: what was decided
    about answering, `reply_on`: for which day it was put off. `answers`: numbers of letters here that answer it.
    `html`: another program's own layout is there.
    `cautious`: its seal asks for a deliberate act before anything is shown."""

    letter: LetterView
    paper: Paper | None
    enclosed: tuple[EnclosedView, ...]
    claimed: str
    uid: str
    which: int | None
    before: int | None
    after: int | None
    reply: Reply | None
    reply_on: date | None
    answers: tuple[int, ...]
    filed: datetime
    html: bool
    cautious: bool


async def read(desk: Desk, number: int, *, all_the_same: bool = False) -> Reading:
    """A filed letter, ours or theirs. `all_the_same`: show it although its seal asks for caution.

    Raises `NotFound` (no_letter), `Damaged`."""

    def work(db: Db) -> tuple[letters.FiledLetter, LetterView, str, leafing.Place | None, str | None, date | None]:
        filed = letters.letter(db, number)
        uid, place = _correspondence(db, filed)
        on = ledger.put_off(db, filed.number)
        return filed, views.letter_view(db, filed.number), uid, place, _html_for(db, filed), on

    filed, view, uid, place, html, reply_on = await desk.drawer.read(work)
    if view.signature is Signed.UNKNOWN and await signatures.look_at(desk, view.number):
        filed, view, uid, place, html, reply_on = await desk.drawer.read(work)
    cautious = filed.seal in CAUTION
    paper = None
    if all_the_same or not cautious:
        (paper,) = await desk.opener.paper([_sheet(filed, html)])
    placed = paper.placed if paper is not None else ()
    claimed = plain.shown(filed.sender.name).strip() if filed.sender and filed.direction == "in" else ""
    return Reading(
        letter=view,
        paper=paper,
        enclosed=tuple(_enclosed(one, placed) for one in filed.enclosed),
        claimed="" if claimed.casefold() == view.person.casefold() else claimed,
        uid=uid,
        which=place.which if place else None,
        before=place.before if place else None,
        after=place.after if place else None,
        reply=filed.reply,
        reply_on=reply_on,
        answers=filed.answered_by,
        filed=filed.filed,
        html=filed.has_html,
        cautious=cautious,
    )


async def paper_many(desk: Desk, numbers: Sequence[int]) -> tuple[Paper, ...]:
    """Several filed letters on paper, in this order, in one go. Of those whose seal asks for caution there is no text
    here: their `html` is empty. Raises `NotFound` (no_letter), `Damaged`."""

    def work(db: Db) -> list[Sheet]:
        filed = [letters.letter(db, number) for number in numbers]
        return [
            Sheet("", commonmark=False) if one.seal in CAUTION else _sheet(one, _html_for(db, one)) for one in filed
        ]

    return await desk.opener.paper(await desk.drawer.read(work))


async def link(desk: Desk, number: int, which: int) -> str:
    """Where a link of a letter leads, by its number on the paper. Raises `NotFound` (no_letter, no_link)."""
    found = (await read(desk, number, all_the_same=True)).paper
    links = found.links if found is not None else ()
    if not 0 <= which < len(links):
        raise NotFound("no_link", _("There is no such link in this letter."), _("Go back to the letter."))
    return links[which]


async def frame(desk: Desk, number: int, language: str) -> str:
    """Another program's own layout of a letter, as a whole document for the locked frame: its pictures made anew and
    written into it. Raises `NotFound` (no_letter, no_layout)."""

    def work(db: Db) -> tuple[str | None, list[Enclosure]]:
        filed = letters.letter(db, number)
        shown = [one for one in filed.enclosed if one.cid is not None and one.media_type in PICTURES]
        return letters.html(db, filed.number), [letters.enclosure(db, filed.number, one.position) for one in shown]

    html, enclosures = await desk.drawer.read(work)
    if html is None:
        raise NotFound("no_layout", _("This letter has no layout of its own."), _("Its text is all there is."))
    pictures: list[Picture] = []
    room = MOST_FRAMED
    for one in enclosures:
        try:
            made = await desk.opener.picture(one.data, most_side=_FRAMED_SIDE, purpose=Purpose.VIEW)
        except DearlyError:
            continue  # no picture after all: the letter is shown without it
        room -= len(made.data)
        if one.cid is not None and room >= 0:
            pictures.append(Picture(one.cid, made.media_type, made.data))
    return await desk.opener.frame(Foreign(html, tuple(pictures), language))


async def enclosure(desk: Desk, number: int, position: int) -> Enclosure:
    """One enclosure with its bytes, as it came. Raises `NotFound` (no_letter, no_enclosure), `Damaged`."""
    return await desk.drawer.read(lambda db: letters.enclosure(db, letters.letter(db, number).number, position))


def _correspondence(db: Db, filed: letters.FiledLetter) -> tuple[str, leafing.Place | None]:
    """The uid of the first person whose correspondence the letter is in, and its place there."""
    ours = filed.direction == "out"
    for party in filed.parties:
        if party.person is not None and (party.role == "from") != ours:
            place = leafing.place(db, party.person, filed.number)
            if place is not None:
                return people.show(db, party.person).uid, place
    return "", None


def _html_for(db: Db, filed: letters.FiledLetter) -> str | None:
    """The HTML of a letter whose clean text shortens an address."""
    return letters.html(db, filed.number) if filed.has_html and "/…>" in filed.text else None


def _sheet(filed: letters.FiledLetter, html: str | None) -> Sheet:
    at = f"/letter/{filed.number}/"
    shown = tuple(one.cid for one in filed.enclosed if one.cid is not None and one.media_type in PICTURES)
    return Sheet(filed.text, filed.commonmark, shown, f"{at}picture/", f"{at}link/", html)


def _enclosed(one: Enclosed, placed: Collection[str]) -> EnclosedView:
    return EnclosedView(
        position=one.position,
        name=plain.clean_filename(one.name),
        media_type=one.media_type,
        size=one.size,
        cid=one.cid,
        picture=one.cid is not None and one.media_type in PICTURES,
        placed=one.cid is not None and one.cid in placed,
    )
