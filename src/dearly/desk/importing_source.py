"""What an archive gives, a stack at a time and off the loop; and what of it is no letter, by the place it lay in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dearly import __version__
from dearly.desk.desk import Desk
from dearly.desk.importing_folder import MailFolder
from dearly.desk.importing_written import About as About
from dearly.drawer import importing_log
from dearly.exchange.archive import Archive, Found, Hints, Item, PassedOver, Place, Role, Unchanged, Written, recognise
from dearly.letter.address import Address
from dearly.letter.words import _
from dearly.opener.bulk import HEAVIEST_STACK, MOST_STACKED, Kind
from dearly.opener.unpacking import unpack

BY_FOLDER = {
    Role.DRAFTS: "draft",
    Role.OUTBOX: "draft",
    Role.TEMPLATES: "draft",
    Role.SPAM: "spam",
    Role.TRASH: "trash",
    Role.CHATS: "chat",
}

BY_KIND = {
    Kind.REPORT: "report",
    Kind.NEWSLETTER: "newsletter",
    Kind.CALENDAR: "calendar",
    Kind.EMPTY: "empty",
}

REASONS = ("draft", "spam", "trash", "chat", "report", "newsletter", "calendar", "empty")
"""Why something is left out unless the person wishes otherwise."""

_NOT_THERE = frozenset({"not_a_letter", "empty", "link"})
"""Codes of what is passed over and is no letter; the others are letters that could not be had."""


ASKED = frozenset({"text", "scan", "scans"})
"""Formats of which whoever takes them in is asked what they do not say themselves: whose they are, and of when."""

MOST_SKIPPED = 50
"""Things that could not be had which are named one by one."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something of the archive that cannot be taken, and why."""

    what: str
    why: str


def in_words(reason: str) -> str:
    """Why something is left out (`REASONS`), for a person."""
    return {
        "draft": _("drafts, and what was never sent"),
        "spam": _("spam"),
        "trash": _("thrown away"),
        "chat": _("chats"),
        "report": _("reports of mail servers, and receipts"),
        "newsletter": _("newsletters, lists, and what programs send"),
        "calendar": _("invitations of calendars"),
        "empty": _("empty"),
        "others": _("neither from you nor to you"),
    }.get(reason, _("files that are no letters"))


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person decided. `mine`: addresses that are, or were, theirs, beside those that the desk knows. `take`:
    reasons (`REASONS`) for which nothing is to be left out. `only_ours`: leave out what is neither from us nor to us.
    `about`: of letters that are no mail."""

    mine: tuple[str, ...] = ()
    take: frozenset[str] = frozenset()
    only_ours: bool = False
    about: About = field(default_factory=About)

    @property
    def mark(self) -> str:
        """What was decided as one word, to tell whether it is still the same."""
        mine = sorted({Address.parse(one).key for one in self.mine})
        return hashlib.sha256(repr((mine, sorted(self.take), self.only_ours, self.about)).encode()).hexdigest()

    @property
    def leave(self) -> tuple[Kind, ...]:
        """Kinds that are left out."""
        return tuple(kind for kind, reason in BY_KIND.items() if reason not in self.take)


def open_archive(path: Path, wanted: str = "auto") -> Archive:
    """The archive at `path`. Raises `NotFound` (no_archive), `Usage` (not_an_archive, bad_format)."""
    return recognise(path, wanted, unpack=unpack)


def left_out_by_place(hints: Hints) -> str | None:
    """The reason for which something that lies there is no letter; None where its place says nothing against it."""
    if hints.draft:
        return "draft"
    if hints.role in BY_FOLDER:
        return BY_FOLDER[hints.role]
    return "trash" if hints.deleted else None


def is_no_letter(passed: PassedOver) -> bool:
    """Whether what was passed over is no letter, rather than one that could not be read."""
    return passed.code in _NOT_THERE


async def not_again(desk: Desk, archive: Archive, choices: Choices) -> Mapping[bytes, str]:
    """Marks of files of this archive of which is known already what becomes of them: with "" where their letters are
    here, else the reason to leave them out. Where they have not changed since, the archive does not open them."""
    if not isinstance(archive, Place):
        return {}
    reasons = frozenset(REASONS) - choices.take
    found = await desk.drawer.read(lambda db: importing_log.met(db, archive.source, reasons, __version__))
    archive.met = found
    return found


async def stacks(archive: Archive, cursor: str = "", *, heads: bool = False) -> AsyncGenerator[Sequence[Found], None]:
    """Everything in the archive after `cursor`, as many at a time as are read in one question. `heads`: headers are
    enough, where the rest would have to come over a network. Close it when you stop early."""
    if isinstance(archive, MailFolder):
        async with aclosing(archive.stacks(cursor, heads=heads)) as pieces:
            async for piece in pieces:
                yield piece
        return
    items = archive.items(cursor)
    try:
        while stack := await asyncio.to_thread(_next, items):
            yield stack
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            with suppress(ValueError):  # it is just being asked, by a thread that nobody waits for any more
                close()


def _next(items: Iterator[Found]) -> list[Found]:
    stack: list[Found] = []
    weight = 0
    for one in items:
        stack.append(one)
        weight += _weight(one)
        if len(stack) >= MOST_STACKED or weight >= HEAVIEST_STACK:
            break
    return stack


def _weight(one: Found) -> int:
    match one:
        case Item():
            return len(one.data)
        case Written():
            return len(one.original) + sum(len(page.data) for page in one.pages)
        case PassedOver() | Unchanged():
            return 0
