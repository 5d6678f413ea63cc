"""Filing what is ready, in transactions that keep the writer for a moment only.

Each of them notes how far the archive has been read by then, too; so an import may be stopped or killed at any point.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from dearly import __version__
from dearly.desk import indexing, newcomers
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_ready import Ready
from dearly.desk.importing_source import MOST_SKIPPED, REASONS, Skipped
from dearly.drawer import importing, importing_known, importing_log
from dearly.drawer.connection import Db
from dearly.drawer.importing_log import Import, Tally
from dearly.drawer.importing_values import Counts
from dearly.letter.address import Correspondent
from dearly.letter.envelope import Way
from dearly.letter.failpoint import reach
from dearly.letter.words import _

_HOLD = 0.025
"""Seconds of the processor that one transaction is meant to take; some take twice as long. Who saves a draft meanwhile
waits for no longer than 0.05, but for what the disk needs."""

_LEAST = 200_000
"""Octets (`_weight`) that are filed at once however long they take."""

_ANY, _WORDS = 5_000, 4
"""What anything weighs, and a character of text, which goes into the index."""


def _weight(one: Ready) -> int:
    """How long it takes to file something, as the octets of a letter that would take as long."""
    if one.imported is None:
        return _ANY
    text = 0 if one.imported.content is None else len(one.imported.content.text)
    return _ANY + len(one.imported.raw.body) + _WORDS * text


class Filing:
    """Files what is ready, in transactions that keep the writer for a moment only."""

    def __init__(self, desk: Desk, log: Import, total: int, progress: Progress) -> None:
        self.log, self._place = log, log.place
        self.left_out: Counter[str] = Counter()
        self.missed = 0
        self.skipped: list[Skipped] = []
        self.erased = self.locked = 0
        self._desk, self._progress, self.total = desk, progress, total
        self._begun, self._done = time.monotonic(), 0
        self._most, self._before = _LEAST, (0, 0.0)

    async def file(self, stack: Sequence[Ready]) -> None:
        """File a stack, in as few transactions as keep the writer no longer than `_HOLD`. More of them cost more: every
        commit writes the pages anew that all letters share, and leaves one more part of the index to be joined."""
        piece: list[Ready] = []
        weight = 0
        for one in stack:
            more = _weight(one)
            if piece and weight + more > self._most:
                await self._file(piece, weight)
                piece, weight = [], 0
            piece.append(one)
            weight += more
        await self._file(piece, weight)

    def _pace(self, weight: int) -> None:
        """Called on the writer's thread when a transaction begins: what the one before it took of this thread, with its
        commit, says how large the next may be."""
        now = time.thread_time()
        before, begun = self._before
        self._before = weight, now
        if before >= _LEAST // 2:
            fits = round(before * _HOLD / max(now - begun, 0.001))
            self._most = max(_LEAST, (3 * self._most + min(fits, 2 * self._most)) // 4)

    async def _file(self, batch: Sequence[Ready], weight: int) -> None:
        desk = self._desk
        items = [one.imported for one in batch if one.imported is not None]
        left_out = Counter(one.left_out for one in batch if one.left_out is not None)
        missed = [one.missed for one in batch if one.missed is not None]
        again = [one.again for one in batch if one.again is not None]
        here = len(again)
        for one in batch:
            here += one.unchanged.get("", 0)
            left_out.update({reason: n for reason, n in one.unchanged.items() if reason})
        marked = [one for one in batch if one.mark]
        left_files = [
            (one.mark, one.left_out) for one in marked if one.left_out is not None and one.left_out in REASONS
        ]
        kept = [(one.mark, one.again) for one in marked if one.again is not None]
        kept += [(one.mark, one.imported.raw.sha256) for one in marked if one.imported is not None]

        def meet(db: Db, who: Correspondent) -> int:
            return newcomers.person_of(db, desk, who).id

        def work(db: Db) -> tuple[Import, Counts]:
            self._pace(weight)
            counts = importing.file_many(
                db, items, meet=meet, now=desk.clock.now(), chance=desk.chance, index=indexing.index
            )
            importing_known.note_again(db, again, Way.MAIL, self._place, desk.clock.now())
            importing_log.remember(db, self.log, kept, left_files, __version__)
            more = Tally(
                sum(one.found for one in batch),
                counts.taken,
                counts.already_here + here,
                left_out.total() + counts.erased,
                counts.failed + len(missed),
            )
            on = importing_log.advance(db, self.log, batch[-1].cursor, more)
            reach("import.before-commit")
            return on, counts

        self.log, counts = await desk.drawer.write(work)
        reach("import.after-commit")
        self.left_out += left_out
        self.missed += len(missed)
        told = [one for ready in batch for one in (ready.missed, ready.lacking) if one is not None]
        self.skipped += told[: MOST_SKIPPED - len(self.skipped)]
        self.erased += counts.erased
        self.locked += sum(one.content is None and one.seal is not None for one in items)
        self._done += sum(one.found for one in batch)
        rate = self._done / max(time.monotonic() - self._begun, 0.001)
        what = _("Taking in letters, {rate} a second").format(rate=round(rate))
        self._progress(what, batch[-1].passed, self.total)
