"""Act 10: taking in an archive. First a plan, which changes nothing and says what would be done; then the run (`run`).

The plan reads every original once, but only its header: how many letters, from whom, of which years; what is here
already; what is no letter, and why; which addresses seem to be the person's own; who seems to be there twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_done import Done, left
from dearly.desk.importing_folder import Lent, MailFolder, lent_folder, mail_folder, shelves
from dearly.desk.importing_handed import Handed, Handing, is_a_backup
from dearly.desk.importing_run import run
from dearly.desk.importing_source import (
    REASONS,
    About,
    Choices,
    in_words,
    not_again,
    open_archive,
    stacks,
)
from dearly.desk.importing_tally import Plan, Someone, Tally
from dearly.drawer import accounts, importing_known, importing_log, importing_refiling
from dearly.drawer.connection import Db
from dearly.drawer.importing_log import Import
from dearly.exchange.archive import Archive, Item, Ours, Unchanged
from dearly.letter.address import Address
from dearly.letter.words import _
from dearly.opener.heads import HeadFacts

if TYPE_CHECKING:
    from dearly.desk.importing_own_sources import BundleSource, DrawerSource

__all__ = [
    "OURS",
    "REASONS",
    "About",
    "Archive",
    "Choices",
    "Done",
    "Handed",
    "Handing",
    "Lent",
    "Plan",
    "Someone",
    "in_words",
    "left",
    "lent_folder",
    "mail_folder",
    "open_archive",
    "plan",
    "run",
    "run_ours",
    "shelves",
]

OURS = frozenset({"bundle", "drawer"})
"""Formats of Dearly itself, which are taken in as a whole."""


@asynccontextmanager
async def own_source(
    desk: Desk, archive: Archive, passphrase: str | None
) -> AsyncIterator[BundleSource | DrawerSource]:
    """What a bundle (with the passphrase of the secret keys in it), or another drawer with its own, holds.

    Raises `Usage` (not_a_bundle), `Damaged`, `Locked` (wrong_passphrase), `InUse` (drawer_in_use)."""
    from dearly.desk.importing_own_sources import BundleSource, DrawerSource
    from dearly.drawer.drawer import Drawer
    from dearly.exchange.bundle_reading import Bundle

    source: BundleSource | DrawerSource
    if isinstance(archive, Handed):
        source = BundleSource(await asyncio.to_thread(Bundle.of, *archive.bundle()), passphrase)
    elif not isinstance(archive, Ours):
        raise TypeError(archive.format)
    elif archive.format == "bundle":
        source = BundleSource(await asyncio.to_thread(Bundle.open, archive.path), passphrase)
    elif archive.path.is_dir():
        source = DrawerSource(await Drawer.open(archive.path, passphrase or "", clock=desk.clock, chance=desk.chance))
    else:
        raise is_a_backup(archive.place)
    try:
        yield source
    finally:
        await source.close()


async def run_ours(
    desk: Desk, archive: Archive, passphrase: str | None, progress: Progress, *, ours: bool = False
) -> Done:
    """Take in a bundle, or another drawer. `ours`: it was our own, says the person. Raises as `own_source`, `Locked`
    (wrong_key_passphrase)."""
    from dearly.desk.importing_own import run_own

    async with own_source(desk, archive, passphrase) as source:
        return await run_own(desk, archive, source, progress, ours=ours)


async def plan(
    desk: Desk, archive: Archive, choices: Choices, progress: Progress, *, passphrase: str | None = None
) -> Plan:
    """What taking it in would come to, by headers alone: an empty letter or an invitation shows only when it is read.
    Of a folder at a server nothing but headers is fetched, so there a letter is known by its own id. `passphrase`: of
    another drawer. Nothing is changed. Raises what `Archive.items` raises, `Usage` (bad_address), and as
    `own_source`."""
    if archive.format in OURS:
        return await _plan_of_ours(desk, archive, passphrase)
    mine = [Address.parse(one) for one in choices.mine]

    def look(db: Db) -> tuple[list[Address], Import | None, int]:
        own = accounts.own_addresses(db, left=True)
        return own, importing_log.find(db, archive.source), importing_refiling.count(db, mine)

    own, before, refiled = await desk.drawer.read(look)
    tally = Tally(frozenset(one.key for one in (*own, *mine)), choices)
    total = await asyncio.to_thread(archive.size) or 0
    met = await not_again(desk, archive, choices)
    async for stack in stacks(archive, heads=True):
        items = [one for one in stack if isinstance(one, Item)]
        facts = await desk.opener.heads([_header(one.data) for one in items])
        if isinstance(archive, MailFolder):  # of which only headers came
            total = archive.total
            marks = [_by_id(item, fact) for item, fact in zip(items, facts, strict=True)]
            here = await desk.drawer.read(partial(importing_known.here_by_id, letter_ids=marks))
            erased: frozenset[bytes] = frozenset()
        else:
            marks = await asyncio.to_thread(_digests, items)
            here, erased = await desk.drawer.read(partial(importing_known.here, digests=marks))
        for item, fact, mark in zip(items, facts, marks, strict=True):
            tally.count(item, fact, mark, here, erased)
        for one in stack:
            if isinstance(one, Unchanged):
                tally.count_unchanged(Counter(map(met.__getitem__, one.marks)))
            elif not isinstance(one, Item):
                tally.count_other(one)
        progress(_("Looking through it"), stack[-1].passed, total)
    begun = before is not None and before.ended is None and bool(before.cursor)
    going_on = before is not None and before.goes_on(choices.mark)
    return replace(tally.plan(archive), going_on=going_on, anew=begun and not going_on, refiled=refiled)


async def _plan_of_ours(desk: Desk, archive: Archive, passphrase: str | None) -> Plan:
    """A bundle, and a drawer, says itself how much is in it."""
    async with own_source(desk, archive, passphrase) as source:
        tally, people = await source.tally(), (await source.book()).people
    found = tally.letters + tally.envelopes
    named = tuple(
        Someone(one.name, next((where.text for where in one.addresses), ""), 0) for one in people if not one.hidden
    )
    return Plan(
        archive.place,
        archive.format,
        found,
        found,
        0,
        0,
        0,
        0,
        0,
        {},
        0,
        {},
        named,
        len(named),
        (),
        (),
        (),
    )


def _digests(items: Sequence[Item]) -> list[bytes]:
    return [hashlib.sha256(one.data).digest() for one in items]


def _by_id(item: Item, facts: HeadFacts) -> bytes:
    """The id that a letter gives itself; where it gives none, something that no letter has."""
    return facts.letter_id.encode() if facts.letter_id else hashlib.sha256(item.data).digest()


def _header(data: bytes) -> bytes:
    """The header section, by its empty line: to be read in the child."""
    ends = [end for mark in (b"\n\n", b"\r\n\r\n") if (end := data.find(mark)) >= 0]
    return data[: min(ends) + 4] if ends else data[: 64 << 10]
