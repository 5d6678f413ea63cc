"""Pictures in letters: laid into a page, shown from a page or a letter, and what of them is posted.

Every picture, one's own too, is made anew from its pixels in the limited child (`opener.picture`): what goes into a
letter never says where it was taken, and what is shown was never the file that came. Pictures of letters are made again
each time they are looked at; the last few stay in memory, for one opening of the desk, and nothing is kept on the disk.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from dearly.desk.desk import Desk
from dearly.drawer import drafts, letters
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT, Enclosed
from dearly.letter.content import Draft, Enclosure
from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.mime import markup, plain
from dearly.opener.picture import LARGEST_PICTURE, REDUCED_SIDE, Purpose

__all__ = [
    "LARGEST_PICTURE",
    "LaidIn",
    "Shown",
    "ShownPicture",
    "as_posted",
    "enclosed_in_letter",
    "in_letter",
    "in_page",
    "lay_in",
    "left_out",
    "not_in_text",
    "words_for",
]

VIEW_SIDE = 2560
"""The longer side of a picture that is only shown, in pixels."""

MOST_KEPT = 32 << 20
"""Octets of pictures that stay in memory after they were shown."""

_EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class LaidIn:
    """A picture that lies in a page. `cid`: its id for the text, as in `![words](cid:...)`. `size` in octets; `width`
    and `height` in pixels, upright."""

    cid: str
    name: str
    media_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture as a browser gets it: image/jpeg, image/png or image/webp, and nothing in it but pixels."""

    data: bytes = field(repr=False)
    media_type: str


@dataclass(slots=True)
class Shown:
    """Pictures that were made to be shown, by the digest of what they were made from. Belongs to one opening of the
    desk: whoever holds it drops it at the lock."""

    kept: OrderedDict[bytes, ShownPicture] = field(default_factory=OrderedDict)
    weight: int = 0
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def get(self, digest: bytes) -> ShownPicture | None:
        """One that was shown lately."""
        if digest in self.kept:
            self.kept.move_to_end(digest)
        return self.kept.get(digest)

    def put(self, digest: bytes, picture: ShownPicture) -> None:
        """Keep it; those not looked at for longest go."""
        if digest in self.kept or len(picture.data) > MOST_KEPT // 4:
            return
        self.kept[digest] = picture
        self.weight += len(picture.data)
        while self.weight > MOST_KEPT:
            _oldest, dropped = self.kept.popitem(last=False)
            self.weight -= len(dropped.data)


async def lay_in(desk: Desk, number: int, name: str, data: bytes, *, reduce: bool = False) -> LaidIn:
    """Make a picture anew and put it into a page. The text is not changed: whoever writes it places the picture.

    `reduce`: its longer side to `REDUCED_SIDE` pixels at most. Raises `Refused` (not_a_picture, picture_too_large,
    too_many_pixels, bad_picture; too_large where no more fits into the letter), `NotFound` (no_draft)."""
    await desk.drawer.read(lambda db: drafts.load(db, number))  # before the work, and again with it
    most = REDUCED_SIDE if reduce else None
    picture = await desk.opener.picture(data, most_side=most, purpose=Purpose.LETTER)
    cid = f"{desk.chance.token(16).hex()}@dearly"
    laid = LaidIn(
        cid, _name(name, picture.media_type), picture.media_type, len(picture.data), picture.width, picture.height
    )
    now = desk.clock.now()
    enclosure = Enclosure(laid.name, laid.media_type, picture.data, cid)

    def work(db: Db) -> None:
        drafts.enclose(db, number, [enclosure], now, beside_writing=True)

    async with desk.posting:
        await desk.drawer.write(work)
    return laid


async def in_page(desk: Desk, number: int, cid: str) -> ShownPicture:
    """A picture of a page, as it will be posted. Raises `NotFound` (no_draft, no_picture)."""

    def work(db: Db) -> Enclosure:
        found = next((one for one in drafts.load(db, number).enclosed if one.cid == cid), None)
        if found is None or found.media_type not in _EXTENSIONS:
            raise _no_picture()
        return IN_DRAFT.bytes_of(db, number, found.position)

    own = await desk.drawer.read(work)
    return ShownPicture(own.data, own.media_type)  # it was made anew when it was laid in


