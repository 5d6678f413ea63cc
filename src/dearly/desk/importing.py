"""Act 10: taking in an archive. First a plan, which changes nothing and says what would be done; then the run (`run`).

The plan reads every original once, but only its header: how many letters, from whom, of which years; what is here
already; what is no letter, and why; which addresses seem to be the person's own; who seems to be there twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_folder import Lent, MailFolder, lent_folder, mail_folder, shelves
from dearly.desk.importing_handed import Handed, Handing, is_a_backup
from dearly.desk.importing_own import run_own
from dearly.desk.importing_own_sources import BundleSource, DrawerSource
from dearly.desk.importing_run import Done, left, run
from dearly.desk.importing_source import (
    BY_KIND,
    MOST_SKIPPED,
    REASONS,
    About,
    Choices,
    Skipped,
    in_words,
    is_no_letter,
    left_out_by_place,
    not_again,
    open_archive,
    stacks,
)
from dearly.drawer import accounts, importing, importing_log, importing_refiling
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing_log import Import
from dearly.exchange.archive import Archive, Item, Ours, PassedOver, Unchanged, Written
from dearly.exchange.bundle_reading import Bundle
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.words import _
from dearly.opener.bulk import NO_LETTERS, Kind, kind_by_header
from dearly.opener.heads import HeadFacts

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

_MOST_NAMED = 1000
"""People who are named in a plan, those with the most letters first."""

_OFTEN = 3
"""To so many letters, and to a third of all that came, goes an address that may be the person's own."""


