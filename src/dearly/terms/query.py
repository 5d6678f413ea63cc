"""What a person types to find letters, and what it means.

    garden "old walnut tree" garde*      words, all of them; a phrase; a beginning
    cats OR dogs                         one of them
    -rain, NOT rain                      without it
    from:ada to:bert with:clara          who wrote it, who reads it, one or the other; "me" for oneself
    year:2012 year:2012-2014 year:2012-05
    before:2012-05-13 after:2011         before the first day of it, after the last
    has:enclosure is:sealed              see `HAS`
    in:letterbox                         see `IN`
    subject:tea file:map                 words of the subject, of names of enclosures

Several things beside each other must all be true; OR binds more closely. The names of these marks are the same in every
language. Nothing that can be typed is an error: what cannot be read as a mark is taken as words, and it is said so.
Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from dearly.letter.words import _
from dearly.terms.entry import Has
from dearly.terms.folding import runs

LONGEST = 1000
"""Characters of a query; the rest is left away."""

MOST = 32
"""Things that are looked for at once; the rest is left away."""

HAS = {
    **{has.value: has for has in Has},
    "attachment": Has.ENCLOSURE,
    "image": Has.PICTURE,
    "photo": Has.PICTURE,
    "audio": Has.SOUND,
    "video": Has.FILM,
}
"""What follows `has:` and `is:`."""

IN = ("draft", "letterbox", "outbox", "archive")
"""What follows `in:`: what is being written; what came; what was written here; what was imported."""

_ALIASES = {"drafts": "draft", "inbox": "letterbox", "sent": "outbox", "imported": "archive"}

_PART = re.compile(r'(?P<no>-?)(?:(?P<mark>[a-z]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))', re.I)
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?\Z")
_YEARS = re.compile(r"(\d{4})(?:-|\.\.)(\d{4})\Z")
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


def _no_days(typed: str) -> str:
    return _("Beside OR, and with “-”, only whole years and months can be told apart: “{typed}” was left away.").format(
        typed=typed
    )


@dataclass(frozen=True, slots=True)
class Words:
    """A word, or several in this order. `runs`: folded (`folding.runs`). `phrase`: exactly these; `begins`: the last
    one is only a beginning. `column`: subject or files, "" for anywhere."""

    runs: tuple[str, ...]
    phrase: bool = False
    begins: bool = False
    column: str = ""
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody, by address or name. `role`: from, to or with."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Letters that have or are something."""

    has: Has


@dataclass(frozen=True, slots=True)
class Within:
    """Letters of this place: letterbox, outbox or archive."""

    place: str


@dataclass(frozen=True, slots=True)
class Dated:
    """Letters from the first day on, and before the other; None: without this end."""

    first: date | None
    end: date | None


What = Words | Named | Marked | Within | Dated


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a letter must have, or must not have."""

    what: What
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. `clauses`: all of them must hold, of each at least one item. `first`, `end`: days within which
    the letters were written. `drafts`: True: only drafts; False: none. `notes`: sentences about what was not
    understood as it may have been meant."""

    clauses: tuple[tuple[Item, ...], ...]
    first: date | None = None
    end: date | None = None
    drafts: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[Named, ...]:
        """Everybody who is named."""
        found = (item.what for clause in self.clauses for item in clause)
        return tuple(dict.fromkeys(what for what in found if isinstance(what, Named)))

    @property
    def words(self) -> tuple[Words, ...]:
        """All the words that are looked for."""
        found = (item.what for clause in self.clauses for item in clause if not item.absent)
        return tuple(dict.fromkeys(what for what in found if isinstance(what, Words)))

    @property
    def empty(self) -> bool:
        """Nothing was asked."""
        return not self.clauses and self.first is None and self.end is None and self.drafts is None


