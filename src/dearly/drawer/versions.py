"""Versions of a draft: append-only, each packed against the one before, so that an hour of typing costs little.

Every 32nd is packed by itself, which bounds how far back reading one has to go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.drawer.objects import pack_text, unpack_text
from dearly.drawer.rows import moment, stamp
from dearly.letter.errors import NotFound
from dearly.letter.words import _

_LONGEST_RUN = 32
_GAP = re.compile(r"\s+")


class Why(StrEnum):
    """Why a version was cut."""

    PAUSE = "pause"
    PUT_AWAY = "put_away"
    READ_OVER = "read_over"
    LEAVING = "leaving"
    RESTORE = "restore"
    WORDS = "words"
    POSTED = "posted"
    BESIDE = "beside"
    """What another window had written meanwhile: kept beside the page, never instead of it."""


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier state. `version` counts from 1 for each draft."""

    version: int
    at: datetime
    why: Why
    words: int
    subject: str


def cut(db: Db, draft: int, subject: str, text: str, why: Why, now: datetime, words: int | None = None) -> int | None:
    """Keep this state as a version; its number, or None when the last version says the same (or there is nothing).
    `words`: how many the text has, where that is known."""
    last = db.one(
        "SELECT version, subject, (SELECT max(version) FROM versions WHERE draft = ?1 AND base IS NULL)"
        " FROM versions WHERE draft = ?1 ORDER BY version DESC LIMIT 1",
        (draft,),
    )
    base, before = None, None
    version = 1
    if last is not None:
        version = last[0] + 1
        before = text_of(db, draft, last[0])
        if (last[1], before) == (subject, text):
            return None
        base = last[0] if version - last[2] < _LONGEST_RUN else None
    elif not text and not subject:
        return None
    if why is Why.BESIDE and not text.strip():
        return None
    _put(db, (draft, version), base, before, (subject, text), why, now, words)
    return version


def put_back(db: Db, draft: int, subject: str, text: str, why: Why, at: datetime) -> None:
    """A version of another drawer, behind those that are here; also one that says the same as the one before."""
    last = db.one(
        "SELECT max(version), max(version) FILTER (WHERE base IS NULL) FROM versions WHERE draft = ?", (draft,)
    )
    number, whole = last if last is not None and last[0] is not None else (0, 0)
    base = number if number and number + 1 - whole < _LONGEST_RUN else None
    before = None if base is None else text_of(db, draft, base)
    _put(db, (draft, number + 1), base, before, (subject, text), why, at, None)


def _put(
    db: Db,
    at: tuple[int, int],
    base: int | None,
    before: str | None,
    state: tuple[str, str],
    why: Why,
    now: datetime,
    words: int | None,
) -> None:
    (draft, version), (subject, text) = at, state
    db.run(
        "INSERT INTO versions (draft, version, at, why, words, subject, base, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            draft,
            version,
            stamp(now),
            why.value,
            count_words(text) if words is None else words,
            subject,
            base,
            pack_text(text, before if base is not None else None),
        ),
    )


def grow(db: Db, draft: int, version: int, subject: str, text: str, now: datetime) -> bool:
    """Let a text that lies beside the page grow on, while nothing was cut after it: so that a window in which somebody
    still writes does not leave a version at every word. False when it is no longer the last one, or not such a text."""
    last = db.one("SELECT version, why, base FROM versions WHERE draft = ? ORDER BY version DESC LIMIT 1", (draft,))
    if last is None or last[:2] != (version, Why.BESIDE.value):
        return False
    before = None if last[2] is None else text_of(db, draft, last[2])
    db.run(
        "UPDATE versions SET at = ?, words = ?, subject = ?, body = ? WHERE draft = ? AND version = ?",
        (stamp(now), count_words(text), subject, pack_text(text, before), draft, version),
    )
    return True


def version(db: Db, draft: int, number: int) -> Version:
    """What is known of one version. Raises `NotFound` (no_version)."""
    row = db.one(
        "SELECT version, at, why, words, subject FROM versions WHERE draft = ? AND version = ?", (draft, number)
    )
    if row is None:
        raise _no_version(number)
    return Version(row[0], moment(row[1]), Why(row[2]), row[3], row[4])


def listed(db: Db, draft: int) -> list[Version]:
    """Every version, the last first."""
    return [
        Version(version, moment(at), Why(why), words, subject)
        for version, at, why, words, subject in db.each(
            "SELECT version, at, why, words, subject FROM versions WHERE draft = ? ORDER BY version DESC", (draft,)
        )
    ]


def text_of(db: Db, draft: int, version: int) -> str:
    """The text of one version. Raises `NotFound` (no_version), `Damaged` (text_damaged)."""
    run = db.all(
        "SELECT base, body FROM versions WHERE draft = ?1 AND version <= ?2 AND version >="
        " (SELECT max(version) FROM versions WHERE draft = ?1 AND version <= ?2 AND base IS NULL)"
        " ORDER BY version",
        (draft, version),
    )
    if not run or db.one("SELECT 1 FROM versions WHERE draft = ? AND version = ?", (draft, version)) is None:
        raise _no_version(version)
    text: str | None = None
    for base, body in run:
        text = unpack_text(body, text if base is not None else None)
    assert text is not None
    return text


def _no_version(version: int) -> NotFound:
    return NotFound(
        "no_version",
        _("There is no version {version} of this page.").format(version=version),
        _("“dearly versions” lists them."),
    )


def count_words(text: str) -> int:
    """Words as a writer counts them: runs of anything but blanks."""
    return len(text.split())


def words_changed(before: str, after: str) -> int:
    """About how many words were put in or taken out between two texts that differ in one place.

    Counted by the gaps in what differs, so that a word which grows over several saves counts once."""
    if before == after:
        return 0
    start, end = _alike(before, after)
    out, in_ = before[start : len(before) - end], after[start : len(after) - end]
    return max(len(_GAP.findall(out)), len(_GAP.findall(in_)), int(bool(out and in_)))


def words_now(before: str, words: int, after: str) -> int:
    """`count_words(after)`, where `before` has so many `words`: counted only where the two differ."""
    start, end = _alike(before, after)
    while start and not before[start - 1].isspace():
        start -= 1
    while end and not before[-end].isspace():
        end -= 1
    return words - count_words(before[start : len(before) - end]) + count_words(after[start : len(after) - end])


def _alike(before: str, after: str) -> tuple[int, int]:
    """How many characters at the beginning, and then at the end, the two have in common."""
    shorter = min(len(before), len(after))
    start = _agree(shorter, lambda low, high: before[low:high] == after[low:high])
    b, a = len(before), len(after)
    return start, _agree(shorter - start, lambda low, high: before[b - high : b - low] == after[a - high : a - low])


def _agree(most: int, same: Callable[[int, int], bool]) -> int:
    """The largest n up to `most` so that the first n are the same; `same(m, n)`: those between m and n are."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if same(low, middle):
            low = middle
        else:
            high = middle - 1
    return low
