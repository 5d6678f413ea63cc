"""The page and the drawer: drafts that are being written or put away, and the versions they went through.

Autosave overwrites the current text; every save names the revision it started from, and a save that started from
another one is refused, never merged and never overwritten (the second window). *Versions* are append-only, packed each
against the one before, and cut: after a pause of 60 s, when 500 words changed, when the draft is put away, read over,
left or posted, before most of the text is taken out, and before an older one is restored. What a second window had
written is kept as one, too.

Where the writer stopped (the caret) and what can be undone (the editor's own history) lie beside the text. They change
without a new revision: they say nothing that a second window could lose.

A draft gets its drawer-wide number when it begins, and keeps it as a letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT, Enclosed
from dearly.drawer.numbers import new_number
from dearly.drawer.objects import pack_passing, pack_text, unpack_text
from dearly.drawer.persons import known
from dearly.drawer.rows import LAST, address, moment, stamp
from dearly.drawer.versions import Version, Why, count_words, cut, grow, words_changed, words_now
from dearly.drawer.versions import listed as versions
from dearly.drawer.versions import text_of as version_text
from dearly.drawer.versions import version as version_of
from dearly.letter.address import Correspondent, header_safe
from dearly.letter.clock import Chance
from dearly.letter.content import MOST_ENCLOSED, Draft, Enclosure, LetterId
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _

__all__ = [
    "PAUSE_SECONDS",
    "WORDS_CHANGED",
    "DraftLine",
    "Enclosed",
    "OnPage",
    "RevisionMismatch",
    "Version",
    "Why",
    "anew",
    "answering",
    "back_on_page",
    "became_letter",
    "cut_version",
    "drop",
    "drop_unwritten",
    "enclose",
    "keep_beside",
    "left_off",
    "list_all",
    "load",
    "new",
    "put_away",
    "restore",
    "save",
    "take_out",
    "take_out_enclosure",
    "version_of",
    "version_text",
    "versions",
    "whole",
    "words",
    "write_over",
]

PAUSE_SECONDS = 60
"""After a pause this long the text as it was becomes a version, at the next save."""

WORDS_CHANGED = 500
"""After so many words put in or taken out, a version is cut."""

FEW_WORDS = 10
"""A text longer than this is kept as a version before a save that leaves less than half of it; any text, before a save
that leaves nothing."""

MOST_HISTORY = 1_000_000
"""Characters of the editor's history that are kept; with more, a reload can undo nothing."""

_BEGINNING = 120

UNWRITTEN = """
d.state = 'page' AND d.words = 0 AND (d.subject = '' OR d.revision = 1)
AND NOT EXISTS (SELECT 1 FROM draft_enclosures e WHERE e.draft = d.number)
AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.draft = d.number)
"""
"""A page that was begun and never written on: an empty sheet, which does not lie about on the desk."""

_LISTED = """
SELECT d.number, d.state, d.subject, d.body, d.words, d.look_again, n.made, d.changed
FROM drafts d JOIN numbers n ON n.number = d.number
WHERE d.state IN ('page', 'away') AND d.number < ? AND d.state = coalesce(?, d.state)
ORDER BY d.number DESC
"""


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
    caret: int = 0
    """Where the writer stopped, in UTF-16 code units."""


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


def new(db: Db, draft: Draft, *, answers: int | None = None, now: datetime, chance: Chance) -> OnPage:
    """Begin a draft, with everything in `draft`, enclosures too. Raises `Refused` (too_large), `Usage` (bad_text)."""
    number = new_number(db, "draft", now, chance)
    db.run(
        "INSERT INTO drafts"
        " (number, state, revision, subject, body, words, changed_words, in_reply_to, answers, place, changed)"
        " VALUES (?, 'page', 1, ?, ?, ?, 0, ?, ?, ?, ?)",
        (
            number,
            draft.subject,
            pack_text(draft.text),
            count_words(draft.text),
            draft.in_reply_to,
            answers,
            draft.place,
            stamp(now),
        ),
    )
    _put_recipients(db, number, draft.to)
    _put_references(db, number, draft.references)
    _check_enclosures((), draft.enclosures)
    IN_DRAFT.add(db, number, draft.enclosures)
    return load(db, number)


def anew(db: Db, number: int, to: Sequence[Correspondent], *, now: datetime, chance: Chance) -> OnPage:
    """Begin a draft with everything that a posted letter was made of, to others. It answers what that one answered, so
    that it has the same place in the correspondence. Raises `NotFound` (no_draft), `Damaged` (object_damaged)."""
    was = _read(db, number)
    draft = replace(was.draft, to=tuple(to), enclosures=IN_DRAFT.whole(db, number))
    return new(db, draft, answers=was.answers, now=now, chance=chance)


