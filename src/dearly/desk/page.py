"""Act 1, while it is being written: a page is begun, kept at every pause, and never lost to a second window.

Every save names the revision that it started from. A save that comes too late overwrites nothing: the page stays as the
other window left it, and what came too late is kept as a version beside it, at once, before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dearly.desk import dateline, views
from dearly.desk import write as writing
from dearly.desk.answer import answer
from dearly.desk.desk import Desk
from dearly.desk.values import EnclosureView, LetterView, VersionView
from dearly.drawer import drafts as pages
from dearly.drawer import people, settings
from dearly.drawer.connection import Db
from dearly.letter.address import Correspondent, clean
from dearly.letter.content import Draft
from dearly.letter.errors import DearlyError, Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _

MOST_TEXT = 8_000_000
"""Characters of one page: some forty times the longest letter that is provided for."""

MOST_SUBJECT = 300
_MOST_READERS = 200
_UNWRITTEN_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody to whom a page is to go. `uid`: in the address book; None for nobody known there."""

    name: str
    address: str
    uid: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier state of a page, without its text. `why`: as `VersionView` says, or "beside"."""

    version: int
    at: datetime
    why: str
    words: int


@dataclass(frozen=True, slots=True)
class PageView:
    """A page as it lies on the desk. `state`: "page" or "away". `caret`: in UTF-16 code units. `history`: what the
    editor can undo, its own JSON. `earlier`: the first state first. `today`: the day it would be dated now."""

    number: int
    revision: int
    state: str
    text: str
    subject: str
    place: str
    to: tuple[Reader, ...]
    words: int
    caret: int
    history: str | None
    changed: datetime
    look_again: date | None
    answers: int | None
    enclosed: tuple[EnclosureView, ...]
    earlier: tuple[Earlier, ...]
    today: date


@dataclass(frozen=True, slots=True)
class Splice:
    """A change of a text: from `at` on, `remove` UTF-16 code units go and `insert` comes. `length`: of the whole text
    after it, so that a change of another text is noticed."""

    at: int
    remove: int
    insert: str
    length: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a save came to. `said`: what could not be kept though everything else was, such as a reader's name that
    nobody bears."""

    revision: int
    at: datetime
    words: int
    said: DearlyError | None = None


class ChangedMeanwhile(Refused):
    """Another window saved meanwhile. Nothing was overwritten, and nothing is lost: `revision` and `text` are the page
    as it is; what came too late is the version `beside`, None where the two say the same."""

    def __init__(self, revision: int, text: str, beside: int | None) -> None:
        super().__init__(
            "changed_meanwhile",
            _("This page is open in another window as well."),
            _("Both stand as they are, and nothing was overwritten. From here on, write in one of them."),
        )
        self.revision, self.text, self.beside = revision, text, beside


async def begin(desk: Desk, to: Sequence[str] = (), answers: int | None = None) -> LetterView:
    """A new empty page: to these people, to nobody yet, or as an answer to an opened letter.

    Pages that were begun long ago and never written on are thrown away by the way. Raises `NotFound` (unknown_person,
    no_letter), `Usage` (not_theirs, sender_unclear, no_address)."""
    now = desk.clock.now()
    number = None if answers is None else (await answer(desk, answers, "")).number

    def work(db: Db) -> LetterView:
        pages.drop_unwritten(db, now, after=_UNWRITTEN_FOR)
        where = dateline.place(settings.get(db, "place", ""))
        if number is None:
            readers = writing.recipients(db, to) if to else ()
            return views.draft_view(pages.new(db, Draft(readers, place=where), now=now, chance=desk.chance))
        page = pages.load(db, number)
        if where:
            pages.save(db, number, replace(page.draft, place=where), based_on=page.revision, now=now)
        return views.draft_view(pages.load(db, number))

    return await desk.drawer.write(work)


async def page(desk: Desk, number: int) -> PageView:
    """The page with this number. Raises `NotFound` (no_draft, already_posted)."""
    today = desk.clock.local().date()

    def work(db: Db) -> PageView:
        found = pages.load(db, number)
        caret, history = pages.left_off(db, number)
        return PageView(
            number=number,
            revision=found.revision,
            state=found.state,
            text=found.draft.text,
            subject=found.draft.subject,
            place=found.draft.place,
            to=_readers(db, found),
            words=found.words,
            caret=caret,
            history=history,
            changed=found.changed,
            look_again=found.look_again,
            answers=found.answers,
            enclosed=views.draft_view(found).enclosures,
            earlier=tuple(Earlier(one.version, one.at, one.why.value, one.words) for one in pages.versions(db, number))[
                ::-1
            ],
            today=today,
        )

    return await desk.drawer.read(work)


def _readers(db: Db, found: pages.OnPage) -> tuple[Reader, ...]:
    readers = []
    for who, person in zip(found.draft.to, found.persons, strict=True):
        known = people.show(db, person) if person is not None else None
        readers.append(Reader(known.name if known else who.name, str(who.address), known.uid if known else None))
    return tuple(readers)


