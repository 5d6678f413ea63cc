"""A bundle comes in pieces that are weighed: what is in memory does not grow with how heavy its letters are."""

from __future__ import annotations

from collections.abc import Iterator

from dearly.desk import importing_own_sources as sources
from dearly.exchange.bundle_reading import Torn
from dearly.letter.envelope import Way
from dearly.letter.leaving import Original
from dearly.opener.bulk import HEAVIEST_STACK
from tests.support.drawers import run
from tests.support.times import NOON

HEAVY = bytes(HEAVIEST_STACK // 3)


def _parcel(data: bytes) -> Original:
    return Original(data, Way.MAIL.value, "bundle", NOON, sealed=False, state="unopened")


def test_heavy_letters_come_a_few_at_a_time() -> None:
    asked = 0

    def items() -> Iterator[tuple[str, Original | Torn]]:
        nonlocal asked
        for n, data in enumerate([HEAVY] * 7 + [b"light"] * 120):
            asked += 1
            yield str(n), Torn("here", "torn") if n == 1 else _parcel(data)

    async def play() -> None:
        seen, before = 0, 0
        async for cursor, some, torn in sources.in_pieces(items()):
            assert asked - before == len(some) + torn, "nothing is read ahead"
            assert sum(len(one.data) for one in some[:-1]) < HEAVIEST_STACK
            assert len(some) <= sources.TOGETHER
            seen, before = seen + len(some), asked
            assert cursor == str(asked - 1)
        assert (seen, asked) == (126, 127)

    run(play)