def answering(db: Db, number: int) -> list[OnPage]:
    """What lies on the desk as an answer to this letter, the last begun first."""
    found = db.all("SELECT number FROM drafts WHERE answers = ? AND state = 'page' ORDER BY number DESC", (number,))
    return [_read(db, draft) for (draft,) in found]


def load(db: Db, number: int) -> OnPage:
    """The draft with this number. Raises `NotFound` (no_draft, already_posted)."""
    page = _read(db, number)
    if page.state == "posted":
        raise NotFound(
            "already_posted",
            _("Number {n} is a letter now: it has been posted.").format(n=number),
            _("As long as it has not left, “dearly take-back” brings it back to the page."),
        )
    return page


def _read(db: Db, number: int) -> OnPage:
    row = db.one(
        "SELECT n.uid, d.revision, d.state, d.subject, d.body, d.words, d.in_reply_to, d.answers, d.look_again,"
        " n.made, d.changed, d.place, d.caret FROM drafts d JOIN numbers n ON n.number = d.number WHERE d.number = ?",
        (number,),
    )
    if row is None:
        raise NotFound(
            "no_draft", _("There is no draft with the number {n}.").format(n=number), _("“dearly drafts” lists them.")
        )
    uid, revision, state, subject, body, words, in_reply_to, answers, look_again, made, changed, place, caret = row
    to = db.all("SELECT name, address, person_id FROM draft_recipients WHERE draft = ? ORDER BY position", (number,))
    references = db.all("SELECT letter_id FROM draft_references WHERE draft = ? ORDER BY position", (number,))
    return OnPage(
        number,
        uid.hex(),
        revision,
        state,
        Draft(
            to=tuple(Correspondent(name, address(where)) for name, where, _person in to),
            subject=subject,
            text=unpack_text(body),
            in_reply_to=in_reply_to,
            references=tuple(LetterId(one) for (one,) in references),
            place=place,
        ),
        tuple(person for _name, _where, person in to),
        IN_DRAFT.listed(db, number),
        words,
        None if look_again is None else date.fromisoformat(look_again),
        answers,
        moment(made),
        moment(changed),
        caret,
    )


def left_off(db: Db, number: int) -> tuple[int, str | None]:
    """Where the writer stopped, and the editor's history (its own JSON), or None. A history always fits the text."""
    caret, history = db.one("SELECT caret, history FROM drafts WHERE number = ?", (number,)) or (0, None)
    return caret, None if history is None else unpack_text(history)


def words(db: Db, number: int) -> int:
    """How many words a draft has, without reading it."""
    return int(db.value("SELECT words FROM drafts WHERE number = ?", (number,)))


def whole(db: Db, number: int) -> Draft:
    """The draft with the bytes of its enclosures. Raises as `load`, and `Damaged` (object_damaged)."""
    return replace(load(db, number).draft, enclosures=IN_DRAFT.whole(db, number))


def save(
    db: Db,
    number: int,
    draft: Draft,
    *,
    based_on: int,
    now: datetime,
    caret: int | None = None,
    history: str | None = None,
    found: OnPage | None = None,
) -> int:
    """Overwrite text, subject, place, recipients and threading; what is enclosed stays (see `enclose`). The new
    revision.

    The same content again changes nothing and gives the revision it has. Cuts a version where its rules say so. A
    draft that was put away stays away. `caret`: where the writer stopped, in UTF-16 code units, None: not known.
    `history`: what the editor can undo; a changed text without one can undo nothing. `found`: what `load`
    gave in this same transaction, so that a long text is not read twice. Raises `RevisionMismatch`, and as
    `load`."""
    page = load(db, number) if found is None else found
    was = page.draft
    if page.revision != based_on:
        raise RevisionMismatch(page.revision)
    _leave_off(db, number, caret, history, changed=was.text != draft.text)
    if was == replace(draft, enclosures=()):
        return page.revision
    words = words_now(was.text, page.words, draft.text)
    if (now - page.changed).total_seconds() >= PAUSE_SECONDS:
        _cut(db, page, Why.PAUSE, now)
    elif 2 * words < page.words and (page.words > FEW_WORDS or not words):
        _cut(db, page, Why.WORDS, now)  # most of it goes, perhaps by a slip of the hand
    changed = db.value("SELECT changed_words FROM drafts WHERE number = ?", (number,))
    changed += words_changed(was.text, draft.text)
    db.run(
        "UPDATE drafts SET revision = revision + 1, subject = ?, body = ?, words = ?, changed_words = ?,"
        " in_reply_to = ?, place = ?, changed = ? WHERE number = ?",
        (
            draft.subject,
            pack_passing(draft.text),
            words,
            changed,
            draft.in_reply_to,
            draft.place,
            stamp(now),
            number,
        ),
    )
    if draft.to != was.to:
        _put_recipients(db, number, draft.to)
    if draft.references != was.references:
        _put_references(db, number, draft.references)
    if changed >= WORDS_CHANGED:
        cut_version(db, number, Why.WORDS, now)
    return page.revision + 1


