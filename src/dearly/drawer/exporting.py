"""Every letter, envelope and draft, in small pieces, for those who write them down elsewhere (`letter.leaving`).

A piece is read in one short snapshot, and the next one begins behind it: so the desk goes on writing meanwhile, the log
can be folded, and memory holds one piece whatever the drawer holds. What is filed while an export runs may be in it or
not; what was there when it began is. The address book and the keys are `exporting_book`'s.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dearly.drawer import exporting_originals, objects, versions
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT, IN_LETTER
from dearly.drawer.exporting_originals import BUDGET, PIECE, envelope_numbers, envelopes
from dearly.drawer.rows import LAST, maybe, moment, written_at
from dearly.letter.content import Enclosure
from dearly.letter.leaving import Leaving, LeavingDraft, Named, Version

__all__ = [
    "PIECE",
    "Tally",
    "Want",
    "after",
    "draft_numbers",
    "drafts",
    "envelope_numbers",
    "envelopes",
    "load",
    "tally",
]


@dataclass(frozen=True, slots=True)
class Want:
    """What of each letter is needed beside its text: reading what nobody wants takes most of the time."""

    enclosures: bool = False
    originals: bool = False
    html: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is. `envelopes`: without a letter, because they were not opened or cannot be, and copies of a
    letter beyond those that stand with it. `octets`: of all that is kept, before packing."""

    letters: int
    envelopes: int
    drafts: int
    octets: int


def tally(db: Db) -> Tally:
    """How much there is to export."""
    return Tally(
        letters=int(db.value("SELECT count(*) FROM letters")),
        envelopes=exporting_originals.count(db),
        drafts=int(db.value("SELECT count(*) FROM drafts WHERE state <> 'posted'")),
        octets=int(db.value("SELECT coalesce(sum(size), 0) FROM objects")),
    )


def after(db: Db, key: int | None, limit: int = PIECE) -> list[tuple[int, int]]:
    """The letters behind this key of the archive (None: from the first one on), by date: key and number of each."""
    return [
        (sort_key, number)
        for sort_key, number in db.each(
            "SELECT sort_key, number FROM letters WHERE sort_key > ? ORDER BY sort_key LIMIT ?",
            (-LAST if key is None else key, limit),
        )
    ]


_LETTERS = """
SELECT l.number, n.uid, l.direction, l.letter_id, l.letter_no, l.date, l.date_offset, l.filed, l.subject, l.body,
       l.commonmark, l.html, l.in_reply_to, l.postcard, l.reply, l.reply_on, l.seal, l.signature, l.quantum_safe,
       l.signer, l.signed_at, l.twin, d.place, l.inner_sha256, l.content_sha256, n.origin, n.made
FROM letters l JOIN numbers n ON n.number = l.number LEFT JOIN drafts d ON d.number = l.number
WHERE l.number IN (SELECT value FROM json_each(?)) ORDER BY l.sort_key
"""
_REFERENCES = """
SELECT letter, letter_id FROM letter_references
WHERE letter IN (SELECT value FROM json_each(?)) ORDER BY letter, position
"""
_NAMED = """
SELECT q.letter, q.role, q.name, q.address, p.uid, p.name FROM parties q LEFT JOIN persons p ON p.id = q.person_id
WHERE q.letter IN (SELECT value FROM json_each(?)) ORDER BY q.letter, q.role, q.position
"""
_WAYS = """
SELECT letter, way FROM journeys WHERE letter IN (SELECT value FROM json_each(?1)) AND state <> 'taken_back'
UNION SELECT letter, way FROM sealed_forms WHERE letter IN (SELECT value FROM json_each(?1))
UNION SELECT letter, way FROM arrivals WHERE letter IN (SELECT value FROM json_each(?1))
AND state NOT IN ('own', 'report') ORDER BY 1, 2
"""


def load(db: Db, numbers: Sequence[int], want: Want) -> list[Leaving]:
    """The letters with these numbers, by date; as many of the first ones as the budget allows, one at least.

    Raises `Damaged` when one of them is: then ask for each alone, each in a read of its own."""
    among = json.dumps(list(numbers))
    named = _named(db, among)
    references, ways = _grouped(db, _REFERENCES, among), _grouped(db, _WAYS, among)
    out: list[Leaving] = []
    spent = 0
    for row in db.each(_LETTERS, (among,)):
        number = row[0]
        one = _letter(
            db,
            row,
            named.get(number, ()),
            tuple(ref for (ref,) in references.get(number, ())),
            tuple(way for (way,) in ways.get(number, ())),
            want,
        )
        out.append(one)
        spent += len(one.text) + len(one.html or "") + sum(len(e.data) for e in one.enclosures)
        spent += sum(len(original.data) for original in one.originals)
        if spent > BUDGET:
            break
    return out


