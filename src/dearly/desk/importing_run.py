"""The run of an import: while one stack of letters is filed, the next one is read, packed and made ready.

Each batch is one short transaction, together with how far the archive has been read by then; so it may be stopped or
killed at any point, goes on there, and takes nothing twice (F43). Between two batches whoever saves a draft goes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext, suppress

from dearly.desk import joining
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_done import Done, left
from dearly.desk.importing_filing import Filing
from dearly.desk.importing_folder import MailFolder
from dearly.desk.importing_ready import Making, Ready
from dearly.desk.importing_refiling import refiled
from dearly.desk.importing_source import Choices, not_again, stacks
from dearly.drawer import accounts, importing_log
from dearly.drawer.connection import Db
from dearly.drawer.importing_log import Import
from dearly.exchange.archive import Archive
from dearly.letter.address import Address

_ALONE = 30
"""Stacks that one child reads, one after the other; only for more of them it is worth starting a second one. That is
started when a stack is still read while the next one waits for it: not at all where filing takes longer."""


async def run(desk: Desk, archive: Archive, choices: Choices, progress: Progress) -> Done:
    """Take in everything that `choices` do not leave out, from where it stopped the last time. Cancelled, it stops
    between two batches. Raises what `Archive.items` raises, `Usage` (bad_address), `NoSpace`."""
    mine = [Address.parse(one) for one in choices.mine]
    now = desk.clock.now()

    def begin(db: Db) -> tuple[Import, tuple[Address, ...]]:
        for one in mine:
            accounts.add_left_address(db, one, now=now, chance=desk.chance)
        importing_log.prepare(db)
        log = importing_log.begin(db, archive.source, archive.place, archive.format, choices.mark, now)
        return log, tuple(accounts.own_addresses(db, left=True))

    log, own = await desk.drawer.write(begin)
    again = await refiled(desk, mine)
    size = await asyncio.to_thread(archive.size)
    filing = Filing(desk, log, size or 0, progress)
    met = await not_again(desk, archive, choices)
    prepared = _prepared(Making(desk, archive, choices, own, met), log.cursor)
    async with desk.drawer.writing_much(), aclosing(prepared) as stacks_ready:
        async for ready in stacks_ready:
            if isinstance(archive, MailFolder):
                filing.total = archive.total
            await filing.file(ready)
    await desk.drawer.write(lambda db: importing_log.end(db, filing.log, desk.clock.now()))
    while await desk.drawer.write(importing_log.tidy):
        pass
    tally = filing.log.tally
    return Done(
        tally.found,
        tally.taken,
        tally.already_here,
        tally.not_letters,
        tally.failed,
        dict(filing.left_out.most_common()),
        filing.erased,
        filing.locked,
        filing.missed,
        tuple(filing.skipped),
        refiled=again,
        alike=await joining.alike(desk),
        left=await left(desk, archive),
    )


async def _prepared(making: Making, cursor: str) -> AsyncGenerator[Sequence[Ready], None]:
    """The stacks in order, one ahead of whoever files them."""
    waiting: asyncio.Task[list[Ready]] | None = None
    alone, begun = asyncio.Lock(), 0
    async with aclosing(stacks(making.archive, cursor)) as source:
        try:
            async for stack in source:
                ahead = asyncio.create_task(making.ready(stack, alone if begun < _ALONE else nullcontext()))
                begun += 1
                before, waiting = waiting, ahead
                if before is not None:
                    yield await before
            if waiting is not None:
                yield await waiting
        finally:
            if waiting is not None:
                waiting.cancel()
                with suppress(BaseException):
                    await waiting
