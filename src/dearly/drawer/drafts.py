"""The page and the drawer: drafts that are being written or put away, and the versions they went through.

Autosave overwrites the current text; every save names the revision it started from, and a save that started from
another one is refused, never merged and never overwritten (the second window). *Versions* are append-only, packed each
against the one before, and cut: after a pause of 60 s, when 500 words changed, when the draft is put away, read over,
left or posted, and before an older one is restored.

A draft gets its drawer-wide number when it begins, and keeps it as a letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.letter.clock import Chance
from dearly.letter.content import Draft, Enclosure
from dearly.letter.errors import Refused
from dearly.letter.words import _

PAUSE_SECONDS = 60
"""After a pause this long the text as it was becomes a version, at the next save."""

WORDS_CHANGED = 500
"""After so many words put in or taken out, a version is cut."""


class Why(StrEnum):
    """Why a version was cut."""

    PAUSE = "pause"
    PUT_AWAY = "put_away"
    READ_OVER = "read_over"
    LEAVING = "leaving"
    RESTORE = "restore"
    WORDS = "words"
    POSTED = "posted"


class RevisionMismatch(Refused):
    """Someone else (a second window) saved meanwhile. Nothing was overwritten. `current`: the revision there is now."""

    def __init__(self, current: int) -> None:
        super().__init__(
            "changed_meanwhile",
            _("This page was changed in another window meanwhile."),
            _("Look at both texts, and keep the one you want."),
        )
        self.current = current


@dataclass(frozen=True, slots=True)
class Enclosed:
    """An enclosure as listed, without its bytes. `position` counts from 0. `size` in bytes."""

    position: int
    name: str
    media_type: str
    cid: str | None
    size: int
    object_id: int


@dataclass(frozen=True, slots=True)
class OnPage:
    """A draft. `draft.enclosures` is empty here: what is enclosed is listed in `enclosed`, and `whole` gives all.

    `persons`: the address book's id for each of `draft.to`, None for an address of nobody known. `state`: "page",
    "away" or "posted". `look_again`: the day for which it was put away. `answers`: number of the letter it answers."""

    number: int
    uid: str
    revision: int
    state: str
    draft: Draft
    persons: tuple[int | None, ...]
    enclosed: tuple[Enclosed, ...]
    words: int
    look_again: date | None
    answers: int | None
    made: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A draft as listed. `beginning`: its first 120 characters."""

    number: int
    state: str
    to: tuple[str, ...]
    subject: str
    beginning: str
    words: int
    look_again: date | None
    made: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier state. `version` counts from 1 for each draft."""

    version: int
    at: datetime
    why: Why
    words: int
    subject: str


def new(db: Db, draft: Draft, *, answers: int | None = None, now: datetime, chance: Chance) -> OnPage:
    """Begin a draft, with everything in `draft`, enclosures too. Raises `Refused` (too_large)."""
    raise NotImplementedError


def load(db: Db, number: int) -> OnPage:
    """The draft with this number. Raises `NotFound` (no_draft, already_posted, dropped)."""
    raise NotImplementedError


def whole(db: Db, number: int) -> Draft:
    """The draft with the bytes of its enclosures. Raises as `load`."""
    raise NotImplementedError


def save(db: Db, number: int, draft: Draft, *, based_on: int, now: datetime) -> int:
    """Overwrite text, subject, recipients and threading; what is enclosed stays (see `enclose`). The new revision.

    The same content again changes nothing and gives the revision it has. Cuts a version where its rules say so. A
    draft that was put away stays away. Raises `RevisionMismatch`, and as `load`."""
    raise NotImplementedError


def list_all(db: Db, *, state: str | None = None) -> list[DraftLine]:
    """Drafts on the page and put away (or only "page" or "away"), the last begun first."""
    raise NotImplementedError


def enclose(db: Db, number: int, enclosures: Sequence[Enclosure], now: datetime) -> OnPage:
    """Enclose more files. Raises `Refused` (too_large), `Usage` (bad_text) for a name that no header may carry, and as
    `load`."""
    raise NotImplementedError


def take_out_enclosure(db: Db, number: int, position: int, now: datetime) -> OnPage:
    """Take one enclosure out; the others close up. Raises `NotFound` (no_enclosure), and as `load`."""
    raise NotImplementedError


def put_away(db: Db, number: int, until: date | None, now: datetime) -> OnPage:
    """Put it away on purpose, with a day to look at it again or none; cuts a version. Raises as `load`."""
    raise NotImplementedError


def take_out(db: Db, number: int, now: datetime) -> OnPage:
    """Take it back to the page. Raises as `load`."""
    raise NotImplementedError


def drop(db: Db, number: int) -> None:
    """Throw it away: text, versions and enclosures are erased, the number is never used again. Raises as `load`."""
    raise NotImplementedError


def cut_version(db: Db, number: int, why: Why, now: datetime) -> int | None:
    """Keep the current text as a version; its number, or None when the last version says the same. Raises as `load`."""
    raise NotImplementedError


def versions(db: Db, number: int) -> list[Version]:
    """Every version of a draft or of a letter that was one, the last first."""
    raise NotImplementedError


def version_text(db: Db, number: int, version: int) -> str:
    """The text of one version. Raises `NotFound` (no_version), `Damaged` (text_damaged)."""
    raise NotImplementedError


def restore(db: Db, number: int, version: int, *, based_on: int, now: datetime) -> OnPage:
    """Make the text and subject of a version the current ones; the ones before become a version first. Raises as
    `save` and `version_text`."""
    raise NotImplementedError