async def in_letter(desk: Desk, number: int, cid: str, shown: Shown) -> ShownPicture:
    """A picture of a letter, made anew to be looked at. Raises `NotFound` (no_letter, no_picture), and `Refused` for
    what is no picture after all, as `opener.picture`."""
    return await _found(desk, number, lambda one: one.cid == cid, shown)


async def enclosed_in_letter(desk: Desk, number: int, position: int, shown: Shown) -> ShownPicture:
    """The enclosure at this place of a letter as a picture, whether or not it stands in the text. Raises as
    `in_letter`."""
    return await _found(desk, number, lambda one: one.position == position, shown)


async def _found(desk: Desk, number: int, wanted: Callable[[Enclosed], bool], shown: Shown) -> ShownPicture:
    def find(db: Db) -> tuple[int, Enclosed]:
        letter = letters.letter(db, number)
        found = next((one for one in letter.enclosed if wanted(one)), None)
        if found is None:
            raise _no_picture()
        return letter.number, found

    filed, enclosed = await desk.drawer.read(find)
    return await _made(desk, filed, enclosed.position, enclosed.sha256, shown)


async def _made(desk: Desk, number: int, position: int, digest: bytes, shown: Shown) -> ShownPicture:
    async with shown.making:
        known = shown.get(digest)
        if known is not None:
            return known
        enclosure = await desk.drawer.read(lambda db: letters.enclosure(db, number, position))
        picture = await desk.opener.picture(enclosure.data, most_side=VIEW_SIDE, purpose=Purpose.VIEW)
        made = ShownPicture(picture.data, picture.media_type)
        shown.put(digest, made)
        return made


def as_posted(draft: Draft) -> Draft:
    """The draft without the pictures that its text does not show: they were taken out of it while it was written, and
    do not go along unseen. Reading over says so (`left_out`)."""
    unseen = _unseen(draft.text, draft.enclosures)
    return replace(draft, enclosures=tuple(one for one in draft.enclosures if one.cid not in unseen))


def left_out(draft: Draft) -> tuple[Enclosure, ...]:
    """Pictures that lie in the draft and are not shown by its text any more."""
    unseen = _unseen(draft.text, draft.enclosures)
    return tuple(one for one in draft.enclosures if one.cid in unseen)


def _unseen(text: str, enclosed: Iterable[Enclosure | Enclosed]) -> frozenset[str]:
    """The ids of pictures that lie there and are not shown by the text."""
    cids = frozenset(one.cid for one in enclosed if one.cid is not None)
    return cids - markup.to_html(text, cids).pictures if cids else cids


async def not_in_text(desk: Desk, number: int) -> frozenset[str]:
    """Ids of the pictures of a page that its text does not show, and that do not go along. Raises `NotFound`."""
    page = await desk.drawer.read(lambda db: drafts.load(db, number))  # the bytes of the pictures are not needed
    return _unseen(page.draft.text, page.enclosed)


def words_for(cid: str, words: str) -> str:
    """A paragraph of CommonMark that shows a picture. `words`: what is to be seen, for those who cannot see it."""
    plain_words = " ".join(words.split())
    for mark in "\\[]`*_<>&!":
        plain_words = plain_words.replace(mark, f"\\{mark}")
    return f"![{plain_words}](cid:{cid})"


def _name(name: str, media_type: str) -> str:
    """A cleaned name that ends as the file that was made does."""
    stem = PurePath(plain.clean_filename(name or "picture")).stem or "picture"
    return plain.clean_filename(stem + _EXTENSIONS[media_type])


def _no_picture() -> NotFound:
    return NotFound("no_picture", _("There is no such picture."), _("It may have been taken out."))