def parse(text: str) -> Query:
    """What the text asks for. Never raises."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self.notes: list[str] = []
        text = text.translate(_QUOTES)
        if len(text) > LONGEST:
            text = text[:LONGEST]
            self.notes.append(_("The search was cut off after {n} characters.").format(n=LONGEST))
        if text.count('"') % 2:
            before, _quote, after = text.rpartition('"')
            text = f"{before} {after}"
            self.notes.append(_("A quotation mark had no second one, so it was left away."))
        self.parts = list(_PART.finditer(text))
        self.first: date | None = None
        self.end: date | None = None
        self.drafts: bool | None = None

    def query(self) -> Query:
        clauses: list[tuple[Item, ...]] = []
        absent = joined = False
        for at, part in enumerate(self.parts):
            bare = part["word"] if not part["no"] and part["mark"] is None else None
            last = at + 1 == len(self.parts)
            if bare == "OR" and clauses and not last:
                joined = True
                continue
            if bare == "NOT" and not last:
                absent = not absent
                continue
            if bare == "AND" and clauses and not last:
                continue
            items = self._items(part, alone=not joined and not self._or_follows(at))
            absent, turned = False, absent != bool(part["no"])
            for item in items:
                item = replace(item, absent=True) if turned else item
                if self._of_all(item, alone=not joined and not self._or_follows(at)):
                    continue
                if joined and clauses:
                    clauses[-1] = (*clauses[-1], item)
                else:
                    clauses.append((item,))
                joined = False
        if sum(map(len, clauses)) > MOST:
            self.notes.append(_("Only the first {n} words of the search were used.").format(n=MOST))
            clauses = _first(clauses, MOST)
        return Query(tuple(clauses), self.first, self.end, self.drafts, tuple(dict.fromkeys(self.notes)))

    def _or_follows(self, at: int) -> bool:
        return at + 2 < len(self.parts) and self.parts[at + 1].group() == "OR"

    def _of_all(self, item: Item, *, alone: bool) -> bool:
        """Take what narrows the whole search out of the clauses: days, and whether drafts are meant."""
        what = item.what
        if isinstance(what, Within) and what.place == "draft":
            self.drafts = not item.absent
            return True
        if not isinstance(what, Dated) or not alone:
            return False
        if item.absent and what.first is not None and what.end is not None:
            return self._not_of_months(what)
        first, end = (what.end, what.first) if item.absent else (what.first, what.end)
        self.first = first if self.first is None else max(self.first, first or self.first)
        self.end = end if self.end is None else min(self.end, end or self.end)
        return True

    def _not_of_months(self, dated: Dated) -> bool:
        if _whole_months(dated):
            return False
        self.notes.append(_no_days(f"-year:{dated.first}"))
        return True

    def _items(self, part: re.Match[str], *, alone: bool) -> list[Item]:
        mark = part["mark"]
        value = part["phrase"] if part["phrase"] is not None else part["word"]
        if mark is not None:
            what = self._mark(mark.lower(), value)
            if isinstance(what, Dated) and not alone and not _whole_months(what):
                self.notes.append(_no_days(part.group()))
                return []
            if what is not None:
                return [Item(what)]
        typed = value if mark is None else f"{mark}:{value}"
        return [Item(one) for one in _words(typed, phrase=part["phrase"] is not None)]

    def _mark(self, mark: str, value: str) -> What | None:
        found: What | None = None
        low = value.lower()
        if mark in ("from", "to", "with"):
            found = Named(mark, value) if runs(value) else None
        elif mark in ("has", "is"):
            found = Marked(HAS[low]) if low in HAS else None
        elif mark == "in":
            place = _ALIASES.get(low, low)
            found = Within(place) if place in IN else None
        elif mark in ("subject", "file"):
            return next(iter(_words(value, phrase=True, column="files" if mark == "file" else mark)), None)
        elif mark in ("year", "before", "after"):
            found = _dated(mark, value)
        else:
            # What looks like a mark may be a part of a text: a time, a web address.
            return None
        if found is None:
            self.notes.append(
                _("“{typed}” is not understood here, so it was looked for as words.").format(typed=f"{mark}:{value}")
            )
        return found


def _words(typed: str, *, phrase: bool, column: str = "") -> list[Words]:
    begins = not phrase and len(typed) > 1 and typed.endswith("*")
    if column and typed.endswith("*"):
        begins = True
    found = tuple(runs(typed))
    return [Words(found, phrase or len(found) > 1, begins, column, typed.rstrip("*"))] if found else []


def _dated(mark: str, value: str) -> Dated | None:
    years = _YEARS.match(value)
    if mark == "year" and years is not None:
        low, high = sorted((int(years[1]), int(years[2])))
        spans = (_span(str(low)), _span(str(high)))
    else:
        spans = (_span(value), _span(value))
    if spans[0] is None or spans[1] is None:
        return None
    if mark == "year":
        return Dated(spans[0][0], spans[1][1])
    return Dated(None, spans[0][0]) if mark == "before" else Dated(spans[0][1], None)


def _span(value: str) -> tuple[date, date] | None:
    """The first day of a year, month or day, and the day after its last one."""
    parts = _DATE.match(value)
    if parts is None:
        return None
    year, month, day = (None if one is None else int(one) for one in parts.groups())
    try:
        if year is None or not 1 < year < 9998:
            return None
        if month is None:
            return date(year, 1, 1), date(year + 1, 1, 1)
        if day is None:
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        return date(year, month, day), date(year, month, day) + timedelta(days=1)
    except ValueError:
        return None


def _whole_months(dated: Dated) -> bool:
    return all(one is not None and one.day == 1 for one in (dated.first, dated.end))


def _first(clauses: list[tuple[Item, ...]], most: int) -> list[tuple[Item, ...]]:
    kept: list[tuple[Item, ...]] = []
    for clause in clauses:
        if most > 0:
            kept.append(clause[:most])
            most -= len(clause)
    return kept
