"""`check`: is everything in the drawer as it was written? Names what is not, and mends what can be mended.

In this order: every page and every tree (SQLite's integrity check, which proves each page's MAC on the way), which
rows lie on damaged pages and to which letters they belong, the index of words against the letters, the digests of
stored things (`objects`, brought by the caller), the chain, and the chain's head as it was kept elsewhere.

Nothing of this runs inside a transaction: once a damaged page was met in one, SQLite refuses every further page in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apsw

from dearly.drawer import chain, search
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.survey import Gap, tables, walk
from dearly.letter.words import _, ngettext

INDEX_DAMAGED = "index_damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `code`: a stable word (page_damaged, rows_damaged, object_damaged, chain_broken, and the codes of notices).
    `letters`: drawer-wide numbers of the letters, drafts or arrivals that it touches. `hint`: what to do."""

    code: str
    message: str
    letters: tuple[int, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found; nothing, when all is well. `links`: length of the chain."""

    findings: tuple[Finding, ...]
    links: int

    @property
    def whole(self) -> bool:
        """Whether all is well."""
        return not self.findings


Objects = Callable[[Db], Iterable[Finding]]
"""Looks whether stored things still have their digests. May meet damage: then it yields what it knows and goes on."""


async def check(drawer: Drawer, objects: Objects | None = None) -> Report:
    """Look through the whole drawer. Damage is reported, not raised; raises only what keeps from looking at all."""
    return await drawer.on_reader(lambda: drawer.store.whole(lambda c: _check(drawer, Db(c), objects)))


def _check(drawer: Drawer, db: Db, objects: Objects | None) -> Report:
    said = [notice for notice in drawer.notices if notice.code not in ("read_only", "keys_mended")]
    findings = [Finding(notice.code, notice.message, (), notice.hint) for notice in said]
    links = 0
    if not _references_whole(db):
        findings.append(Finding("references_broken", _("Parts of letters in the drawer do not belong to anything.")))
    wrong = _wrong_pages(db)
    if wrong and all(_OF_INDEX.match(one) for one in wrong):
        findings.append(index_damaged())
    elif wrong:
        findings.append(
            Finding(
                "page_damaged",
                _("Pages of the drawer's file are damaged."),
                hint=_(
                    "In a terminal, “dearly check --repair” writes a new file with everything that can still be read."
                ),
            )
        )
        findings += damaged_rows(db)
    steps: list[Callable[[], Iterable[Finding]]] = [lambda: _chain(db)]
    if not wrong:
        steps.append(lambda: _index(db))
    if objects is not None:
        steps.append(lambda: objects(db))
    for step in steps:
        try:
            findings += step()
        except (apsw.CorruptError, apsw.NotADBError):
            continue
    try:
        links = chain.head(db).count
    except (apsw.CorruptError, apsw.NotADBError):
        links = 0
    return Report(tuple(findings), links)


_OF_INDEX = re.compile(r"fts5: |malformed inverted index for FTS5 table ")
"""How SQLite begins what it says of an FTS5 index whose own pages are well."""


def index_damaged() -> Finding:
    """The index of words is damaged. It holds nothing that the letters do not, so it can be made anew."""
    return Finding(
        INDEX_DAMAGED,
        _("The index by which letters are searched is not as it should be. No letter is touched by that."),
        hint=_("It is made anew from the letters."),
    )


def _index(db: Db) -> Iterable[Finding]:
    if search.unlike(db):
        yield index_damaged()


def _wrong_pages(db: Db) -> list[str]:
    """What SQLite has to say against pages and trees; nothing when they are whole."""
    try:
        said = [str(one) for (one,) in db.all("PRAGMA integrity_check")]
    except (apsw.CorruptError, apsw.NotADBError):
        return ["damaged"]
    return [] if said == ["ok"] else said


def _references_whole(db: Db) -> bool:
    try:
        return not db.all("PRAGMA foreign_key_check")
    except (apsw.CorruptError, apsw.NotADBError):
        # Damage is found and named below.
        return True


def damaged_rows(db: Db) -> list[Finding]:
    """What cannot be read any more, table by table, and which letters that touches."""
    findings = []
    try:
        for table, numbered in tables(db):
            gaps = [found for found in walk(db, table, numbered) if isinstance(found, Gap)]
            findings += [_gap(db, gap) for gap in gaps]
    except (apsw.CorruptError, apsw.NotADBError):
        findings.append(
            Finding(
                "tables_damaged",
                _("The list of tables itself is damaged: nothing behind it can be read."),
                hint=_("Restore the drawer from a backup."),
            )
        )
    return findings


def _gap(db: Db, gap: Gap) -> Finding:
    letters = tuple(letters_on(db, gap))
    count = gap.last - gap.first + 1
    if letters:
        message = ngettext("A damaged place touches letter {letters}.", "A damaged place touches letters {letters}.",
                           len(letters)).format(letters=", ".join(map(str, letters)))  # fmt: skip
    else:
        message = _("A damaged place in the table “{table}” ({count} rows at most).")
        message = message.format(table=gap.table, count=count)
    return Finding("rows_damaged", message, letters, _("A backup has it whole, if it was made before the damage."))


_TOUCHES = {
    "letters": ("SELECT number FROM numbers WHERE number BETWEEN ? AND ?",),
    "drafts": ("SELECT number FROM numbers WHERE number BETWEEN ? AND ?",),
    "arrivals": ("SELECT number FROM numbers WHERE number BETWEEN ? AND ?",),
    "objects": (
        "SELECT letter FROM enclosures WHERE object_id BETWEEN ? AND ?",
        "SELECT letter FROM sealed_forms WHERE object_id BETWEEN ? AND ?",
        "SELECT number FROM letters WHERE html BETWEEN ? AND ?",
        "SELECT number FROM arrivals WHERE object_id BETWEEN ? AND ?",
        "SELECT draft FROM draft_enclosures WHERE object_id BETWEEN ? AND ?",
    ),
    "sealed_forms": ("SELECT letter FROM journeys WHERE form BETWEEN ? AND ?",),
}
"""Where the numbers of letters stand that a row of a table belongs to, looked up elsewhere than on the damaged page."""


def letters_on(db: Db, gap: Gap) -> list[int]:
    """The numbers of the letters, drafts and arrivals to which the rows of a gap belong, as far as can be told."""
    found: set[int] = set()
    for sql in _TOUCHES.get(gap.table, ()):
        try:
            found.update(number for (number,) in db.all(sql, (gap.first, gap.last)))
        except (apsw.CorruptError, apsw.NotADBError):
            continue
    return sorted(found)


def _chain(db: Db) -> Iterable[Finding]:
    if (bad := chain.verify(db)) is not None:
        yield Finding(
            "chain_broken",
            _("A part of the drawer was put back to an older state: entry {number} of its record does not fit.").format(
                number=bad.number
            ),
            hint=_("Compare with a backup; letters may be missing from that time on."),
        )
