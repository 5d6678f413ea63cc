"""What lies in a draft or a letter beside its text: the list of enclosures. Their bytes are `objects`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure
from dearly.letter.errors import NotFound
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Enclosed:
    """An enclosure as listed, without its bytes. `position` counts from 0. `size` in bytes. `sha256` of its bytes."""

    position: int
    name: str
    media_type: str
    cid: str | None
    size: int
    object_id: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """The table that lists the enclosures of drafts, or the one of letters: the same columns but for the owner's."""

    table: str
    owner: str

    def listed(self, db: Db, number: int) -> tuple[Enclosed, ...]:
        """The enclosures of one draft or letter, in order."""
        rows = db.each(
            self._sql(
                "SELECT e.position, e.name, e.media_type, e.cid, o.size, o.id, o.sha256"
                " FROM (table) e JOIN objects o ON o.id = e.object_id WHERE e.(owner) = ? ORDER BY e.position"
            ),
            (number,),
        )
        return tuple(Enclosed(*row) for row in rows)

    def bytes_of(self, db: Db, number: int, position: int) -> Enclosure:
        """One enclosure with its bytes. Raises `NotFound` (no_enclosure), `Damaged` (object_damaged)."""
        for one in self.listed(db, number):
            if one.position == position:
                return _whole(db, one)
        raise _no_enclosure()

    def whole(self, db: Db, number: int) -> tuple[Enclosure, ...]:
        """Every enclosure with its bytes. Raises `Damaged` (object_damaged)."""
        return tuple(_whole(db, one) for one in self.listed(db, number))

    def add(self, db: Db, number: int, enclosures: Sequence[Enclosure]) -> None:
        """Put more in, after those there are."""
        there = len(self.listed(db, number))
        for position, one in enumerate(enclosures, there):
            db.run(
                self._sql(
                    "INSERT INTO (table) ((owner), position, object_id, name, media_type, cid)"
                    " VALUES (?, ?, ?, ?, ?, ?)"
                ),
                (number, position, objects.put(db, one.data), one.name, one.media_type, one.cid),
            )

    def remove(self, db: Db, number: int, position: int) -> None:
        """Take one out; the others close up. Raises `NotFound` (no_enclosure)."""
        held = self.listed(db, number)
        if not 0 <= position < len(held):
            raise _no_enclosure()
        db.run(self._sql("DELETE FROM (table) WHERE (owner) = ? AND position = ?"), (number, position))
        for one in held[position + 1 :]:
            db.run(
                self._sql("UPDATE (table) SET position = position - 1 WHERE (owner) = ? AND position = ?"),
                (number, one.position),
            )
        objects.release(db, held[position].object_id)

    def remove_all(self, db: Db, number: int) -> None:
        """Take everything out; bytes that nothing else holds are gone."""
        held = self.listed(db, number)
        db.run(self._sql("DELETE FROM (table) WHERE (owner) = ?"), (number,))
        for one in held:
            objects.release(db, one.object_id)

    def _sql(self, text: str) -> str:
        return text.replace("(table)", self.table).replace("(owner)", self.owner)


IN_DRAFT = Holder("draft_enclosures", "draft")
IN_LETTER = Holder("enclosures", "letter")


def _whole(db: Db, one: Enclosed) -> Enclosure:
    return Enclosure(one.name, one.media_type, objects.get(db, one.object_id), one.cid)


def _no_enclosure() -> NotFound:
    return NotFound("no_enclosure", _("Nothing is enclosed there."), _("“dearly show” lists the enclosures."))