def write_over(
    db: Db,
    number: int,
    draft: Draft,
    *,
    based_on: int,
    now: datetime,
    caret: int | None = None,
    history: str | None = None,
    found: OnPage | None = None,
) -> int:
    """As `save`, where another text stands that this one takes the place of: that one is kept as a version first."""
    page = load(db, number) if found is None else found
    if page.revision != based_on:
        raise RevisionMismatch(page.revision)
    cut(db, number, page.draft.subject, page.draft.text, Why.BESIDE, now, page.words)
    return save(db, number, draft, based_on=based_on, now=now, caret=caret, history=history, found=page)


def keep_beside(db: Db, number: int, text: str, subject: str, now: datetime, grown: int | None = None) -> int | None:
    """Keep what another window had written as a version, beside the page; the page stays as it is. Its number, or None
    where there is nothing that the page and its last version do not say already.

    `grown`: the version that the same window was given before; it grows on while it is the last one. Raises as `load`.
    """
    page = load(db, number)
    if (subject, text) == (page.draft.subject, page.draft.text):
        return None
    if grown is not None and grow(db, number, grown, subject, text, now):
        return grown
    kept = cut(db, number, subject, text, Why.BESIDE, now)
    if kept is None and text.strip():
        kept = int(db.value("SELECT max(version) FROM versions WHERE draft = ?", (number,)))
    return kept


def _leave_off(db: Db, number: int, caret: int | None, history: str | None, *, changed: bool) -> None:
    if caret is not None:
        db.run("UPDATE drafts SET caret = ?1 WHERE number = ?2 AND caret <> ?1", (max(0, caret), number))
    kept = None if history is None or len(history) > MOST_HISTORY else pack_passing(history)
    if kept is not None or changed:
        db.run("UPDATE drafts SET history = ? WHERE number = ?", (kept, number))


def list_all(db: Db, *, state: str | None = None) -> list[DraftLine]:
    """Drafts on the page and put away (or only "page" or "away"), the last begun first."""
    return [
        DraftLine(
            number,
            its_state,
            tuple(
                name or where
                for name, where in db.each(
                    "SELECT coalesce(p.name, r.name), r.address FROM draft_recipients r"
                    " LEFT JOIN persons p ON p.id = r.person_id WHERE r.draft = ? ORDER BY r.position",
                    (number,),
                )
            ),
            subject,
            unpack_text(body)[:_BEGINNING],
            words,
            None if look_again is None else date.fromisoformat(look_again),
            moment(made),
            moment(changed),
        )
        for number, its_state, subject, body, words, look_again, made, changed in db.all(_LISTED, (LAST, state))
    ]


def enclose(
    db: Db, number: int, enclosures: Sequence[Enclosure], now: datetime, *, beside_writing: bool = False
) -> OnPage:
    """Enclose more files. Raises `Refused` (too_large), `Usage` (bad_text) for a name that no header may carry, and as
    `load`.

    `beside_writing`: the revision stays, so that whoever is just writing on this page is not told of another window.
    Whoever asks for this sees to it that the page is not being posted meanwhile."""
    _check_enclosures(load(db, number).enclosed, enclosures)
    IN_DRAFT.add(db, number, enclosures)
    return load(db, number) if beside_writing else _touched(db, number, now)


def take_out_enclosure(db: Db, number: int, position: int, now: datetime, *, beside_writing: bool = False) -> OnPage:
    """Take one enclosure out; the others close up. Raises `NotFound` (no_enclosure), and as `load`.
    `beside_writing` as for `enclose`."""
    load(db, number)
    IN_DRAFT.remove(db, number, position)
    return load(db, number) if beside_writing else _touched(db, number, now)


def put_away(db: Db, number: int, until: date | None, now: datetime) -> OnPage:
    """Put it away on purpose, with a day to look at it again or none; cuts a version. Raises as `load`."""
    cut_version(db, number, Why.PUT_AWAY, now)
    db.run(
        "UPDATE drafts SET state = 'away', look_again = ? WHERE number = ?",
        (None if until is None else until.isoformat(), number),
    )
    return load(db, number)


