"""Putting letters of an archive into the drawer, a stack at a time: everything that belongs to them in one transaction.

What `filing` does for one letter, done for a hundred: what has to be looked up is looked up once for all of them, and
each table is written in one go, in the order of the letters' dates. The originals are arrivals in the state "imported";
the letterbox never shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer import importing_places
from dearly.drawer.connection import Db
from dearly.drawer.importing_known import here, note_again
from dearly.drawer.importing_rows import Index, Rows
from dearly.drawer.importing_values import Content, Counts, Imported
from dearly.drawer.rows import stamp
from dearly.letter.address import Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId

Meet = Callable[[Db, Correspondent], int]
"""Puts somebody whom nobody knows into the address book; the person's id."""


def file_many(
    db: Db, stack: Iterable[Imported], *, meet: Meet, now: datetime, chance: Chance, index: Index | None = None
) -> Counts:
    """File these originals, and the letters in them.

    The same bytes are taken once. An original whose letter is here already (the same id and the same signed bytes) is
    kept as another copy of it. The same id with other bytes is another letter; both are marked as twins (F38). A letter
    without an id gets one from what it says (F39). A copy that Dearly wrote out is not kept beside its letter. What was
    erased here does not come back, in other bytes neither.
    `meet`: for whoever wrote a letter to us, or got one from us, and is not in the book."""
    return _Filing(db, meet, now, chance, index).file(stack)


def file_late(
    db: Db, number: int, one: Imported, *, meet: Meet, now: datetime, chance: Chance, index: Index | None = None
) -> bool:
    """The letter in an original that was kept unopened until now; False where it could not be opened now either."""
    if one.content is None:
        return False
    letter = _Filing(db, meet, now, chance, index).late(number, one, one.content)
    db.run(
        "UPDATE arrivals SET letter = ?, opened = ?, seal = ?, reason = '' WHERE number = ? AND letter IS NULL",
        (letter, stamp(now), None if one.seal is None else one.seal.value, number),
    )
    return True


@dataclass(slots=True)
class _Filing:
    """One stack on its way: which of it is a letter of its own."""

    db: Db
    meet: Meet
    now: datetime
    chance: Chance
    index: Index | None
    twins: set[LetterId] = field(default_factory=set)
    number: int = 0

    def file(self, stack: Iterable[Imported]) -> Counts:
        db = self.db
        items = sorted(stack, key=lambda one: one.content.date if one.content else one.arrived)
        there, erased = here(db, [one.raw.sha256 for one in items])
        fresh: list[Imported] = []
        seen: set[bytes] = set()
        again: list[Imported] = []
        count = {"taken": 0, "already_here": 0, "erased": 0, "failed": 0}
        for one in items:
            digest = one.raw.sha256
            if digest in erased:
                count["erased"] += 1
            elif digest in there or digest in seen:
                count["already_here"] += 1
                again.append(one)
            else:
                seen.add(digest)
                fresh.append(one)
        known = importing_places.known_letters(db, fresh)
        kept = [one for one in fresh if not known.erased(one)]
        count["erased"] += len(fresh) - len(kept)
        fresh = kept
        letters = [one.content for one in fresh if one.content is not None]
        rows = self._rows(letters)
        self.number = int(db.value("SELECT max(seq) FROM sqlite_sequence WHERE name = 'numbers'") or 0)
        numbered: list[tuple[int, Imported, LetterId | None, int | None]] = []
        for one in fresh:
            letter_id: LetterId | None = None
            letter: int | None = None
            if one.content is None:
                count["failed"] += 1
            else:
                letter_id = importing_places.id_of(one, one.content)
                letter = known.same(one, one.content)
                count["taken" if letter is None else "already_here"] += 1
                if letter is not None and one.copy:
                    continue  # nothing is in it that is not here
            self.number = number = self.number + 1
            rows.numbered(number, self.chance.token(16))
            if one.content is not None and letter_id is not None and letter is None:
                letter = number
                if known.add(one, one.content, number):
                    self.twins.add(letter_id)
                rows.people.meet(one.content)
            numbered.append((number, one, letter_id, letter))
        rows.keep(one for _number, one, _id, _letter in numbered)
        # Only now, when everybody is in the book whom any of these letters brings there.
        for number, one, letter_id, letter in numbered:
            if one.content is not None and letter_id is not None and letter == number:
                rows.letter(number, letter_id, one.content)
            rows.arrival(number, one, letter)
        rows.write(self.twins, self.index)
        for one in again:
            note_again(db, [one.raw.sha256], one.way, one.place, self.now)
        return Counts(**count)

    def late(self, number: int, one: Imported, content: Content) -> int:
        """File the letter of an original that is here under this number; the number of the letter."""
        known = importing_places.known_letters(self.db, [one])
        letter_id = importing_places.id_of(one, content)
        there = known.same(one, content)
        if there is not None:
            return there
        if known.add(one, content, number):
            self.twins.add(letter_id)
        rows = self._rows([content])
        rows.people.meet(content)
        rows.keep([one])
        rows.letter(number, letter_id, content)
        rows.write(self.twins, self.index)
        return number

    def _rows(self, letters: Sequence[Content]) -> Rows:
        people = importing_places.People(self.db, letters, self.meet, self.now)
        return Rows(self.db, self.now, people, importing_places.Places(self.db, [stamp(one.date) for one in letters]))
