"""Act 9: the ledger. Who wrote last, what waits for an answer on either side, and what was decided about it.

One quiet list; it counts nothing and reproaches nobody. It is reckoned anew each time from the letters themselves,
those on paper and those from an archive among them (`letter.ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from dearly.drawer import ledger as book
from dearly.drawer import letters
from dearly.drawer.connection import Db
from dearly.drawer.letters import Reply
from dearly.letter.errors import Usage
from dearly.letter.ledger import Account, Standing, account, missing
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk

__all__ = ["Line", "Reply", "Standing", "decide", "ledger", "look"]


@dataclass(frozen=True, slots=True)
class Line:
    """How one correspondence stands. `uid`, `kind`: of the person, household or circle. `number`: of the letter that
    waits (or was put off), the last one where none does; `ours`: we wrote it; `reply`: what was decided about it;
    `since`: when it was written. `last`: when the last letter was written, `last_ours`: by us. `until`: the day for
    which the answer was put off. `crossed`: the last two letters crossed on their way. `missing`: numbers that their
    writer must have given to letters which are not here: lost, on their way, or erased (what is erased keeps none)."""

    person: str
    uid: str
    kind: str
    standing: Standing
    number: int
    ours: bool
    reply: str | None
    since: datetime
    last: datetime
    last_ours: bool
    until: date | None
    crossed: bool
    missing: tuple[int, ...]


_ORDER = (Standing.LATER, Standing.YOURS, Standing.THEIRS, Standing.RESTS)


async def ledger(desk: Desk, *, everything: bool = False) -> list[Line]:
    """Every correspondence on which something is open: first what was put off (the nearest day first), then what waits
    for us, then what we wait for, each the latest first. `everything`: also what rests, at the end."""

    return await desk.drawer.read(lambda db: look(db, everything=everything))


def look(db: Db, *, everything: bool = False) -> list[Line]:
    """See `ledger`; for whoever is at the drawer already."""
    lines = []
    for kept in book.correspondences(db, everything=everything):
        stands = account(kept.turns)
        if stands is None:
            continue
        gaps = tuple(missing(letters.their_numbers(db, kept.person)))
        if everything or gaps or stands.standing is not Standing.RESTS:
            lines.append(_line(kept, stands, gaps))
    return sorted(lines, key=_place)


async def decide(desk: Desk, number: int, reply: Reply | None, on: date | None = None) -> None:
    """Keep what was decided about the answer to a letter: "later" (`on`: look at it again on that day), "not_needed",
    "rest" (also of a letter of ours: no answer is waited for any more). None takes it back.

    Raises `NotFound` (no_letter), `Usage` (bad_date)."""
    if on is not None and reply != "later":
        raise Usage("bad_date", _("A day belongs only to an answer that is put off."), _("Leave the day out."))
    if on is not None and on < desk.clock.local().date():
        raise Usage(
            "bad_date",
            _("{day} is over.").format(day=on.isoformat()),
            _("Name a day from today on, as YYYY-MM-DD, or none."),
        )
    await desk.drawer.write(lambda db: book.decide(db, letters.letter(db, number).number, reply, on))


def _line(kept: book.Kept, stands: Account, gaps: tuple[int, ...]) -> Line:
    return Line(
        person=kept.name,
        uid=kept.uid,
        kind=kept.kind,
        standing=stands.standing,
        number=stands.since.number,
        ours=stands.since.ours,
        reply=stands.since.reply,
        since=stands.since.written,
        last=stands.last.written,
        last_ours=stands.last.ours,
        until=stands.on,
        crossed=stands.crossed,
        missing=gaps,
    )


def _place(line: Line) -> tuple[int, int, float, str]:
    day = (line.until or date.max).toordinal() if line.standing is Standing.LATER else 0
    return _ORDER.index(line.standing), day, -line.last.timestamp(), line.uid
