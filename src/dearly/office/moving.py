"""Moving an office to another store while it runs, and keeping a copy of it.

The copy comes to equal the original in passes: each looks which accounts differ and takes those over whole, while the
office goes on. When little is left, the source is closed for writes for as long as the rest takes (`closed`, a fact in
the store itself, which every node looks at before each commit), and then for ever.

Closing is a lease of `LEASE` seconds that is renewed while this works. So wherever this process dies, the source opens
by itself and is whole; what it had copied is not served (`receiving`), and the next attempt goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from dearly.letter.clock import Chance
from dearly.letter.errors import CarrierTrouble, InUse, NotFound
from dearly.letter.failpoint import reach
from dearly.letter.words import _
from dearly.office import stores
from dearly.office.belongings import MovableShelf
from dearly.office.rows import MOVED
from dearly.office.store import Step

LEASE = 30.0
_RENEW = 5.0
_PASSES = 10
_SHORT = 2.0
"""A pass that took less than this many seconds is followed by the last one."""
_AT_ONCE, _BYTES_AT_ONCE = 100, 32_000_000

RECEIVING, READY = "receiving", "ready"


class Place(Protocol):
    """A store without its threads: one transaction at a time."""

    def looking(self) -> AbstractContextManager[MovableShelf]:
        """One consistent view."""

    def writing(self) -> AbstractContextManager[MovableShelf]:
        """One durable transaction, whether the store is closed or not."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """`seconds`: for how long the office took nothing in."""

    accounts: int
    parcels: int
    bytes: int
    seconds: float


Tell = Callable[[str, int, int], None]
"""What is being done, how far, of how much."""


@contextmanager
def place(where: stores.Where) -> Iterator[Place]:
    """The store there, for the time of a block."""
    if isinstance(where, str):
        from dearly.office.postgres.place import PostgresPlace

        opened: Place = PostgresPlace(where)
    else:
        from dearly.office.place import SqlitePlace

        opened = SqlitePlace(where)
    try:
        yield opened
    finally:
        opened.close()


async def move(source: stores.Where, target: stores.Where, chance: Chance, tell: Tell) -> Moved:
    """Everything in `source` into `target`, which is empty, or holds what an earlier attempt has left.

    When this returns, `source` takes nothing in any more, and the office is to be served from `target`. Raises
    `InUse` (store_taken) where something else is in `target`, `NotFound` (no_office), and as the stores do."""
    await _prepare(source, target, chance)
    with place(source) as old, place(target) as new:
        for _attempt in range(_PASSES):
            begun = time.monotonic()
            _pass(old, new, tell)
            if time.monotonic() - begun < _SHORT:
                break
        reach("office.move.copied")
        for _attempt in range(_PASSES):
            begun = time.monotonic()
            with _closed(old) as renew:
                _pass(old, new, tell, renew)
                _people(old, new)
                with new.looking() as shelf:
                    counts = shelf.counts()
                reach("office.move.before-ready")
                with new.writing() as shelf:
                    shelf.set_fact(RECEIVING, READY)
                    shelf.set_fact("closed", None)
                reach("office.move.ready")
                if renew(last=True):
                    reach("office.move.moved")
                    return Moved(counts.accounts, counts.parcels, counts.bytes, time.monotonic() - begun)
    raise CarrierTrouble("store_away", _("The store answers too slowly to be moved."), _("Try again later."))


async def copy(source: stores.Where, folder: Path, chance: Chance, tell: Tell) -> Moved:
    """A copy of `source` as it is at one moment, as a store in `folder`, which must not be one yet. The office goes on
    meanwhile. What waits here to go out to the world never goes out by the copy: nobody who serves that can know what
    has been handed on since. Raises as `move`."""
    await _prepare(source, folder, chance)
    begun = time.monotonic()
    with place(source) as old, place(folder) as new, old.looking() as shelf:
        wanted = list(shelf.marks())
        _take(shelf, new, wanted, tell)
        _copy_invitations(shelf, new)
        with new.writing() as there:
            counts = there.counts()
            for account, one in there.due_outgoing(datetime.max.replace(tzinfo=UTC), counts.outgoing):
                there.change_outgoing(account, replace(one, step=Step.HANDING, due=one.since))
            there.set_fact(RECEIVING, None)
    return Moved(counts.accounts, counts.parcels, counts.bytes, time.monotonic() - begun)


async def _prepare(source: stores.Where, target: stores.Where, chance: Chance) -> None:
    """Both are there, and nothing is in the target that an office could miss."""
    opened = stores.open_store(source)
    domain = opened.domain
    await opened.close()
    try:
        there = stores.open_store(target, receiving=True)
    except NotFound:
        there = stores.create(target, chance, domain=domain)
    same = there.domain == domain
    counts = await there.read(lambda shelf: shelf.counts())
    await there.close()
    with place(target) as new, new.writing() as shelf:
        state = shelf.fact(RECEIVING)
        empty = counts.accounts == counts.invitations == 0
        ours = state is not None or empty or shelf.fact("closed") == MOVED  # one may move back
        if not (same or empty) or not ours:
            raise InUse(
                "store_taken", _("There is another office already in that store."), _("Name an empty place for it.")
            )
        shelf.set_fact(RECEIVING, "1")
        shelf.set_fact("domain", domain)


def _pass(old: Place, new: Place, tell: Tell, renew: Callable[[], bool] = lambda: True) -> None:
    """Take over every account that differs."""
    with old.looking() as source:
        there = source.marks()
        with new.looking() as target:
            here = target.marks()
        gone = [key for key in here if key not in there]
        for some in _portions(gone):
            with new.writing() as target:
                for key in some:
                    target.let_go(key)
        _take(source, new, [key for key, mark in there.items() if here.get(key) != mark], tell, renew)


def _take(
    source: MovableShelf, new: Place, keys: Sequence[str], tell: Tell, renew: Callable[[], bool] = lambda: True
) -> None:
    done = 0
    while done < len(keys):
        came, some = 0, 0
        with new.writing() as target:
            while done + some < len(keys) and some < _AT_ONCE and came < _BYTES_AT_ONCE:
                key = keys[done + some]
                given = source.belongings(key)
                if given is not None:
                    came += target.take_over(given, lambda blob, key=key: source.bytes_of(key, blob))  # type: ignore[misc]  # bound now
                some += 1
        done += some
        reach("office.move.portion")
        renew()
        tell(_("Accounts"), done, len(keys))


def _people(old: Place, new: Place) -> None:
    with old.looking() as source:
        _copy_invitations(source, new)


def _copy_invitations(source: MovableShelf, new: Place) -> None:
    given, url = source.invitations(), source.url()
    with new.writing() as target:
        target.replace_invitations(given)
        if url:
            target.set_fact("url", url)


@contextmanager
def _closed(old: Place) -> Iterator[Callable[..., bool]]:
    """Close the source, wait for those who are writing, and open it again at the end, unless it was closed for ever.

    What it yields renews the lease, and with `last` closes it for ever; False if the lease had run out meanwhile."""
    held = ""
    renewed = 0.0

    def put(shelf: MovableShelf, value: str) -> None:
        nonlocal held, renewed
        shelf.set_fact("closed", value)
        held, renewed = value, time.monotonic()

    def renew(*, last: bool = False) -> bool:
        if not last and time.monotonic() - renewed < _RENEW:
            return True
        with old.writing() as shelf:
            now = shelf.seconds()
            if shelf.fact("closed") != held or float(held) <= now:
                return False
            put(shelf, MOVED if last else repr(now + LEASE))
        return True

    with old.writing() as shelf:
        put(shelf, repr(shelf.seconds() + LEASE))
    try:
        with old.writing() as shelf:
            shelf.await_writers()
        reach("office.move.closed")
        yield renew
    finally:
        if held != MOVED:
            with old.writing() as shelf:
                shelf.set_fact("closed", None)


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