@dataclass(frozen=True, slots=True)
class Someone:
    """Somebody in the letters of an archive. `letters`: how many are from them or to them."""

    name: str
    address: str
    letters: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Several addresses under one name: perhaps one person, perhaps not."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking this archive in would come to. `found`: all that lies in it. `letters`: to be taken; `sent` of them
    by us. `others`: letters that are neither from us nor to us. `sealed`: to be opened with a key; without it they are
    kept unopened. `already_here`, `erased` (here once, and erased since). `left_out`: how many, by reason
    (`REASONS`). `failed`: cannot be taken; `skipped` names them. `years`: letters of each year. `perhaps_mine`: own
    addresses that the desk does not know. `going_on`: it was begun before, and goes on where it stopped; `anew`: it was
    begun before with other choices, and is looked through from its beginning. `by_sender`: the own addresses for which
    alone letters count as sent, that lay in no folder of sent ones. `refiled`: letters that lie here as received, and
    are from an address that is named as ours now."""

    place: str
    format: str
    found: int
    letters: int
    sent: int
    others: int
    sealed: int
    already_here: int
    erased: int
    left_out: dict[str, int]
    failed: int
    years: dict[int, int]
    people: tuple[Someone, ...] = field(repr=False)
    people_in_all: int
    perhaps_mine: tuple[str, ...]
    alike: tuple[Alike, ...]
    skipped: tuple[Skipped, ...]
    going_on: bool = False
    anew: bool = False
    by_sender: tuple[Someone, ...] = ()
    refiled: int = 0


@asynccontextmanager
async def own_source(
    desk: Desk, archive: Archive, passphrase: str | None
) -> AsyncIterator[BundleSource | DrawerSource]:
    """What a bundle (with the passphrase of the secret keys in it), or another drawer with its own, holds.

    Raises `Usage` (not_a_bundle), `Damaged`, `Locked` (wrong_passphrase), `InUse` (drawer_in_use)."""
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
    tally = _Tally(frozenset(one.key for one in (*own, *mine)), choices)
    total = await asyncio.to_thread(archive.size) or 0
    met = await not_again(desk, archive, choices)
    async for stack in stacks(archive, heads=True):
        items = [one for one in stack if isinstance(one, Item)]
        facts = await desk.opener.heads([_header(one.data) for one in items])
        if isinstance(archive, MailFolder):  # of which only headers came
            total = archive.total
            marks = [_by_id(item, fact) for item, fact in zip(items, facts, strict=True)]
            here = await desk.drawer.read(partial(importing.here_by_id, letter_ids=marks))
            erased: frozenset[bytes] = frozenset()
        else:
            marks = await asyncio.to_thread(_digests, items)
            here, erased = await desk.drawer.read(partial(importing.here, digests=marks))
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


class _Tally:
    """What was counted up to now."""

    def __init__(self, ours: frozenset[str], choices: Choices) -> None:
        self._ours, self._choices = ours, choices
        self._seen: set[bytes] = set()
        self._n: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._years: Counter[int] = Counter()
        self._letters: Counter[str] = Counter()
        self._wrote_sent: Counter[str] = Counter()
        self._named_to: Counter[str] = Counter()
        self._names: dict[str, tuple[str, str]] = {}
        self._by_sender: Counter[str] = Counter()
        self._skipped: list[Skipped] = []

    def count(
        self, item: Item, facts: HeadFacts, mark: bytes, here: frozenset[bytes], erased: frozenset[bytes]
    ) -> None:
        """`mark`: what an original is known by, as in `here` and `erased`."""
        self._n["found"] += 1
        sender = facts.sender
        if mark in erased:
            self._n["erased"] += 1
        elif mark in here or mark in self._seen:
            self._n["already_here"] += 1
        elif (why := self._why_not(item, facts)) is not None:
            self._left[why] += 1
        else:
            sent = bool(item.hints.sent) or (sender is not None and sender.address.key in self._ours)
            ours = sent or any(who.address.key in self._ours for who in (*facts.to, *facts.cc))
            if not ours:
                self._n["others"] += 1
            if not ours and self._choices.only_ours:
                self._left["others"] += 1
            else:
                self._letter(facts, sent=sent, by_folder=bool(item.hints.sent))
        self._seen.add(mark)

    def _why_not(self, item: Item, facts: HeadFacts) -> str | None:
        why = left_out_by_place(item.hints)
        if why is not None and why not in self._choices.take:
            return why
        kind = kind_by_header(facts)
        return BY_KIND[kind] if kind in NO_LETTERS and BY_KIND[kind] not in self._choices.take else None

    def _letter(self, facts: HeadFacts, *, sent: bool, by_folder: bool) -> None:
        self._n["letters"] += 1
        self._n["sent"] += sent
        if sent and not by_folder and facts.sender is not None:
            self._by_sender[facts.sender.address.key] += 1
        self._n["sealed"] += kind_by_header(facts) is Kind.SEALED
        if facts.date is not None:
            self._years[facts.date.year] += 1
        others: Sequence[Correspondent] = (*facts.to, *facts.cc) if sent else [facts.sender] if facts.sender else []
        for who in others:
            self._name(who)
            self._letters[who.address.key] += 1
        if facts.sender is not None:
            self._name(facts.sender)
            self._wrote_sent[facts.sender.address.key] += by_folder
        if not sent:
            for who in facts.to:
                self._name(who)
                self._named_to[who.address.key] += 1

    def _name(self, who: Correspondent) -> None:
        known = self._names.get(who.address.key)
        if known is None or (who.name and not known[0]):
            self._names[who.address.key] = (clean(who.name), str(who.address))

    def count_unchanged(self, by_reason: Counter[str]) -> None:
        self._n["found"] += by_reason.total()
        self._n["already_here"] += by_reason.pop("", 0)
        self._left += by_reason

    def count_other(self, one: Written | PassedOver) -> None:
        self._n["found"] += 1
        if isinstance(one, Written):
            if (why := left_out_by_place(one.hints)) is not None and why not in self._choices.take:
                self._left[why] += 1
                return
            self._n["letters"] += 1
            if one.said.date is not None:
                self._years[one.said.date.moment.year] += 1
        elif is_no_letter(one):
            self._left["empty" if one.code == "empty" else "not_a_letter"] += 1
        else:
            self._n["failed"] += 1
            if len(self._skipped) < MOST_SKIPPED:
                self._skipped.append(Skipped(one.shown, one.why))

    def _perhaps_mine(self) -> tuple[str, ...]:
        received = self._n["letters"] - self._n["sent"]
        found = [key for key, n in self._wrote_sent.most_common() if n]
        found += [key for key, n in self._named_to.most_common(_OFTEN) if n >= _OFTEN and 3 * n >= received]
        return tuple(self._names[key][1] for key in dict.fromkeys(found) if key not in self._ours)

    def _alike(self) -> tuple[Alike, ...]:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for key in self._letters:
            name, address = self._names[key]
            if name and " " in name and key not in self._ours:
                by_name[" ".join(name.casefold().split())].append(address)
        return tuple(
            Alike(self._names[Address.parse(found[0]).key][0], tuple(sorted(found)))
            for found in by_name.values()
            if len(found) > 1
        )

    def plan(self, archive: Archive) -> Plan:
        people = [
            Someone(*self._names[key], letters) for key, letters in self._letters.most_common() if key not in self._ours
        ]
        return Plan(
            place=archive.place,
            format=archive.format,
            found=self._n["found"],
            letters=self._n["letters"],
            sent=self._n["sent"],
            others=self._n["others"],
            sealed=self._n["sealed"],
            already_here=self._n["already_here"],
            erased=self._n["erased"],
            left_out=dict(self._left.most_common()),
            failed=self._n["failed"],
            years=dict(sorted(self._years.items())),
            people=tuple(people[:_MOST_NAMED]),
            people_in_all=len(people),
            perhaps_mine=self._perhaps_mine(),
            alike=self._alike(),
            skipped=tuple(self._skipped),
            by_sender=tuple(Someone(*self._names[key], n) for key, n in self._by_sender.most_common(_MOST_NAMED)),
        )