def take_out(db: Db, number: int) -> OnPage:
    """Take it back to the page. Raises as `load`."""
    load(db, number)
    db.run("UPDATE drafts SET state = 'page', look_again = NULL WHERE number = ?", (number,))
    return load(db, number)


def drop(db: Db, number: int) -> None:
    """Throw it away: text, versions and enclosures are erased, the number is never used again. Raises as `load`."""
    load(db, number)
    IN_DRAFT.remove_all(db, number)
    for table in ("draft_recipients", "draft_references", "versions"):
        db.run(f"DELETE FROM {table} WHERE draft = ?", (number,))  # noqa: S608  a constant
    db.run("DELETE FROM drafts WHERE number = ?", (number,))


def drop_unwritten(db: Db, now: datetime, *, after: timedelta) -> list[int]:
    """Throw away pages that were begun longer than `after` ago and never written on; their numbers."""
    found = [
        number
        for (number,) in db.all(
            f"SELECT d.number FROM drafts d WHERE d.changed < ? AND {UNWRITTEN}",  # noqa: S608  a constant
            (stamp(now - after),),
        )
    ]
    for number in found:
        drop(db, number)
    return found


def cut_version(db: Db, number: int, why: Why, now: datetime) -> int | None:
    """Keep the current text as a version; its number, or None when the last version says the same. Raises as `load`."""
    return _cut(db, load(db, number), why, now)


def _cut(db: Db, page: OnPage, why: Why, now: datetime) -> int | None:
    db.run("UPDATE drafts SET changed_words = 0 WHERE number = ?", (page.number,))
    return cut(db, page.number, page.draft.subject, page.draft.text, why, now, page.words)


def restore(db: Db, number: int, version: int, *, based_on: int, now: datetime) -> OnPage:
    """Make the text and subject of a version the current ones; the ones before become a version first. Raises as
    `save` and `version_text`."""
    text = version_text(db, number, version)
    subject = db.value("SELECT subject FROM versions WHERE draft = ? AND version = ?", (number, version))
    page = load(db, number)
    if page.revision != based_on:
        raise RevisionMismatch(page.revision)
    cut_version(db, number, Why.RESTORE, now)
    db.run(
        "UPDATE drafts SET subject = ?, body = ?, words = ?, history = NULL WHERE number = ?",
        (subject, pack_text(text), count_words(text), number),
    )
    return _touched(db, number, now)


def became_letter(db: Db, number: int, now: datetime) -> None:
    """It has been posted: `outbox.post` says so, in its transaction."""
    cut_version(db, number, Why.POSTED, now)
    db.run("UPDATE drafts SET state = 'posted', revision = revision + 1, history = NULL WHERE number = ?", (number,))


def back_on_page(db: Db, number: int, now: datetime) -> OnPage:
    """Its posting was taken back: `outbox.take_back` says so. A form that posts the old revision again is refused."""
    db.run("UPDATE drafts SET state = 'page', look_again = NULL WHERE number = ?", (number,))
    return _touched(db, number, now)


def _touched(db: Db, number: int, now: datetime) -> OnPage:
    db.run("UPDATE drafts SET revision = revision + 1, changed = ? WHERE number = ?", (stamp(now), number))
    return load(db, number)


def _put_recipients(db: Db, number: int, to: Sequence[Correspondent]) -> None:
    db.run("DELETE FROM draft_recipients WHERE draft = ?", (number,))
    for position, who in enumerate(to):
        db.run(
            "INSERT INTO draft_recipients (draft, position, name, address, address_key, person_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (number, position, who.name, str(who.address), who.address.key, known(db, who)),
        )


def _put_references(db: Db, number: int, references: Sequence[LetterId]) -> None:
    db.run("DELETE FROM draft_references WHERE draft = ?", (number,))
    db.many(
        "INSERT INTO draft_references (draft, position, letter_id) VALUES (?, ?, ?)",
        [(number, position, one) for position, one in enumerate(references)],
    )


def _check_enclosures(there: Sequence[Enclosed], more: Sequence[Enclosure]) -> None:
    for enclosure in more:
        header_safe(enclosure.name, _("name of an enclosure"))
    size = sum(e.size for e in there) + sum(len(e.data) for e in more)
    if size > MOST_ENCLOSED:
        raise Refused(
            "too_large",
            _("The enclosures weigh {size} MB together; a letter carries at most {most} MB.").format(
                size=round(size / 1e6), most=MOST_ENCLOSED // 1_000_000
            ),
            _("Enclose fewer or smaller files, or send them in several letters."),
        )
