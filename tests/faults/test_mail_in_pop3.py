"""The line to a POP3 maildrop, cut at every place; and a server that counts and names as it likes (F34-F36).

Whatever the place: what comes is whole, what was remembered serves again, everything comes in the end, the drawer takes
nothing twice, and nothing at the server was ever deleted.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dearly.carriers.base import BEGINNING, Collected
from dearly.carriers.mail import popline
from dearly.carriers.mail.maildrop import Maildrop
from dearly.drawer import arrivals
from dearly.drawer.connection import Db
from dearly.drawer.objects import pack
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble
from tests.contracts.test_collects import everything
from tests.support.cutting_proxy import CuttingProxy, Side, cutting_proxy
from tests.support.drawers import new_drawer
from tests.support.fake_letters import ADA, fake_letter
from tests.support.scripted_pop3 import CAN, PASSWORD, Drop, Message, listening
from tests.support.sifting import Judge, Kept
from tests.support.times import NOON, CountedChance, FixedClock
from tests.unit.carriers.test_maildrop import NOW, account

EVERY = [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]

LETTERS = [bytes(fake_letter(n, size=n * 200).data) for n in range(3)]


def maildrop(port: int) -> Maildrop:
    return Maildrop(account(port), Kept(PASSWORD), Judge(), FixedClock(NOW))


def places(said: bytes, every: bool) -> list[int]:
    """Every byte, or those around the beginning and the end of each answer, and thirty more."""
    if every:
        return list(range(len(said)))
    around = {at + n for at in range(len(said)) if said[at : at + 3] in (b"+OK", b".\r\n") for n in range(-2, 6)}
    return sorted(at for at in around | set(range(0, len(said), max(1, len(said) // 30))) if 0 <= at < len(said))


async def _whatever_comes(carrier: Maildrop, cursor: str) -> Collected | None:
    try:
        return await carrier.collect(cursor)
    except CarrierTrouble as trouble:
        if not trouble.retry:
            raise
        return None


@pytest.mark.parametrize("can", [CAN, ("TOP", "UIDL", "USER")], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("every", EVERY)
def test_cut_anywhere_nothing_half_is_taken_and_everything_comes(every: bool, side: Side, can: tuple[str, ...]) -> None:
    """F34, also the cut before QUIT."""

    async def scene(drop: Drop, proxy: CuttingProxy) -> None:
        carrier = maildrop(proxy.port)
        await carrier.collect(BEGINNING)
        whole = bytes(proxy.said[side])
        told = 0
        for place in places(whole, every):
            proxy.cut(side, place)
            batch = await _whatever_comes(carrier, BEGINNING)
            told += batch is not None
            cursor = batch.cursor if batch else BEGINNING
            came = list(batch.parcels) if batch else []
            assert all(parcel.data in LETTERS for parcel in came), place
            proxy.fresh()
            rest, cursor, left = await everything(carrier, cursor)
            assert [parcel.data for parcel in came + rest] == LETTERS, place
            assert left == 0
            assert await everything(carrier, cursor) == ([], cursor, 0)
        assert told < 20, "only the farewell may be missing from a round that is whole"
        assert drop.commands() <= {"CAPA", "AUTH", "USER", "PASS", "LIST", "UIDL", "TOP", "RETR", "QUIT"}

    async def whole() -> None:
        drop = Drop([Message(f"uid{n}", data) for n, data in enumerate(LETTERS)], can=can)
        async with listening(drop), cutting_proxy(drop.port) as proxy:
            await scene(drop, proxy)

    asyncio.run(whole())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"+",
        b"+OK",
        b"+OK\r\n1 ",
        b"+OK\r\n1 a\r\n.",
        b"+OK\n1 a\n.\n",
        b"+OK\r\n1 a\r\n..\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"+ go on\r\n",
        b"+OK\r\nnonsense\r\n.\r\n",
        b"+OK\r\n1\r\n.\r\n",
        b"+OK\r\n-1 10\r\n.\r\n",
        b"+OK\r\n\xff\xfe \xff\r\n.\r\n",
        b"+OK\r\n1 10\r\n.\r\n+OK and more than was asked\r\n",
        b"+OK " + b"x" * 100_000,
        None,
    ],
)
@pytest.mark.parametrize("command", ["LIST", "UIDL"])
def test_a_listing_that_is_none_is_a_trouble_and_no_crash(
    command: str, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popline, "_READ", 0.2)

    async def whole() -> None:
        drop = Drop([Message("a", LETTERS[0])], answers={command: answer})
        async with listening(drop):
            with pytest.raises(CarrierTrouble) as trouble:
                await maildrop(drop.port).collect(BEGINNING)
            assert trouble.value.retry

    asyncio.run(whole())


@pytest.mark.parametrize("command", ["TOP", "RETR"])
@pytest.mark.parametrize("flood", [b"x" * 70_000, b"X-Flood: yes\r\n", b"\r\n.x"])
def test_a_text_without_end_is_cut_off(command: str, flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.carriers.mail.maildrop.MOST_PARCEL", 300_000)
    answer = b"+OK\r\n" + flood * (3_000_000 // len(flood))

    async def whole() -> None:
        drop = Drop([Message("a", LETTERS[0])], answers={command: answer})
        async with listening(drop):
            with pytest.raises(CarrierTrouble):
                await maildrop(drop.port).collect(BEGINNING)

    asyncio.run(whole())


def test_a_cancelled_round_lets_go_of_its_line_at_once() -> None:
    async def whole() -> None:
        drop = Drop([Message("a", LETTERS[0])], answers={"RETR": b"+OK\r\nnothing more comes"})
        async with listening(drop):
            task = asyncio.create_task(maildrop(drop.port).collect(BEGINNING))
            while "RETR 1" not in drop.said:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(whole())  # it ends: no thread is left waiting for the sixty seconds of a silent line


def test_in_the_drawer_each_letter_lies_once_whatever_the_server_calls_it(tmp_path: Path) -> None:
    """F35, F36: the originals are committed with the cursor; a round that is made again, or a maildrop whose names all
    change, brings no letter twice."""
    chance = CountedChance()

    async def whole() -> None:
        drop = Drop([Message("same", LETTERS[0]), Message("same", LETTERS[0]), Message("b", LETTERS[1])])
        async with listening(drop), new_drawer(tmp_path / "drawer") as drawer:
            carrier = maildrop(drop.port)

            async def new(*, keeping: bool = True) -> int:
                kept = await drawer.read(lambda db: arrivals.cursor(db, Way.MAIL, str(ADA)))
                batch = await carrier.collect(kept)

                def commit(db: Db) -> int:
                    taken = [
                        arrivals.take_in(db, parcel, pack(parcel.data).sha256, now=NOON, chance=chance)
                        for parcel in batch.parcels
                    ]
                    if keeping:
                        arrivals.save_cursor(db, Way.MAIL, str(ADA), batch.cursor, NOON)
                    return sum(number is not None for number in taken)

                return await drawer.write(commit)

            assert await new(keeping=False) == 2
            assert await new() == 0, "the process had ended before the cursor was kept"
            assert await new() == 0
            for n, message in enumerate(drop.messages):
                message.uid = f"otherwise{n}"
            drop.lay(LETTERS[2])
            assert await new() == 1
            assert await new() == 0
        assert "DELE" not in drop.commands()

    asyncio.run(whole())
