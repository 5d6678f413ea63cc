"""Handing on what waits for the world, as long as the office is served. The rules are in `abroad`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import TypeVar

from dearly.letter.address import Address
from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import CarrierTrouble, DearlyError
from dearly.letter.failpoint import reach
from dearly.letter.journey import Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _
from dearly.mime.bounded import sealed_shape
from dearly.office import abroad
from dearly.office.limits import DEFAULT, Limits
from dearly.office.smarthost import PACE, Pace, Relay, World
from dearly.office.store import Account, Outgoing, Shelf, Store

T = TypeVar("T")

log = logging.getLogger("dearly.office")

_AGAIN_SECONDS = 2.0
_LARGE = 8_000_000
"""Bytes from which on a letter goes alone: on its way it takes three times its size of memory."""


class Relaying:
    """One node's work for the world. `outcomes`: how many letters came to what at this node, for its metrics."""

    def __init__(
        self, store: Store, relay: Relay, clock: Clock, chance: Chance, limits: Limits = DEFAULT, pace: Pace = PACE
    ) -> None:
        self._store, self._relay, self._clock, self._chance = store, relay, clock, chance
        self._limits, self._pace = limits, pace
        self._under_way: set[asyncio.Task[None]] = set()
        self._large = asyncio.Semaphore(1)
        self.world = World(relay.host, str(relay.sender))
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled, which leaves what is under way alone; `close` ends that."""
        while True:
            try:
                await self.begin()
            except Exception as e:  # noqa: BLE001  whatever it was, what waits must not wait for ever because of it
                _trouble(e)
            await asyncio.sleep(self._pace.look)

    async def begin(self) -> int:
        """Begin with what is due, as far as there are hands free; how many. Raises as `Store.write`."""
        free = self._pace.at_once - len(self._under_way)
        now = self._clock.now()
        if free <= 0 or not await self._store.read(lambda shelf: bool(shelf.due_outgoing(now, 1))):
            return 0
        holder = self._chance.token(12).hex()
        mine = await self._store.write(lambda shelf: abroad.claim(shelf, holder, now, free, self._limits, self._pace))
        reach("office.relay.claimed")
        for account, one in mine:
            task = asyncio.create_task(self._hand_on(account, one), name="office-relay")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(mine)

    async def rest(self) -> None:
        """Until nothing is under way."""
        while self._under_way:
            await asyncio.wait(set(self._under_way))

    async def close(self, seconds: float) -> None:
        """Wait so long for what is under way, then cut it. What was behind its final dot then is unknown."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.rest(), seconds)
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._relay.close()

    async def _hand_on(self, account: Account, one: Outgoing) -> None:
        async with self._large if one.size > _LARGE else nullcontext():
            outcome = await self._outcome(account, one)
        reach("office.relay.answered")
        state = await self._written(
            lambda shelf: abroad.settle(shelf, account, one, outcome, self._relay.host, self._clock.now(), self._limits)
        )
        reach("office.relay.settled")
        if state is not None:
            self.outcomes[state.value] += 1
            log.info(json.dumps({"event": "handed-on", "outcome": state.value}))

    async def _outcome(self, account: Account, one: Outgoing) -> Outcome:
        noted = False

        async def about_to() -> bool:
            nonlocal noted
            now = self._clock.now()
            may = await self._store.write(
                lambda shelf: abroad.about_to(shelf, account, one, now, self._pace), {account.address.key}
            )
            noted = may
            reach("office.relay.handing")
            return may

        try:
            data = await self._store.read(lambda shelf: shelf.read(account, one.blob))
            # Nothing that is not sealed was taken in; nothing else goes out either.
            if data is None or not await asyncio.to_thread(sealed_shape, data):
                return Turned(_("The office no longer has it as it was."))
            return await self._relay.hand_over(data, Address.parse(one.recipient), about_to)
        except Exception as e:  # noqa: BLE001  an outcome, whatever it was: else it would be tried for ever
            _trouble(e)
            why = e.message if isinstance(e, DearlyError) else _("The office could not hand it on.")
            return Unknown(why) if noted else TryLater(why)

    async def _written(self, act: Callable[[Shelf], T]) -> T | None:
        """Written, as soon as the store can; None where it cannot before the outcome counts as unknown anyway."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._pace.handing.total_seconds()
        while True:
            try:
                return await self._store.write(act)
            except DearlyError as e:
                _trouble(e)
                if not e.retry or loop.time() > until:
                    return None
            await asyncio.sleep(_AGAIN_SECONDS)


def _trouble(error: Exception) -> None:
    """Its kind into the log, and no words: they may name somebody."""
    kind = error.code if isinstance(error, DearlyError) else type(error).__name__
    where = "smarthost" if isinstance(error, CarrierTrouble) and error.code != "store_away" else "relaying"
    log.error(json.dumps({"event": "trouble", "kind": kind, "where": where}))