async def autosave(
    desk: Desk,
    number: int,
    revision: int,
    *,
    text: str | Splice | None = None,
    subject: str | None = None,
    place: str | None = None,
    to: Sequence[str] | None = None,
    caret: int | None = None,
    history: str | None = None,
    over: bool = False,
    leaving: bool = False,
) -> Kept:
    """Keep what is given; what is None stays. `to`: names, uids and addresses; one that means nobody is told of in
    `Kept.said`, and everything else is kept. `over`: this text takes the place of the one there is, which becomes a
    version. `leaving`: the page is being left, so that its state becomes a version.

    Raises `ChangedMeanwhile`, `NotFound` (no_draft, already_posted), `Refused` (too_large, other_text), `NoSpace`."""
    now = desk.clock.now()
    try:
        return await desk.drawer.write(
            lambda db: _keep(db, number, revision, text, subject, place, to, caret, history, over, leaving, now)
        )
    except pages.RevisionMismatch:
        kept = await keep_both(desk, number, text, subject)
        there = await desk.drawer.read(lambda db: pages.load(db, number))
        raise ChangedMeanwhile(there.revision, there.draft.text, kept) from None


def _keep(
    db: Db,
    number: int,
    revision: int,
    text: str | Splice | None,
    subject: str | None,
    place: str | None,
    to: Sequence[str] | None,
    caret: int | None,
    history: str | None,
    over: bool,
    leaving: bool,
    now: datetime,
) -> Kept:
    found = pages.load(db, number)
    if found.revision != revision:
        raise pages.RevisionMismatch(found.revision)
    readers, said = _meant(db, found, to)
    changed = replace(
        found.draft,
        text=found.draft.text if text is None else whole_text(found.draft.text, text),
        subject=found.draft.subject if subject is None else clean(subject)[:MOST_SUBJECT],
        place=found.draft.place if place is None else dateline.place(place),
        to=readers,
    )
    save = pages.write_over if over else pages.save
    pages_revision = save(db, number, changed, based_on=revision, now=now, caret=caret, history=history, found=found)
    if leaving:
        pages.cut_version(db, number, pages.Why.LEAVING, now)
    reach("draft.before-commit")
    return Kept(pages_revision, now, pages.words(db, number), said)


def whole_text(was: str, change: str | Splice) -> str:
    """The text after a change, fit to be kept. Raises `Refused` (too_large; other_text: the change is of another)."""
    if isinstance(change, Splice):
        units = was.encode("utf-16-le")
        end = change.at + change.remove
        if not 0 <= change.at <= end <= len(units) // 2:
            raise other_text()
        inserted = change.insert.encode("utf-16-le", "surrogatepass")
        units = units[: 2 * change.at] + inserted + units[2 * end :]
        if len(units) != 2 * change.length:
            raise other_text()
        change = units.decode("utf-16-le", "surrogatepass")
    if len(change) > MOST_TEXT:
        raise Refused(
            "too_large",
            _("This page is longer than a letter can be."),
            _("Divide it into several letters; what was kept before is still kept."),
        )
    if "\r" in change:
        change = change.replace("\r\n", "\n").replace("\r", "\n")
    try:
        change.encode()
    except UnicodeEncodeError:  # half a character: a browser may cut one in two
        change = change.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return change.replace("\0", "\ufffd") if "\0" in change else change


def other_text() -> Refused:
    """What is said to a change that is not of the text there is."""
    return Refused("other_text", _("This change is not of the page as it was kept."), _("Send the whole page."))


def _meant(
    db: Db, found: pages.OnPage, to: Sequence[str] | None
) -> tuple[tuple[Correspondent, ...], DearlyError | None]:
    """Who is meant, as far as that is clear; and the first trouble with a name. Who is there already stays as named."""
    if to is None:
        return found.draft.to, None
    there = {who.address.key: who for who in found.draft.to} | {str(who.address): who for who in found.draft.to}
    readers: dict[str, Correspondent] = {}
    said = None
    for name in to[:_MOST_READERS]:
        name = name.strip()
        if not name:
            continue
        try:
            meant = (there[name],) if name in there else writing.recipients(db, [name])
        except DearlyError as trouble:
            said = said or trouble
            continue
        for who in meant:
            readers.setdefault(who.address.key, who)
    return tuple(readers.values()), said


async def keep_both(
    desk: Desk, number: int, text: str | Splice | None, subject: str | None = None, grown: int | None = None
) -> int | None:
    """Keep what another window had written as a version beside the page, which stays as it is; None where they say the
    same. `grown`: the version that the same window was given before, which grows on.

    A `Splice` is of a text that is not there any more: the window sends the whole text next. Raises `NotFound`."""
    if not isinstance(text, str):
        return None
    now = desk.clock.now()

    def work(db: Db) -> int | None:
        about = pages.load(db, number).draft.subject if subject is None else clean(subject)[:MOST_SUBJECT]
        return pages.keep_beside(db, number, whole_text("", text), about, now, grown)

    return await desk.drawer.write(work)


async def version(desk: Desk, number: int, one: int) -> VersionView:
    """One earlier state of a page. Raises `NotFound` (no_version)."""

    def work(db: Db) -> VersionView:
        text = pages.version_text(db, number, one)
        known = pages.version_of(db, number, one)
        return VersionView(known.version, known.at, known.why.value, known.words, text)

    return await desk.drawer.read(work)


async def restore(desk: Desk, number: int, one: int, revision: int) -> LetterView:
    """Make an earlier state the current one; what stands there becomes a version first. Raises `ChangedMeanwhile` where
    the page is not any more the one that was looked at, and `NotFound` (no_version)."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        return views.draft_view(pages.restore(db, number, one, based_on=revision, now=now))

    try:
        return await desk.drawer.write(work)
    except pages.RevisionMismatch:
        there = await desk.drawer.read(lambda db: pages.load(db, number))
        raise ChangedMeanwhile(there.revision, there.draft.text, None) from None
