"""What every carrier promises that collects (carriers/base.py, Collects), said once and asked of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dearly.carriers.base import BEGINNING, Collects
from dearly.letter.envelope import Parcel, Source
from dearly.letter.errors import CarrierTrouble, DearlyError
from tests.contracts.rigs import COLLECTING, CollectingRig
from tests.support.fake_letters import fake_letter

Play = Callable[[Callable[[CollectingRig], Awaitable[None]]], None]


@pytest.fixture(params=sorted(COLLECTING))
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Runs a play on a fresh rig of each kind."""

    def run(scene: Callable[[CollectingRig], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with COLLECTING[request.param](tmp_path) as rig:
                await scene(rig)
                await rig.collects.close()
                await rig.collects.close()

        asyncio.run(whole())

    return run


async def everything(carrier: Collects, cursor: str = BEGINNING) -> tuple[list[Parcel], str, int]:
    """All parcels after `cursor`, batch by batch; the last cursor, and how many were left."""
    parcels: list[Parcel] = []
    for _ in range(1000):
        batch = await carrier.collect(cursor)
        assert len(batch.cursor.encode()) <= 65536
        parcels += batch.parcels
        cursor = batch.cursor
        if not batch.more:
            return parcels, cursor, batch.left
    raise AssertionError("collecting never ends")


def test_everything_comes_once_whole_and_oldest_first(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        letters = [fake_letter(n) for n in range(min(7, rig.most))]
        for letter in letters:
            await rig.lay(letter)
        parcels, cursor, left = await everything(rig.collects)
        assert [parcel.data for parcel in parcels] == [letter.data for letter in letters]
        assert len({parcel.source for parcel in parcels}) == len(letters)
        assert {(p.source.way, p.source.place) for p in parcels} == {(rig.collects.way, rig.collects.place)}
        assert left == 0
        assert (await rig.collects.collect(cursor)).parcels == ()
        assert (await rig.collects.collect(cursor)).more is False

    play(scene)


def test_the_same_cursor_brings_the_same_sources_and_bytes(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        for n in range(min(5, rig.most)):
            await rig.lay(fake_letter(n))
        first, _, _ = await everything(rig.collects)
        again, cursor, _ = await everything(rig.collects)
        assert first == again
        await rig.collects.acknowledge([parcel.source for parcel in first])
        assert (await rig.collects.collect(cursor)).parcels == ()

    play(scene)


def test_only_what_is_new_comes_after_a_cursor(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        if rig.most < 2:
            return
        await rig.lay(fake_letter(1))
        parcels, cursor, _ = await everything(rig.collects)
        await rig.collects.acknowledge([parcel.source for parcel in parcels])
        for n in range(2, 9):
            await rig.lay(fake_letter(n))
            parcels, cursor, _ = await everything(rig.collects, cursor)
            assert [parcel.data for parcel in parcels] == [fake_letter(n).data]

    play(scene)


def test_what_comes_while_collecting_is_not_missed(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        if rig.most < 2:
            return
        for n in range(5):
            await rig.lay(fake_letter(n))
        first = await rig.collects.collect(BEGINNING)
        await rig.lay(fake_letter(5))
        rest, _, _ = await everything(rig.collects, first.cursor)
        came = [parcel.data for parcel in (*first.parcels, *rest)]
        assert sorted(set(came)) == sorted(fake_letter(n).data for n in range(6))

    play(scene)


def test_a_parcel_that_does_not_come_whole_is_not_taken_and_comes_later(play: Play) -> None:
    """F30, F42: no half letter, and nothing else is held up by it."""

    async def scene(rig: CollectingRig) -> None:
        torn, whole = fake_letter(1, size=5_000), fake_letter(2)
        if rig.holds_torn:
            await rig.tear(torn)
            await rig.lay(whole)
            parcels, cursor, left = await everything(rig.collects)
            assert [parcel.data for parcel in parcels] == [whole.data]
            assert left == 1
            parcels, cursor, left = await everything(rig.collects, cursor)
            assert (parcels, left) == ([], 1)
            await rig.mend(torn)
            parcels, cursor, left = await everything(rig.collects, cursor)
            assert ([parcel.data for parcel in parcels], left) == ([torn.data], 0)
            parcels, cursor, left = await everything(rig.collects, cursor)
            assert (parcels, left) == ([], 0)
        else:
            await rig.tear(torn)
            with pytest.raises(DearlyError) as trouble:
                await rig.collects.collect(BEGINNING)
            assert trouble.value.code == "hand_incomplete"
            await rig.mend(torn)
            assert [p.data for p in (await rig.collects.collect(BEGINNING)).parcels] == [torn.data]

    play(scene)


def test_a_cut_answer_is_a_trouble_and_the_same_cursor_serves_again(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        try:
            rig.lost_answer()
        except NotImplementedError:
            return
        await rig.lay(fake_letter(1))
        with pytest.raises(CarrierTrouble) as trouble:
            await rig.collects.collect(BEGINNING)
        assert trouble.value.retry
        parcels, cursor, _ = await everything(rig.collects)
        assert [parcel.data for parcel in parcels] == [fake_letter(1).data]
        if rig.hears_of_safety:
            rig.lost_answer()
            with pytest.raises(CarrierTrouble):
                await rig.collects.acknowledge([parcels[0].source])
        await rig.collects.acknowledge([parcels[0].source])
        assert (await rig.collects.collect(cursor)).parcels == ()

    play(scene)


def test_a_cursor_of_nobodys_making_begins_anew(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        await rig.lay(fake_letter(1))
        for cursor in ("0", "{}", "[", '{"v": 99}', "\x00"):
            parcels, _, _ = await everything(rig.collects, cursor)
            assert [parcel.data for parcel in parcels] == [fake_letter(1).data]

    play(scene)


def test_acknowledging_twice_or_what_was_never_there_is_fine(play: Play) -> None:
    async def scene(rig: CollectingRig) -> None:
        await rig.lay(fake_letter(1))
        parcels, cursor, _ = await everything(rig.collects)
        source = parcels[0].source
        unknown = Source(source.way, source.place, source.validity, "never-there")
        await rig.collects.acknowledge([])
        await rig.collects.acknowledge([source])
        await rig.collects.acknowledge([source, unknown])
        assert (await rig.collects.collect(cursor)).parcels == ()

    play(scene)