def _letter(
    db: Db,
    row: tuple[Any, ...],
    named: tuple[Named, ...],
    references: tuple[str, ...],
    ways: tuple[str, ...],
    want: Want,
) -> Leaving:
    number, uid, direction, letter_id, letter_no, date, offset, filed, subject, body, commonmark, html, *more = row
    in_reply_to, postcard, reply, reply_on, seal, signature, quantum_safe, signer, signed_at, twin, *last = more
    place, inner, content, origin, made = last
    whole = want.originals
    return Leaving(
        number=number,
        uid=uid.hex(),
        direction=direction,
        letter_id=letter_id,
        letter_no=letter_no,
        date=written_at(date, offset),
        filed=moment(filed),
        subject=subject,
        text=objects.unpack_text(body),
        commonmark=bool(commonmark),
        named=named,
        ways=ways,
        html=objects.get(db, html).decode() if html is not None and want.html else None,
        in_reply_to=in_reply_to,
        references=references,
        enclosures=IN_LETTER.whole(db, number) if want.enclosures else (),
        postcard=bool(postcard),
        reply=reply or "",
        reply_on=reply_on or "",
        seal=seal or "",
        signature=signature or "",
        quantum_safe=None if quantum_safe is None else bool(quantum_safe),
        signer=signer or "",
        signed_at=maybe(signed_at),
        twin=bool(twin),
        place=place or "",
        inner_sha256=(inner or b"").hex(),
        content_sha256=content.hex(),
        originals=exporting_originals.of_letter(db, number, direction) if whole else (),
        journeys=exporting_originals.journeys(db, number) if whole and direction == "out" else (),
        offered=exporting_originals.offered(db, number) if whole else (),
        halves=exporting_originals.halves(db, number) if whole else (),
        origin=origin,
        begun=moment(made),
    )


def _named(db: Db, among: str) -> dict[int, tuple[Named, ...]]:
    rows = _grouped(db, _NAMED, among)
    return {
        letter: tuple(
            Named(role, name, address, (uid or b"").hex(), known_as or "") for role, name, address, uid, known_as in of
        )
        for letter, of in rows.items()
    }


def _grouped(db: Db, sql: str, among: str) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for key, *rest in db.each(sql, (among,)):
        found[key].append(tuple(rest))
    return found


def draft_numbers(db: Db, behind: int, *, posted: bool) -> list[int]:
    """The numbers of the next drafts behind this one; with `posted` also of those that letters were."""
    return [
        n
        for (n,) in db.each(
            "SELECT number FROM drafts WHERE number > ? AND (state <> 'posted' OR ?) ORDER BY number LIMIT ?",
            (behind, posted, PIECE),
        )
    ]


def drafts(db: Db, numbers: Sequence[int], *, past: bool) -> list[LeavingDraft]:
    """Drafts by their numbers; with their earlier versions where `past`. As many as the budget allows, as `load`."""
    out: list[LeavingDraft] = []
    spent = 0
    for number in numbers:
        one = _draft(db, number, past=past)
        if one is None:  # dropped or erased meanwhile
            continue
        out.append(one)
        spent += len(one.text) + sum(len(e.data) for e in one.enclosures) + sum(len(v.text) for v in one.versions)
        if spent > BUDGET:
            break
    return out


def _draft(db: Db, number: int, *, past: bool) -> LeavingDraft | None:
    row = db.one(
        "SELECT n.uid, d.state, d.subject, d.body, d.changed, d.in_reply_to, d.look_again, d.place, n.made, d.caret"
        " FROM drafts d JOIN numbers n ON n.number = d.number WHERE d.number = ?",
        (number,),
    )
    if row is None:
        return None
    uid, state, subject, body, changed, in_reply_to, look_again, place, made, caret = row
    to = db.all(
        "SELECT 'to', r.name, r.address, coalesce(p.uid, x''), coalesce(p.name, '') FROM draft_recipients r"
        " LEFT JOIN persons p ON p.id = r.person_id WHERE r.draft = ? ORDER BY r.position",
        (number,),
    )
    references = db.all("SELECT letter_id FROM draft_references WHERE draft = ? ORDER BY position", (number,))
    enclosed: tuple[Enclosure, ...] = IN_DRAFT.whole(db, number) if state != "posted" else ()
    cut = sorted(versions.listed(db, number), key=lambda one: one.version) if past else []
    return LeavingDraft(
        number=number,
        uid=uid.hex(),
        state=state,
        subject=subject,
        text=objects.unpack_text(body),
        changed=moment(changed),
        named=tuple(Named(role, name, address, who.hex(), known_as) for role, name, address, who, known_as in to),
        in_reply_to=in_reply_to,
        references=tuple(one for (one,) in references),
        look_again=look_again or "",
        place=place,
        enclosures=enclosed,
        versions=tuple(
            Version(v.version, v.at, v.why.value, v.subject, versions.text_of(db, number, v.version)) for v in cut
        ),
        begun=moment(made),
        caret=caret or None,
    )
