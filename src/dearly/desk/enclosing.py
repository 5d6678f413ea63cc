"""Files that go along with a page: put in, looked at, taken out. Pictures in the text are `pictures`'.

Enclosing does not change the page's revision: whoever is writing on it goes on writing. It waits for a posting that is
under way, so that nothing is put into a letter that has just been closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from mimetypes import MimeTypes

from dearly.desk.desk import Desk
from dearly.drawer import drafts
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT
from dearly.letter.content import MOST_ENCLOSED, Enclosure
from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.mime import plain


@dataclass(frozen=True, slots=True)
class EnclosedFile:
    """A file with a page, without its bytes. `position` counts from 0. `cid`: of a picture in the text. `size` in
    octets."""

    position: int
    name: str
    media_type: str
    size: int
    cid: str | None


@dataclass(frozen=True, slots=True)
class InPage:
    """All that goes along with a page. `weight`: octets together; `room`: octets that still fit in."""

    files: tuple[EnclosedFile, ...]
    weight: int
    room: int


async def enclosed(desk: Desk, number: int) -> InPage:
    """What goes along with a page. Raises `NotFound` (no_draft, already_posted)."""
    return await desk.drawer.read(lambda db: _listed(drafts.load(db, number)))


async def enclose(desk: Desk, number: int, files: Sequence[Enclosure]) -> InPage:
    """Put files in, after those there are, under cleaned names. Raises `Refused` (too_large), `NotFound`."""
    now = desk.clock.now()
    sound = [_sound(file) for file in files]

    def work(db: Db) -> InPage:
        return _listed(drafts.enclose(db, number, sound, now, beside_writing=True))

    async with desk.posting:
        return await desk.drawer.write(work)


async def take_out(desk: Desk, number: int, position: int, name: str | None = None) -> InPage:
    """Take one out again; the others close up. `name`: what was seen at that place, so that another window, which has
    taken one out meanwhile, never makes this take out the wrong one. Raises `NotFound` (no_enclosure, no_draft)."""
    now = desk.clock.now()

    def work(db: Db) -> InPage:
        there = {one.position: one.name for one in drafts.load(db, number).enclosed}
        if name is not None and there.get(position) != name:
            raise _not_there()
        return _listed(drafts.take_out_enclosure(db, number, position, now, beside_writing=True))

    async with desk.posting:
        return await desk.drawer.write(work)


async def file(desk: Desk, number: int, position: int) -> Enclosure:
    """One of them with its bytes. Raises `NotFound` (no_enclosure, no_draft), `Damaged`."""

    def work(db: Db) -> Enclosure:
        drafts.load(db, number)
        return IN_DRAFT.bytes_of(db, number, position)

    return await desk.drawer.read(work)


def _sound(file: Enclosure) -> Enclosure:
    name = plain.clean_filename(file.name)
    return Enclosure(name, _media_type(name), file.data, None)


def _media_type(name: str) -> str:
    # The table of the language alone: the machine's own would make letters differ from place to place.
    guessed, encoding = MimeTypes(filenames=()).guess_type(name)
    return guessed if guessed and not encoding else "application/octet-stream"


def _listed(page: drafts.OnPage) -> InPage:
    files = tuple(EnclosedFile(one.position, one.name, one.media_type, one.size, one.cid) for one in page.enclosed)
    weight = sum(one.size for one in files)
    return InPage(files, weight, max(0, MOST_ENCLOSED - weight))


def _not_there() -> NotFound:
    return NotFound(
        "no_enclosure",
        _("That enclosure is not there any more."),
        _("Load the page again to see what goes along with the letter."),
    )
